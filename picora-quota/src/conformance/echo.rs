//! The suite that every echo passes.
//!
//! Each promise is one `pub async fn` over a [`World`]. What an echo does not claim in its [`EchoCaps`](crate::EchoCaps) is not asked of it.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use picora_core::{AccountId, Amount, CalendarMonth, Timestamp};

use crate::echo::{
    Echo, EchoError, Guard, MONTHLY_LIFE, Marker, Published, STATUS_LIFE, Slot, Snapshot, Standing,
    StatusLife, key,
};

/// How a suite gets fresh echoes and runs futures.
pub trait EchoHarness {
    /// Runs a future to its end.
    fn run<F: Future>(&self, future: F) -> F::Output;

    /// An echo in which nothing was written.
    fn fresh(&self) -> World;
}

/// An echo, and the place where it writes.
#[derive(Debug)]
pub struct World {
    /// The echo.
    pub echo: Arc<dyn Echo>,
    /// Another process' echo of the same place.
    pub other: Arc<dyn Echo>,
    /// The place.
    pub place: Box<dyn Place>,
}

/// Where an echo writes, seen by another client than the echo.
#[async_trait]
pub trait Place: Send + Sync + fmt::Debug {
    /// What time it is there.
    fn now(&self) -> Timestamp;
    /// Lets time pass.
    async fn pass(&self, span: Duration);
    /// What stands under a key, and how much longer; `None` twice for what does not end.
    async fn raw(&self, key: &str) -> Option<(String, Option<Duration>)>;
    /// Loses everything, as a flush does.
    async fn empty(&self);
}

/// Gives each promise of the suite a named test, on the echoes of one [`EchoHarness`].
#[macro_export]
macro_rules! echo_conformance {
    ($harness:expr) => {
        $crate::echo_conformance!(@ $harness, writes_the_keys_of_the_documents, says_what_it_was_told, does_not_take_missing_for_zero,
            keeps_the_higher_epoch, keeps_the_higher_epoch_of_another_process, tells_large_numbers_apart, renews_what_it_writes,
            publishes_many_at_once, writes_no_status_of_a_month_that_is_over, is_marked_and_loses_the_mark_with_the_rest,
            publishes_only_what_it_claims);
    };
    (@ $harness:expr, $($promise:ident),+) => {$(
        #[test]
        fn $promise() {
            let harness = $harness;
            let world = $crate::conformance::echo::EchoHarness::fresh(&harness);
            $crate::conformance::echo::EchoHarness::run(&harness, $crate::conformance::echo::$promise(&world));
        }
    )+};
}

impl World {
    /// Numbers of an account that can be told apart.
    #[must_use]
    pub fn snapshot(&self, account: u8, epoch: u64) -> Snapshot {
        let now = self.place.now();
        let of = |n: u64| Amount::saturating(epoch.saturating_mul(100).saturating_add(n));
        Snapshot {
            account: AccountId::from_bytes([account; 16]),
            epoch,
            as_of: now,
            month: CalendarMonth::of(now),
            image_storage: of(1),
            video_storage: of(2),
            audio_storage: of(3),
            documents: of(4),
            image_bandwidth: of(5),
            video_bandwidth: of(6),
            audio_bandwidth: of(7),
            video_status: if epoch.is_multiple_of(2) {
                "degraded"
            } else {
                "ok"
            },
        }
    }

    async fn publish(&self, snapshots: &[Snapshot]) -> Published {
        self.publish_by(&*self.echo, snapshots).await
    }

    async fn publish_by(&self, echo: &dyn Echo, snapshots: &[Snapshot]) -> Published {
        let published = answer(echo.publish(snapshots, self.place.now()).await);
        self.settle().await;
        published
    }

    /// Lets so much time pass that what was written may be read, and written again.
    async fn settle(&self) {
        self.place.pass(self.settling()).await;
    }

    fn settling(&self) -> Duration {
        let caps = self.echo.caps();
        caps.write_every.max(caps.staleness)
    }

    async fn standing(&self, of: &Snapshot) -> Standing {
        let now = self.place.now();
        answer(self.echo.standing(of.account, of.month, now).await)
    }

    /// It holds this snapshot, and nothing else of the account.
    async fn says(&self, snapshot: &Snapshot) {
        let standing = self.standing(snapshot).await;
        assert_eq!(
            standing.video_status.as_deref(),
            Some(snapshot.video_status)
        );
        for slot in Slot::ALL {
            let told = slot.amount(snapshot);
            let told = told.filter(|_| self.echo.caps().publishes_counters);
            assert_eq!(standing.amount(slot), told, "{slot:?}");
        }
    }
}

