//! The ledger in memory keeps every promise; ledgers that break one are caught.

mod broken;
mod memory;
