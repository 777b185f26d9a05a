//! Looking into the books: every number, what it was added up from, and everybody who holds something.

use std::collections::{BTreeMap, BTreeSet};

use picora_core::{AccountId, Timestamp};

use super::held::Outcome;
use super::{Auditor, Heard, Kind, broken};
use crate::conformance::simulation::span::{Spot, named};
use crate::{AccountFacts, Cell, Counter, ReservationState};

impl Auditor {
    /// Compares everything that the ledger has written about an account with what it must have.
    pub(in super::super) fn examine(
        &mut self,
        account: AccountId,
        facts: Option<&AccountFacts>,
        now: Timestamp,
    ) -> Heard {
        let Some(facts) = facts else {
            return self.knows_nothing(account);
        };
        let cells = facts.cells.iter().map(|(key, found)| (named(*key), *found));
        let cells: BTreeMap<Spot, (Cell, i128)> = cells.collect();
        self.limits_are_right(account, &cells, facts, now)?;
        self.numbers_are_right(account, &cells)?;
        adds_up(&cells)?;
        self.holders_are_right(account, &cells, facts, now)?;
        let numbers = cells
            .into_iter()
            .map(|(spot, (cell, _))| (spot, numbers(cell)));
        self.before.insert(account, numbers.collect());
        Ok(())
    }

    /// Whoever looked at all accounts says so: what breaks next is of the next call.
    pub(in super::super) fn looked(&mut self) {
        self.last = None;
        self.heard_since = 0;
    }

    fn knows_nothing(&self, account: AccountId) -> Heard {
        let moved = self.accounts.get(&account);
        if moved.is_some_and(|moved| !moved.moves.is_empty()) {
            return broken("I1", format!("{account} is forgotten"));
        }
        Ok(())
    }

    fn numbers_are_right(&self, account: AccountId, cells: &BTreeMap<Spot, (Cell, i128)>) -> Heard {
        let mut spots: BTreeSet<Spot> = cells.keys().cloned().collect();
        spots.extend(
            self.accounts
                .get(&account)
                .into_iter()
                .flat_map(|it| it.spots()),
        );
        let pending = self.outcomes.values().filter_map(Outcome::pending);
        let pending = pending.filter(|held| held.account == account);
        spots.extend(pending.flat_map(|held| held.granted.keys().cloned()));
        let wrong = spots.into_iter().filter_map(|spot| {
            let due = (self.used(account, &spot), self.reserved(account, &spot));
            let found = cells.get(&spot).map_or((0, 0), |(cell, _)| numbers(*cell));
            (found != due).then_some((spot, found, due))
        });
        let wrong: Vec<_> = wrong.collect();
        if wrong.is_empty() {
            return Ok(());
        }
        let why = format!("(used, reserved) of {account}: number, found, due: {wrong:?}");
        broken(self.invariant_of(account, &wrong), why)
    }