/// Key for key, value for value, life for life.
pub async fn writes_the_keys_of_the_documents(world: &World) {
    let snapshot = world.snapshot(1, 7);
    world.publish(&[snapshot]).await;
    let caps = world.echo.caps();
    let slack = SLACK + world.settling();
    for slot in Slot::ALL {
        let key = key(slot, snapshot.account, snapshot.month);
        let raw = world.place.raw(&key).await;
        let Some(amount) = slot.amount(&snapshot) else {
            let (value, life) = raw.expect("the status is written");
            assert_eq!(value, snapshot.video_status);
            let left = snapshot.month.end().saturating_since(world.place.now());
            let most = match caps.status {
                StatusLife::Leased => left.min(STATUS_LIFE),
                StatusLife::Flips => left.max(caps.shortest_ttl),
            };
            let life = life.expect("a status ends");
            assert!(
                life <= most + SLACK && life + slack >= most,
                "{life:?}, {most:?}"
            );
            continue;
        };
        if !caps.publishes_counters {
            continue;
        }
        let (value, life) = raw.unwrap_or_else(|| panic!("`{key}` is missing"));
        assert_eq!(value, amount.get().to_string(), "{key}");
        assert_eq!(life.is_some(), slot.is_monthly(), "{key}");
        let monthly = life.unwrap_or(MONTHLY_LIFE);
        assert!(
            monthly <= MONTHLY_LIFE && monthly + slack >= MONTHLY_LIFE,
            "{monthly:?}"
        );
    }
}

/// Each account its own numbers, and the latest ones.
pub async fn says_what_it_was_told(world: &World) {
    let (one, two) = (world.snapshot(1, 3), world.snapshot(2, 4));
    world.publish(&[one]).await;
    world.publish(&[two]).await;
    world.says(&one).await;
    world.says(&two).await;
    let next = world.snapshot(1, 6);
    world.publish(&[next]).await;
    world.says(&next).await;
    world.says(&two).await;
}

/// An account of which nothing was written, and a month: not known, which is another thing than zero.
pub async fn does_not_take_missing_for_zero(world: &World) {
    let told = world.snapshot(1, 3);
    world.publish(&[told]).await;
    assert!(world.standing(&world.snapshot(2, 3)).await.is_empty());
    let month = CalendarMonth::of(told.month.end());
    let next = world.standing(&Snapshot { month, ..told }).await;
    assert_eq!(next.amount(Slot::VideoBandwidth), None);
    let counters = world.echo.caps().publishes_counters;
    assert_eq!(next.amount(Slot::VideoStorage).is_some(), counters);
}

/// What is late does not replace what is newer, and is counted; of one epoch the later write stands.
pub async fn keeps_the_higher_epoch(world: &World) {
    let five = world.snapshot(1, 5);
    world.publish(&[five]).await;
    let late = world.publish(&[world.snapshot(1, 4)]).await;
    assert_eq!(late.written, 0);
    assert!(late.superseded > 0);
    world.says(&five).await;
    let again = Snapshot {
        documents: Amount::ONE,
        ..five
    };
    world.publish(&[again]).await;
    world.says(&again).await;
    let six = world.snapshot(1, 6);
    world.publish(&[six]).await;
    world.says(&six).await;
}

/// The same when two processes write, where the echo claims it.
pub async fn keeps_the_higher_epoch_of_another_process(world: &World) {
    let five = world.snapshot(1, 5);
    world.publish(&[five]).await;
    let late = world.snapshot(1, 4);
    let late = world.publish_by(&*world.other, &[late]).await;
    if world.echo.caps().guard == Guard::Shared {
        assert_eq!(late.written, 0);
        world.says(&five).await;
    }
    let six = world.snapshot(1, 6);
    world.publish_by(&*world.other, &[six]).await;
    world.says(&six).await;
}

/// Amounts up to 2^62 and epochs up to 2^64 - 1, to the last digit: no number goes through a float.
pub async fn tells_large_numbers_apart(world: &World) {
    let large = |epoch| Snapshot {
        epoch,
        image_storage: Amount::saturating((1 << 62) - 1),
        ..world.snapshot(1, 1)
    };
    let steps = [(1 << 53) + 1, u64::MAX - 1, u64::MAX];
    for epoch in steps {
        let now = Snapshot {
            documents: Amount::saturating(epoch),
            ..large(epoch)
        };
        world.publish(&[now]).await;
        world.publish(&[large(epoch - 1)]).await;
        world.says(&now).await;
    }
    let nine = Snapshot {
        account: AccountId::from_bytes([2; 16]),
        ..large(10)
    };
    world.publish(&[nine]).await;
    let late = world.publish(&[Snapshot { epoch: 9, ..nine }]).await;
    assert_eq!(late.written, 0, "ten is more than nine, also as text");
}

