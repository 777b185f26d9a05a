//! The limiter on real servers.

#![expect(clippy::unwrap_used, reason = "what is amiss in a test shall stop it")]

#[cfg(feature = "real-servers")]
mod conformance;
#[cfg(feature = "real-servers")]
mod echo;
#[cfg(feature = "real-servers")]
mod faults;
#[cfg(feature = "real-servers")]
mod leases;
#[cfg(feature = "real-servers")]
mod stored;
#[cfg(feature = "real-servers")]
mod world;

mod unreachable;
