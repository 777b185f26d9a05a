//! What the promises share.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use picora_core::Timestamp;

use super::Harness;
use crate::{Check, Decision, Limit, Limiter, MemoryLimiter, Policy, Subject, SubjectKey};

/// The suite's own limiter, whose futures are ready at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct MemoryHarness;

impl Harness for MemoryHarness {
    type Guard = ();

    fn run<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        let mut context = Context::from_waker(Waker::noop());
        loop {
            match future.as_mut().poll(&mut context) {
                Poll::Ready(output) => return output,
                Poll::Pending => thread::yield_now(),
            }
        }
    }

    fn fresh(&self) -> ((), Arc<dyn Limiter>) {
        ((), Arc::new(MemoryLimiter::new()))
    }
}

/// An instant 17.35 s into its minute, so that nothing is aligned by chance.
pub(super) const NOW: Timestamp = Timestamp::from_unix_micros(1_776_999_977_350_000);

/// The account in whose name most promises are tested.
pub(super) const ALICE: SubjectKey = SubjectKey(0xA11CE);

/// Another one.
pub(super) const BOB: SubjectKey = SubjectKey(0xB0B);

/// So many per clock minute.
pub(super) fn per_minute(limit: u64) -> Policy {
    policy([Limit::window("minute", limit, Duration::from_secs(60))])
}

/// One every 100 ms, so many at once.
pub(super) fn burst(burst: u64) -> Policy {
    policy([Limit::gcra("burst", 10, Duration::from_secs(1), burst)])
}

/// Both.
pub(super) fn both(limit: u64, burst: u64) -> Policy {
    let window = Limit::window("minute", limit, Duration::from_secs(60));
    policy([
        window,
        Limit::gcra("burst", 10, Duration::from_secs(1), burst),
    ])
}

/// Limits of the suite.
pub(super) fn policy<const N: usize>(limits: [Result<Limit, crate::PolicyError>; N]) -> Policy {
    let limits = limits
        .into_iter()
        .map(|limit| limit.expect("the suite's limits are exact"));
    Policy::new("suite", limits).expect("the suite's policies are sound")
}

/// Asks in the way that the limiter answers.
pub(super) async fn ask<'a>(
    limiter: &dyn Limiter,
    check: &Check<'a>,
    now: Timestamp,
) -> Decision<'a> {
    match limiter.try_decide(check, now) {
        Some(decision) => decision,
        None => decide(limiter, check, now).await,
    }
}

/// Asks in the asynchronous way.
pub(super) async fn decide<'a>(
    limiter: &dyn Limiter,
    check: &Check<'a>,
    now: Timestamp,
) -> Decision<'a> {
    let answer = limiter.decide(check, now).await;
    answer.expect("the limiter under test can reach its store")
}

/// How many of so many requests at one instant pass.
pub(super) async fn passed(
    limiter: &dyn Limiter,
    check: &Check<'_>,
    now: Timestamp,
    tries: usize,
) -> usize {
    let mut passed = 0;
    for _ in 0..tries {
        passed += usize::from(ask(limiter, check, now).await.is_allowed());
    }
    passed
}

/// A check of the suite.
pub(super) fn check<'a>(home: SubjectKey, subjects: &'a [Subject<'a>], cost: u64) -> Check<'a> {
    Check::new(home, subjects, cost).expect("the suite's checks can pass")
}

/// One subject of the suite.
pub(super) const fn subject(key: SubjectKey, policy: &Policy) -> Subject<'_> {
    Subject { key, policy }
}

/// So many milliseconds after [`NOW`].
pub(super) fn after_millis(millis: u64) -> Timestamp {
    NOW.saturating_add(Duration::from_millis(millis))
}
