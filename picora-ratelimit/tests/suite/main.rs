//! What the crate promises, from outside.

#![expect(clippy::unwrap_used, reason = "what is amiss in a test shall stop it")]

mod broken;
mod code_mail;
mod conformance;
mod model;
mod museum;
mod policy;
mod seen;
