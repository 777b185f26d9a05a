//! What accounts may do, in the books.

use super::*;

impl Books {
    /// See [`Ledger::set_limits`](crate::Ledger::set_limits).
    pub fn set_limits(&mut self, limits: &SetLimits, now: Timestamp) -> Result<(), AmountError> {
        let mut book = self
            .accounts
            .get(&limits.account)
            .cloned()
            .unwrap_or_default();
        book.plan = limits.limits;
        book.open_reservations = Limit::Max(limits.open_reservations);
        self.entitle(limits.account, book, now)
    }

    /// See [`Ledger::adjust`](crate::Ledger::adjust).
    pub fn adjust(
        &mut self,
        adjustment: &Adjustment,
        now: Timestamp,
    ) -> Result<Adjusted, AmountError> {
        if !adjustment.is_well_formed() {
            return Ok(Adjusted::Malformed);
        }
        let known = self
            .accounts
            .values()
            .find_map(|book| book.adjustments.get(&adjustment.id));
        if let Some(known) = known {
            return Ok(known.answer_to(adjustment));
        }
        let mut book = self
            .accounts
            .get(&adjustment.account)
            .cloned()
            .unwrap_or_default();
        book.adjustments.insert(adjustment.id, adjustment.clone());
        self.entitle(adjustment.account, book, now)?;
        Ok(Adjusted::Done)
    }

    /// See [`Ledger::withdraw`](crate::Ledger::withdraw).
    pub fn withdraw(
        &mut self,
        account: AccountId,
        id: AdjustmentId,
        now: Timestamp,
    ) -> Result<bool, AmountError> {
        let Some(mut book) = self.accounts.get(&account).cloned() else {
            return Ok(false);
        };
        let Some(ended) = book.adjustments.get_mut(&id).and_then(|it| it.end_at(now)) else {
            return Ok(false);
        };
        book.adjustments.insert(id, ended);
        self.entitle(account, book, now)?;
        Ok(true)
    }

    /// See [`Ledger::refresh`](crate::Ledger::refresh).
    pub fn refresh(&mut self, most: u32, now: Timestamp) -> Result<u32, AmountError> {
        let due = self.accounts.iter().filter(|(_, book)| is_due(book, now));
        let due = due.map(|(account, _)| *account);
        let due: Vec<_> = due
            .take(usize::try_from(most).unwrap_or(usize::MAX))
            .collect();
        for account in &due {
            self.refresh_account(*account, now)?;
        }
        Ok(u32::try_from(due.len()).unwrap_or(u32::MAX))
    }

    /// Replaces the limits of an account by those of a book.
    fn entitle(
        &mut self,
        account: AccountId,
        mut book: Book,
        now: Timestamp,
    ) -> Result<(), AmountError> {
        book.entitled = book.entitled_at(now)?;
        book.version += 1;
        let (entitled, open) = (book.entitled, book.open_reservations);
        for (key, kept) in &mut book.cells {
            let limit = limit_of(&entitled, open, key.counter);
            let same = kept.cell.limit == limit;
            kept.cell.limit = limit;
            kept.moves += 1;
            if same {
                continue; // the change of one limit must not arm another again (C55)
            }
            let (alarm, level) = self
                .thresholds
                .after_limit(*key, kept.cell, kept.alarm, now);
            kept.alarm = alarm;
            let alert =
                level.and_then(|level| Alert::of(account, *key, kept.cell, alarm, level, now));
            self.alerts.extend(alert);
        }
        self.accounts.insert(account, book);
        Ok(())
    }

    pub(super) fn refresh_account(
        &mut self,
        account: AccountId,
        now: Timestamp,
    ) -> Result<(), AmountError> {
        match self.accounts.get(&account) {
            Some(book) if is_due(book, now) => self.entitle(account, book.clone(), now),
            _ => Ok(()),
        }
    }
}
