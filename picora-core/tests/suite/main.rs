//! The outbox and the leases in memory keep every promise; stores that break one are caught.

mod broken;
mod memory;
