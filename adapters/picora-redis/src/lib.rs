//! Rate limits of picora-ratelimit on Redis and Redis Cluster: the same decisions, to the microsecond, for many processes. Beside them the
//! echo of picora-quota's usage (feature `echo`).
//!
//! **Decides** nothing of its own: a script of one call runs the rule of [`picora_ratelimit::step`](mod@picora_ratelimit::step) on the
//! records of one home, by Redis' own clock; this side replays the rule on what the script has read, and an answer on which the two do
//! not agree is an error. What it adds is how to ask: several waiting checks share a call, an unreachable Redis costs a deadline and then
//! nothing, and hot subjects spend from leases.
//!
//! **Must not know** HTTP, or what a subject is: keys hold fingerprints only.
//!
//! | module | noun |
//! |---|---|
//! | [`limiter`] | the [`Limiter`](picora_ratelimit::Limiter) on Redis |
//! | `echo` | the echo of usage, published and never asked (feature `echo`) |
//! | [`config`] | deadline, breaker, grouping, prefix |
//! | `any.lua`, `decide.lua` | the script, and the same rule for the plain case in half the time |
//! | `request`, `response` | what the script is sent and what it answers |
//! | `link` | one connection, made again after a failure |
//! | `queue` | checks that wait while a call is under way, and go together in the next |
//! | `breaker` | when to ask at all |
//! | `leases` | what hot subjects may spend without asking |
//! | `error` | how Redis' errors become [`StoreError`](picora_core::StoreError) |
//!
//! ```no_run
//! use picora_core::Timestamp;
//! use picora_ratelimit::{Check, Limiter, Subject, SubjectHasher, Tier, Tiers};
//! use picora_redis::{RedisConfig, RedisLimiter};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let limiter = RedisLimiter::single("redis://127.0.0.1:6379", RedisConfig::default())?;
//! let (tiers, hasher) = (Tiers::standard(), SubjectHasher::new([42; 16])); // the same secret in all processes
//! let account = hasher.key("account", b"acc_1");
//! let subjects = [Subject { key: account, policy: tiers.of(Tier::Upload) }];
//! let check = Check::new(account, &subjects, 1)?;
//! let decision = limiter.decide(&check, Timestamp::EPOCH).await?; // the instant is Redis' own
//! println!("{:?}, decided at {:?}", decision.verdict(), decision.decided_at());
//! # Ok(()) }
//! ```
//!
//! # What is stored
//!
//! One string for each subject, under `pl:{home}:subject`, both as 32 hexadecimal digits: the braces keep a home's records in one slot of a
//! cluster. Its bytes are [`Record::to_bytes`](picora_ratelimit::Record::to_bytes). Every key has a time to live, a second longer than the
//! record says anything. Time is Redis': instants must lie before 2112, where numbers of a script would no longer be exact.
//!
//! Sources: design decisions 3 and 16; facts on rate limits §4 and §6.2.

pub mod breaker;
pub mod config;
#[cfg(feature = "echo")]
pub mod echo;
mod error;
mod item;
mod leases;
pub mod limiter;
mod link;
mod queue;
mod request;
mod response;

pub use breaker::BreakerConfig;
pub use config::RedisConfig;
#[cfg(feature = "echo")]
pub use echo::RedisEcho;
pub use limiter::RedisLimiter;
