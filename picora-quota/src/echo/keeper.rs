//! Who keeps an echo: reads what has changed, and does what the [`Echoer`] says.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use picora_core::{AccountId, Amount, Limit, StoreError, Timestamp};

use super::{
    Echo, EchoError, EchoSource, Echoer, Marker, Numbers, Pace, STATUS_LIFE, Snapshot, StatusLife,
    Step,
};

/// How often a [`Keeper`] reads, and how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rhythm {
    /// How often it asks what has changed.
    pub read_every: Duration,
    /// How far back it reads each time: a step that was given an earlier time, or took long, is seen all the same.
    pub overlap: Duration,
    /// How far back it reads the first time, for what a keeper before it had not published when it ended.
    pub first_overlap: Duration,
    /// How long after its last change an account's status is kept alive. One that is worse than that of an account at rest always is.
    pub lively_for: Duration,
    /// How many accounts' statuses are kept alive at most.
    pub most_lively: usize,
    /// How many accounts one read takes.
    pub page: u32,
    /// How often all accounts are walked through, a page for each read: what was overlooked is found.
    pub walk_every: Duration,
    /// How many accounts may wait before the walk does.
    pub most_waiting: usize,
    /// How many steps a tick takes at most, so that its caller can renew a lease in between.
    pub most_steps: u32,
}

impl Default for Rhythm {
    /// Every second, 10 s back and 10 minutes the first time; a quarter of an hour, 10,000 accounts; pages of 200; a walk every 10 minutes;
    /// 4,000 waiting; 100 steps.
    fn default() -> Self {
        Self {
            read_every: Duration::from_secs(1),
            overlap: Duration::from_secs(10),
            first_overlap: Duration::from_secs(600),
            lively_for: Duration::from_secs(900),
            most_lively: 10_000,
            page: 200,
            walk_every: Duration::from_secs(600),
            most_waiting: 4_000,
            most_steps: 100,
        }
    }
}

/// The name of an account's video status, from what was played this month and what may be. The rule is another domain's.
pub type StatusName = fn(Amount, Limit) -> &'static str;

/// What one tick did.
#[derive(Debug)]
pub struct Tick {
    /// When the next is due. **Boundaries**: this very instant, when there is more to do at once.
    pub next: Timestamp,
    /// How many snapshots were published.
    pub published: u64,
    /// Whether a lost echo is whole again by this tick.
    pub rebuilt: bool,
    /// What went wrong; the keeper tries again by itself.
    pub trouble: Option<Trouble>,
}