    /// What kind of step has left these numbers wrong.
    fn invariant_of(&self, account: AccountId, wrong: &[Wrong]) -> &'static str {
        let Some(last) = &self.last else {
            return "I1";
        };
        let is_wrong = |spot: &Spot| wrong.iter().any(|(it, ..)| it == spot);
        let right = |spot: &&Spot| spot.0 != Counter::OpenReservations && !is_wrong(spot);
        let before = self.before.get(&account);
        let left_as_it_was = |(spot, found, due): &Wrong| {
            let before = before.and_then(|it| it.get(spot)).copied();
            let (used, reserved) = before.unwrap_or((0, 0));
            (found.0 == used && due.0 != used) || (found.1 == reserved && due.1 != reserved)
        };
        let other_window = wrong.iter().any(|(spot, ..)| {
            let same = |(it, ..): &Wrong| it.0 == spot.0 && it.1 != spot.1;
            wrong.iter().any(same)
        });
        match last.kind {
            Kind::Limits => "I12",
            Kind::Recount => "I15",
            Kind::RollUp => "I7",
            Kind::Step if other_window => "I8",
            Kind::Step if last.spots.iter().any(|it| right(&it)) => {
                if wrong.iter().all(left_as_it_was) {
                    "I6"
                } else {
                    "I1"
                }
            }
            Kind::Step => "I1",
        }
    }

    fn limits_are_right(
        &self,
        account: AccountId,
        cells: &BTreeMap<Spot, (Cell, i128)>,
        facts: &AccountFacts,
        now: Timestamp,
    ) -> Heard {
        let Some(known) = self.accounts.get(&account) else {
            return Ok(());
        };
        for ((counter, window), (cell, _)) in cells {
            let limit = cell.limit.max().map(|max| i128::from(max.get()));
            let due = known.limit(*counter);
            if limit != due {
                let why = format!("{counter:?} {window} decides by {limit:?}, not {due:?}");
                return broken("I2", why);
            }
        }
        for dimension in picora_core::Dimension::ALL {
            let limit = facts.entitled.limits.of(dimension).max();
            let limit = limit.map(|max| i128::from(max.get()));
            let due = known.limit_at(Counter::Dimension(dimension), now);
            if limit != due {
                return broken("I2", format!("{dimension} is {limit:?}, not {due:?}"));
            }
        }
        Ok(())
    }

    /// What is reserved is what pending reservations hold, and none of them is dead for long.
    fn holders_are_right(
        &self,
        account: AccountId,
        cells: &BTreeMap<Spot, (Cell, i128)>,
        facts: &AccountFacts,
        now: Timestamp,
    ) -> Heard {
        if facts.unreadable > 0 {
            return broken("I4", format!("{} do not read back", facts.unreadable));
        }
        let mut sums: BTreeMap<Spot, i128> = BTreeMap::new();
        for held in &facts.pending {
            let due = self.held(held.id);
            match due {
                Some(due) if due.is_pending() => super::admission::same(due, held)?,
                _ if held.expires_at.saturating_add(super::life::SWEPT) < now => {
                    return broken("I16", format!("it is stuck: {held:?}"));
                }
                due => return broken("I4", format!("it is held, and is {due:?}: {held:?}")),
            }
            for (spot, amount) in super::held::granted_of(held) {
                *sums.entry(spot).or_default() += amount;
            }
        }
        let mine = |outcome: &&Outcome| outcome.pending().is_some_and(|it| it.account == account);
        let due = self.outcomes.values().filter(mine).count();
        if due != facts.pending.len() {
            return broken("I4", format!("{due} are pending: {:?}", facts.pending));
        }
        for (spot, (cell, _)) in cells {
            let held = sums.get(spot).copied().unwrap_or(0);
            if i128::from(cell.reserved.get()) != held {
                return broken("I1", format!("{spot:?} is {cell:?}, but {held} is held"));
            }
        }
        Ok(())
    }
}

/// A number, what the books say (used, reserved), and what they should.
type Wrong = (Spot, (i128, i128), (i128, i128));

fn numbers(cell: Cell) -> (i128, i128) {
    (i128::from(cell.used.get()), i128::from(cell.reserved.get()))
}

/// Whether the clock has left nobody behind who holds something.
pub(in super::super) fn nobody_is_left(facts: &AccountFacts) -> Heard {
    let pending = |it: &&crate::Reservation| it.state == ReservationState::Pending;
    match facts.pending.iter().find(pending) {
        Some(held) => broken("I16", format!("something is still held: {held:?}")),
        None => Ok(()),
    }
}

/// The journal adds up to what is used: there is no drift that a recount would have to find.
fn adds_up(cells: &BTreeMap<Spot, (Cell, i128)>) -> Heard {
    for (spot, (cell, journal)) in cells {
        let used = i128::from(cell.used.get());
        if spot.0 != Counter::OpenReservations && used != *journal {
            return broken(
                "I1",
                format!("{spot:?} has drifted: {used}, and {journal} moved"),
            );
        }
    }
    Ok(())
}
