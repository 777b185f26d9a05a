//! What can be replaced while it serves.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use http::request::Parts;

use crate::{Charge, Charges};

/// A value that readers see whole, before or after a change and never between, without a lock.
///
/// What a limiter has stored is not touched by a change: a subject keeps what it has used as long as its key stays the same, so
/// replaced budgets are made with the same [`SubjectHasher`](picora_ratelimit::SubjectHasher). A cell that runs keeps its count and its
/// end, and the new limit holds from the next request on.
///
/// ```
/// use picora_http::{Live, TierBudgets};
/// use picora_ratelimit::{SubjectHasher, Tier, Tiers};
/// use std::sync::Arc;
///
/// let hasher = SubjectHasher::new([42; 16]);
/// let budgets = Arc::new(Live::new(TierBudgets::new(Tiers::standard(), hasher.clone())?));
/// let charges = budgets.for_tier(Tier::Read); // for the layers of the routes, which stay
/// let tighter = Tiers::standard().with_tier(Tier::Read, 60, 3)?;
/// budgets.replace(TierBudgets::new(tighter, hasher)?);
/// # let _ = charges;
/// # Ok::<(), picora_ratelimit::PolicyError>(())
/// ```
pub struct Live<T>(ArcSwap<T>);

impl<T> Live<T> {
    /// Holds this value at first.
    #[must_use]
    pub fn new(value: T) -> Self {
        Self::from(Arc::new(value))
    }

    /// The value of this moment, for as long as the caller wants it.
    #[must_use]
    pub fn load(&self) -> Arc<T> {
        self.0.load_full()
    }

    /// Puts another value in its place: requests that begin from now on see it.
    pub fn replace(&self, value: T) {
        self.0.store(Arc::new(value));
    }

    /// Reads the value of this moment, in place.
    pub(crate) fn read<R>(&self, read: impl FnOnce(&T) -> R) -> R {
        read(&self.0.load())
    }
}

impl<T> From<Arc<T>> for Live<T> {
    fn from(value: Arc<T>) -> Self {
        Self(ArcSwap::new(value))
    }
}

impl<T: fmt::Debug> fmt::Debug for Live<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Live").field(&self.0.load()).finish()
    }
}

impl<C: Charges> Charges for Live<C> {
    fn charge(&self, request: &Parts) -> Option<Charge> {
        self.read(|charges| charges.charge(request))
    }
}
