//! What a store's tiers cost and how fast they are.

use std::time::Duration;

use picora_core::Amount;

/// What the archive tier of a store is like. Adapters declare it; the policy plans with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TierCaps {
    /// Whether archived bytes are read like hot ones.
    pub transparent_read: bool,
    /// Whether archived bytes must be restored before they can be read; where both hold, a restore is faster or cheaper.
    pub needs_restore: bool,
    /// Archived objects smaller than this are billed as if they had this many bytes; zero for none.
    pub minimum_billed: Amount,
    /// For how many days an archived object is billed at least, counted from its last change, a move included; zero for none.
    pub minimum_days: u16,
    /// How long a restore usually takes; zero where none is needed.
    pub restore_typical: Duration,
    /// How long a restore may take without anything being wrong.
    pub restore_worst: Duration,
    /// How many restores the store takes in a second; `None` when it does not say.
    pub restores_per_second: Option<u32>,
    /// Whether a restored object is billed as a hot copy beside the archived one until its days are over.
    pub paid_replica: bool,
    /// Whether a move takes its headers from the request alone: what is not sent again is lost.
    pub self_copy_drops_headers: bool,
    /// The largest object that can be moved by one copy, inclusive.
    pub copy_limit: Amount,
}
