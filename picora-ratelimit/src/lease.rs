//! Leases: what a process may spend of a shared limit without asking for each unit.
//!
//! A lease is an ordinary debit of several units at once, spent locally before it ends. Nothing is admitted that was not debited, so no
//! limit is ever exceeded; what is not spent is given back, or lost to everybody until its window ends.

use std::time::Duration;

use picora_core::Timestamp;

use crate::{
    Check, Decision, Exceeded, Limit, Policy, PolicyError, Record, Rule, Verdict, peek, step,
};

/// How a policy is leased, in all processes alike.
///
/// **Units**: tokens in cost units. **Boundaries**: a lease ends `life` after it was asked for, or with the window if that is sooner; a
/// process whose last lease was smaller than it asked for, or that was denied, waits for `pause` before it asks again. **Source**: design
/// decision 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseTerms {
    /// How long a lease may be spent.
    pub life: Duration,
    /// How many units are asked for at once.
    pub tokens: u64,
    /// How long a process waits after it got less than it asked for.
    pub pause: Duration,
}

impl Default for LeaseTerms {
    /// 200 ms, 256 units, 100 ms: ten calls for a thousand units at a thousand a second.
    fn default() -> Self {
        Self {
            life: Duration::from_millis(200),
            tokens: 256,
            pause: Duration::from_millis(100),
        }
    }
}

impl LeaseTerms {
    /// Terms that keep both.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            life: self.life.min(other.life),
            tokens: self.tokens.min(other.tokens),
            pause: self.pause.max(other.pause),
        }
    }
}

impl Policy {
    /// The same policy for leases: bursts are smaller by what drains in a lease's life.
    ///
    /// A lease may be spent later than it was debited, so that two of them may meet. With the smaller burst, no closed span admits more
    /// than the limits of `self`. Every process that shares the subject must use the leased policy, also where it asks strictly.
    ///
    /// # Errors
    /// [`PolicyError::Unleasable`] for rolling limits, whose log knows when something passed and not when it was debited, and for limits
    /// that challenge, which count every question; [`PolicyError::LeaseTooLong`] when nothing of a burst would be left;
    /// [`PolicyError::Zero`].
    ///
    /// ```
    /// use picora_ratelimit::{LeaseTerms, Limit, Policy, Rule};
    /// use std::time::Duration;
    /// let hot = Policy::new("hot", [
    ///     Limit::window("minute", 60_000, Duration::from_secs(60))?,
    ///     Limit::gcra("burst", 1_000, Duration::from_secs(1), 5_000)?,
    /// ])?;
    /// let leased = hot.leased(LeaseTerms::default())?;
    /// assert_eq!(leased.limits()[1].rule().most(), 4_800); // 200 ms of 1,000 a second less
    /// # Ok::<(), picora_ratelimit::PolicyError>(())
    /// ```
    pub fn leased(&self, terms: LeaseTerms) -> Result<Self, PolicyError> {
        if terms.tokens == 0 {
            return Err(PolicyError::Zero {
                what: "a lease's number of tokens",
            });
        }
        let limits: Result<Vec<Limit>, _> = self
            .limits()
            .iter()
            .map(|limit| self.shortened(limit, terms))
            .collect();
        Ok(self.with(limits?.into(), Some(terms)))
    }

    fn shortened(&self, limit: &Limit, terms: LeaseTerms) -> Result<Limit, PolicyError> {
        let unleasable = PolicyError::Unleasable {
            policy: self.name(),
            limit: limit.name(),
        };
        if limit.exceeded() == Exceeded::Challenge {
            return Err(unleasable);
        }
        match limit.rule() {
            Rule::Gcra(rule) => {
                let shorter = rule
                    .shortened(terms.life)
                    .ok_or(PolicyError::LeaseTooLong {
                        policy: self.name(),
                        limit: limit.name(),
                        life: terms.life,
                    })?;
                Ok(limit.with_rule(Rule::Gcra(shorter)))
            }
            Rule::Rolling(_) => Err(unleasable),
            Rule::Window(_) | Rule::Calendar(_) => Ok(*limit),
        }
    }
}

/// How much of `wanted` a check can get at once, and no less than its own cost; none when that has no room.
///
/// Limits that challenge or only watch do not bind a lease.
#[must_use]
pub fn grant(check: &Check<'_>, records: &[Record], now: Timestamp, wanted: u64) -> Option<u64> {
    let seen = peek(check, records, now);
    let binding = seen.reports().filter(|it| it.exceeded == Exceeded::Deny);
    let room = binding.map(|it| it.remaining).min().unwrap_or(wanted);
    (seen.verdict() == Verdict::Allow).then_some(room.min(wanted).max(check.cost()))
}

