//! What a client sees of a service under the layers.

#![expect(clippy::unwrap_used, reason = "what is amiss in a test shall stop it")]

mod axum_router;
mod challenge;
mod code_mail;
mod fallback;
mod handler;
mod limited;
mod limiters;
#[cfg(feature = "metrics")]
mod metered;
mod problem;
mod reload;
mod requests;
mod waits;
mod world;
