//! Development only: object stores on loopback that are as strict as the real ones, and as unreliable as a test wants.
//!
//! **Decides** what Aliyun OSS, Tencent COS and Cloudflare R2 would answer: it verifies every signature, refuses every header and query that it does
//! not know, and forgets on a move what the vendor forgets. What it holds is in memory.
//!
//! **Must not know** the adapters it tests. That it speaks as the vendor does is judged by the vendor's own clients.
//!
//! | module | noun |
//! |---|---|
//! | [`cloud`] | [`Cloud`]: a store on a port of 127.0.0.1 |
//! | [`clock`] | its time, which a test may move |
//! | [`faults`] | what goes wrong, and when: scripted, or by chance |
//! | [`chance`] | chance that a seed brings back |
//! | `native` | the dialects of Aliyun OSS, Tencent COS and Cloudflare R2 |
//! | [`sigv4`] | signatures of the S3 dialect |
//! | [`call`], [`answer`], [`xml`] | requests, answers, documents |
//! | [`object`], [`checksum`] | what lies in a bucket |
//! | [`bill`] | what it would have cost |
//! | [`digests`], [`generated`] | bytes that nobody keeps |
//! | [`serve`] | a cloud in a process of its own, which is also the binary `picora-testcloud` |
//! | [`promises`] | what every adapter must keep |
//!
//! ```
//! use picora_testcloud::{Cloud, Vendor};
//! let cloud = Cloud::start(Vendor::Oss);
//! assert!(cloud.url().starts_with("http://127.0.0.1:"));
//! ```

pub mod answer;
pub mod bill;
pub mod call;
pub mod chance;
pub mod checksum;
pub mod clock;
pub mod cloud;
mod cut;
pub mod digests;
pub mod faults;
mod garbage;
pub mod generated;
mod keys;
mod liar;
mod native;
pub mod object;
pub mod promises;
mod respond;
pub mod serve;
pub mod sigv4;
mod stranger;
pub mod xml;

pub use chance::Chance;
pub use clock::CloudClock;
pub use cloud::{Cloud, Vendor};
pub use faults::{Fault, Faults, Garbage};
