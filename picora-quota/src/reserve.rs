//! A request for room, and the rule that admits or denies it.

use std::collections::BTreeMap;
use std::time::Duration;

use picora_core::{AccountId, Amount, AmountError, Dimension, ReservationId, Tally, Timestamp};

use crate::{Cell, CellKey, Counter, Denial, Granted, Shortfall};

/// A request for room in one or several dimensions, all or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reserve {
    /// Its name, made by the caller before the first try: repeating it is answered as the first time.
    pub id: ReservationId,
    /// Whose room.
    pub account: AccountId,
    /// What the name stands for: the same name with another hash is refused.
    pub request: RequestHash,
    /// What is asked for.
    pub items: Items,
    /// The part of one of the dimensions that is kept by itself and moves with it.
    pub tally: Option<Tally>,
    /// How long it holds without a heartbeat. **Boundaries**: at `now + expires_after` it has expired.
    pub expires_after: Duration,
}

/// A hash of everything that makes two requests the same, such as SHA-256 of method, path and body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestHash(pub [u8; 32]);

/// What is asked of one dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// Which.
    pub dimension: Dimension,
    /// The most that is wanted.
    pub amount: Amount,
    /// The least that will do: with less room than this the request is denied, with room in between it gets the room.
    pub at_least: Amount,
}

impl Item {
    /// Exactly so much.
    #[must_use]
    pub const fn exactly(dimension: Dimension, amount: Amount) -> Self {
        Self {
            dimension,
            amount,
            at_least: amount,
        }
    }

    /// As much as there is room for, between `at_least` and `amount`, both inclusive.
    ///
    /// For a stream whose length is only bounded: it takes what remains and is stopped where that ends.
    #[must_use]
    pub fn up_to(dimension: Dimension, amount: Amount, at_least: Amount) -> Self {
        Self {
            dimension,
            amount,
            at_least: at_least.min(amount),
        }
    }
}

/// The items of one request: at least one, one for each dimension, in the order of [`Dimension`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Items(Vec<Item>);

impl Items {
    /// Collects items; two of one dimension are added up.
    ///
    /// **Errors**: [`AmountError`] when a sum is above 2^62. An empty list reserves nothing but one open reservation.
    pub fn new(items: impl IntoIterator<Item = Item>) -> Result<Self, AmountError> {
        let mut merged: BTreeMap<Dimension, Item> = BTreeMap::new();
        for item in items {
            if let Some(sum) = merged.get_mut(&item.dimension) {
                sum.amount = sum.amount.checked_add(item.amount)?;
                sum.at_least = sum.at_least.checked_add(item.at_least)?;
            } else {
                merged.insert(item.dimension, item);
            }
        }
        Ok(Self(merged.into_values().collect()))
    }

    /// The items less what is held already, without those that nothing is left of.
    #[must_use]
    pub(crate) fn less(&self, held: impl Fn(Dimension) -> Amount) -> Self {
        let rest = self.0.iter().map(|item| Item {
            dimension: item.dimension,
            amount: item.amount.saturating_sub(held(item.dimension)),
            at_least: item.at_least.saturating_sub(held(item.dimension)),
        });
        Self(rest.filter(|item| item.amount > Amount::ZERO).collect())
    }

    /// The items, ordered by dimension.
    pub fn iter(&self) -> impl Iterator<Item = &Item> {
        self.0.iter()
    }
}

/// Decides whether all items fit, from the cells that they touch.
///
/// **Units**: those of each dimension. `cells` holds every cell of the request under [`cell_key`]; one that is missing allows nothing.
/// `opens` is one for a new reservation and zero for an extension. **Boundaries**: an item fits when its least amount is at most
/// `limit - used - reserved`; reaching the limit is allowed. **Errors**: none; a [`Denial`] is an answer, and nothing is charged in either
/// case. **State**: the store charges [`Granted`] in the transaction in which it read the cells. **Source**: #176, #197, C4, design
/// decision 2.
pub fn decide(
    cells: &BTreeMap<CellKey, Cell>,
    items: &Items,
    opens: Amount,
    now: Timestamp,
) -> Result<Vec<Granted>, Denial> {
    let mut granted = Vec::new();
    let mut shortfalls = Vec::new();
    let opening = (Counter::OpenReservations, opens, opens);
    let wanted = items.iter().map(|item| {
        (
            Counter::Dimension(item.dimension),
            item.amount,
            item.at_least,
        )
    });
    for (counter, amount, at_least) in wanted.chain([opening]) {
        let key = cell_key(counter, now);
        let cell = cells
            .get(&key)
            .copied()
            .unwrap_or(Cell::empty(picora_core::Limit::NOTHING));
        match fit(cell, amount, at_least) {
            Ok(amount) => granted.push(Granted { key, amount }),
            Err(limit) => shortfalls.push(Shortfall {
                counter,
                used: cell.used,
                reserved: cell.reserved,
                limit,
                requested: at_least,
                resets_at: key.window.end(),
            }),
        }
    }
    match Denial::of(shortfalls) {
        Some(denial) => Err(denial),
        None => Ok(granted
            .into_iter()
            .filter(|granted| granted.is_kept())
            .collect()),
    }
}

/// The cell that a counter is decided on at `now`. A limit of single items is a cell in which nothing is ever kept.
#[must_use]
pub fn cell_key(counter: Counter, now: Timestamp) -> CellKey {
    counter.key_at(now).unwrap_or(CellKey {
        counter,
        window: picora_core::Window::Always,
    })
}

/// The instant in whose windows a request is decided: `now`, or the start of a later window in which something is already counted.
///
/// A clock that steps back must not open a window again that is over: what was counted into the new day would be counted anew into the old
/// one. **Boundaries**: windows that begin up to [`AHEAD`] after `now`, inclusive; one farther away is a clock's error, not the present.
#[must_use]
pub fn lifted(now: Timestamp, opened: impl IntoIterator<Item = CellKey>) -> Timestamp {
    let last = now.saturating_add(AHEAD);
    let starts = opened.into_iter().filter_map(|key| key.window.start());
    starts
        .filter(|start| *start <= last)
        .fold(now, Timestamp::max)
}

/// How far a clock is believed to have stepped back.
pub const AHEAD: Duration = Duration::from_secs(24 * 60 * 60);

/// How much of `amount` fits; the limit when it is less than `at_least`.
fn fit(cell: Cell, amount: Amount, at_least: Amount) -> Result<Amount, Amount> {
    let ceiling = Amount::MAX.saturating_sub(cell.taken()); // also without a limit no number may leave its range
    let room = cell.room().unwrap_or(ceiling).min(ceiling);
    if at_least <= room {
        Ok(amount.min(room))
    } else {
        Err(cell.limit.max().unwrap_or(Amount::MAX))
    }
}
