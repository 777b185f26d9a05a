use futures::executor::block_on;
use picora_core::{Amount, CalendarMonth, StoreError};
use proptest::prelude::*;

use super::*;
use crate::echo::{Echo, MemoryEcho, Slot};

const START: Timestamp = Timestamp::from_unix_seconds(1_795_255_200);

fn snapshot(account: u8, epoch: u64, video_status: &'static str) -> Snapshot {
    let number = Amount::from(u32::try_from(epoch).unwrap());
    Snapshot {
        account: AccountId::from_bytes([account; 16]),
        epoch,
        as_of: START,
        month: CalendarMonth::of(START),
        image_storage: number,
        video_storage: number,
        audio_storage: number,
        documents: number,
        image_bandwidth: number,
        video_bandwidth: number,
        audio_bandwidth: number,
        video_status,
    }
}

/// For a whole echo of these caps, with a budget that is no matter.
fn whole(change: impl FnOnce(&mut EchoCaps, &mut Pace)) -> Echoer {
    let (mut caps, mut pace) = (MemoryEcho::default().caps(), Pace::default());
    change(&mut caps, &mut pace);
    let mut echoer = Echoer::new(caps, pace, 1);
    echoer.looked(Some(Marker::Whole(7)), START);
    echoer
}

fn batch(echoer: &mut Echoer, now: Timestamp) -> Batch {
    match echoer.next(now) {
        Step::Publish(batch) => batch,
        other => panic!("expected a batch, got {other:?}"),
    }
}

fn epochs(batch: &Batch) -> Vec<(u8, u64)> {
    let all = batch.snapshots().iter();
    all.map(|it| (it.account.as_bytes()[0], it.epoch)).collect()
}

fn later(seconds: u64) -> Timestamp {
    START.saturating_add(Duration::from_secs(seconds))
}

#[test]
fn the_latest_snapshot_of_an_account_goes_and_no_other() {
    let mut echoer = whole(|_, _| ());
    for epoch in [1, 3, 2] {
        echoer.offer(snapshot(1, epoch, "ok"), START);
    }
    let sent = batch(&mut echoer, START);
    assert_eq!(epochs(&sent), [(1, 3)]);
    assert!(
        !echoer.offer(snapshot(1, 2, "ok"), START),
        "older than what is under way"
    );
    echoer.published(sent, START);
    assert!(
        !echoer.offer(snapshot(1, 3, "ok"), START),
        "it says the same"
    );
    assert!(matches!(echoer.next(START), Step::Wait(_)));
}

#[test]
fn flips_go_first_also_when_they_waited_already() {
    let mut echoer = whole(|caps, _| caps.bulk = 1);
    echoer.offer(snapshot(3, 1, "ok"), START);
    let first = batch(&mut echoer, START);
    echoer.published(first, START);
    for account in [1, 2] {
        echoer.offer(snapshot(account, 1, "ok"), START);
    }
    echoer.offer(snapshot(3, 2, "ok"), START);
    echoer.offer(snapshot(3, 3, "degraded"), START);
    let mut order = Vec::new();
    for _ in 0..3 {
        let sent = batch(&mut echoer, START);
        order.extend(epochs(&sent));
        echoer.published(sent, START);
    }
    assert_eq!(order, [(3, 3), (1, 1), (2, 1)]);
    assert_eq!(echoer.backlog(), 0);
}

#[test]
fn a_leased_status_is_renewed_at_half_its_life_and_one_that_is_written_on_flips_never() {
    for (status, renewed) in [(StatusLife::Leased, true), (StatusLife::Flips, false)] {
        let mut echoer = whole(|caps, _| caps.status = status);
        echoer.offer(snapshot(1, 1, "ok"), START);
        let sent = batch(&mut echoer, START);
        echoer.published(sent, START);
        assert!(!echoer.offer(snapshot(1, 1, "ok"), later(29)));
        assert_eq!(echoer.offer(snapshot(1, 1, "ok"), later(30)), renewed);
    }
}

