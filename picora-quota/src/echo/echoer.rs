//! What is published when.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use picora_core::{AccountId, StoreErrorKind, Timestamp};

use super::{Budget, EchoCaps, EchoError, Marker, STATUS_LIFE, Snapshot, StatusLife};

/// How much an [`Echoer`] may ask of its echo.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Publications; a burst, and then one in each interval.
    pub budget: Budget,
    /// How often the marker is looked at.
    pub look_every: Duration,
    /// How long another process' rebuilding may take before this one takes over.
    pub patience: Duration,
    /// How long nothing is tried after a failure that names no time itself.
    pub pause: Duration,
    /// How many accounts' last publications are remembered. What is forgotten is published once more.
    pub most_remembered: usize,
}

impl Default for Pace {
    /// A hundred publications at once and ten a second; a look every 10 s; 10 minutes of patience; a second's pause; a million accounts.
    fn default() -> Self {
        Self {
            budget: Budget::new(100, Duration::from_millis(100)),
            look_every: Duration::from_secs(10),
            patience: Duration::from_secs(600),
            pause: Duration::from_secs(1),
            most_remembered: 1_000_000,
        }
    }
}

/// Decides what an echo is sent, and when. It sends nothing itself: ask [`next`](Self::next), do it, tell how it went.
///
/// Of each account the latest snapshot waits, and no other; flips of a status go first; what says the same as what was published is not sent,
/// unless a leased status has lived half its life. When the marker is lost, it asks for all accounts.
///
/// **State**: a [`Batch`] is under way until [`published`](Self::published) or [`failed`](Self::failed) hears of it.
///
/// ```
/// use picora_core::Timestamp;
/// use picora_quota::echo::{Echo, Echoer, MemoryEcho, Pace, Step};
///
/// let now = Timestamp::from_unix_seconds(1_777_000_000);
/// let mut echoer = Echoer::new(MemoryEcho::default().caps(), Pace::default(), 1);
/// assert!(matches!(echoer.next(now), Step::Look));
/// echoer.looked(None, now); // an empty echo: all accounts are wanted
/// assert!(matches!(echoer.next(now), Step::Mark { .. }));
/// ```
#[derive(Debug)]
pub struct Echoer {
    caps: EchoCaps,
    pace: Pace,
    /// What this process marks a rebuilding with.
    generation: u64,
    waiting: BTreeMap<AccountId, Waiting>,
    flips: VecDeque<AccountId>,
    others: VecDeque<AccountId>,
    under_way: BTreeMap<AccountId, Snapshot>,
    remembered: BTreeMap<AccountId, Remembered>,
    quiet_until: Timestamp,
    look_at: Timestamp,
    marked: Marked,
}

/// The latest snapshot, and whether its account is among the flips.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    snapshot: Snapshot,
    flips: bool,
}

#[derive(Clone, Copy, Debug)]
struct Remembered {
    snapshot: Snapshot,
    at: Timestamp,
}

/// How far the echo is known to be whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Marked {
    /// Nobody has looked.
    Unknown,
    /// It was whole when last looked at.
    Whole(u64),
    /// Another process rebuilds it, seen first at this instant.
    Others(u64, Timestamp),
    /// It is lost; `Building` is to replace what stands there.
    Lost(Option<Marker>),
    /// All accounts are to be asked for.
    Ask,
    /// They are being offered.
    Offering,
    /// They have all been offered; when nothing waits, it is whole.
    Offered,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Publish these, and tell [`Echoer::published`] or [`Echoer::failed`].
    Publish(Batch),
    /// Read the marker, and tell [`Echoer::looked`].
    Look,
    /// Replace the marker, and tell [`Echoer::marked`].
    Mark {
        /// What must stand there.
        was: Option<Marker>,
        /// What shall.
        by: Marker,
    },
    /// Offer every account that there is, read from SQL after this instant, and then tell [`Echoer::offered_all`].
    OfferAll,
    /// Nothing before then, unless something is offered.
    Wait(Timestamp),
}

/// Snapshots under way, flips first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    snapshots: Vec<Snapshot>,
    rebuilding: bool,
}

impl Batch {
    /// What to publish.
    #[must_use]
    pub fn snapshots(&self) -> &[Snapshot] {
        &self.snapshots
    }
}

impl Echoer {
    /// For an echo that can this. `generation` is another number in each process and each run, such as a random one.
    #[must_use]
    pub const fn new(caps: EchoCaps, pace: Pace, generation: u64) -> Self {
        Self {
            caps,
            pace,
            generation,
            waiting: BTreeMap::new(),
            flips: VecDeque::new(),
            others: VecDeque::new(),
            under_way: BTreeMap::new(),
            remembered: BTreeMap::new(),
            quiet_until: Timestamp::EPOCH,
            look_at: Timestamp::EPOCH,
            marked: Marked::Unknown,
        }
    }

