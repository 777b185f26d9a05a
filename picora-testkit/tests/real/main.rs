//! Real servers start, are killed, start again and leave nothing behind.

mod leftovers;
mod postgres;
mod redis;
mod redis_cluster;
mod wire;
