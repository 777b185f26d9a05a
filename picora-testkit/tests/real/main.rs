//! Real servers start, are killed, start again and leave nothing behind.

#![expect(clippy::unwrap_used, reason = "what is amiss in a test shall stop it")]

mod leftovers;
mod miniflare;
mod moto;
mod postgres;
mod redis;
mod redis_cluster;
mod smtp_sink;
mod wire;
