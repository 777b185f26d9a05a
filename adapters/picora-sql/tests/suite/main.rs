//! The ledger and the catalogue on SQLite, and with feature `real-servers` on PostgreSQL, keep every promise of their ports.

#![expect(clippy::unwrap_used, reason = "what is amiss in a test shall stop it")]

mod catalogue;
mod concurrency;
mod crash;
mod echo;
mod embedded;
mod errors;
#[cfg(feature = "real-servers")]
mod killed;
mod migrations;
#[cfg(feature = "real-servers")]
mod paused;
#[cfg(feature = "real-servers")]
mod postgres;
mod processes;
#[cfg(feature = "real-servers")]
mod proxy;
mod recount;
#[cfg(feature = "real-servers")]
mod round_trips;
mod simulation;
mod sqlite;
mod taken;
mod work;
mod world;
