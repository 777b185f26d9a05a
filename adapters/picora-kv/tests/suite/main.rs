//! The echo on the vendor's own KV (Miniflare), directly and behind an edge that lags, limits and fails.

#![cfg(feature = "real-servers")]
#![expect(clippy::unwrap_used, reason = "what is amiss in a test shall stop it")]

mod conformance;
mod edge;
mod erase;
mod faults;
mod guard;
mod keys;
mod limits;
mod loss;
mod world;
