//! The server from outside: over HTTP, as a process, and killed.

#![expect(clippy::unwrap_used, reason = "what is amiss in a test shall stop it")]

mod admin;
mod answer;
mod bad_form;
mod bad_wire;
mod child;
mod client;
mod days;
mod delivery;
mod disk;
mod documents;
mod egress;
mod kill;
mod limits;
mod load;
mod shutdown;
mod start;
mod strangers;
mod upload;
mod world;