    /// Takes what SQL says of an account now. False when it is not worth sending: it is older than what waits or was sent, or says the same.
    pub fn offer(&mut self, snapshot: Snapshot, now: Timestamp) -> bool {
        let account = snapshot.account;
        let under_way = self.under_way.get(&account);
        let waiting = self.waiting.get(&account).copied();
        let later = [waiting.as_ref().map(|it| &it.snapshot), under_way];
        if later
            .into_iter()
            .flatten()
            .any(|it| !snapshot.supersedes(it))
        {
            return false;
        }
        let known = self.remembered.get(&account).copied();
        let waits = waiting.is_some() || under_way.is_some();
        if !waits && known.is_some_and(|it| !self.is_news(&snapshot, it, now)) {
            return false;
        }
        let before = under_way.or(known.as_ref().map(|it| &it.snapshot));
        let flips = before.is_some_and(|it| snapshot.flips(it));
        // Who waits among the others and flips now is in both queues; the second time nobody waits under that name.
        let flipped = waiting.is_some_and(|it| it.flips);
        if flips && !flipped {
            self.flips.push_back(account);
        } else if waiting.is_none() {
            self.others.push_back(account);
        }
        let flips = flips || flipped;
        self.waiting.insert(account, Waiting { snapshot, flips });
        true
    }

    /// What to do now. Each step but `Publish` is told again until its outcome is heard of.
    pub fn next(&mut self, now: Timestamp) -> Step {
        if now < self.quiet_until {
            return Step::Wait(self.quiet_until);
        }
        match self.marked {
            Marked::Unknown => return Step::Look,
            Marked::Lost(was) => return self.mark(was, Marker::Building(self.generation)),
            Marked::Ask => {
                self.marked = Marked::Offering;
                return Step::OfferAll;
            }
            Marked::Offered if self.waiting.is_empty() && self.under_way.is_empty() => {
                let building = Some(Marker::Building(self.generation));
                return self.mark(building, Marker::Whole(self.generation));
            }
            Marked::Whole(_) | Marked::Others(..) if now >= self.look_at => return Step::Look,
            _ => {}
        }
        match self.batch(now) {
            Ok(batch) => Step::Publish(batch),
            Err(until) => Step::Wait(until),
        }
    }

    /// The marker as it was read.
    pub fn looked(&mut self, seen: Option<Marker>, now: Timestamp) {
        self.look_at = now.saturating_add(self.pace.look_every);
        let next = match (seen, self.marked) {
            (Some(Marker::Whole(it)), _) => Marked::Whole(it),
            (Some(Marker::Building(it)), Marked::Others(known, since)) if it == known => {
                if now.saturating_since(since) < self.pace.patience {
                    self.marked
                } else {
                    Marked::Lost(seen)
                }
            }
            (Some(Marker::Building(it)), _) if it != self.generation => Marked::Others(it, now),
            (lost, _) => Marked::Lost(lost),
        };
        let first = self.marked == Marked::Unknown && matches!(next, Marked::Whole(_));
        if next != self.marked && !first {
            self.forget();
        }
        self.marked = next;
    }

    /// Whether the marker was replaced. When it was not, another one stands there, and it is looked at.
    pub fn marked(&mut self, replaced: bool) {
        self.marked = match (replaced, self.marked) {
            (true, Marked::Lost(_)) => Marked::Ask,
            (true, Marked::Offered) => Marked::Whole(self.generation),
            _ => Marked::Unknown,
        };
        if self.marked == Marked::Ask {
            self.forget(); // what was published before the marker stood may be gone
        }
    }

    /// Every account has been offered since [`Step::OfferAll`].
    pub fn offered_all(&mut self) {
        if self.marked == Marked::Offering {
            self.marked = Marked::Offered;
        }
    }

    /// A batch has been published.
    pub fn published(&mut self, batch: Batch, now: Timestamp) {
        if self.remembered.len().saturating_add(batch.snapshots.len()) > self.pace.most_remembered {
            self.remembered.clear();
        }
        for snapshot in batch.snapshots {
            // A batch that went before the rebuilding began may have been emptied with the echo.
            if self.under_way.remove(&snapshot.account).is_some()
                && batch.rebuilding == self.is_rebuilding()
            {
                let at = now;
                self.remembered
                    .insert(snapshot.account, Remembered { snapshot, at });
            }
        }
    }

