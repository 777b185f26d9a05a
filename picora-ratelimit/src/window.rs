//! Fixed windows.

use std::num::NonZeroU32;
use std::time::Duration;

use picora_core::Timestamp;

use crate::{Cell, CellKind, PolicyError, exact};

/// So many in each window of a fixed length, counted from 1970: a window of 60 s is a clock minute in UTC.
///
/// **Units**: the length in whole microseconds, the limit in cost units, both below 2^52. **Boundaries**: a window holds its first
/// instant and not its end; reaching the limit is allowed, passing it is not. Two windows that touch may together admit twice the
/// limit within one length, which is why a [`Gcra`](crate::Gcra) usually stands beside a window. **Errors**: [`PolicyError`].
/// **Source**: requirement C59, rows #225–#230.
///
/// ```
/// use picora_ratelimit::Window;
/// use std::time::Duration;
/// let minute = Window::new(600, Duration::from_secs(60))?;
/// assert_eq!((minute.limit(), minute.length()), (600, Duration::from_secs(60)));
/// # Ok::<(), picora_ratelimit::PolicyError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    limit: u64,
    length: u64,
}

impl Window {
    /// At most `limit` in each window of `length`.
    ///
    /// # Errors
    /// [`PolicyError`] when a number is zero, too large, or the length is no whole number of microseconds.
    pub fn new(limit: u64, length: Duration) -> Result<Self, PolicyError> {
        Ok(Self {
            limit: exact::count("a window's limit", limit)?,
            length: exact::micros("a window's length", length)?,
        })
    }

    /// How much one window admits.
    #[must_use]
    pub const fn limit(self) -> u64 {
        self.limit
    }

    /// How long one window is.
    #[must_use]
    pub const fn length(self) -> Duration {
        Duration::from_micros(self.length)
    }

    pub(crate) fn scaled(self, factor: NonZeroU32) -> Result<Self, PolicyError> {
        let limit = exact::product("a window's limit", self.limit, u64::from(factor.get()))?;
        Ok(Self { limit, ..self })
    }

    pub(crate) const fn divided(self, shares: NonZeroU32) -> Self {
        let limit = exact::share(self.limit, shares);
        Self { limit, ..self }
    }

    /// The window that counts at `now`, from what is stored.
    ///
    /// A window that runs is kept to its end, also when the rule's length has changed meanwhile. One that has passed gives way to the
    /// present one. One that has not begun means that a clock went back. When it is the next one it is kept, because callers whose
    /// clocks differ by a little meet at every boundary, and what one of them has counted must not be lost. One further ahead is a step
    /// of the clock: its count moves to the present window, so that nobody waits longer than two lengths.
    pub(crate) fn settle(self, stored: Cell, now: Timestamp) -> Cell {
        let length = exact::signed(self.length);
        if stored.is(CellKind::Window) && runs(stored, 2 * length, now) {
            return stored;
        }
        let end = now.unix_micros() - now.unix_micros() % length + length;
        Cell::window(end, moved(stored, CellKind::Window, now))
    }
}

/// Whether a window has not ended, and ends in at most so many microseconds.
pub(crate) const fn runs(cell: Cell, most: i64, now: Timestamp) -> bool {
    let now = now.unix_micros();
    cell.instant() > now && cell.instant() - now <= most
}

/// What a window at `now` starts with when the stored one does not run: what that one has counted if it lies ahead, else nothing.
pub(crate) const fn moved(stored: Cell, kind: CellKind, now: Timestamp) -> u64 {
    if stored.is(kind) && stored.instant() > now.unix_micros() {
        stored.number()
    } else {
        0
    }
}

/// Microseconds until the cost has room in a window of this limit; none when it has.
pub(crate) const fn wait(cell: Cell, limit: u64, cost: u64, now: Timestamp) -> i64 {
    if cost <= limit.saturating_sub(cell.number()) {
        0
    } else {
        cell.instant() - now.unix_micros()
    }
}

/// A window after a charge.
pub(crate) const fn charged(cell: Cell, cost: u64) -> Cell {
    cell.with_number(cell.number().saturating_add(cost))
}

/// A window after a refund: a charge goes back only while the window lasts in which it was made.
pub(crate) const fn refunded(cell: Cell, cost: u64, charged_in: Cell) -> Cell {
    let back = if charged_in.instant() == cell.instant() {
        cost
    } else {
        0
    };
    cell.with_number(cell.number().saturating_sub(back))
}
