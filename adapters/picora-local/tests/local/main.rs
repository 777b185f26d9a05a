//! A store over a real folder: object_store's own suite, killed processes, lost power, full and read-only disks.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of tests may panic as tests do"
)]

mod child;
mod crash;
mod names;
mod power;
mod refused;
mod suite;
mod sweep;
mod tiers;
mod tiers_crash;
mod tiers_power;
mod tiers_shared;
mod tiers_suite;
