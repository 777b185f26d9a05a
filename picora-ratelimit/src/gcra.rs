//! The generic cell rate algorithm: a steady rate with a burst, in one instant of state.

use std::num::NonZeroU32;
use std::time::Duration;

use picora_core::Timestamp;

use crate::{Cell, CellKind, PolicyError, exact};

/// One unit per emission interval, and up to `burst` of them at once after a rest.
///
/// **Units**: the interval in whole microseconds; `burst × interval` below 2^52 µs. **Boundaries**: exactly `burst` pass at one
/// instant, never `burst + 1`; a closed span of length *L* admits at most `burst + L / interval`. A rest of any length gives one
/// burst, not two. **Errors**: [`PolicyError`]; a rate that has no interval of whole microseconds is refused, because rounding would
/// change the rate. **Source**: ITU-T I.371 annex A; requirement C59.
///
/// ```
/// use picora_ratelimit::Gcra;
/// use std::time::Duration;
/// let read = Gcra::rate(10, Duration::from_secs(1), 30)?;
/// assert_eq!(read, Gcra::every(Duration::from_millis(100), 30)?);
/// # Ok::<(), picora_ratelimit::PolicyError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Gcra {
    interval: u64,
    burst: u64,
}

impl Gcra {
    /// One per `interval`, up to `burst` at once.
    ///
    /// # Errors
    /// [`PolicyError`] when a number is zero, too large, or the interval is no whole number of microseconds.
    pub fn every(interval: Duration, burst: u64) -> Result<Self, PolicyError> {
        let interval = exact::micros("an emission interval", interval)?;
        Self::checked(interval, burst)
    }

    /// `count` per `period`, up to `burst` at once.
    ///
    /// # Errors
    /// As [`Gcra::every`]; [`PolicyError::InexactRate`] names the nearest interval when the rate has none of whole microseconds.
    pub fn rate(count: u64, period: Duration, burst: u64) -> Result<Self, PolicyError> {
        let count = exact::count("a rate", count)?;
        let period = exact::micros("a rate's period", period)?;
        Self::checked(exact::interval(count, period)?, burst)
    }

    fn checked(interval: u64, burst: u64) -> Result<Self, PolicyError> {
        let burst = exact::count("a burst", burst)?;
        exact::product("a burst times its emission interval", burst, interval)?;
        Ok(Self { interval, burst })
    }

    /// How much passes at one instant after a rest.
    #[must_use]
    pub const fn burst(self) -> u64 {
        self.burst
    }

    /// The emission interval: how long one unit takes to drain.
    #[must_use]
    pub const fn interval(self) -> Duration {
        Duration::from_micros(self.interval)
    }

    /// A burst and a rate `factor` times as large. The tolerance stays, so a stored arrival time keeps its meaning.
    pub(crate) fn scaled(self, factor: NonZeroU32) -> Result<Self, PolicyError> {
        let factor = u64::from(factor.get());
        let burst = exact::product("a burst", self.burst, factor)?;
        Self::checked(exact::interval(factor, self.interval)?, burst)
    }

    /// The same rate with a burst that is smaller by what drains in `span`; none when nothing is left.
    pub(crate) fn shortened(self, span: Duration) -> Option<Self> {
        let span = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
        let burst = self.burst.checked_sub(span.div_ceil(self.interval))?;
        (burst > 0).then_some(Self { burst, ..self })
    }

    /// A rate one `shares`th as large, which is always exact, and a burst rounded down.
    pub(crate) fn divided(self, shares: NonZeroU32) -> Result<Self, PolicyError> {
        let what = "an emission interval";
        let interval = exact::product(what, self.interval, u64::from(shares.get()))?;
        Self::checked(interval, exact::share(self.burst, shares))
    }

    /// The arrival time that counts at `now`, from what is stored.
    ///
    /// Never before `now`: a rest earns no more than the burst. Never later than `now` and the tolerance: no charge leads there, so a
    /// clock went back (or the rule was larger before), and the cell is healed to that value.
    pub(crate) fn settle(self, stored: Cell, now: Timestamp) -> Cell {
        let now = now.unix_micros();
        let arrival = if stored.is(CellKind::Gcra) {
            stored.instant()
        } else {
            now
        };
        Cell::gcra(arrival.clamp(now, now + self.tolerance()))
    }

    pub(crate) fn remaining(self, cell: Cell, now: Timestamp) -> u64 {
        let room = now.unix_micros() + self.tolerance() - cell.instant();
        (u64::try_from(room).unwrap_or(0) / self.interval).min(self.burst) // more only of a cell that has drained long ago
    }

    /// Microseconds until the cost has room; none or fewer when it has.
    pub(crate) fn wait(self, cell: Cell, cost: u64, now: Timestamp) -> i64 {
        let after = cell.instant().saturating_add(self.drain_time(cost));
        after - self.tolerance() - now.unix_micros()
    }

    /// After a charge. One that has no room, as a challenge may take, fills the burst and no more.
    pub(crate) fn charged(self, cell: Cell, cost: u64, now: Timestamp) -> Cell {
        let arrival = cell.instant().saturating_add(self.drain_time(cost));
        Cell::gcra(arrival.min(now.unix_micros() + self.tolerance()))
    }

    /// Gives back what of the charge has not drained by itself.
    ///
    /// The arrival time alone does not tell how much of an old charge it still holds: a queue that would have run empty without the
    /// charge has let later requests in at their own time. At most the time since the charge can have been lost that way, so giving
    /// back the rest never admits more than the rule allows.
    pub(crate) fn refund(
        self,
        cell: Cell,
        cost: u64,
        charged_at: Timestamp,
        now: Timestamp,
    ) -> Cell {
        let drained = now
            .unix_micros()
            .saturating_sub(charged_at.unix_micros())
            .max(0);
        let back = self.drain_time(cost).saturating_sub(drained).max(0);
        Cell::gcra(cell.instant().saturating_sub(back))
    }

    fn tolerance(self) -> i64 {
        self.drain_time(self.burst)
    }

    fn drain_time(self, cost: u64) -> i64 {
        exact::signed(cost.saturating_mul(self.interval))
    }
}