    /// A batch has failed, or some of it: all of it waits again, but for what has been superseded meanwhile.
    pub fn failed(&mut self, batch: Batch, error: &EchoError, now: Timestamp) {
        self.pause(error, now);
        for snapshot in batch.snapshots.into_iter().rev() {
            self.under_way.remove(&snapshot.account);
            if self.waiting.contains_key(&snapshot.account) {
                continue;
            }
            let known = self.remembered.get(&snapshot.account);
            let flips = known.is_some_and(|it| snapshot.flips(&it.snapshot));
            let account = snapshot.account;
            self.waiting.insert(account, Waiting { snapshot, flips });
            self.queue(flips).push_front(account);
        }
    }

    /// The marker could not be read or replaced, or not all accounts could be offered.
    pub fn faltered(&mut self, error: &EchoError, now: Timestamp) {
        self.pause(error, now);
        self.marked = match self.marked {
            Marked::Offering => Marked::Ask,
            // Whether the marker was replaced is not known: it is looked at.
            Marked::Lost(_) | Marked::Offered if error.error.kind() == StoreErrorKind::Unknown => {
                Marked::Unknown
            }
            as_before => as_before,
        };
    }

    /// Forgets an account: what waits is not published, and what is said of it later is news.
    pub fn forget_account(&mut self, account: AccountId) {
        self.waiting.remove(&account);
        self.remembered.remove(&account);
    }

    /// How many accounts wait or are under way.
    #[must_use]
    pub fn backlog(&self) -> usize {
        self.waiting.len() + self.under_way.len()
    }

    const fn queue(&mut self, flips: bool) -> &mut VecDeque<AccountId> {
        if flips {
            &mut self.flips
        } else {
            &mut self.others
        }
    }

    const fn is_rebuilding(&self) -> bool {
        matches!(
            self.marked,
            Marked::Ask | Marked::Offering | Marked::Offered
        )
    }

    const fn mark(&self, was: Option<Marker>, by: Marker) -> Step {
        Step::Mark { was, by }
    }

    fn forget(&mut self) {
        self.remembered.clear();
    }

    fn pause(&mut self, error: &EchoError, now: Timestamp) {
        let pause = now.saturating_add(self.pace.pause);
        self.quiet_until = error.not_before.unwrap_or(pause);
    }

    fn is_news(&self, snapshot: &Snapshot, known: Remembered, now: Timestamp) -> bool {
        if snapshot.epoch < known.snapshot.epoch {
            return false;
        }
        let half_gone = now.saturating_since(known.at) >= STATUS_LIFE / 2;
        let renewed = self.caps.status == StatusLife::Leased && half_gone;
        renewed || !snapshot.says_the_same(&known.snapshot)
    }

    /// As many as fit, flips first. **Errors**: when there may be some.
    fn batch(&mut self, now: Timestamp) -> Result<Batch, Timestamp> {
        let later = now.saturating_add(self.pace.look_every);
        let mut wait = Some(self.look_at).filter(|it| now < *it).unwrap_or(later);
        if self.waiting.is_empty() {
            return Err(wait);
        }
        let ready = self.pace.budget.ready_at();
        if now < ready {
            return Err(ready);
        }
        let mut snapshots = Vec::new();
        for flips in [true, false] {
            self.fill(&mut snapshots, flips, &mut wait, now);
        }
        if snapshots.is_empty() {
            return Err(wait);
        }
        let _ = self.pace.budget.take(now); // it was ready
        let rebuilding = self.is_rebuilding();
        Ok(Batch {
            snapshots,
            rebuilding,
        })
    }

    /// Takes from one queue who may be written now; the others stay at its head.
    fn fill(
        &mut self,
        snapshots: &mut Vec<Snapshot>,
        flips: bool,
        wait: &mut Timestamp,
        now: Timestamp,
    ) {
        let mut stay = VecDeque::new();
        while snapshots.len() < self.caps.bulk.max(1) {
            let Some(account) = self.queue(flips).pop_front() else {
                break;
            };
            let Some(waiting) = self.waiting.get(&account) else {
                continue;
            };
            let last = self.remembered.get(&account).map(|it| it.at);
            let from = last.map(|at| at.saturating_add(self.caps.write_every));
            if let Some(from) = from.filter(|it| now < *it) {
                *wait = from.min(*wait);
                stay.push_back(account);
                continue;
            }
            match self.under_way.entry(account) {
                Entry::Occupied(_) => stay.push_back(account), // its turn comes when that has been heard of
                Entry::Vacant(free) => {
                    let snapshot = waiting.snapshot;
                    snapshots.push(snapshot);
                    free.insert(snapshot);
                    self.waiting.remove(&account);
                }
            }
        }
        let queue = self.queue(flips);
        stay.append(queue);
        *queue = stay;
    }
}

#[cfg(test)]
mod tests;
