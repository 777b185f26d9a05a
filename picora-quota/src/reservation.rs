//! An admitted request, and its life.

use std::time::Duration;

use picora_core::{AccountId, Amount, Dimension, Measure, ReservationId, Tally, Timestamp};

use crate::reserve::cell_key;
use crate::{CellKey, Change, Counter, Items, Reserve};

/// Room that is held for an operation under way.
///
/// It is resolved once: committed, released or expired. Every later call answers how. A reservation pins its windows: what is committed
/// after midnight falls into the day in which it was reserved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// Its name.
    pub id: ReservationId,
    /// Whose room.
    pub account: AccountId,
    /// Where it is in its life.
    pub state: ReservationState,
    /// What it holds, or held before it was resolved; after a commit, what was committed.
    pub granted: Vec<Granted>,
    /// When it was admitted: its windows are those of this instant, which is later than the clock's when that has stepped back.
    pub created_at: Timestamp,
    /// When it expires unless a heartbeat comes. **Boundaries**: at this instant it has expired.
    pub expires_at: Timestamp,
}

/// The life of a reservation: pending, then one of the others for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReservationState {
    /// Its amounts are used.
    Committed,
    /// Nobody settled it in time; its room was given back.
    Expired,
    /// It holds room.
    Pending,
    /// Its room was given back.
    Released,
}

/// An amount that a reservation holds in one cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Granted {
    /// Which cell.
    pub key: CellKey,
    /// How much.
    pub amount: Amount,
}

impl Granted {
    /// Whether the amount is kept in a cell; a check of a single item is not, and neither is nothing.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        let single = matches!(self.key.counter, Counter::Dimension(dimension) if dimension.measure() == Measure::PerItem);
        !single && self.amount > Amount::ZERO
    }
}

/// What resolving or growing a reservation does to it and to the cells. A store writes all of it or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The reservation after it.
    pub reservation: Reservation,
    /// How the cells move.
    pub changes: Vec<Change>,
}

/// Why a reservation cannot be committed with these amounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exceeds {
    /// The dimension whose amount is more than was granted.
    pub dimension: Dimension,
    /// What was granted.
    pub granted: Amount,
    /// What was to be committed.
    pub actual: Amount,
}

impl Reservation {
    /// The reservation that an admitted request becomes, and what that does to the cells. It was decided in the windows of `at`
    /// ([`lifted`](crate::reserve::lifted)).
    ///
    /// **Boundaries**: it lives at most [`Reservation::LONGEST`], heartbeats or not.
    #[must_use]
    pub fn open(
        request: &Reserve,
        mut granted: Vec<Granted>,
        at: Timestamp,
        now: Timestamp,
    ) -> Step {
        granted.extend(request.tally.map(|tally| Granted {
            key: cell_key(Counter::Tally(tally), at),
            amount: amount_of(&granted, tally.dimension()),
        }));
        let changes = granted
            .iter()
            .map(|granted| Change {
                key: granted.key,
                used: 0,
                reserved: granted.amount.to_i64(),
            })
            .collect();
        let reservation = Self {
            id: request.id,
            account: request.account,
            state: ReservationState::Pending,
            granted,
            created_at: at,
            expires_at: now.saturating_add(request.expires_after.min(Self::LONGEST)),
        };
        Step {
            reservation,
            changes,
        }
    }

    /// However often a heartbeat comes, a reservation ends a day after it was made.
    pub const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

