//! The outbox and the leases in memory keep every promise; stores that break one are caught.

#![expect(
    clippy::unwrap_used,
    reason = "a test says by panicking that it has failed"
)]

mod broken;
mod memory;