#[test]
fn an_account_is_not_written_again_before_its_time() {
    let mut echoer = whole(|caps, _| caps.write_every = Duration::from_secs(1));
    echoer.offer(snapshot(1, 1, "ok"), START);
    let sent = batch(&mut echoer, START);
    echoer.offer(snapshot(1, 2, "ok"), START);
    assert!(
        matches!(echoer.next(START), Step::Wait(_)),
        "it is under way"
    );
    echoer.published(sent, START);
    assert_eq!(echoer.next(START), Step::Wait(later(1)));
    assert_eq!(epochs(&batch(&mut echoer, later(1))), [(1, 2)]);
}

#[test]
fn a_failure_is_tried_again_when_the_echo_says_and_not_over_what_came_meanwhile() {
    let mut echoer = whole(|_, _| ());
    echoer.offer(snapshot(1, 1, "ok"), START);
    echoer.offer(snapshot(2, 1, "ok"), START);
    let sent = batch(&mut echoer, START);
    echoer.offer(snapshot(1, 5, "ok"), START);
    echoer.failed(sent, &refusal(Some(later(300))), START);
    assert_eq!(echoer.next(later(299)), Step::Wait(later(300)));
    echoer.looked(Some(Marker::Whole(7)), later(300));
    assert_eq!(epochs(&batch(&mut echoer, later(300))), [(2, 1), (1, 5)]);
}

#[test]
fn an_empty_echo_is_rebuilt_and_one_that_was_emptied_meanwhile_once_more() {
    let mut echoer = whole(|_, _| ());
    echoer.offer(snapshot(1, 1, "ok"), START);
    let sent = batch(&mut echoer, START);
    echoer.published(sent, START);
    assert_eq!(echoer.next(later(10)), Step::Look);
    echoer.looked(None, later(10));
    for emptied in [true, false] {
        let building = Marker::Building(1);
        assert_eq!(
            echoer.next(later(10)),
            Step::Mark {
                was: None,
                by: building
            }
        );
        echoer.marked(true);
        assert_eq!(echoer.next(later(10)), Step::OfferAll);
        assert!(
            echoer.offer(snapshot(1, 1, "ok"), later(10)),
            "it is wanted again"
        );
        echoer.offered_all();
        let sent = batch(&mut echoer, later(10));
        assert!(
            matches!(echoer.next(later(10)), Step::Wait(_)),
            "not whole yet"
        );
        echoer.published(sent, later(10));
        let by = Marker::Whole(1);
        assert_eq!(
            echoer.next(later(10)),
            Step::Mark {
                was: Some(building),
                by
            }
        );
        echoer.marked(!emptied);
        if emptied {
            assert_eq!(echoer.next(later(10)), Step::Look);
            echoer.looked(None, later(10));
        }
    }
    assert!(matches!(echoer.next(later(10)), Step::Wait(_)));
}

#[test]
fn anothers_rebuilding_is_waited_for_but_not_for_ever() {
    let mut echoer = whole(|_, _| ());
    let others = Some(Marker::Building(9));
    echoer.looked(others, later(10));
    assert_eq!(echoer.next(later(20)), Step::Look);
    echoer.looked(others, later(609));
    assert!(matches!(echoer.next(later(609)), Step::Wait(_)));
    echoer.looked(others, later(610));
    let by = Marker::Building(1);
    assert_eq!(echoer.next(later(610)), Step::Mark { was: others, by });
}

fn refusal(not_before: Option<Timestamp>) -> EchoError {
    let error = StoreError::new(StoreErrorKind::Unknown, "memory", "publish");
    EchoError { error, not_before }
}

/// What may happen to an echo, and to what is said of it.
#[derive(Clone, Copy, Debug)]
enum Event {
    Change(u8, bool),
    Work,
    WorkWithLostAnswer,
    WorkThatFails,
    Flush,
    Pass(u16),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0..5_u8, any::<bool>()).prop_map(|(account, flip)| Event::Change(account, flip)),
        8 => Just(Event::Work),
        1 => Just(Event::WorkWithLostAnswer),
        1 => Just(Event::WorkThatFails),
        1 => Just(Event::Flush),
        2 => (0..15_000_u16).prop_map(Event::Pass),
    ]
}

/// Accounts as SQL has them, an echo, and who keeps it.
struct World {
    sql: Vec<Snapshot>,
    echo: MemoryEcho,
    echoer: Echoer,
    now: Timestamp,
}