    /// Whether its time is over and nobody has resolved it. **Boundaries**: at `expires_at` it is.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.state == ReservationState::Pending && self.expires_at <= now
    }

    /// How much it holds of a dimension.
    #[must_use]
    pub fn amount_of(&self, dimension: Dimension) -> Amount {
        amount_of(&self.granted, dimension)
    }

    /// The part of one of its dimensions that it keeps by itself.
    #[must_use]
    pub fn tally(&self) -> Option<Tally> {
        self.granted.iter().find_map(|held| match held.key.counter {
            Counter::Tally(tally) => Some(tally),
            Counter::Dimension(_) | Counter::OpenReservations => None,
        })
    }

    /// Turns what it holds into use: the amounts that really came, and all that was granted where none is named.
    ///
    /// Call it on a pending reservation that is not due. **Errors**: [`Exceeds`] when more came than was granted; nothing changes.
    pub fn commit(&self, actual: &[(Dimension, Amount)]) -> Result<Step, Exceeds> {
        if let Some(exceeds) = self.exceeded_by(actual) {
            return Err(exceeds);
        }
        let settle = |granted: &Granted| {
            let came = |dimension| {
                let named = actual.iter().find(|(named, _)| *named == dimension);
                named.map_or(granted.amount, |(_, amount)| *amount)
            };
            let used = match granted.key.counter {
                Counter::Dimension(dimension) => came(dimension),
                Counter::Tally(tally) => came(tally.dimension()),
                Counter::OpenReservations => Amount::ZERO,
            };
            Granted {
                key: granted.key,
                amount: used,
            }
        };
        let committed: Vec<Granted> = self.granted.iter().map(settle).collect();
        let changes = self
            .granted
            .iter()
            .zip(&committed)
            .map(|(held, used)| Change {
                key: held.key,
                used: used.amount.to_i64(),
                reserved: -held.amount.to_i64(),
            });
        let changes = changes.collect();
        let committed = committed.into_iter().filter(Granted::is_kept).collect();
        Ok(Step {
            reservation: Self {
                state: ReservationState::Committed,
                granted: committed,
                ..self.clone()
            },
            changes,
        })
    }

    /// Gives back what it holds. Call it on a pending reservation.
    #[must_use]
    pub fn give_back(&self, why: ReservationState) -> Step {
        let changes = self.granted.iter().map(|held| Change {
            key: held.key,
            used: 0,
            reserved: -held.amount.to_i64(),
        });
        Step {
            changes: changes.collect(),
            reservation: Self {
                state: why,
                ..self.clone()
            },
        }
    }

    /// What it does not hold yet of these totals. Decide on it at [`Reservation::created_at`], so that it stays in its windows.
    #[must_use]
    pub fn missing(&self, totals: &Items) -> Items {
        totals.less(|dimension| self.amount_of(dimension))
    }

    /// Grows what it holds by `more`, in the windows that it was made in. Call it on a pending reservation that is not due.
    #[must_use]
    pub fn grow(&self, more: &[Granted]) -> Step {
        let mut grown = self.clone();
        let more: Vec<Granted> = more
            .iter()
            .flat_map(|extra| self.with_tally(*extra))
            .collect();
        for extra in &more {
            match grown.granted.iter_mut().find(|held| held.key == extra.key) {
                Some(held) => {
                    held.amount = Amount::saturating(held.amount.get() + extra.amount.get())
                }
                None => grown.granted.push(*extra),
            }
        }
        let changes = more.iter().map(|extra| Change {
            key: extra.key,
            used: 0,
            reserved: extra.amount.to_i64(),
        });
        Step {
            changes: changes.collect(),
            reservation: grown,
        }
    }

    /// More of a dimension, and as much more of its tally when that is kept.
    fn with_tally(&self, extra: Granted) -> impl Iterator<Item = Granted> {
        let of_it = |counter| matches!(counter, Counter::Tally(tally) if Counter::Dimension(tally.dimension()) == extra.key.counter);
        let tally = self.granted.iter().find(|held| of_it(held.key.counter));
        let tally = tally.map(|held| Granted {
            key: held.key,
            amount: extra.amount,
        });
        std::iter::once(extra).chain(tally)
    }

    /// When it expires after a heartbeat at `now`: never earlier than before, never more than a day after it was made.
    #[must_use]
    pub fn beat(&self, expires_after: Duration, now: Timestamp) -> Timestamp {
        let last = self.created_at.saturating_add(Self::LONGEST);
        now.saturating_add(expires_after)
            .min(last)
            .max(self.expires_at)
    }

    fn exceeded_by(&self, actual: &[(Dimension, Amount)]) -> Option<Exceeds> {
        actual.iter().find_map(|(dimension, actual)| {
            let granted = self.amount_of(*dimension);
            (*actual > granted).then_some(Exceeds {
                dimension: *dimension,
                granted,
                actual: *actual,
            })
        })
    }
}

fn amount_of(granted: &[Granted], dimension: Dimension) -> Amount {
    let of = |granted: &&Granted| granted.key.counter == Counter::Dimension(dimension);
    granted
        .iter()
        .find(of)
        .map_or(Amount::ZERO, |granted| granted.amount)
}

impl ReservationState {
    /// The name that stores write.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::Expired => "expired",
            Self::Pending => "pending",
            Self::Released => "released",
        }
    }

    /// The state of that name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::Committed,
            Self::Expired,
            Self::Pending,
            Self::Released,
        ]
        .into_iter()
        .find(|state| state.name() == name)
    }
}
