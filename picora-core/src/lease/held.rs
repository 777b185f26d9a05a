//! The rule of leases, as pure functions of what a store keeps.

use std::time::Duration;

use super::{Holder, Lease, LeaseName};
use crate::Timestamp;

/// What a store keeps of one lease. Names are kept for good, so that fences never start again.
///
/// ```
/// use picora_core::lease::{Held, Holder};
/// use picora_core::Timestamp;
/// use std::time::Duration;
/// let (now, minute) = (Timestamp::from_unix_seconds(60), Duration::from_secs(60));
/// let [one, other] = [1, 2].map(|number| Holder::from_bytes([number; 16]));
/// let held = Held::NEVER.acquire(one, minute, now).expect("it is free");
/// assert_eq!((held.fence, held.until), (1, Timestamp::from_unix_seconds(120)));
/// assert_eq!(held.acquire(other, minute, Timestamp::from_unix_micros(119_999_999)), None);
/// assert_eq!(held.acquire(other, minute, held.until).map(|it| it.fence), Some(2));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Who took it last.
    pub holder: Holder,
    /// How often it was taken.
    pub fence: u64,
    /// When it is over; the epoch when it was given back.
    pub until: Timestamp,
}

impl Held {
    /// A lease that nobody ever took.
    pub const NEVER: Self = Self {
        holder: Holder::from_bytes([0; 16]),
        fence: 0,
        until: Timestamp::EPOCH,
    };

    /// See [`Leases::acquire`](super::Leases::acquire).
    #[must_use]
    pub fn acquire(self, holder: Holder, length: Duration, now: Timestamp) -> Option<Self> {
        if self.until <= now {
            return Some(Self {
                holder,
                fence: self.fence.saturating_add(1),
                until: now.saturating_add(length),
            });
        }
        (self.holder == holder).then(|| self.prolonged(length, now))
    }

    /// See [`Leases::renew`](super::Leases::renew).
    #[must_use]
    pub fn renew(self, lease: &Lease, length: Duration, now: Timestamp) -> Option<Self> {
        self.is_held_by(lease, now)
            .then(|| self.prolonged(length, now))
    }

    /// See [`Leases::give_back`](super::Leases::give_back).
    #[must_use]
    pub fn give_back(self, lease: &Lease) -> Option<Self> {
        self.was_taken_by(lease).then_some(Self {
            until: Timestamp::EPOCH,
            ..self
        })
    }

    /// See [`LeasesIn::guard_in`](super::LeasesIn::guard_in).
    #[must_use]
    pub fn is_held_by(self, lease: &Lease, now: Timestamp) -> bool {
        self.was_taken_by(lease) && now < self.until
    }

    /// As its holder knows it.
    #[must_use]
    pub const fn lease(self, name: LeaseName) -> Lease {
        Lease {
            name,
            holder: self.holder,
            fence: self.fence,
            until: self.until,
        }
    }

    fn was_taken_by(self, lease: &Lease) -> bool {
        self.fence == lease.fence && self.holder == lease.holder
    }

    fn prolonged(self, length: Duration, now: Timestamp) -> Self {
        Self {
            until: self.until.max(now.saturating_add(length)),
            ..self
        }
    }
}