/// A month's key begins its 45 days anew when it is written.
pub async fn renews_what_it_writes(world: &World) {
    if !world.echo.caps().publishes_counters {
        return;
    }
    let first = world.snapshot(1, 1);
    world.publish(&[first]).await;
    let key = key(Slot::VideoBandwidth, first.account, first.month);
    world.place.pass(Duration::from_millis(2_500)).await;
    let before = world.place.raw(&key).await.and_then(|it| it.1);
    world.publish(&[world.snapshot(1, 3)]).await;
    let after = world.place.raw(&key).await.and_then(|it| it.1);
    let (before, after) = (before.expect("it ends"), after.expect("it ends"));
    assert!(after > before, "{before:?}, then {after:?}");
}

/// As many accounts as fit, in one publication; none is left out.
pub async fn publishes_many_at_once(world: &World) {
    let most = u8::try_from(world.echo.caps().bulk.min(60)).unwrap_or(60);
    let all: Vec<_> = (0..most).map(|it| world.snapshot(it, it.into())).collect();
    let published = world.publish(&all).await;
    let keys = if world.echo.caps().publishes_counters {
        8
    } else {
        1
    };
    assert_eq!(published.written, keys * u64::from(most));
    for snapshot in [all.first(), all.get(30), all.last()].into_iter().flatten() {
        world.says(snapshot).await;
    }
    world.publish(&[]).await;
}

/// The status of last month is not one of this month; its bandwidth is still that of its month.
pub async fn writes_no_status_of_a_month_that_is_over(world: &World) {
    let now = world.snapshot(1, 2);
    let before = now.month.start().saturating_sub(Duration::from_secs(1));
    let late = Snapshot {
        month: CalendarMonth::of(before),
        ..now
    };
    world.publish(&[late]).await;
    let standing = world.standing(&late).await;
    assert_eq!(standing.video_status, None);
    let counters = world.echo.caps().publishes_counters;
    let bandwidth = standing.amount(Slot::VideoBandwidth);
    assert_eq!(bandwidth.is_some(), counters);
}

/// Who rebuilds replaces the mark that he has seen; and when all is lost, so is the mark, and everything is written anew.
pub async fn is_marked_and_loses_the_mark_with_the_rest(world: &World) {
    let (building, whole) = (Marker::Building(7), Marker::Whole(u64::MAX));
    let mark = async |was, by| {
        let done = answer(world.echo.mark(was, by, world.place.now()).await);
        world.settle().await;
        done
    };
    let seen = async |echo: &dyn Echo| answer(echo.marker(world.place.now()).await);
    assert_eq!(seen(&*world.echo).await, None);
    assert!(mark(None, building).await);
    assert!(!mark(None, whole).await, "another one stands there");
    assert!(!mark(Some(Marker::Building(8)), whole).await);
    assert!(mark(Some(building), whole).await);
    assert_eq!(seen(&*world.other).await, Some(whole));
    let snapshot = world.snapshot(1, 2);
    world.publish(&[snapshot]).await;

    world.place.empty().await;
    world.settle().await;
    assert_eq!(seen(&*world.echo).await, None);
    assert!(world.standing(&snapshot).await.is_empty());
    assert!(!mark(Some(whole), whole).await, "it is gone");
    assert!(mark(None, building).await);
    world.publish(&[snapshot]).await;
    world.says(&snapshot).await;
}

/// An echo of the status alone holds no numbers, and one of both holds both.
pub async fn publishes_only_what_it_claims(world: &World) {
    let snapshot = world.snapshot(1, 2);
    world.publish(&[snapshot]).await;
    let standing = world.standing(&snapshot).await;
    assert!(standing.video_status.is_some());
    let counters = world.echo.caps().publishes_counters;
    assert_eq!(standing.amount(Slot::Documents).is_some(), counters);
}

fn answer<T>(result: Result<T, EchoError>) -> T {
    result.expect("the echo answers")
}

/// What a busy machine may take between a write and a look at it.
const SLACK: Duration = Duration::from_secs(20);
