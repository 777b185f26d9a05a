//! Openings of the circuit breaker: counted once, told once.

use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};
use std::thread;

use async_trait::async_trait;
use picora_core::{Clock, StoreError};
use picora_ratelimit::code_mail::{
    BreakerOpening, CodeMail, CodeMailAddress, CodeMailAnswer, CodeMailCause, CodeMailEvent,
    CodeMailPolicies, CodeMailPorts, OperatorNotices,
};
use picora_ratelimit::{MemoryLimiter, SubjectHasher};

use super::world::{Memory, START, World, refusal, request, run};

fn ask(world: &World, nth: usize) -> CodeMailAnswer {
    world.ask(&format!("user{nth}@example.com"), &format!("client {nth}"))
}

fn fill(world: &World, from: usize) {
    for nth in from..from + 100 {
        assert!(matches!(ask(world, nth), CodeMailAnswer::Send(_)));
    }
}

#[test]
fn each_opening_is_counted_and_told_once() {
    let world = World::new();
    fill(&world, 0);
    assert_eq!(
        (world.openings(), world.notices()),
        (0, 0),
        "the hundredth opens nothing"
    );
    for round in 1..=3 {
        for nth in 0..10 {
            assert_eq!(
                refusal(ask(&world, 1_000 * round + nth)).cause,
                CodeMailCause::Breaker
            );
        }
        assert_eq!((world.openings(), world.notices()), (round, round));
        world.advance(60);
        fill(&world, 1_000 * round + 100);
    }
}

#[test]
fn who_only_looks_at_an_open_breaker_tells_of_it_too() {
    let world = World::new();
    fill(&world, 0);
    // The address denies first, and the breaker's wait is the same: the first cause is told, the opening as well.
    assert_eq!(refusal(ask(&world, 0)).cause, CodeMailCause::Address);
    assert_eq!((world.openings(), world.notices()), (1, 1));
}

#[test]
fn a_message_that_was_not_accepted_is_brought_again_under_the_same_key() {
    let world = World::new();
    *world.memory.refuses.lock().unwrap() = 2;
    fill(&world, 0);
    for nth in 0..5 {
        refusal(ask(&world, 1_000 + nth));
        world.advance(1);
    }
    assert_eq!((world.openings(), world.notices()), (1, 1));
    assert_eq!(
        world.count(|event| *event == CodeMailEvent::NoticeFailed),
        2
    );
    let told = world.memory.notices.lock().unwrap()[0];
    assert_eq!(
        (told.at, told.key().as_str()),
        (START, "code-mail-breaker:2026-04-24T03:06Z")
    );
}

/// Never accepts the first message.
#[derive(Debug, Default)]
struct Hanging(AtomicUsize);

#[async_trait]
impl OperatorNotices for Hanging {
    async fn breaker_opened(&self, _: &BreakerOpening) -> Result<(), StoreError> {
        if self.0.fetch_add(1, Ordering::Relaxed) == 0 {
            pending::<()>().await;
        }
        Ok(())
    }
}

#[test]
fn a_client_that_goes_does_not_take_the_message_with_him() {
    let hanging = Arc::new(Hanging::default());
    let memory = Arc::new(Memory::default());
    let world = World::new();
    let ports = CodeMailPorts {
        limiter: Arc::new(MemoryLimiter::new()),
        notices: hanging.clone(),
        observer: memory,
    };
    let service = CodeMail::new(
        ports,
        CodeMailPolicies::standard(),
        &SubjectHasher::new([1; 16]),
    );
    let world = World { service, ..world };
    fill(&world, 0);
    let address = CodeMailAddress::new("gone@example.com").unwrap();
    let asked = request(&address, "gone");
    {
        let mut gone = pin!(world.service.admit(&asked, world.clock.now()));
        assert!(
            gone.as_mut()
                .poll(&mut Context::from_waker(Waker::noop()))
                .is_pending()
        );
        refusal(ask(&world, 2_000));
        assert_eq!(hanging.0.load(Ordering::Relaxed), 1, "one at a time");
    }
    refusal(ask(&world, 2_001));
    refusal(ask(&world, 2_002));
    assert_eq!(hanging.0.load(Ordering::Relaxed), 2);
}

#[test]
fn threads_send_a_hundred_and_open_once() {
    for _ in 0..20 {
        let world = World::new();
        let sent = AtomicUsize::new(0);
        thread::scope(|scope| {
            for thread in 0..4 {
                let (world, sent) = (&world, &sent);
                scope.spawn(move || {
                    for nth in 0..50 {
                        let client = format!("client {thread} {nth}");
                        let address =
                            CodeMailAddress::new(&format!("u{thread}.{nth}@example.com")).unwrap();
                        let answer = run(world.service.admit(&request(&address, &client), START));
                        if matches!(answer.unwrap(), CodeMailAnswer::Send(_)) {
                            sent.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        assert_eq!(sent.into_inner(), 100);
        assert_eq!((world.openings(), world.notices()), (1, 1));
    }
}
