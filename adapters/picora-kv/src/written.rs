//! What this process has written.

use std::collections::HashMap;
use std::time::Duration;

use picora_core::{AccountId, Timestamp};
use picora_quota::echo::{MONTHLY_LIFE, Slot, Snapshot};

/// The last snapshot of each account and which of its keys stand. KV compares nothing: this is what an older snapshot is held against.
///
/// **Boundaries**: of the accounts that were written last, at least half of `most` are remembered and at most all of it.
#[derive(Debug)]
pub(crate) struct Written {
    most: usize,
    young: HashMap<AccountId, Known>,
    old: HashMap<AccountId, Known>,
    /// What was written under another number may have been lost, or replaced by somebody else.
    trusted: u64,
}

#[derive(Clone, Copy, Debug)]
enum Known {
    /// Its keys are gone, and shall not come back.
    Erased,
    Wrote(Wrote),
}

#[derive(Clone, Copy, Debug)]
struct Wrote {
    snapshot: Snapshot,
    tried: [Timestamp; SLOTS],
    stands: [bool; SLOTS],
    trusted: u64,
}

/// What is to be done with one key of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judged {
    /// A higher epoch has written it, or its account was erased.
    Superseded,
    /// It says this already, and lives long enough.
    Stands,
    /// It was written a moment ago.
    TooSoon(Timestamp),
    /// It is to be written.
    Write,
}

impl Written {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most: most.max(2),
            young: HashMap::new(),
            old: HashMap::new(),
            trusted: 0,
        }
    }

    /// What to do with a key of this snapshot.
    pub(crate) fn judge(&self, snapshot: &Snapshot, slot: Slot, now: Timestamp) -> Judged {
        let known = match self.known(snapshot.account) {
            None => return Judged::Write,
            Some(Known::Erased) => return Judged::Superseded,
            Some(Known::Wrote(known)) => known,
        };
        if known.snapshot.epoch > snapshot.epoch {
            return Judged::Superseded;
        }
        let (tried, month) = (known.tried[slot as usize], known.snapshot.month);
        if month != snapshot.month && slot.is_monthly() {
            return Judged::Write; // another key
        }
        if known.trusted == self.trusted && known.says(snapshot, slot, now) {
            return Judged::Stands;
        }
        too_soon(tried, now).map_or(Judged::Write, Judged::TooSoon)
    }

    /// From now on nothing of a lower epoch is written. A snapshot that is superseded itself changes nothing.
    pub(crate) fn takes(&mut self, snapshot: &Snapshot) {
        let trusted = self.trusted;
        let stands = [false; SLOTS];
        let next = match self.known(snapshot.account).copied() {
            Some(Known::Erased) => return,
            Some(Known::Wrote(known)) if known.snapshot.epoch > snapshot.epoch => return,
            Some(Known::Wrote(known)) if known.trusted == trusted => known,
            Some(Known::Wrote(known)) => Wrote { stands, ..known },
            None => Wrote {
                snapshot: *snapshot,
                tried: [Timestamp::EPOCH; SLOTS],
                stands,
                trusted,
            },
        };
        let next = Wrote {
            snapshot: *snapshot,
            trusted,
            ..next
        };
        self.remember(snapshot.account, Known::Wrote(next));
    }

    /// A key of the account's last snapshot is about to be written: until [`wrote`](Self::wrote) says so, nobody knows what stands there.
    pub(crate) fn tries(&mut self, account: AccountId, slot: Slot, now: Timestamp) {
        if let Some(Known::Wrote(known)) = self.known_mut(account) {
            known.tried[slot as usize] = now;
            known.stands[slot as usize] = false;
        }
    }

    /// A key of the account's last snapshot was written.
    pub(crate) fn wrote(&mut self, account: AccountId, slot: Slot) {
        if let Some(Known::Wrote(known)) = self.known_mut(account) {
            known.stands[slot as usize] = true;
        }
    }

    /// Nothing of the account is written any more. **Errors**: from when on its keys can be removed; it is noted in any case.
    pub(crate) fn erase(&mut self, account: AccountId, now: Timestamp) -> Result<(), Timestamp> {
        let soon = match self.known(account) {
            Some(Known::Wrote(known)) => {
                known.tried.iter().filter_map(|it| too_soon(*it, now)).max()
            }
            _ => None,
        };
        // When it cannot be removed yet the times are kept, and a later snapshot is kept out by the highest epoch.
        match (soon, self.known(account).copied()) {
            (Some(until), Some(Known::Wrote(known))) => {
                let epoch = u64::MAX;
                let snapshot = Snapshot {
                    epoch,
                    ..known.snapshot
                };
                let kept = Wrote { snapshot, ..known };
                self.remember(account, Known::Wrote(kept));
                Err(until)
            }
            _ => {
                self.remember(account, Known::Erased);
                Ok(())
            }
        }
    }

    /// What stands is not known any more; what supersedes what still is.
    pub(crate) const fn distrust(&mut self) {
        self.trusted += 1;
    }

    fn known(&self, account: AccountId) -> Option<&Known> {
        let young = self.young.get(&account);
        young.or_else(|| self.old.get(&account))
    }

    fn known_mut(&mut self, account: AccountId) -> Option<&mut Known> {
        let young = self.young.get_mut(&account);
        young.or_else(|| self.old.get_mut(&account))
    }

    fn remember(&mut self, account: AccountId, known: Known) {
        if self.young.len() >= self.most / 2 && !self.young.contains_key(&account) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(account, known);
    }
}

impl Wrote {
    fn says(&self, snapshot: &Snapshot, slot: Slot, now: Timestamp) -> bool {
        let last = &self.snapshot;
        let same = match slot.amount(snapshot) {
            Some(amount) => slot.amount(last) == Some(amount),
            // A status ends with its month.
            None => last.video_status == snapshot.video_status && last.month == snapshot.month,
        };
        let age = now.saturating_since(self.tried[slot as usize]);
        let lives = !slot.is_monthly() || age < MONTHLY_LIFE / 2;
        same && lives && self.stands[slot as usize]
    }
}

/// When a key that was written at `at` may be written again, if not yet. A clock that has stepped back keeps nobody waiting.
pub(crate) fn too_soon(at: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let ready = at.saturating_add(WRITE_EVERY);
    (at <= now && now < ready).then_some(ready)
}

/// KV takes one write of a key in a second.
pub(crate) const WRITE_EVERY: Duration = Duration::from_secs(1);
const SLOTS: usize = Slot::ALL.len();

#[cfg(test)]
mod tests;
