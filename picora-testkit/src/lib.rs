//! Development only: starts the real servers that tests talk to.
//!
//! **Decides** how a server lives and dies: as a child process on a free loopback port, with everything that it writes in a
//! temporary folder, and gone when its value is dropped, when a test panics, and when the test process is killed.
//!
//! **Must not know** any crate of Picora nor any database driver: it hands out addresses, and is a dev-dependency only.
//!
//! | module | noun |
//! |---|---|
//! | [`postgres`] | PostgreSQL: own server, or one per test binary with a fresh database per test |
//! | [`redis`] | Redis: own server, or one per test binary; killed, started again, paused |
//! | [`redis_cluster`] | Redis Cluster of three masters, one of which may be killed |
//! | [`smtp_sink`] | an SMTP server that keeps what it accepts, and refuses, defers, stalls or hangs up when told |
//! | [`miniflare`] | Workers KV behind Cloudflare's REST dialect, and the vendor's own client to judge both |
//! | [`moto`] | a server that answers as Amazon's S3 does |
//! | [`wire`] | a proxy between client and server, on which answers come late, never, or as garbage |
//! | [`server`] | the child process that all servers are, and the keeper that outlives the test |
//! | [`program`] | where a server's program lies, and the sentence when it does not |
//! | [`owner`] | the unprivileged user, for servers that refuse to run as root |
//! | [`port`] | a free port |
//!
//! A test that needs a real server is compiled only with its crate's feature `real-servers`, which `cargo xtask test` turns on after
//! installing the server. A server that cannot be had is then a panic, never a skip.
//!
//! ```no_run
//! use picora_testkit::Postgres;
//!
//! let url = Postgres::shared().fresh_database(); // one server for the whole test binary
//! let mut server = Postgres::start(); // one of its own, to be killed
//! server.kill();
//! server.restart();
//! ```
//!
//! What a network does to a client is a [`Wire`] before any server:
//!
//! ```no_run
//! use picora_testkit::{Redis, Wire};
//!
//! let wire = Wire::to(Redis::shared().port());
//! let url = format!("redis://127.0.0.1:{}", wire.port());
//! wire.black_hole(); // from now on nothing is answered, and nothing is refused
//! ```
//!
//! Another server is one more module: an options struct, `start()` that builds a [`Server`](server::Server), `url()`, and `kill()`
//! and `restart()` where tests crash it.

pub mod miniflare;
pub mod moto;
pub mod owner;
pub mod port;
pub mod postgres;
pub mod program;
pub mod redis;
pub mod redis_cluster;
pub mod server;
pub mod smtp_sink;
pub mod wire;

pub use miniflare::{Miniflare, MiniflareOptions};
pub use moto::Moto;
pub use port::free_port;
pub use postgres::{Postgres, PostgresOptions};
pub use redis::{Redis, RedisOptions};
pub use redis_cluster::RedisCluster;
pub use smtp_sink::{Orders, SinkTls, SmtpSink, SmtpSinkOptions, SunkMail};
pub use wire::Wire;

/// The examples of README.md, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
