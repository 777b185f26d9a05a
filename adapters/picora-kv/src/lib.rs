//! The echo of usage on Cloudflare Workers KV, over its REST API.
//!
//! **Decides** what must be written of a snapshot and what need not, and what an answer of KV means. When a snapshot is published is
//! picora-quota's [`Echoer`](picora_quota::Echoer).
//!
//! **Must not know** SQL, a decision, or a clock: every call takes `now`, and nothing here waits.
//!
//! | module | noun |
//! |---|---|
//! | [`config`] | which namespace, which token, how much may be asked |
//! | [`echo`] | the [`Echo`](picora_quota::Echo) on KV, and the erasing of accounts |
//! | `written` | what this process has written: the guard against older snapshots, for KV has none |
//! | `gate` | the budget of calls, and the pauses that KV wants |
//! | `request`, `response` | pairs with their lives; envelopes and what they mean |
//! | `error` | how KV's refusals become [`StoreError`](picora_core::StoreError), and when to come back |
//!
//! ```no_run
//! use picora_core::Timestamp;
//! use picora_kv::{KvConfig, KvEcho};
//! use picora_quota::echo::{Echo, Echoer};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let token = std::env::var("KV_TOKEN")?.into();
//! let config = KvConfig::new("023e105f4ecef8ad9ca31a8372d0c353", "0f2ac74b498b48028cb68387c421e279", token)?;
//! let pace = config.pace();
//! let run = 7; // another number in each run, such as a random one
//! let echo = KvEcho::new(config, run)?;
//! let echoer = Echoer::new(echo.caps(), pace, run); // what it asks for is done by a loop of yours
//! let now = Timestamp::from_unix_seconds(1_777_000_000);
//! println!("{:?}: {:?}, {} wait", echo, echo.marker(now).await?, echoer.backlog());
//! # Ok(()) }
//! ```
//!
//! # What is stored
//!
//! The keys of [`Slot`](picora_quota::echo::Slot), plain decimal numbers and the name of a status, each with the metadata `{"epoch": 9}`,
//! that of a status also with `"month": "2026-04"`: a reader near by ignores a lower epoch than it has seen, and a status of another month.
//! A missing key is never zero. Beside them `quota:echo`, the mark by which a lost namespace is noticed, `quota:echo:begun`, from when it was last
//! rebuilt, and `quota:echo:writer`, the number of the process that publishes.
//!
//! # How late it is
//!
//! A change waits for its turn, by default at most 15 s while all is well; KV shows it everywhere after a minute "or more". The lag that is
//! documented for the status, and declared in [`EchoCaps::staleness`](picora_quota::EchoCaps::staleness), is 120 s (C6). So nothing that
//! must be seen in seconds reads KV: usage and decisions are SQL's (C14).
//!
//! Sources: rows #186–#191, #47, C6, C7, C14, C24; design decision 7; Cloudflare "Workers KV" (REST API, limits, how KV works) and "API: rate
//! limits".

pub mod config;
pub mod echo;
mod error;
mod gate;
mod request;
mod response;
mod written;

pub use config::{ConfigError, KvConfig};
pub use echo::KvEcho;
