//! The server from outside: over HTTP, as a process, and killed.

#![expect(clippy::unwrap_used, reason = "what is amiss in a test shall stop it")]

mod admin;
mod answer;
mod archive;
mod bad_form;
mod bad_wire;
#[cfg(feature = "real-servers")]
mod browser;
mod captchas;
mod child;
mod client;
mod days;
mod delivery;
mod deployments;
mod disk;
mod doctor;
mod documents;
#[cfg(feature = "real-servers")]
mod echoed;
mod egress;
mod history;
mod kill;
mod limiter;
mod limits;
mod live;
mod load;
mod mails;
mod notifications;
#[cfg(feature = "real-servers")]
mod postgres;
#[cfg(feature = "real-servers")]
mod processes;
mod proxies;
mod reconcile;
mod refusals;
mod scavenge;
#[cfg(feature = "real-servers")]
mod schemathesis;
mod secrets;
mod shutdown;
mod sky;
mod start;
mod strangers;
#[cfg(feature = "real-servers")]
mod stripping;
mod upload;
mod world;