/// Why a tick did not do all that it wanted.
#[derive(Debug)]
pub enum Trouble {
    /// The echo did not do it.
    Echo(EchoError),
    /// The ledger could not be read.
    Source(StoreError),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Echo(error) => error.fmt(f),
            Self::Source(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Trouble {}

/// Keeps one echo whole: everything that the ledger says is published, soon, once, and again when the echo has lost it.
///
/// It knows no clock and no runtime: call [`tick`](Self::tick) when it says. Where the echo's [`Guard`](super::Guard) is a process, one
/// keeper may work at a time; elsewhere several do each other no harm, and cost reads.
///
/// **State**: what has been published, in memory. A new keeper publishes once more what has just changed, and walks through all accounts.
///
/// ```
/// use std::sync::Arc;
/// use picora_core::memory::MemoryStore;
/// use picora_core::{AccountId, Amount, CalendarMonth, Dimension, Limit, Limits, Posting, PostingKey, PostingReason, SetLimits, Timestamp};
/// use picora_quota::echo::{Echo, Keeper, MemoryEcho, Pace, Rhythm, Slot};
/// use picora_quota::{Books, Ledger};
///
/// # futures::executor::block_on(async {
/// let ledger = Arc::new(MemoryStore::new(Books::default()));
/// let echo = Arc::new(MemoryEcho::default());
/// let ok = |_played: Amount, _limit: Limit| "ok";
/// let mut keeper = Keeper::new(ledger.clone(), echo.clone(), ok, Rhythm::default(), Pace::default(), 7);
///
/// let (account, mut now) = (AccountId::from_bytes([1; 16]), Timestamp::from_unix_seconds(1_777_000_000));
/// let limits = Limits::NOTHING.with(Dimension::ImgStorage, Limit::Max(Amount::from(100)));
/// ledger.set_limits(&SetLimits { account, limits, open_reservations: Amount::from(32) }, now).await?;
/// let stored = Posting {
///     key: PostingKey::new("stored", &1),
///     account,
///     dimension: Dimension::ImgStorage,
///     tally: None,
///     delta: 60,
///     reason: PostingReason::Force,
///     happened_at: now,
/// };
/// ledger.post(&stored, now).await?;
/// for _ in 0..10 {
///     now = keeper.tick(now).await.next; // a server sleeps until then
/// }
/// let standing = echo.standing(account, CalendarMonth::of(now), now).await?;
/// assert_eq!(standing.amount(Slot::ImageStorage), Some(Amount::from(60)));
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
pub struct Keeper {
    source: Arc<dyn EchoSource>,
    echo: Arc<dyn Echo>,
    status: StatusName,
    rhythm: Rhythm,
    echoer: Echoer,
    /// Up to when changes have been read; `None` before the first time.
    read_to: Option<Timestamp>,
    read_at: Timestamp,
    renew_at: Timestamp,
    /// Accounts whose status is kept alive, and when they were last seen to change.
    lively: BTreeMap<AccountId, Timestamp>,
    walk: Option<Walk>,
    walk_at: Timestamp,
}

/// A way through all accounts.
#[derive(Clone, Copy, Debug)]
struct Walk {
    after: Option<AccountId>,
    /// Whether the echo is lost and waits for it.
    rebuilds: bool,
}

impl Keeper {
    /// For this echo of this ledger. `generation` is another number in each process and each run, such as a random one.
    pub fn new(
        source: Arc<dyn EchoSource>,
        echo: Arc<dyn Echo>,
        status: StatusName,
        rhythm: Rhythm,
        pace: Pace,
        generation: u64,
    ) -> Self {
        Self {
            echoer: Echoer::new(echo.caps(), pace, generation),
            source,
            echo,
            status,
            rhythm,
            read_to: None,
            read_at: Timestamp::EPOCH,
            renew_at: Timestamp::EPOCH,
            lively: BTreeMap::new(),
            walk: None,
            walk_at: Timestamp::EPOCH,
        }
    }

    /// Reads what has changed, and does what is due.
    ///
    /// **Errors**: none; what went wrong is in the answer, and is tried again. A tick that is dropped in the middle has published all, some
    /// or nothing of what it took: drop the keeper with it.
    pub async fn tick(&mut self, now: Timestamp) -> Tick {
        let mut tick = Tick {
            next: Timestamp::MAX,
            published: 0,
            rebuilt: false,
            trouble: None,
        };
        if let Err(error) = self.read(now).await {
            tick.trouble = Some(Trouble::Source(error));
        }
        let mut waits = now;
        for _ in 0..self.rhythm.most_steps {
            match self.echoer.next(now) {
                Step::Wait(until) => {
                    waits = until;
                    break;
                }
                step => self.carry_out(step, &mut tick, now).await,
            }
        }
        tick.next = waits.min(self.read_at).max(now);
        if self.renews() {
            tick.next = tick.next.min(self.renew_at).max(now);
        }
        if self.walk.is_some_and(|walk| walk.rebuilds) && self.has_room() && tick.trouble.is_none()
        {
            tick.next = now;
        }
        tick
    }

    /// Publishes nothing more of an account that was erased, unless the ledger tells of it again.
    ///
    /// The echo's own keys are removed by [`EchoErase`](super::EchoErase), after this.
    pub fn forget(&mut self, account: AccountId) {
        self.echoer.forget_account(account);
        self.lively.remove(&account);
    }

    /// How many accounts wait to be published.
    #[must_use]
    pub fn backlog(&self) -> usize {
        self.echoer.backlog()
    }

    async fn carry_out(&mut self, step: Step, tick: &mut Tick, now: Timestamp) {
        let failed = match step {
            Step::Publish(batch) => match self.echo.publish(batch.snapshots(), now).await {
                Ok(_) => {
                    tick.published += batch.snapshots().len() as u64;
                    self.echoer.published(batch, now);
                    return;
                }
                Err(error) => {
                    self.echoer.failed(batch, &error, now);
                    error
                }
            },
            Step::Look => match self.echo.marker(now).await {
                Ok(seen) => return self.echoer.looked(seen, now),
                Err(error) => {
                    self.echoer.faltered(&error, now);
                    error
                }
            },
            Step::Mark { was, by } => match self.echo.mark(was, by, now).await {
                Ok(replaced) => {
                    tick.rebuilt |= replaced && matches!(by, Marker::Whole(_));
                    return self.echoer.marked(replaced);
                }
                Err(error) => {
                    self.echoer.faltered(&error, now);
                    error
                }
            },
            Step::OfferAll => {
                self.walk = Some(Walk {
                    after: None,
                    rebuilds: true,
                });
                self.walk_on(tick, now).await;
                return;
            }
            Step::Wait(_) => return,
        };
        tick.trouble = Some(Trouble::Echo(failed));
    }

    async fn walk_on(&mut self, tick: &mut Tick, now: Timestamp) {
        if let Err(error) = self.walk_a_page(now).await {
            tick.trouble = Some(Trouble::Source(error));
        }
    }

    /// What has changed, what must be renewed, and the next page of a walk.
    async fn read(&mut self, now: Timestamp) -> Result<(), StoreError> {
        if now >= self.read_at {
            self.read_at = now.saturating_add(self.rhythm.read_every);
            self.read_changes(now).await?;
            if self.walk.is_none() && now >= self.walk_at {
                self.walk = Some(Walk {
                    after: None,
                    rebuilds: false,
                });
            }
            if self.walk.is_some_and(|walk| !walk.rebuilds) {
                self.walk_a_page(now).await?;
            }
        }
        if self.renews() && now >= self.renew_at {
            self.renew_at = now.saturating_add(STATUS_LIFE / 2);
            self.renew(now).await?;
        }
        if self.walk.is_some_and(|walk| walk.rebuilds) {
            self.walk_a_page(now).await?;
        }
        Ok(())
    }

    async fn read_changes(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let since = match self.read_to {
            Some(read_to) => read_to.min(now).saturating_sub(self.rhythm.overlap),
            None => now.saturating_sub(self.rhythm.first_overlap),
        };
        let mut after = None;
        loop {
            let moved = self.source.moved(since, after, self.rhythm.page).await?;
            let last = moved.last().copied();
            for account in &moved {
                if self.lively.len() < self.rhythm.most_lively || self.lively.contains_key(account)
                {
                    self.lively.insert(*account, now);
                }
            }
            self.offer(&moved, now).await?;
            if moved.len() < self.rhythm.page as usize {
                break;
            }
            after = last;
        }
        self.read_to = Some(now);
        Ok(())
    }

    /// Says again what the statuses are of who has lately changed, or is not at rest.
    async fn renew(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let lively: Vec<AccountId> = self.lively.keys().copied().collect();
        for page in lively.chunks(self.rhythm.page.max(1) as usize) {
            let numbers = self.offer(page, now).await?;
            for account in page {
                let since = self.lively.get(account);
                let old =
                    since.is_some_and(|it| now.saturating_since(*it) >= self.rhythm.lively_for);
                let of_it = numbers.iter().find(|it| it.account == *account);
                if old && of_it.is_none_or(|it| self.is_at_rest(it)) {
                    self.lively.remove(account);
                }
            }
        }
        Ok(())
    }

    async fn walk_a_page(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let Some(walk) = self.walk.filter(|_| self.has_room()) else {
            return Ok(());
        };
        if let Some(last) = self.page_of(walk, now).await? {
            self.walk = Some(Walk {
                after: Some(last),
                ..walk
            });
            return Ok(());
        }
        self.walk = None;
        self.walk_at = now.saturating_add(self.rhythm.walk_every);
        if walk.rebuilds {
            self.echoer.offered_all();
        }
        Ok(())
    }

    /// Offers the accounts of the next page; the last of them when there may be more.
    async fn page_of(
        &mut self,
        walk: Walk,
        now: Timestamp,
    ) -> Result<Option<AccountId>, StoreError> {
        let page = self.source.every(walk.after, self.rhythm.page).await?;
        for numbers in self.offer(&page, now).await? {
            let known = self.lively.contains_key(&numbers.account);
            if !known && !self.is_at_rest(&numbers) && self.lively.len() < self.rhythm.most_lively {
                self.lively.insert(numbers.account, now);
            }
        }
        let more = page.len() >= self.rhythm.page as usize;
        Ok(page.last().copied().filter(|_| more))
    }

    async fn offer(
        &mut self,
        accounts: &[AccountId],
        now: Timestamp,
    ) -> Result<Vec<Numbers>, StoreError> {
        if accounts.is_empty() {
            return Ok(Vec::new());
        }
        let numbers = self.source.numbers(accounts, now).await?;
        for it in &numbers {
            let snapshot = self.snapshot(it, now);
            self.echoer.offer(snapshot, now);
        }
        Ok(numbers)
    }

    fn snapshot(&self, numbers: &Numbers, now: Timestamp) -> Snapshot {
        let status = (self.status)(numbers.played(), numbers.video_limit);
        numbers.snapshot(status, now)
    }

    fn is_at_rest(&self, numbers: &Numbers) -> bool {
        let status = |played| (self.status)(played, numbers.video_limit);
        status(numbers.played()) == status(Amount::ZERO)
    }

    fn has_room(&self) -> bool {
        self.echoer.backlog() < self.rhythm.most_waiting
    }

    fn renews(&self) -> bool {
        self.echo.caps().status == StatusLife::Leased
    }
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper")
            .field("echo", &self.echo)
            .field("backlog", &self.echoer.backlog())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
