//! A limiter that fails at every call in turn, before or after it has done its work.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use picora_core::{Clock, SeededEntropy, StoreError, StoreErrorKind, Timestamp};
use picora_ratelimit::captcha::{CaptchaOutcome, CaptchaRequest, CaptchaVerifier};
use picora_ratelimit::code_mail::{Captcha, CodeMailAnswer, CodeMailCause, CodeMailEvent};
use picora_ratelimit::{Check, Decision, Limiter, MemoryLimiter, SubjectKey};

use super::model::{Model, Sent, small};
use super::world::World;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Before,
    After,
    /// It is done, and then the process ends.
    Crash,
}

const ALL: [When; 3] = [When::Before, When::After, When::Crash];

/// Fails at the calls from `first` up to, and not including, `end`.
#[derive(Debug)]
struct Faulty {
    inner: MemoryLimiter,
    calls: AtomicUsize,
    first: usize,
    end: usize,
    when: When,
}

impl Faulty {
    fn fails(&self) -> Option<When> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        (self.first..self.end).contains(&call).then_some(self.when)
    }
}

async fn lost<T>(when: Option<When>, done: Result<T, StoreError>) -> Result<T, StoreError> {
    match when {
        Some(When::Crash) => pending().await,
        Some(When::Before | When::After) => {
            Err(StoreError::new(StoreErrorKind::Unknown, "faulty", "answer"))
        }
        None => done,
    }
}

#[async_trait]
impl Limiter for Faulty {
    fn try_decide<'a>(&self, _: &Check<'a>, _: Timestamp) -> Option<Decision<'a>> {
        None
    }

    async fn decide<'a>(
        &self,
        check: &Check<'a>,
        now: Timestamp,
    ) -> Result<Decision<'a>, StoreError> {
        let when = self.fails();
        if when == Some(When::Before) {
            return Err(StoreError::new(
                StoreErrorKind::Unavailable,
                "faulty",
                "decide",
            ));
        }
        lost(when, self.inner.decide(check, now).await).await
    }

    async fn peek<'a>(
        &self,
        check: &Check<'a>,
        now: Timestamp,
    ) -> Result<Decision<'a>, StoreError> {
        lost(self.fails(), self.inner.peek(check, now).await).await
    }

    async fn refund(
        &self,
        check: &Check<'_>,
        charged_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let when = self.fails();
        if when == Some(When::Before) {
            return Err(StoreError::new(
                StoreErrorKind::Unavailable,
                "faulty",
                "refund",
            ));
        }
        lost(when, self.inner.refund(check, charged_at, now).await).await
    }

    async fn reset(
        &self,
        home: SubjectKey,
        subject: SubjectKey,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.inner.reset(home, subject, now).await
    }
}

#[derive(Debug)]
struct Everybody;

#[async_trait]
impl CaptchaVerifier for Everybody {
    async fn verify(&self, _: &CaptchaRequest<'_>) -> Result<CaptchaOutcome, StoreError> {
        Ok(CaptchaOutcome::Passed)
    }
}

/// What one run of the same history did.
struct Run {
    model: Model,
    calls: usize,
    /// Requests that the model would have sent and the service did not.
    missed: usize,
    errors: usize,
    refunds_failed: usize,
    without_fault: bool,
}

/// A history in which every home denies once, mails are given back, and time passes.
const STEPS: &[(u64, usize, usize, bool)] = &[
    // (seconds passed, address, client, given back)
    (0, 0, 0, false),
    (0, 0, 1, false), // the address denies
    (1, 1, 0, true),
    (1, 1, 0, false),
    (1, 2, 1, false),
    (1, 3, 2, false), // everybody together deny
    (60, 2, 0, false),
    (60, 3, 0, false),
    (60, 4, 0, false), // the client denies
    (0, 4, 1, true),
    (0, 4, 1, false),
    (60, 0, 2, false),
    (3_600, 0, 0, false),
    (0, 1, 0, false),
    (0, 2, 0, false),
    (0, 3, 0, false), // client and everybody
];

fn history(first: usize, end: usize, when: When) -> Run {
    let faulty = Arc::new(Faulty {
        inner: MemoryLimiter::new(),
        calls: AtomicUsize::new(0),
        first,
        end,
        when,
    });
    let captcha = Captcha::new(Arc::new(Everybody), Arc::new(SeededEntropy::new(1)));
    let world = World::on(faulty.clone(), small()).with_captcha(captcha);
    let mut run = Run {
        model: Model::of(&small()),
        calls: 0,
        missed: 0,
        errors: 0,
        refunds_failed: 0,
        without_fault: first == end,
    };
    for (seconds, address, client, given_back) in STEPS {
        world.advance(*seconds);
        step(&world, &mut run, *address, *client, *given_back);
    }
    run.calls = faulty.calls.load(Ordering::Relaxed);
    run.refunds_failed = world.count(|event| matches!(event, CodeMailEvent::RefundFailed { .. }));
    run
}

