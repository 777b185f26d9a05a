//! The catalogue in memory keeps every promise, and the use cases leave nothing half done, whatever fails.

#![expect(clippy::unwrap_used, reason = "what is amiss in a test shall stop it")]

mod conformance;
mod saga;
