//! What an account may do beyond its plan, for a while: overrides and grants.

use crate::Counter;
use picora_core::{
    AccountId, AdjustmentId, Amount, AmountError, Dimension, Limit, Limits, Timestamp,
};

/// A dated change of one limit of one account.
///
/// **Boundaries**: it counts from `from`, inclusive, to `until`, exclusive. **Source**: facts §6.2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adjustment {
    /// Its name: adding it again changes nothing.
    pub id: AdjustmentId,
    /// Whose limit.
    pub account: AccountId,
    /// Which limit.
    pub dimension: Dimension,
    /// How it changes.
    pub change: LimitChange,
    /// From when.
    pub from: Timestamp,
    /// Until when; for good when there is none.
    pub until: Option<Timestamp>,
    /// Why, for whoever looks later.
    pub reason: String,
}

/// How an adjustment changes a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitChange {
    /// So much more than the plan or an override allows.
    Grant(Amount),
    /// This limit in place of the plan's, whether it is more or less.
    Override(Limit),
}

/// The answer to [`Ledger::adjust`](crate::Ledger::adjust).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Adjusted {
    /// It counts, at its time.
    Done,
    /// It was added before; nothing changed.
    Repeated,
    /// The id was used for another adjustment; nothing changed.
    IdReused,
    /// It ends before it begins, or as it does; nothing changed.
    Malformed,
}

/// What an account may do at an instant, and until when that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entitled {
    /// The limits that count.
    pub limits: Limits,
    /// When they change by themselves; never, when there is none.
    pub until: Option<Timestamp>,
}

impl Adjustment {
    /// Whether it counts at `now`.
    #[must_use]
    pub fn counts_at(&self, now: Timestamp) -> bool {
        self.from <= now && self.until.is_none_or(|until| now < until)
    }

    /// The same with its end at `now`, or `None` when it is over already. What has not begun ends as it begins.
    #[must_use]
    pub fn end_at(&self, now: Timestamp) -> Option<Self> {
        let end = now.max(self.from);
        self.until.is_none_or(|until| end < until).then(|| Self {
            until: Some(end),
            ..self.clone()
        })
    }

    /// The answer to an adjustment under an id that this one has.
    pub fn answer_to(&self, again: &Self) -> Adjusted {
        let same = Self {
            until: self.until,
            ..again.clone()
        };
        if *self == same {
            Adjusted::Repeated // withdrawn since, perhaps
        } else {
            Adjusted::IdReused
        }
    }

    /// Whether it could ever count.
    #[must_use]
    pub fn is_well_formed(&self) -> bool {
        self.until.is_none_or(|until| self.from < until)
    }

    /// The next instant after `now` at which it begins or ends to count.
    fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        let edges = [Some(self.from), self.until].into_iter().flatten();
        edges.filter(|edge| now < *edge).min()
    }
}

impl Entitled {
    /// The plan's limits, each replaced by the latest override that counts (by `from`, then by id), plus all grants that count.
    ///
    /// **Errors**: [`AmountError`] when a limit and its grants are together above 2^62, or will be: nothing is clamped where it decides, and
    /// an adjustment that is taken today does not fail reservations on the day on which it begins.
    ///
    /// ```
    /// use picora_core::{AccountId, AdjustmentId, Amount, Dimension, Limit, Limits, Timestamp};
    /// use picora_quota::{Adjustment, Entitled, LimitChange};
    /// let day = Timestamp::from_unix_seconds;
    /// let plan = Limits::NOTHING.with(Dimension::DocCount, Limit::Max(Amount::from(100)));
    /// let grant = Adjustment {
    ///     id: AdjustmentId::from_bytes([1; 16]),
    ///     account: AccountId::from_bytes([1; 16]),
    ///     dimension: Dimension::DocCount,
    ///     change: LimitChange::Grant(Amount::from(50)),
    ///     from: day(10),
    ///     until: Some(day(20)),
    ///     reason: "sorry for the outage".to_owned(),
    /// };
    /// let at = |now| Entitled::of(&plan, std::slice::from_ref(&grant), day(now)).unwrap();
    /// assert_eq!(at(9).until, Some(day(10)));
    /// assert_eq!(at(10).limits.of(Dimension::DocCount), Limit::Max(Amount::from(150)));
    /// assert_eq!(at(20).limits, plan);
    /// ```
    pub fn of(
        plan: &Limits,
        adjustments: &[Adjustment],
        now: Timestamp,
    ) -> Result<Self, AmountError> {
        let present = Self::at(plan, adjustments, now)?;
        let mut ahead = present.until;
        while let Some(change) = ahead {
            ahead = Self::at(plan, adjustments, change)?.until;
        }
        Ok(present)
    }

    fn at(plan: &Limits, adjustments: &[Adjustment], now: Timestamp) -> Result<Self, AmountError> {
        let mut limits = *plan;
        for (dimension, of_plan) in plan.iter() {
            let counting = || {
                let of = |one: &&Adjustment| one.dimension == dimension && one.counts_at(now);
                adjustments.iter().filter(of)
            };
            limits = limits.with(
                dimension,
                granted(overridden(of_plan, counting()), counting())?,
            );
        }
        let until = adjustments
            .iter()
            .filter_map(|one| one.next_change(now))
            .min();
        Ok(Self { limits, until })
    }
}

/// The limit of any counter of an account.
#[must_use]
pub const fn limit_of(entitled: &Entitled, open_reservations: Limit, counter: Counter) -> Limit {
    match counter {
        Counter::Dimension(dimension) => entitled.limits.of(dimension),
        Counter::Tally(_) => Limit::Unlimited,
        Counter::OpenReservations => open_reservations,
    }
}

fn overridden<'a>(plan: Limit, counting: impl Iterator<Item = &'a Adjustment>) -> Limit {
    let overrides = counting.filter_map(|one| match one.change {
        LimitChange::Override(limit) => Some(((one.from, one.id), limit)),
        LimitChange::Grant(_) => None,
    });
    overrides
        .max_by_key(|(rank, _)| *rank)
        .map_or(plan, |(_, limit)| limit)
}

fn granted<'a>(
    limit: Limit,
    mut counting: impl Iterator<Item = &'a Adjustment>,
) -> Result<Limit, AmountError> {
    counting.try_fold(limit, |limit, one| match (limit, one.change) {
        (Limit::Max(max), LimitChange::Grant(more)) => Ok(Limit::Max(max.checked_add(more)?)),
        (limit, _) => Ok(limit),
    })
}
