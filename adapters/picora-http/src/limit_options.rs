//! How a limit layer is set.

use std::num::NonZeroU32;
use std::sync::Arc;

use picora_ratelimit::{Limiter, MemoryLimiter};

use crate::{Draft, ResetStyle};

/// What a [`LimitLayer`](crate::LimitLayer) does beside deciding.
///
/// ```
/// use picora_http::{Draft, FailMode, LimitOptions};
/// let options = LimitOptions { draft: Some(Draft::V11), fail: FailMode::Open, ..LimitOptions::default() };
/// assert_eq!(options.reset, picora_http::ResetStyle::Epoch);
/// ```
#[derive(Clone, Debug, Default)]
pub struct LimitOptions {
    /// How `Reset` is written: epoch seconds by default (C8).
    pub reset: ResetStyle,
    /// What happens when the limiter's store fails: the request is refused by default.
    pub fail: FailMode,
    /// Which version of the IETF's draft is followed beside the two families: none by default.
    pub draft: Option<Draft>,
    /// What metrics call the limiter: [`Source::Local`] when it answers at once, else [`Source::Redis`], by default.
    pub sources: Sources,
}

/// What happens to a request when the limiter's store fails.
#[derive(Clone, Debug, Default)]
pub enum FailMode {
    /// It is refused: 503 `UNAVAILABLE` with `Retry-After`.
    #[default]
    Closed,
    /// It passes, unlimited and without the triplet.
    Open,
    /// A limiter in this process decides, under one part of each policy; headers and waits are its.
    Local(Fallback),
}

/// A limiter for the time in which the shared one does not answer.
///
/// Each process lets pass its [part](picora_ratelimit::Policy::divided) of every policy, so that all together stay within the whole. It
/// starts with full budgets, and what it has let pass is not told to the shared store afterwards. **Boundaries**: a cost that is above
/// a part's burst is refused as by [`FailMode::Closed`]. Layers of all routes share one fallback, because ceilings span routes.
#[derive(Clone, Debug)]
pub struct Fallback {
    pub(crate) limiter: Arc<dyn Limiter>,
    pub(crate) replicas: NonZeroU32,
}

impl Fallback {
    /// A limiter in memory, for one of so many processes that share the traffic.
    #[must_use]
    pub fn in_memory(replicas: NonZeroU32) -> Self {
        Self::new(Arc::new(MemoryLimiter::new()), replicas)
    }

    /// This limiter, for one of so many processes that share the traffic.
    #[must_use]
    pub fn new(limiter: Arc<dyn Limiter>, replicas: NonZeroU32) -> Self {
        Self { limiter, replicas }
    }
}

/// Who decided, as metrics say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The process's own memory.
    Local,
    /// Redis.
    Redis,
    /// A lease on the shared budget.
    Lease,
    /// The [`Fallback`].
    Fallback,
}

impl Source {
    /// As it stands in a metric's label.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Redis => "redis",
            Self::Lease => "lease",
            Self::Fallback => "fallback",
        }
    }
}

/// What a limiter is called, by the way in which it answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sources {
    /// By [`Limiter::try_decide`].
    pub at_once: Source,
    /// By [`Limiter::decide`].
    pub awaited: Source,
}

impl Default for Sources {
    fn default() -> Self {
        Self {
            at_once: Source::Local,
            awaited: Source::Redis,
        }
    }
}
