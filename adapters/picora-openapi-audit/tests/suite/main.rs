//! What the audit finds in whole documents, ours among them, and what its program answers.

#![expect(clippy::unwrap_used, reason = "what is amiss in a test shall stop it")]

mod our_document;
mod program;
mod properties;
mod rules;
