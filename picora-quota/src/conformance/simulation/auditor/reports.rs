//! What the ledger tells: usage, alerts, and how it went.

use std::collections::BTreeMap;

use picora_core::{AccountId, StoreError, Tally, Timestamp};

use super::bells::Told as Rung;
use super::life::is_over;
use super::{Auditor, Heard, broken, heard};
use crate::conformance::simulation::call::Answer;
use crate::conformance::simulation::span::{Span, Spot, day_of, month_of, named};
use crate::{Alert, Counter, Grain, HistoryPoint, UsageLine};

impl Auditor {
    pub(super) fn usage(
        &self,
        account: AccountId,
        now: Timestamp,
        answer: &Result<Answer, StoreError>,
    ) -> Heard {
        let Some(lines) = heard!(answer, Usage) else {
            return broken("I3", "a look is no change");
        };
        lines
            .iter()
            .try_for_each(|line| self.line_is_right(account, line, now))
    }

    fn line_is_right(&self, account: AccountId, line: &UsageLine, now: Timestamp) -> Heard {
        let counter = Counter::Dimension(line.dimension);
        let opened = self.opened(account, counter, now);
        let window = opened.or_else(|| Span::of(counter, now));
        let spot = (
            counter,
            window.map_or_else(String::new, |it| it.to_string()),
        );
        if named(line.key) != spot {
            return broken("I8", format!("{line:?} counts in {spot:?}"));
        }
        let known = self.accounts.get(&account);
        let stale = known.is_some_and(|known| known.is_stale(now));
        let limit = known.map_or(Some(0), |known| {
            known.limit_at(counter, if stale { now } else { known.as_of })
        });
        if line.cell.limit.max().map(|max| i128::from(max.get())) != limit {
            return broken("I2", format!("{line:?} has the limit {limit:?}"));
        }
        let tally = Tally::ALL
            .into_iter()
            .find(|it| it.dimension() == line.dimension);
        let tally = tally.map_or(0, |tally| {
            self.used(account, &(Counter::Tally(tally), spot.1.clone()))
        });
        let found = [line.cell.used, line.cell.reserved, line.tally];
        let found = found.map(|amount| i128::from(amount.get()));
        let due = [
            self.used(account, &spot),
            self.reserved(account, &spot),
            tally,
        ];
        if found != due {
            return broken(
                "I1",
                format!("used, reserved, tally: {line:?}, not {due:?}"),
            );
        }
        Ok(())
    }

    /// Each level is told of when it is reached, once, and nothing else is.
    pub(in super::super) fn alerts_are_right(&self, account: AccountId, alerts: &[Alert]) -> Heard {
        let number = |amount: picora_core::Amount| i128::from(amount.get());
        let mut names: Vec<String> = alerts.iter().map(Alert::key).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return broken("I10", format!("{} is told twice", twice[0]));
        }
        let told = alerts.iter().map(|alert| Rung {
            spot: (
                Counter::Dimension(alert.dimension),
                alert.window.to_string(),
            ),
            permille: alert.permille,
            used: number(alert.used),
            limit: number(alert.limit),
            at: alert.raised_at,
        });
        let mut told: Vec<Rung> = told.collect();
        let mut due = self
            .accounts
            .get(&account)
            .map_or_else(Vec::new, |it| it.told.clone());
        told.sort_unstable();
        due.sort_unstable();
        let missed: Vec<_> = due.iter().filter(|it| !told.contains(it)).collect();
        if !missed.is_empty() {
            return broken("I10", format!("nobody was told: {missed:?}"));
        }
        if told != due {
            return broken("I10", format!("{told:?} was told, not {due:?}"));
        }
        Ok(())
    }

    /// The facts of hours, days and months add up to what moved.
    pub(in super::super) fn history_is_right(
        &self,
        account: AccountId,
        grain: Grain,
        points: &[HistoryPoint],
    ) -> Heard {
        let start = |hour: Timestamp| match grain {
            Grain::Hour => Some(hour),
            Grain::Day => Span::Day(day_of(hour)).start(),
            Grain::Month => Span::Month(month_of(hour)).start(),
        };
        let mut due: BTreeMap<(Counter, Timestamp), (i128, i128)> = BTreeMap::new();
        let moves = self.accounts.get(&account);
        for it in moves.into_iter().flat_map(|known| &known.moves) {
            let Some(start) = start(it.hour) else {
                continue;
            };
            let sum = due.entry((it.spot.0, start)).or_default();
            *sum = (sum.0 + it.by, it.after);
        }
        let found: BTreeMap<_, _> = points
            .iter()
            .map(|it| {
                let numbers = (i128::from(it.moved), i128::from(it.level.get()));
                ((it.counter, it.start), numbers)
            })
            .collect();
        // The last move of a day need not be the last one of its last hour: only hours tell their level so.
        let numbers = |all: &BTreeMap<(Counter, Timestamp), (i128, i128)>| -> Vec<_> {
            let level = |level: i128| (grain == Grain::Hour).then_some(level);
            all.iter()
                .map(|(key, (moved, after))| (*key, *moved, level(*after)))
                .collect()
        };
        let (found, due) = (numbers(&found), numbers(&due));
        if found != due {
            let invariant = if self.rolled_up { "I7" } else { "I1" };
            return broken(invariant, format!("{grain:?}: {found:?}, not {due:?}"));
        }
        Ok(())
    }

    /// Whether facts of this grain are still apart: hours become days after weeks, days months after a year.
    pub(in super::super) const fn has(&self, grain: Grain) -> bool {
        matches!(grain, Grain::Month) || !self.rolled_up
    }

    /// Windows that are over and in which something is counted.
    pub(in super::super) fn windows_over(&self, now: Timestamp) -> usize {
        let spots = self.accounts.values().flat_map(|known| known.spots());
        spots.filter(|spot: &Spot| is_over(spot, now)).count()
    }

    /// How often somebody was told.
    pub(in super::super) fn told(&self) -> usize {
        self.accounts.values().map(|known| known.told.len()).sum()
    }
}
