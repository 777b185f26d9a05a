use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use futures::executor::block_on;
use picora_core::{CalendarMonth, StoreErrorKind};

use super::*;
use crate::echo::{EchoCaps, EchoErase, MemoryEcho, Published, Slot, Standing};

const START: Timestamp = Timestamp::from_unix_seconds(1_795_255_200);

/// A ledger of which a test says what it says, and when it was changed.
#[derive(Default)]
struct Ledger {
    accounts: Mutex<BTreeMap<AccountId, (Numbers, Timestamp)>>,
    broken: AtomicBool,
}

impl Ledger {
    fn with<R>(&self, step: impl FnOnce(&mut BTreeMap<AccountId, (Numbers, Timestamp)>) -> R) -> R {
        step(&mut self.accounts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes an account in a step that was given this time.
    fn change(&self, number: u32, played: u32, at: Timestamp) {
        self.with(|accounts| {
            let nothing = Numbers::nothing(account(number), CalendarMonth::of(START));
            let (numbers, changed) = accounts.entry(account(number)).or_insert((nothing, at));
            numbers.epoch += 1;
            numbers.used[0] = Amount::from(u32::try_from(numbers.epoch).unwrap());
            numbers.used[3] = Amount::from(played);
            numbers.video_limit = Limit::Max(Amount::from(100));
            *changed = at;
        });
    }

    fn sound(&self) -> Result<(), StoreError> {
        match self.broken.load(Ordering::Relaxed) {
            false => Ok(()),
            true => Err(StoreError::new(StoreErrorKind::Unavailable, "test", "read")),
        }
    }

    fn list(
        &self,
        after: Option<AccountId>,
        most: u32,
        wanted: impl Fn(Timestamp) -> bool,
    ) -> Result<Vec<AccountId>, StoreError> {
        self.sound()?;
        Ok(self.with(|accounts| {
            let from = match after {
                Some(after) => std::ops::Bound::Excluded(after),
                None => std::ops::Bound::Unbounded,
            };
            let later = accounts.range((from, std::ops::Bound::Unbounded));
            let found = later.filter(|(_, (_, at))| wanted(*at)).map(|(it, _)| *it);
            found.take(most as usize).collect()
        }))
    }
}

#[async_trait]
impl EchoSource for Ledger {
    async fn moved(
        &self,
        since: Timestamp,
        after: Option<AccountId>,
        most: u32,
    ) -> Result<Vec<AccountId>, StoreError> {
        self.list(after, most, |at| at >= since)
    }

    async fn numbers(
        &self,
        wanted: &[AccountId],
        _now: Timestamp,
    ) -> Result<Vec<Numbers>, StoreError> {
        self.sound()?;
        Ok(self.with(|accounts| {
            let found = wanted.iter().filter_map(|it| accounts.get(it));
            found.map(|(numbers, _)| *numbers).collect()
        }))
    }

    async fn every(
        &self,
        after: Option<AccountId>,
        most: u32,
    ) -> Result<Vec<AccountId>, StoreError> {
        self.list(after, most, |_| true)
    }
}

/// As Redis is: two hundred at once; and it may be away.
#[derive(Debug, Default)]
struct Place {
    held: MemoryEcho,
    away: AtomicBool,
}

impl Place {
    fn there(&self) -> Result<(), EchoError> {
        match self.away.load(Ordering::Relaxed) {
            false => Ok(()),
            true => Err(StoreError::new(StoreErrorKind::Unavailable, "test", "publish").into()),
        }
    }
}

#[async_trait]
impl Echo for Place {
    fn caps(&self) -> EchoCaps {
        EchoCaps {
            bulk: 200,
            ..self.held.caps()
        }
    }

    async fn publish(
        &self,
        snapshots: &[Snapshot],
        now: Timestamp,
    ) -> Result<Published, EchoError> {
        self.there()?;
        self.held.publish(snapshots, now).await
    }

    async fn standing(
        &self,
        account: AccountId,
        month: CalendarMonth,
        now: Timestamp,
    ) -> Result<Standing, EchoError> {
        self.held.standing(account, month, now).await
    }

    async fn marker(&self, now: Timestamp) -> Result<Option<Marker>, EchoError> {
        self.there()?;
        self.held.marker(now).await
    }

    async fn mark(
        &self,
        was: Option<Marker>,
        by: Marker,
        now: Timestamp,
    ) -> Result<bool, EchoError> {
        self.there()?;
        self.held.mark(was, by, now).await
    }
}

fn account(number: u32) -> AccountId {
    let mut bytes = [0; 16];
    bytes[12..].copy_from_slice(&number.to_be_bytes());
    AccountId::from_bytes(bytes)
}

fn status(played: Amount, limit: Limit) -> &'static str {
    let over = limit.max().is_some_and(|max| played > max);
    if over { "degraded" } else { "ok" }
}

struct World {
    ledger: Arc<Ledger>,
    place: Arc<Place>,
    keeper: Keeper,
    now: Timestamp,
    rebuilt: u32,
    troubled: u32,
}

impl World {
    fn new(accounts: u32) -> Self {
        let (ledger, place) = (Arc::new(Ledger::default()), Arc::new(Place::default()));
        for number in 0..accounts {
            ledger.change(number, 0, Timestamp::EPOCH); // long ago
        }
        let (rhythm, pace) = (Rhythm::default(), Pace::default());
        let keeper = Keeper::new(ledger.clone(), place.clone(), status, rhythm, pace, 7);
        Self {
            ledger,
            place,
            keeper,
            now: START,
            rebuilt: 0,
            troubled: 0,
        }
    }