/// What one process holds of one set of subjects. Its instants are spans since the process' own start, by a clock that never goes back.
#[derive(Clone, Debug, Default)]
pub struct Lease {
    /// The records as the store had them before the debit.
    records: Vec<Record>,
    /// The store's clock at the debit.
    granted_at: Timestamp,
    granted: u64,
    spent: u64,
    /// When it was asked for.
    sent: Duration,
    /// When its answer came.
    received: Duration,
    ends: Duration,
    /// Not to be asked for again before.
    next: Duration,
}

/// A call that asked for a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseCall {
    /// How much it asked for.
    pub wanted: u64,
    /// When it was sent.
    pub sent: Duration,
    /// When its answer came.
    pub received: Duration,
    /// The store's clock between the two.
    pub store_now: Timestamp,
}

/// What becomes of a check.
#[derive(Clone, Debug)]
pub enum Asked<'a> {
    /// It is decided here.
    Decided(Decision<'a>),
    /// The store must be asked for a lease, and is given back so much of the last one first.
    Ask {
        /// What is left of the last lease, and the instant at which it was debited.
        left: Option<(u64, Timestamp)>,
    },
}

impl Lease {
    /// Whether [`ask`](Self::ask) would ask the store.
    #[must_use]
    pub fn must_ask(&self, check: &Check<'_>, now: Duration) -> bool {
        !self.has(check.cost(), now) && now >= self.next
    }

    fn has(&self, cost: u64, now: Duration) -> bool {
        now < self.ends && cost <= self.granted - self.spent
    }

    /// Spends, holds back, or asks.
    ///
    /// **Boundaries**: a lease is spent before its end, not at it.
    pub fn ask<'a>(&mut self, check: &Check<'a>, now: Duration) -> Asked<'a> {
        if self.has(check.cost(), now) {
            self.spent += check.cost();
            return Asked::Decided(self.shown(check, now));
        }
        if now < self.next {
            let at = self
                .granted_at
                .saturating_add(now.saturating_sub(self.received));
            let seen = peek(check, &self.now_stored(check), at);
            return Asked::Decided(seen.held(self.next - now));
        }
        let left = self.granted - self.spent;
        let left = (left > 0).then_some((left, self.granted_at));
        self.granted = 0;
        self.spent = 0;
        Asked::Ask { left }
    }

    /// Takes what the store has granted, and spends the check's cost of it; or the store's denial.
    pub fn take<'a>(
        &mut self,
        check: &Check<'a>,
        records: Vec<Record>,
        asked: LeaseCall,
        terms: LeaseTerms,
    ) -> Decision<'a> {
        let granted = grant(check, &records, asked.store_now, asked.wanted).unwrap_or(0);
        let denied = step(check, &records, asked.store_now).decision;
        *self = Self {
            granted_at: asked.store_now,
            granted,
            spent: 0,
            sent: asked.sent,
            received: asked.received,
            ends: asked
                .sent
                .saturating_add(life(&denied, terms, asked.store_now)),
            next: Duration::ZERO,
            records,
        };
        if granted < asked.wanted {
            // Not until the denial's wait is over: others give back what they do not spend.
            self.next = asked.received.saturating_add(terms.pause);
        }
        if granted < check.cost() {
            return denied;
        }
        self.spent = check.cost();
        // What asked for the lease passes at the debit, like a strict question: its answer may come after the lease has ended.
        self.shown(check, asked.sent)
    }

    /// When it ends, or may be asked for again: then it may be forgotten.
    #[must_use]
    pub fn over_at(&self) -> Duration {
        self.ends.max(self.next)
    }

    /// The decision as if only what has been spent here had been debited: what headers show falls by what passes.
    ///
    /// Its instant is the latest that the store's clock can show, which lies before the end of every window that was debited.
    fn shown<'a>(&self, check: &Check<'a>, now: Duration) -> Decision<'a> {
        let all = check.costing(self.spent);
        let decision = step(&all, &self.records, self.granted_at).decision;
        decision.at(self
            .granted_at
            .saturating_add(now.saturating_sub(self.sent)))
    }

    /// The records after the debit.
    fn now_stored(&self, check: &Check<'_>) -> Vec<Record> {
        let debit = check.costing(self.granted.max(1));
        let written = step(&debit, &self.records, self.granted_at).write;
        written.unwrap_or_else(|| self.records.clone())
    }
}

/// How long a lease may be spent: no window that it was debited to may end before.
fn life(seen: &Decision<'_>, terms: LeaseTerms, store_now: Timestamp) -> Duration {
    let windows = seen.reports().filter(|it| it.rule.is_window());
    let ends = windows.map(|it| it.reset.saturating_since(store_now));
    ends.fold(terms.life, Duration::min)
}

#[cfg(test)]
mod tests;
