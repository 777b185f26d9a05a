//! What a caller has written down: all that it knows after a crash.

use std::collections::BTreeMap;

use picora_core::{AccountId, Amount, Dimension, Posting, Tally, Timestamp};

use crate::conformance::simulation::span::{named, spot};
use crate::{Counter, Granted, Recount, Reserve};

/// The journal of a [`Caller`](super::Caller): each entry is written before the call that it is about, and again after its answer.
#[derive(Debug, Default)]
pub struct Journal {
    pub(super) uploads: Vec<Upload>,
    pub(super) bills: Vec<Bill>,
    pub(super) recounts: Vec<Count>,
}

/// Something that is to be stored.
#[derive(Clone, Debug)]
pub(super) struct Upload {
    pub(super) request: Reserve,
    pub(super) state: State,
    pub(super) since: Timestamp,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum State {
    /// Room was asked for; nobody knows the answer.
    Asked,
    /// There is room for it.
    Held,
    /// It is stored, and what it took is being settled; nobody knows whether it is.
    Settling(Vec<(Dimension, Amount)>),
    /// It came to nothing, and its room is being given back; nobody knows whether it is.
    GivingUp,
    /// It is stored and paid for.
    Stored(Vec<Granted>),
    /// It was stored, and is gone.
    Gone(Vec<Granted>),
    /// It never was.
    Over,
}

/// A posting.
#[derive(Clone, Debug)]
pub(super) struct Bill {
    pub(super) posting: Posting,
    /// Whether an answer was lost, so that it may have been posted.
    pub(super) lost: bool,
    pub(super) state: Posted,
    pub(super) since: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Posted {
    InDoubt,
    Done,
    Refused,
}

/// A recount.
#[derive(Clone, Debug)]
pub(super) struct Count {
    pub(super) recount: Recount,
    /// Whether it may have been posted by a call without an answer.
    pub(super) asked: bool,
    /// What it has corrected, once that is known.
    pub(super) by: Option<i128>,
    pub(super) since: Timestamp,
}

impl Journal {
    /// What is used by all that was acknowledged, of each account, counter and window.
    #[must_use]
    pub fn used(&self) -> BTreeMap<(AccountId, Counter, String), i128> {
        let mut sums = BTreeMap::new();
        let mut add = |account, (counter, window), by: i128| {
            *sums.entry((account, counter, window)).or_default() += by;
        };
        for upload in &self.uploads {
            for granted in upload.paid() {
                let amount = i128::from(granted.amount.get());
                add(upload.request.account, named(granted.key), amount);
            }
        }
        for bill in self.bills.iter().filter(|it| it.state == Posted::Done) {
            let Posting {
                account,
                dimension,
                tally,
                happened_at,
                ..
            } = bill.posting;
            let counters = [
                Some(Counter::Dimension(dimension)),
                tally.map(Counter::Tally),
            ];
            for counter in counters.into_iter().flatten() {
                if let Some(spot) = spot(counter, happened_at) {
                    add(account, spot, i128::from(bill.posting.delta));
                }
            }
        }
        for count in &self.recounts {
            let spot = (count.recount.counter, String::new());
            add(count.recount.account, spot, count.by.unwrap_or(0));
        }
        sums.retain(|_, used| *used != 0);
        sums
    }

    /// Since when it does not know what became of something.
    #[must_use]
    pub fn in_doubt_since(&self) -> Option<Timestamp> {
        let uploads = self.uploads.iter().filter(|it| it.is_in_doubt());
        let bills = self.bills.iter().filter(|it| it.state == Posted::InDoubt);
        let counts = self.recounts.iter().filter(|it| it.by.is_none());
        let since = uploads.map(|it| it.since);
        since
            .chain(bills.map(|it| it.since))
            .chain(counts.map(|it| it.since))
            .min()
    }

    /// What is stored of a counter, were one to count it.
    pub(super) fn truth(&self, account: AccountId, counter: Counter) -> u64 {
        let of_account = |it: &&Upload| it.request.account == account;
        let stored = self.uploads.iter().filter(of_account);
        let stored = stored.filter_map(|it| match &it.state {
            State::Stored(granted) => Some(granted),
            _ => None,
        });
        let granted = stored.flatten().filter(|it| it.key.counter == counter);
        granted.map(|it| it.amount.get()).sum()
    }
}

impl Upload {
    pub(super) const fn is_in_doubt(&self) -> bool {
        matches!(
            self.state,
            State::Asked | State::GivingUp | State::Settling(_)
        )
    }

    fn paid(&self) -> &[Granted] {
        match &self.state {
            State::Stored(granted) | State::Gone(granted) => granted,
            _ => &[],
        }
    }

    /// What is freed when it is removed.
    pub(super) fn levels(&self) -> Vec<(Dimension, Option<Tally>, Amount)> {
        let levels = self.paid().iter().filter_map(|it| match it.key.counter {
            Counter::Dimension(dimension) if it.key.window.end().is_none() => {
                Some((dimension, it.amount))
            }
            _ => None,
        });
        let kept = |dimension| {
            let mut kept = self.paid().iter().map(|it| it.key.counter);
            kept.find_map(|counter| match counter {
                Counter::Tally(tally) if tally.dimension() == dimension => Some(tally),
                _ => None,
            })
        };
        levels
            .map(|(dimension, amount)| (dimension, kept(dimension), amount))
            .collect()
    }
}
