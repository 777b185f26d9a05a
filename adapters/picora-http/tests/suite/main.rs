//! What a client sees of a service under the layers.

#![expect(clippy::unwrap_used, reason = "what is amiss in a test shall stop it")]

mod axum_router;
mod code_mail;
mod limited;
mod requests;
mod world;
