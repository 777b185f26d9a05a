//! Fixed windows.

use std::num::NonZeroU32;
use std::time::Duration;

use picora_core::Timestamp;

use crate::{PolicyError, exact};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    limit: u64,
    length: u64,
}

/// What is stored of one window.
///
/// **Units**: `end` in microseconds since 1970, `used` in cost units. A cell whose end has come is as good as none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowCell {
    /// The first instant after the window.
    pub end: i64,
    /// What has been charged in it.
    pub used: u64,
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

    /// The window that counts at `now`, from what is stored.
    ///
    /// A window that has passed gives way to the present one. One that lies ahead means that a clock went back. The next one is kept,
    /// because callers whose clocks differ by a little meet at every boundary, and what one of them has counted must not be lost.
    /// One further ahead is a step of the clock (or the rule had longer windows before): its count moves to the present window, so
    /// that nobody waits longer than two lengths.
    pub(crate) fn settle(self, stored: Option<WindowCell>, now: Timestamp) -> WindowCell {
        let length = exact::signed(self.length);
        let end = now.unix_micros() - now.unix_micros() % length + length;
        match stored {
            Some(cell) if cell.end == end || cell.end == end + length => cell,
            Some(cell) if cell.end > now.unix_micros() => WindowCell { end, ..cell },
            Some(_) | None => WindowCell { end, used: 0 },
        }
    }

    pub(crate) const fn remaining(self, cell: WindowCell) -> u64 {
        self.limit.saturating_sub(cell.used)
    }

    pub(crate) fn wait(self, cell: WindowCell, cost: u64, now: Timestamp) -> Duration {
        if cost <= self.remaining(cell) {
            Duration::ZERO
        } else {
            exact::span(cell.end - now.unix_micros())
        }
    }

    /// A charge goes back only while the window lasts in which it was made.
    pub(crate) fn refund(self, cell: WindowCell, cost: u64, charged_at: Timestamp) -> WindowCell {
        let charged_in = self.settle(None, charged_at).end;
        let back = if charged_in == cell.end { cost } else { 0 };
        WindowCell {
            used: cell.used.saturating_sub(back),
            ..cell
        }
    }
}

impl WindowCell {
    pub(crate) const fn charged(self, cost: u64) -> Self {
        Self {
            used: self.used.saturating_add(cost),
            ..self
        }
    }
}