impl World {
    fn new() -> Self {
        let pace = Pace {
            budget: Budget::new(2, Duration::from_millis(50)),
            most_remembered: 3,
            ..Pace::default()
        };
        let caps = EchoCaps {
            bulk: 2,
            ..MemoryEcho::default().caps()
        };
        Self {
            sql: (0..5).map(|it| snapshot(it, 1, "ok")).collect(),
            echo: MemoryEcho::default(),
            echoer: Echoer::new(caps, pace, 1),
            now: START,
        }
    }

    /// One step, its answer perhaps lost, or not done at all. Whether there was one.
    fn work(&mut self, done: bool, heard: bool) -> bool {
        let now = self.now;
        match self.echoer.next(now) {
            Step::Publish(batch) => {
                if done {
                    block_on(self.echo.publish(batch.snapshots(), now)).unwrap();
                }
                match heard {
                    true => self.echoer.published(batch, now),
                    false => self.echoer.failed(batch, &refusal(None), now),
                }
            }
            Step::Look if heard => {
                let seen = block_on(self.echo.marker(now)).unwrap();
                self.echoer.looked(seen, now);
            }
            Step::Mark { was, by } => {
                let replaced = done && block_on(self.echo.mark(was, by, now)).unwrap();
                match heard {
                    true => self.echoer.marked(replaced),
                    false => self.echoer.faltered(&refusal(None), now),
                }
            }
            Step::OfferAll if heard => {
                for snapshot in &self.sql {
                    self.echoer.offer(*snapshot, now);
                }
                self.echoer.offered_all();
            }
            Step::Look | Step::OfferAll => self.echoer.faltered(&refusal(None), now),
            Step::Wait(until) => {
                assert!(until > now, "it waits for the past");
                return false;
            }
        }
        true
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Change(account, flip) => {
                let it = &mut self.sql[usize::from(account)];
                it.epoch += 1;
                it.image_storage = Amount::from(u32::try_from(it.epoch).unwrap());
                if flip {
                    it.video_status = if it.video_status == "ok" {
                        "degraded"
                    } else {
                        "ok"
                    };
                }
                self.echoer.offer(*it, self.now);
            }
            Event::Work => drop(self.work(true, true)),
            Event::WorkWithLostAnswer => drop(self.work(true, false)),
            Event::WorkThatFails => drop(self.work(false, false)),
            Event::Flush => self.echo.flush(),
            Event::Pass(millis) => self.pass(Duration::from_millis(millis.into())),
        }
    }

    fn pass(&mut self, span: Duration) {
        self.now = self.now.saturating_add(span);
    }
}

proptest! {
    /// Whatever happened: when the echo is left alone for a while, it says of every account what SQL says.
    #[test]
    fn it_comes_to_say_what_sql_says(events in prop::collection::vec(event(), 0..120)) {
        let mut world = World::new();
        for event in events {
            world.happens(event);
        }
        for _ in 0..300 {
            world.work(true, true);
            world.pass(Duration::from_millis(100));
        }
        prop_assert_eq!(world.echoer.backlog(), 0);
        for snapshot in &world.sql {
            let standing = world.echo.standing(snapshot.account, snapshot.month, START);
            let standing = block_on(standing).unwrap();
            prop_assert_eq!(standing.amount(Slot::ImageStorage), Some(snapshot.image_storage));
            prop_assert_eq!(standing.video_status.as_deref(), Some(snapshot.video_status));
        }
    }

    /// In no stretch of time are more calls taken than it says.
    #[test]
    fn a_budget_bounds_every_stretch(burst in 1..20_u32, every in 1..500_u64, asks in prop::collection::vec(0..300_u64, 1..200)) {
        let mut budget = Budget::new(burst, Duration::from_millis(every));
        let (mut now, mut taken) = (START, Vec::new());
        for pause in asks {
            now = now.saturating_add(Duration::from_millis(pause));
            match budget.take(now) {
                Ok(()) => taken.push(now),
                Err(ready) => prop_assert!(ready > now),
            }
        }
        for (first, from) in taken.iter().enumerate() {
            for (nth, to) in taken[first..].iter().enumerate() {
                let stretch = to.saturating_since(*from).as_millis();
                let most = u128::from(burst) + stretch / u128::from(every);
                prop_assert!((nth as u128) < most);
            }
        }
    }
}
