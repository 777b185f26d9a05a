//! The primitives of the memory limiter: the standard ones, or those of a checker that tries schedules.

#[cfg(not(picora_shuttle))]
pub(super) use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering, fence},
};

#[cfg(picora_shuttle)]
pub(super) use shuttle::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicU64, Ordering, fence},
};
#[cfg(picora_shuttle)]
pub(super) use std::sync::PoisonError;
