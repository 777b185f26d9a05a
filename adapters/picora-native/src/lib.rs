//! What Aliyun OSS and Tencent COS have in common: both descend from the same interface, with other names, other signatures and other
//! habits. An adapter says how its vendor differs ([`Dialect`]); this crate puts, gets, lists, copies, moves and restores.
//!
//! **Decides** when a request may be sent again, what an answer means, and whether the bytes that came are those that were sent.
//!
//! **Must not know** any vendor, SQL, or a clock but its own [`Clock`](picora_core::Clock).
//!
//! | module | noun |
//! |---|---|
//! | [`dialect`] | [`Dialect`]: how a vendor differs |
//! | [`config`] | where a bucket is, and how long is waited |
//! | [`failure`], [`refusal`] | why a request came to nothing, or may have |
//! | [`mod@line`] | one request, sent until its answer stands |
//! | `ask`, `request`, [`answer`] | what is asked of a bucket, signed, and answered |
//! | [`patience`], `retry_after`, `ration` | how long is waited, and what for |
//! | `transport` | names, certificates, connections |
//! | [`examine`] | `picora_storage::Examine` for [`Native`]: is all well before work begins |
//! | `store` | bytes: `object_store::ObjectStore` for [`Native`] |
//! | `upload` | an upload in parts |
//! | `control` | tiers: `picora_tiering::TierControl` for [`Native`] |
//! | [`attributes`] | headers and what object_store calls them |
//! | [`mod@checked`] | bytes held against the digest that their store keeps |
//! | [`listing`] | pages of a list, until there are no more |
//! | `xml` | documents |

pub mod answer;
mod ask;
pub mod attributes;
pub mod checked;
pub mod config;
mod control;
pub mod dialect;
pub mod examine;
pub mod failure;
pub mod line;
pub mod listing;
pub mod patience;
mod ration;
pub mod refusal;
mod request;
mod retry_after;
#[cfg(test)]
mod scripted;
mod store;
mod transport;
mod upload;
mod xml;

pub use config::{ConfigError, NativeConfig};
pub use dialect::Dialect;
pub use failure::{Failure, Located};
pub use refusal::Refusal;
pub use store::Native;
