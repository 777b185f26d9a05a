//! Copies of what an account has used, for readers near by: dashboards, players, workers at the edge.
//!
//! An echo is written and never asked: SQL is the truth, no decision reads an echo, and **a missing key is never zero**. Its keys are those
//! of the product's documents, so that others can read them; its values are plain decimal numbers, and the name of a status.
//!
//! | module | noun |
//! |---|---|
//! | [`snapshot`] | what SQL says of an account at one epoch |
//! | [`entry`] | a key, its value, how long it lives |
//! | [`port`] | [`Echo`], what it can, what it answers |
//! | [`marker`] | by what a lost echo is noticed |
//! | [`echoer`] | the rule of what is published when |
//! | [`keeper`] | who keeps an echo: reads, and does what the rule says |
//! | [`source`] | the port by which it reads the ledger |
//! | [`budget`] | so many calls in any stretch of time |
//! | [`memory`] | an echo in memory (feature `memory`) |
//!
//! Sources: rows #47, #186–#191, C6, C7, C14, C24; design decisions 1, 4, 7.

pub mod budget;
pub mod echoer;
pub mod entry;
pub mod keeper;
pub mod marker;
#[cfg(feature = "memory")]
pub mod memory;
pub mod port;
pub mod snapshot;
pub mod source;

pub use budget::Budget;
pub use echoer::{Batch, Echoer, Pace, Step};
pub use entry::{Entry, Life, MONTHLY_LIFE, STATUS_LIFE, Slot, StatusLife, entries, key, keys_of};
pub use keeper::{Keeper, Rhythm, StatusName, Tick, Trouble};
pub use marker::Marker;
#[cfg(feature = "memory")]
pub use memory::MemoryEcho;
pub use port::{Atomicity, Echo, EchoCaps, EchoErase, EchoError, Guard, Published, Standing};
pub use snapshot::Snapshot;
pub use source::{EchoSource, Numbers};
