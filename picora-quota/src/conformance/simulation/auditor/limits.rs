//! Plans, overrides and grants.

use picora_core::{AccountId, AdjustmentId, Limit, SetLimits, StoreError, Timestamp};

use super::account::Account;
use super::{Auditor, Due, Heard, broken, heard};
use crate::conformance::simulation::call::Answer;
use crate::{Adjusted, Adjustment};

type Told = Result<Answer, StoreError>;

impl Auditor {
    pub(super) fn set_limits(
        &mut self,
        limits: &SetLimits,
        now: Timestamp,
        answer: &Told,
    ) -> Heard {
        let due = self.entitle(limits.account, now, |account| {
            account.plan = limits.limits;
            account.open = Limit::Max(limits.open_reservations);
        });
        in_range(&due, answer)
    }

    pub(super) fn adjust(
        &mut self,
        adjustment: &Adjustment,
        now: Timestamp,
        answer: &Told,
    ) -> Heard {
        let known = self
            .accounts
            .values()
            .find_map(|account| account.adjustments.get(&adjustment.id));
        let due = if adjustment
            .until
            .is_some_and(|until| until <= adjustment.from)
        {
            Adjusted::Malformed
        } else if let Some(known) = known {
            let same = Adjustment {
                until: known.until, // it may have been withdrawn since
                ..adjustment.clone()
            };
            if *known == same {
                Adjusted::Repeated
            } else {
                Adjusted::IdReused
            }
        } else {
            let due = self.entitle(adjustment.account, now, |account| {
                account
                    .adjustments
                    .insert(adjustment.id, adjustment.clone());
            });
            in_range(&due, answer)?;
            if matches!(due, Due::OutOfRange) {
                return Ok(());
            }
            Adjusted::Done
        };
        match heard!(answer, Adjusted) {
            Some(told) if *told == due => Ok(()),
            told => broken("I5", format!("the adjustment is {told:?}, not {due:?}")),
        }
    }

    pub(super) fn withdraw(
        &mut self,
        account: AccountId,
        id: AdjustmentId,
        now: Timestamp,
        answer: &Told,
    ) -> Heard {
        let known = self.account(account).adjustments.get(&id).cloned();
        let end = known.and_then(|known| {
            let end = now.max(known.from);
            known.until.is_none_or(|until| end < until).then_some(end)
        });
        if let Some(end) = end {
            let due = self.entitle(account, now, |account| {
                if let Some(ended) = account.adjustments.get_mut(&id) {
                    ended.until = Some(end);
                }
            });
            in_range(&due, answer)?;
            if matches!(due, Due::OutOfRange) {
                return Ok(());
            }
        }
        match heard!(answer, Withdrawn) {
            Some(told) if *told == end.is_some() => Ok(()),
            told => broken("I5", format!("withdrawn is {told:?}, it ends at {end:?}")),
        }
    }

    pub(super) fn refresh(&mut self, now: Timestamp, answer: &Told) -> Heard {
        let stale: Vec<_> = self
            .accounts
            .iter()
            .filter(|(_, account)| account.is_stale(now))
            .map(|(id, _)| *id)
            .collect();
        for account in &stale {
            self.refresh_account(*account, now);
        }
        match heard!(answer, Counted) {
            Some(count) if stale.len() <= *count as usize => Ok(()),
            told => broken(
                "I2",
                format!("{told:?} accounts have new limits, not {stale:?}"),
            ),
        }
    }

    /// Whoever asks for room first brings the limits up to date.
    pub(super) fn refresh_account(&mut self, account: AccountId, now: Timestamp) {
        if self.account(account).is_stale(now) {
            self.entitle(account, now, |_| {}); // what was in range when it was agreed is in range when it begins
        }
    }

    /// Works the limits out anew; what another limit reaches is told.
    fn entitle(
        &mut self,
        account: AccountId,
        now: Timestamp,
        change: impl FnOnce(&mut Account),
    ) -> Due<()> {
        let before = self.account(account);
        let mut after = before.clone();
        change(&mut after);
        if !after.is_in_range(now) {
            return Due::OutOfRange;
        }
        after.as_of = now;
        after.touched += 1;
        for spot in after.spots() {
            if before.limit(spot.0) != after.limit(spot.0) {
                after.ring_after_a_limit(&spot, now);
            }
        }
        *before = after;
        Due::Answer(())
    }
}

/// A number that would leave its range is an error, and nothing else is.
fn in_range(due: &Due<()>, answer: &Told) -> Heard {
    match (due, answer) {
        (Due::Answer(()), Ok(_)) | (Due::OutOfRange, Err(_)) => Ok(()),
        (Due::Answer(()), Err(error)) => broken("I3", format!("refused for nothing: {error}")),
        (Due::OutOfRange, Ok(told)) => broken("I3", format!("a limit above 2^62: {told:?}")),
    }
}
