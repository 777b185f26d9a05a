//! Tiers of stored bytes: what is read often is hot, what nobody has asked for is archived, at a lower price and sometimes not readable at
//! once.
//!
//! **Decides** what a store can be asked for and what its answers mean. A move is a change of class in place: at no instant are there two
//! copies, and nothing is deleted.
//!
//! **Must not know** HTTP, a clock, SQL, or any vendor.
//!
//! | module | noun |
//! |---|---|
//! | [`tier`] | [`Tier`], and the class of an object |
//! | [`caps`] | [`TierCaps`]: what a store's tiers cost and how fast they are |
//! | [`control`] | [`TierControl`]: look, move, ask for a restore |
//! | [`headers`] | what a reader sees of an object, which a move must not change |
//!
//! Sources: rows #82–#85, #96, #99; design decisions on tiering.

pub mod caps;
pub mod control;
pub mod headers;
pub mod tier;

pub use caps::TierCaps;
pub use control::{Guard, Moved, Present, RestoreAck, RestoreSpeed, Restoring, TierControl};
pub use headers::ObjectHeaders;
pub use tier::{Class, Tier};