    /// Ticks as a server does, for a stretch of virtual time. Answers how long it took to say all.
    fn run(&mut self, span: Duration) {
        let until = self.now.saturating_add(span);
        while self.now < until {
            let tick = block_on(self.keeper.tick(self.now));
            self.rebuilt += u32::from(tick.rebuilt);
            self.troubled += u32::from(tick.trouble.is_some());
            let breath = self.now.saturating_add(Duration::from_millis(1));
            self.now = tick.next.max(breath).min(until);
        }
    }

    fn status(&self, number: u32) -> Option<String> {
        let standing = self
            .place
            .standing(account(number), CalendarMonth::of(START), self.now);
        block_on(standing).unwrap().video_status
    }

    /// How many accounts the echo says something else of than the ledger; the status aside, which may have lapsed.
    fn wrong(&self) -> usize {
        self.ledger.with(|accounts| {
            let wrong = accounts.values().filter(|(numbers, _)| {
                let it = numbers.snapshot("ok", self.now);
                let standing = self.place.standing(it.account, it.month, self.now);
                let standing = block_on(standing).unwrap();
                let says = |slot: &Slot| standing.amount(*slot) == slot.amount(&it);
                !Slot::ALL.iter().all(says)
            });
            wrong.count()
        })
    }
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_change_is_there_within_two_seconds_and_one_that_was_late_too() {
    let mut world = World::new(3);
    world.run(seconds(5));
    assert_eq!((world.wrong(), world.rebuilt), (0, 1));
    world.ledger.change(1, 5, world.now);
    world.run(seconds(2));
    assert_eq!(world.wrong(), 0);
    let earlier = world.now.saturating_sub(seconds(9)); // a slow transaction, or a clock behind
    world.ledger.change(2, 5, earlier);
    world.run(seconds(2));
    assert_eq!((world.wrong(), world.troubled), (0, 0));
}

#[test]
fn what_was_overlooked_is_found_by_the_walk() {
    let mut world = World::new(1_000);
    world.run(seconds(5));
    world.ledger.change(999, 5, Timestamp::EPOCH);
    world.run(seconds(60));
    assert_eq!(world.wrong(), 1);
    world.run(Rhythm::default().walk_every);
    assert_eq!(world.wrong(), 0);
}

/// The promise of a minute with the numbers that a server has by default, and more accounts than one burst takes: 20,000 at once, then 2,000 a second.
#[test]
fn a_flushed_echo_is_right_within_a_minute_by_default() {
    let mut world = World::new(30_000);
    world.run(seconds(120));
    assert_eq!((world.wrong(), world.rebuilt), (0, 1));
    world.place.held.flush();
    for number in 0..50 {
        world.run(seconds(1));
        world.ledger.change(number * 600, 101, world.now); // the load goes on
    }
    world.run(seconds(10));
    assert_eq!((world.wrong(), world.rebuilt, world.troubled), (0, 2, 0));
    assert_eq!(world.status(600).as_deref(), Some("degraded"));
}

#[test]
fn a_status_is_kept_alive_while_it_matters() {
    let mut world = World::new(3);
    world.run(seconds(5));
    world.ledger.change(0, 5, world.now);
    world.ledger.change(1, 101, world.now);
    for _ in 0..80 {
        world.run(seconds(10));
        assert_eq!(world.status(0).as_deref(), Some("ok"));
        assert_eq!(world.status(1).as_deref(), Some("degraded"));
    }
    world.run(seconds(300));
    assert_eq!(
        world.status(0),
        None,
        "nobody plays; who asks asks the ledger"
    );
    assert_eq!(world.status(1).as_deref(), Some("degraded"));
    // A keeper that takes over finds those that are worse than at rest by its walk.
    let (ledger, place) = (world.ledger.clone(), world.place.clone());
    let (rhythm, pace) = (Rhythm::default(), Pace::default());
    world.keeper = Keeper::new(ledger, place, status, rhythm, pace, 8);
    world.run(seconds(900));
    assert_eq!(world.status(1).as_deref(), Some("degraded"));
    assert_eq!(world.rebuilt, 1, "it is whole: nothing is rebuilt");
}

#[test]
fn what_is_away_for_a_while_costs_troubles_and_no_number() {
    for away in [true, false] {
        let mut world = World::new(500);
        world.run(seconds(5));
        let switch = |to: bool, world: &World| match away {
            true => world.place.away.store(to, Ordering::Relaxed),
            false => world.ledger.broken.store(to, Ordering::Relaxed),
        };
        switch(true, &world);
        for number in 0..300 {
            world.ledger.change(number, 5, world.now);
            world.run(Duration::from_millis(200));
        }
        assert!(world.troubled > 10, "{}", world.troubled);
        if away {
            world.place.held.flush(); // it comes back empty
        }
        switch(false, &world);
        world.run(seconds(60));
        assert_eq!(world.wrong(), 0);
        let troubled = world.troubled;
        world.run(seconds(60));
        assert_eq!(world.troubled, troubled);
    }
}

#[test]
fn an_erased_account_does_not_come_back() {
    let mut world = World::new(3);
    world.run(seconds(5));
    world.place.away.store(true, Ordering::Relaxed);
    world.ledger.change(1, 5, world.now);
    world.run(seconds(2)); // it waits
    assert_eq!(world.keeper.backlog(), 1);
    world.ledger.with(|accounts| accounts.remove(&account(1)));
    world.keeper.forget(account(1));
    assert_eq!(world.keeper.backlog(), 0);
    world.place.away.store(false, Ordering::Relaxed);
    block_on(world.place.held.erase(account(1), world.now)).unwrap();
    world.run(seconds(1_200));
    let standing = world
        .place
        .standing(account(1), CalendarMonth::of(START), world.now);
    assert!(block_on(standing).unwrap().is_empty());
    assert_eq!(world.wrong(), 0);
}
