//! A refusal, with the numbers that decided it.

use picora_core::{Amount, Timestamp};

use crate::Counter;

/// Why a request does not fit. It is an answer, not an error, and it changed nothing.
///
/// All limits of the request were evaluated; the strictest comes first, so that a client who mends it does not meet a stricter one next.
/// **Boundaries**: a limit that no time will lift is stricter than one that resets; among those, the one that resets last.
/// **Source**: design decision 11, C75.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The shortfall to tell first.
    pub strictest: Shortfall,
    /// The others, in the same order.
    pub others: Vec<Shortfall>,
}

/// One limit that the request does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortfall {
    /// Which.
    pub counter: Counter,
    /// What is committed, as the usage answer shows it.
    pub used: Amount,
    /// What open reservations hold besides.
    pub reserved: Amount,
    /// The limit.
    pub limit: Amount,
    /// The least that the request needs.
    pub requested: Amount,
    /// When the number starts again at zero; `None` when only deleting or a larger plan helps.
    pub resets_at: Option<Timestamp>,
}

impl Denial {
    /// Sorts shortfalls, the strictest first; `None` when there are none.
    #[must_use]
    pub fn of(mut shortfalls: Vec<Shortfall>) -> Option<Self> {
        shortfalls.sort_by_key(Shortfall::rank);
        let mut shortfalls = shortfalls.into_iter();
        Some(Self {
            strictest: shortfalls.next()?,
            others: shortfalls.collect(),
        })
    }

    /// All shortfalls, the strictest first.
    pub fn iter(&self) -> impl Iterator<Item = &Shortfall> {
        std::iter::once(&self.strictest).chain(&self.others)
    }
}

impl Shortfall {
    /// Smaller is stricter. Open reservations end by themselves within minutes, so they come last.
    fn rank(&self) -> (u8, std::cmp::Reverse<Option<Timestamp>>, Counter) {
        let class = match (self.counter, self.resets_at) {
            (Counter::OpenReservations, _) => 2,
            (_, Some(_)) => 1,
            (_, None) => 0,
        };
        (class, std::cmp::Reverse(self.resets_at), self.counter)
    }
}
