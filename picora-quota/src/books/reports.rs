//! What the books tell of their past and of themselves.

use super::*;

impl Books {
    /// See [`LedgerReports::adjustments`](crate::LedgerReports::adjustments).
    #[must_use]
    pub fn adjustments(&self, account: AccountId) -> Vec<Adjustment> {
        let book = self.accounts.get(&account);
        book.map_or_else(Vec::new, |book| {
            book.adjustments.values().cloned().collect()
        })
    }

    /// See [`LedgerReports::alerts`](crate::LedgerReports::alerts).
    #[must_use]
    pub fn alerts(&self, account: AccountId) -> Vec<Alert> {
        let of_it = |alert: &&Alert| alert.account == account;
        self.alerts.iter().filter(of_it).copied().collect()
    }

    /// See [`LedgerReports::history`](crate::LedgerReports::history).
    #[must_use]
    pub fn history(&self, account: AccountId, query: &HistoryQuery) -> Vec<HistoryPoint> {
        let mut facts: Vec<_> = self
            .facts
            .iter()
            .filter(|((of, counter, ..), _)| *of == account && query.counters.contains(counter))
            .map(|((_, counter, grain, start), (moved, level))| {
                let point = HistoryPoint {
                    counter: *counter,
                    start: *start,
                    moved: *moved,
                    level: *level,
                };
                (point, *grain)
            })
            .filter(|(fact, _)| query.covers(fact.start))
            .collect();
        facts.sort_by_key(|(fact, grain)| (fact.counter, fact.start, Reverse(*grain)));
        rolled_up(facts.into_iter().map(|(fact, _)| fact), query.grain)
    }

    /// See [`LedgerReports::roll_up`](crate::LedgerReports::roll_up).
    pub fn roll_up(&mut self, most: u32, now: Timestamp) -> u32 {
        let old = self
            .facts
            .keys()
            .filter(|(_, _, grain, start)| grain.is_over(*start, now));
        let old: Vec<_> = old
            .take(usize::try_from(most).unwrap_or(usize::MAX))
            .copied()
            .collect();
        for key in &old {
            let (account, counter, grain, start) = *key;
            let (Some((moved, level)), Some(coarser)) = (self.facts.remove(key), grain.coarser())
            else {
                continue;
            };
            let sum = self
                .facts
                .entry((account, counter, coarser, coarser.start(start)))
                .or_default();
            *sum = (sum.0.saturating_add(moved), level);
        }
        u32::try_from(old.len()).unwrap_or(u32::MAX)
    }

    /// See [`LedgerReports::accounts`](crate::LedgerReports::accounts).
    #[must_use]
    pub fn accounts(&self, after: Option<AccountId>, most: u32) -> Vec<AccountId> {
        let later = self
            .accounts
            .keys()
            .filter(|id| after.is_none_or(|after| **id > after));
        later
            .take(usize::try_from(most).unwrap_or(usize::MAX))
            .copied()
            .collect()
    }

    /// See [`LedgerReports::facts`](crate::LedgerReports::facts).
    pub fn facts(
        &self,
        account: AccountId,
        now: Timestamp,
    ) -> Result<Option<AccountFacts>, AmountError> {
        let Some(book) = self.accounts.get(&account) else {
            return Ok(None);
        };
        let pending = self
            .outcomes
            .values()
            .filter_map(|entry| match &entry.outcome {
                Outcome::Admitted(held)
                    if held.account == account && held.state == ReservationState::Pending =>
                {
                    Some(held.clone())
                }
                _ => None,
            });
        let cells = book.cells.iter();
        Ok(Some(AccountFacts {
            account,
            cells: cells
                .map(|(key, kept)| (*key, (kept.cell, kept.journal)))
                .collect(),
            pending: pending.collect(),
            unreadable: 0,
            entitled: book.entitled_at(now)?,
            open_reservations: book.open_reservations,
            limits_until: book.entitled.until,
        }))
    }

    /// See [`Changes::marks`](picora_core::Changes::marks).
    #[must_use]
    pub fn mark(&self, account: AccountId, now: Timestamp) -> ChangeMark {
        let day = CalendarDay::of(now).to_string();
        let Some(book) = self.accounts.get(&account) else {
            return ChangeMark::new(&day, 0);
        };
        let moves: u64 = book.cells.values().map(|kept| kept.moves).sum();
        ChangeMark::new(&day, 1 + book.version + moves)
    }

    /// See [`EchoSource::numbers`](crate::echo::EchoSource::numbers).
    #[must_use]
    pub fn numbers(&self, account: AccountId, now: Timestamp) -> Option<Numbers> {
        let book = self.accounts.get(&account)?;
        let month = CalendarMonth::of(now);
        let mut numbers = Numbers::nothing(account, month);
        numbers.epoch = 1 + book.version;
        for (key, kept) in &book.cells {
            let Some(place) = Numbers::place(key.counter) else {
                continue;
            };
            numbers.epoch += kept.moves;
            if matches!(key.window, Window::Always) || key.window == Window::Month(month) {
                numbers.used[place] = kept.cell.used;
            }
        }
        numbers.video_limit = book.limit(Counter::Dimension(Dimension::MediaBandwidth));
        Some(numbers)
    }
}
