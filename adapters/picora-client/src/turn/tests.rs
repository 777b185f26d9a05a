use std::cell::RefCell;
use std::sync::Arc;
use std::sync::Mutex as Locked;
use std::time::Duration;

use picora_core::{ManualClock, SeededEntropy, Timestamp};

use super::*;
use crate::backoff::Rule;
use crate::retry_after::RetryAfter;

fn retry(rule: Rule) -> Retry {
    let clock = Arc::new(ManualClock::at(Timestamp::EPOCH));
    Retry::with(rule, clock, Arc::new(SeededEntropy::new(7)))
}

fn exact() -> Retry {
    retry(Rule {
        jitter_percent: 0,
        ..Rule::default()
    })
}

fn limited(seconds: Option<u64>) -> Option<Trouble> {
    let wait = seconds.map(|it| RetryAfter::Wait(Duration::from_secs(it)));
    Some(Trouble {
        setback: Setback::RateLimited,
        retry_after: wait.unwrap_or(RetryAfter::Absent),
    })
}

/// The seconds at which attempts were made when each named wait comes in turn, and nothing after them.
async fn attempts(retry: &Retry, waits: &[Option<u64>]) -> Vec<u128> {
    let (start, turns, times) = (Instant::now(), Turns::default(), RefCell::new(Vec::new()));
    repeat(retry, &turns, false, async |retries| {
        times.borrow_mut().push(start.elapsed().as_millis());
        (
            (),
            waits.get(retries as usize).and_then(|wait| limited(*wait)),
        )
    })
    .await;
    times.into_inner()
}

#[tokio::test(start_paused = true)]
async fn waits_are_exact() {
    for (waits, expected) in [
        (&[][..], &[0][..]),
        (&[None], &[0, 1_000]),
        (&[Some(3)], &[0, 3_000]),
        (&[None, None, None], &[0, 1_000, 3_000, 7_000]),
        (&[None, None, None, None, None], &[0, 1_000, 3_000, 7_000]),
        (
            &[Some(12), Some(12), Some(12)],
            &[0, 12_000, 24_000, 36_000],
        ),
        (&[Some(0), Some(1), Some(60)], &[0, 1_000, 3_000, 63_000]),
        (&[Some(121)], &[0]),
    ] {
        assert_eq!(attempts(&exact(), waits).await, expected, "{waits:?}");
    }
    assert_eq!(attempts(&retry(Rule::never()), &[None]).await, [0]);
}

#[tokio::test(start_paused = true)]
async fn jitter_makes_waits_longer_within_its_bound() {
    let mut longer = 0;
    let retry = retry(Rule::default());
    for _ in 0..100 {
        let times = attempts(&retry, &[Some(2)]).await;
        assert!((2_000..=2_201).contains(&times[1]), "{times:?}");
        longer += u32::from(times[1] > 2_000);
    }
    assert!(longer > 90, "{longer}");
}

/// One more request passes each second, as behind a burst that is spent; the wait is named exactly, and everybody comes at once.
#[tokio::test(start_paused = true)]
async fn forty_that_are_limited_at_once_all_pass_within_their_retries() {
    let (retry, turns) = (exact(), Turns::default());
    let free_at = Locked::new(Instant::now());
    let denials = RefCell::new(0);
    let one = async || {
        repeat(&retry, &turns, false, async |retries| {
            tokio::time::sleep(Duration::from_millis(5)).await; // on its way
            let (now, mut free_at) = (Instant::now(), free_at.lock().unwrap());
            if now >= *free_at {
                *free_at = now + Duration::from_secs(1);
                return (Ok(retries), None);
            }
            *denials.borrow_mut() += 1;
            let wait = (*free_at - now).as_millis().div_ceil(1_000);
            (Err(retries), limited(u64::try_from(wait).ok()))
        })
        .await
    };
    let start = Instant::now();
    let all = futures::future::join_all((0..40).map(|_| one())).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    assert!(*denials.borrow() >= 39);
    assert!(
        start.elapsed() < Duration::from_secs(60),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(turns.queued.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn whoever_gives_up_queueing_leaves_no_place_behind() {
    let (retry, turns) = (exact(), Turns::default());
    let one = || {
        let mut first = true;
        repeat(&retry, &turns, false, async move |_| {
            (
                (),
                std::mem::take(&mut first)
                    .then(|| limited(Some(100)))
                    .flatten(),
            )
        })
    };
    let short = Duration::from_secs(5);
    let given_up = tokio::join!(
        tokio::time::timeout(short, one()),
        tokio::time::timeout(short, one())
    );
    assert!(given_up.0.is_err() && given_up.1.is_err());
    let start = Instant::now();
    one().await;
    assert_eq!(start.elapsed(), Duration::from_secs(100));
    assert_eq!(turns.queued.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn what_was_lost_does_not_hold_up_the_others() {
    let (retry, turns, start) = (exact(), Turns::default(), Instant::now());
    let lost = Trouble {
        setback: Setback::Unknown,
        retry_after: RetryAfter::Wait(Duration::from_secs(50)),
    };
    let slow = repeat(&retry, &turns, true, async |retries| {
        ((), (retries == 0).then_some(lost))
    });
    let quick = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        repeat(&retry, &turns, true, async |_| (start.elapsed(), None)).await
    };
    let ((), at) = tokio::join!(slow, quick);
    assert_eq!(
        (at, start.elapsed()),
        (Duration::from_secs(1), Duration::from_secs(50))
    );
}
