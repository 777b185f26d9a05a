//! The ledger in memory keeps every promise; ledgers that break one are caught.

#![expect(
    clippy::unwrap_used,
    reason = "a test says by panicking that it has failed"
)]

mod broken;
mod echo;
mod memory;
mod simulation;
