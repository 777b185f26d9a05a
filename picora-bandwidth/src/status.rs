//! Whether an account's videos play, degraded or not, as a function of its month's traffic.

use picora_core::{Amount, Limit};

/// How an account's videos stand this month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VideoStatus {
    /// Full quality.
    Ok,
    /// New sessions play at 360p.
    Degraded,
    /// New sessions are refused with 451.
    Suspended,
}

impl VideoStatus {
    /// Decides by what was used of this month's limit.
    ///
    /// **Units**: bytes. **Boundaries**: ok up to and including the limit; degraded up to and including 120 % of it; suspended above. A limit of
    /// zero allows nothing: the first byte suspends. Without a limit it is always ok. **Errors**: none. **Source**: #141–#143, C4.
    ///
    /// ```
    /// use picora_bandwidth::VideoStatus;
    /// use picora_core::{Amount, Limit};
    /// let of = |used: u32| VideoStatus::of(Amount::from(used), Limit::Max(Amount::from(100)));
    /// assert_eq!([of(100), of(101), of(120), of(121)].map(VideoStatus::name), ["ok", "degraded", "degraded", "suspended"]);
    /// ```
    #[must_use]
    pub fn of(used: Amount, limit: Limit) -> Self {
        let Limit::Max(limit) = limit else {
            return Self::Ok;
        };
        let (used, limit) = (u128::from(used.get()), u128::from(limit.get()));
        if used <= limit {
            Self::Ok
        } else if used * 5 <= limit * 6 {
            Self::Degraded
        } else {
            Self::Suspended
        }
    }

    /// The name in the usage answer (#169).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Degraded => "degraded",
            Self::Suspended => "suspended",
        }
    }
}