fn step(world: &World, run: &mut Run, address: usize, client: usize, given_back: bool) {
    let at = world.clock.now();
    let mail = Sent {
        at,
        address,
        client,
    };
    let expected = run.model.wait(mail);
    let (to, from) = (format!("u{address}@example.com"), format!("c{client}"));
    match world.ask_with(&to, &from, Some("token")) {
        Ok(CodeMailAnswer::Send(receipt)) => {
            assert_eq!(expected, None, "sent more than the model at {at:?}");
            // A mail that was not handed over is none, whatever becomes of the refund.
            if given_back {
                let _tried = world.give_back(receipt);
            } else {
                run.model.sent.push(mail);
            }
        }
        Ok(CodeMailAnswer::Refused(refusal)) => {
            run.missed += usize::from(expected.is_none());
            if run.without_fault {
                assert_eq!(Some((refusal.cause, refusal.retry_after)), expected);
            }
        }
        Ok(answer) => panic!("{answer:?}"),
        Err(_) => {
            run.errors += 1;
            run.missed += usize::from(expected.is_none());
        }
    }
}

#[test]
fn without_a_fault_the_history_is_the_models() {
    let run = history(0, 0, When::Before);
    assert_eq!((run.errors, run.missed, run.refunds_failed), (0, 0, 0));
    assert_eq!(run.model.sent.len(), 10);
    run.model.assert_kept();
}

#[test]
fn one_fault_at_any_call_admits_no_more_and_costs_what_it_must() {
    let calls = history(0, 0, When::Before).calls;
    assert!(calls > 60, "{calls}");
    for call in 0..calls {
        for when in ALL {
            let run = history(call, call + 1, when);
            run.model.assert_kept();
            assert!(run.errors <= 1, "{call} {when:?}");
            assert!(run.missed <= 4, "{call} {when:?}: {} missed", run.missed);
        }
    }
}

#[test]
fn faults_in_a_row_admit_no_more() {
    let calls = history(0, 0, When::Before).calls;
    for call in 0..calls {
        for length in [2, 3, 5, 8, calls] {
            for when in ALL {
                history(call, call + length, when).model.assert_kept();
            }
        }
    }
}

/// After each fault: the sums of all three homes, seen through a limiter that works again.
#[test]
fn the_sums_are_right_or_admit_less() {
    // Calls of one request: 0 the count of requests, 1 address, 2 client, 3 everybody; without a captcha, one less.
    let rows: &[(usize, usize, When, [u64; 3])] = &[
        (0, 1, When::Before, [0, 0, 0]),
        (0, 1, When::After, [1, 0, 0]), // charged, and the answer lost: it may have been
        (1, 2, When::Before, [0, 0, 0]), // the address is given back
        (1, 2, When::After, [0, 1, 0]),
        (2, 3, When::Before, [0, 0, 0]),
        (2, 3, When::After, [0, 0, 1]),
        (2, 4, When::Before, [0, 1, 0]), // and the client's refund fails
        (2, 4, When::After, [0, 0, 1]),  // and its answer is lost, which changes nothing
        (2, 5, When::Before, [1, 1, 0]),
        (1, 3, When::Before, [1, 0, 0]),
        (0, 1, When::Crash, [1, 0, 0]),
        (1, 2, When::Crash, [1, 1, 0]),
        (2, 3, When::Crash, [1, 1, 1]),
    ];
    for (first, end, when, sums) in rows {
        let faulty = Arc::new(Faulty {
            inner: MemoryLimiter::new(),
            calls: AtomicUsize::new(0),
            first: *first,
            end: *end,
            when: *when,
        });
        let world = World::on(faulty, small());
        assert!(world.ask_with("u@example.com", "c", None).is_err());
        assert_eq!(used(&world), *sums, "{first}..{end} {when:?}");
    }
}

/// How much is charged to `u@example.com`, `c` and everybody, found by spending what is left within one minute or hour.
fn used(world: &World) -> [u64; 3] {
    let address = u64::from(!gives_way(world, "u@example.com", "fresh"));
    let global = 3 - room(world, |nth| {
        (format!("g{nth}@example.com"), format!("g{nth}"))
    });
    world.advance(60);
    let mut client = 0;
    for nth in 0..4 {
        client += u64::from(gives_way_for_good(
            world,
            &format!("i{nth}@example.com"),
            "c",
        ));
        world.advance(60);
    }
    [address, 4 - client, global]
}

/// Whether a mail may be sent, which then is given back.
fn gives_way(world: &World, address: &str, client: &str) -> bool {
    match world.ask(address, client) {
        CodeMailAnswer::Send(receipt) => world.give_back(receipt).is_ok(),
        answer => {
            assert_eq!(super::world::refusal(answer).cause, CodeMailCause::Address);
            false
        }
    }
}

fn gives_way_for_good(world: &World, address: &str, client: &str) -> bool {
    matches!(world.ask(address, client), CodeMailAnswer::Send(_))
}

/// How many mails still go out.
fn room(world: &World, who: impl Fn(u64) -> (String, String)) -> u64 {
    let sends = |nth: &u64| {
        let (address, client) = who(*nth);
        gives_way_for_good(world, &address, &client)
    };
    (0..10).take_while(sends).count() as u64
}

#[test]
fn a_look_that_fails_does_not_hide_the_refusal() {
    // Calls: three of the first mail; the second asks the address (3), which denies, and looks at the client (4) and everybody (5).
    let faulty = Arc::new(Faulty {
        inner: MemoryLimiter::new(),
        calls: AtomicUsize::new(0),
        first: 4,
        end: 6,
        when: When::Before,
    });
    let world = World::on(faulty, small());
    assert!(world.sends("u@example.com", "c"));
    let refusal = super::world::refusal(world.ask("u@example.com", "c"));
    assert_eq!(
        (refusal.cause, refusal.retry_after),
        (CodeMailCause::Address, Duration::from_secs(60))
    );
}
