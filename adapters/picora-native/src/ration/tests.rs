//! A storm of restores, in virtual time.

use std::time::Duration;

use futures::future::join_all;
use object_store::path::Path;
use picora_core::{StoreError, StoreErrorKind};
use picora_tiering::{RestoreAck, RestoreSpeed, TierControl};
use tokio::time::Instant;

use crate::failure::{Failure, Located};
use crate::scripted::{Plain, Scripted, Turn};
use crate::{Dialect, Native};

const BEGUN: Turn = Turn::Answer(202, &[], "");

/// So many at once, each of a clone of its own; each with when it was over.
async fn storm(
    store: &Native<Plain>,
    many: usize,
) -> Vec<(Duration, Result<RestoreAck, StoreError>)> {
    let began = Instant::now();
    let restores = (0..many).map(|number| {
        let store = store.clone();
        async move {
            let path = Path::from(format!("photo{number}"));
            let acknowledged = store.restore(&path, 1, RestoreSpeed::Expedited).await;
            (began.elapsed(), acknowledged)
        }
    });
    join_all(restores).await
}

fn limit() -> usize {
    Plain::caps().restores_per_second.unwrap() as usize
}

/// The most that came in any second, wherever it begins.
fn busiest(times: &[Duration]) -> usize {
    let within = |from: Duration| {
        let second = from..from + Duration::from_secs(1);
        times.iter().filter(|at| second.contains(*at)).count()
    };
    times.iter().map(|at| within(*at)).max().unwrap_or(0)
}

#[tokio::test(start_paused = true)]
async fn a_thousand_restores_are_all_done_and_never_more_than_the_limit_in_a_second() {
    let server = Scripted::new([BEGUN]);
    let store = Native::at(server.wire(|config| config.budget = Duration::from_secs(60)));
    let all = storm(&store, 1_000).await;
    for (_, acknowledged) in &all {
        assert_eq!(*acknowledged.as_ref().unwrap(), RestoreAck::Accepted);
    }
    let times = server.asked();
    assert_eq!(times.len(), 1_000);
    assert!(busiest(&times) <= limit(), "{}", busiest(&times));
    // And it is no slower than it must be, but for the grain of sleep.
    assert!(
        *times.last().unwrap() < Duration::from_secs(12),
        "{times:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn whose_turn_would_come_too_late_is_told_so_at_once() {
    let server = Scripted::new([BEGUN]);
    let store = Native::at(server.wire(|config| config.budget = Duration::from_secs(2)));
    let all = storm(&store, 1_000).await;
    let (done, refused): (Vec<_>, Vec<_>) = all.iter().partition(|(_, it)| it.is_ok());
    assert!((150..=201).contains(&done.len()), "{}", done.len());
    assert_eq!(server.asked().len(), done.len());
    assert!(busiest(&server.asked()) <= limit());
    // Of a thousand, two hundred and two have a turn within two seconds: one at once, and one that comes at the very end.
    let at_once = refused.iter().filter(|(at, _)| at.is_zero()).count();
    assert!(at_once >= 798, "{at_once}");
    for (at, error) in refused {
        let error = error.as_ref().unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
        let located = std::error::Error::source(error).unwrap();
        let located = located.downcast_ref::<Located>().unwrap();
        let Failure::Throttled { after } = located.failure else {
            panic!("{error}");
        };
        // At once, or, for those who waited for others that were slower than they should be, with the budget.
        assert!(at.is_zero() && after > Duration::from_secs(2) || *at == Duration::from_secs(2));
    }
}

/// Who gives up leaves his place to the others.
#[tokio::test(start_paused = true)]
async fn whoever_gives_up_is_not_waited_for() {
    let server = Scripted::new([BEGUN]);
    let store = Native::at(server.wire(|config| config.budget = Duration::from_secs(2)));
    let impatient = tokio::time::timeout(Duration::from_millis(35), storm(&store, 200)).await;
    assert!(impatient.is_err());
    let all = storm(&store, 50).await;
    assert!(all.iter().all(|(_, it)| it.is_ok()));
    assert!(busiest(&server.asked()) <= limit());
}

/// What is asked again after "too many" waits for another turn.
#[tokio::test(start_paused = true)]
async fn a_second_try_has_a_turn_of_its_own() {
    let busy = || Turn::Answer(429, &[], "");
    let server = Scripted::new([busy(), busy(), BEGUN]);
    let store = Native::at(server.wire(|_| {}));
    let all = storm(&store, 150).await;
    assert!(all.iter().all(|(_, it)| it.is_ok()));
    assert_eq!(server.asked().len(), 152);
    assert!(busiest(&server.asked()) <= limit());
}
