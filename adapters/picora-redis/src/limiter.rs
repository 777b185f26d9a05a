//! The limiter on Redis.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use picora_core::{StoreError, StoreErrorKind, Timestamp};
use picora_ratelimit::{
    Asked, Check, Decision, LeaseCall, LeaseTerms, Limiter, SubjectKey, peek, step,
};
use tokio::time::Instant;

use crate::RedisConfig;
use crate::breaker::Breaker;
use crate::error::Failure;
use crate::item::{Item, Operation};
use crate::leases::{Held, Leases};
use crate::link::Link;
use crate::queue::Queue;
use crate::response::Answer;

/// Decides checks on a Redis or a cluster that many processes share, all subjects of a home as one step.
///
/// Instants are those of Redis; the caller's `now` is not looked at. Policies that are [leased](picora_ratelimit::Policy::leased) are spent
/// from leases, all others are asked for each time.
///
/// **Errors**: `Unavailable` when nothing was sent (the breaker is open, no connection, the deadline came in the queue), or when Redis
/// refused; `Unknown` when no answer came in time, and then the check may have been charged; `Corrupt` for a key that holds no record.
/// Every error comes within the deadline; while the breaker is open, at once. **State**: a dropped future may leave the check charged.
#[derive(Debug)]
pub struct RedisLimiter {
    config: RedisConfig,
    queue: Queue,
    breaker: Breaker,
    leases: Leases,
    started: Instant,
    test_clock: bool,
}

impl RedisLimiter {
    /// On one server, whose address may hold a user and a password. Nothing is sent yet. To be called on a runtime.
    ///
    /// # Errors
    /// When the URL is not one of Redis'; it names what is wrong, and never the password.
    pub fn single(url: &str, config: RedisConfig) -> Result<Self, StoreError> {
        let link = Link::single(url, config.deadline).map_err(unusable)?;
        Ok(Self::on(link, config))
    }

    /// On a cluster, by the URLs of some of its nodes. Nothing is sent yet. To be called on a runtime.
    ///
    /// # Errors
    /// As [`single`](Self::single).
    pub fn cluster(urls: Vec<String>, config: RedisConfig) -> Result<Self, StoreError> {
        let link = Link::cluster(urls, config.deadline).map_err(unusable)?;
        Ok(Self::on(link, config))
    }

    fn on(link: Link, config: RedisConfig) -> Self {
        let together = config.group_commit.then_some(config.most_together.max(1));
        Self {
            queue: Queue::new(link, together),
            breaker: Breaker::new(config.breaker),
            leases: Leases::new(config.most_leases),
            started: Instant::now(),
            test_clock: false,
            config,
        }
    }

    /// The same going by the caller's clock, so that a test can lead it. Keys then live an hour longer.
    #[cfg(feature = "test-clock")]
    #[must_use]
    pub fn with_the_callers_clock(mut self) -> Self {
        self.test_clock = true;
        self
    }

    /// A span by a clock that never goes back.
    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    async fn ask(
        &self,
        items: Vec<Item>,
        now: Timestamp,
        operation: &'static str,
    ) -> Result<Vec<Result<Answer, Failure>>, StoreError> {
        let deadline = self.config.deadline;
        self.ask_within(deadline, items, now, operation).await
    }

    async fn ask_within(
        &self,
        deadline: Duration,
        mut items: Vec<Item>,
        now: Timestamp,
        operation: &'static str,
    ) -> Result<Vec<Result<Answer, Failure>>, StoreError> {
        if !self.breaker.lets_through(self.elapsed()) {
            let open = Failure::NotSent("the breaker is open after failures in a row".to_owned());
            return Err(open.at(operation));
        }
        for item in &mut items {
            item.now = self.test_clock.then_some(now);
        }
        let taken = Arc::new(AtomicBool::new(false));
        let answer = self.queue.ask(items, &taken);
        let answer = tokio::time::timeout(deadline, answer).await;
        let answer = answer.unwrap_or_else(|_| {
            let after = format!("after {deadline:?}");
            Err(if taken.load(Ordering::SeqCst) {
                Failure::NoAnswer(after)
            } else {
                Failure::NotSent(after)
            })
        });
        match &answer {
            Ok(_) => self.breaker.succeeded(),
            Err(_) => self.breaker.failed(self.elapsed()),
        }
        answer.map_err(|failure| failure.at(operation))
    }

    /// Asks about a check alone.
    async fn ask_one(
        &self,
        check: &Check<'_>,
        what: Operation,
        now: Timestamp,
        operation: &'static str,
    ) -> Result<Answer, StoreError> {
        let item = Item::of(check, what, &self.config.prefix);
        let answers = self.ask(vec![item], now, operation).await?;
        last(answers).map_err(|failure| failure.at(operation))
    }

    async fn decide_strictly<'a>(
        &self,
        check: &Check<'a>,
        now: Timestamp,
    ) -> Result<Decision<'a>, StoreError> {
        let answer = self.ask_one(check, Operation::Decide, now, DECIDE).await?;
        let decision = step(check, &answer.records, answer.now).decision;
        agree(&answer, &decision, DECIDE)?;
        Ok(decision)
    }

    async fn decide_leased<'a>(
        &self,
        check: &Check<'a>,
        now: Timestamp,
        held: &Held,
        terms: LeaseTerms,
    ) -> Result<Decision<'a>, StoreError> {
        // Half of the deadline is for the turn, and half for the call: a call that has little time left would debit for nobody.
        let half = self.config.deadline / 2;
        let failures = held.failures();
        let turn = tokio::time::timeout(half, held.turn.lock()).await;
        let Ok(_turn) = turn.as_ref() else {
            let failure = Failure::NotSent("others wait for the same lease".to_owned());
            return Err(failure.at(DECIDE));
        };
        // Whoever had the turn before may have left enough, or has just seen that there is no answer.
        if held.failures() != failures {
            return Err(Failure::NotSent("the call for a lease has failed".to_owned()).at(DECIDE));
        }
        let asked = held.hold().ask(check, self.elapsed());
        let left = match asked {
            Asked::Decided(decision) => return Ok(decision),
            Asked::Ask { left } => left,
        };
        let most = check.subjects().map(|it| it.policy.most()).min();
        let wanted = terms.tokens.max(check.cost()).min(most.unwrap_or(0));
        let least = check.cost();
        let mut items = Vec::with_capacity(2);
        if let Some((cost, charged_at)) = left {
            let mut back = Item::of(check, Operation::Refund { charged_at }, &self.config.prefix);
            back.cost = cost;
            items.push(back);
        }
        let mut lease = Item::of(check, Operation::Lease { least }, &self.config.prefix);
        lease.cost = wanted;
        items.push(lease);
        let (sent, attempt) = (self.elapsed(), held.attempt());
        let answer = self.ask_within(half, items, now, DECIDE).await?;
        let answer = last(answer).map_err(|it| it.at(DECIDE))?;
        attempt.succeeded();
        let call = LeaseCall {
            wanted,
            sent,
            received: self.elapsed(),
            store_now: answer.now,
        };
        let decision = held.hold().take(check, answer.records.clone(), call, terms);
        agree(&answer, &decision, DECIDE)?;
        Ok(decision)
    }
}

#[async_trait]
impl Limiter for RedisLimiter {
    fn try_decide<'a>(&self, check: &Check<'a>, _now: Timestamp) -> Option<Decision<'a>> {
        let held = self.leases.of(check, self.elapsed())?;
        held.decide(check, self.elapsed())
    }

    async fn decide<'a>(
        &self,
        check: &Check<'a>,
        now: Timestamp,
    ) -> Result<Decision<'a>, StoreError> {
        match (self.leases.of(check, self.elapsed()), check.lease()) {
            (Some(held), Some(terms)) => self.decide_leased(check, now, &held, terms).await,
            _ => self.decide_strictly(check, now).await,
        }
    }

    async fn peek<'a>(
        &self,
        check: &Check<'a>,
        now: Timestamp,
    ) -> Result<Decision<'a>, StoreError> {
        let answer = self.ask_one(check, Operation::Peek, now, "peek").await?;
        let decision = peek(check, &answer.records, answer.now);
        agree(&answer, &decision, "peek")?;
        Ok(decision)
    }

    async fn refund(
        &self,
        check: &Check<'_>,
        charged_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        // What was spent from a lease was debited before, by its life at most: less has to drain, and less is given back.
        let life = check.lease().map_or(Duration::ZERO, |terms| terms.life);
        let refund = Operation::Refund {
            charged_at: charged_at.saturating_sub(life),
        };
        self.ask_one(check, refund, now, "refund").await.map(drop)
    }

    async fn reset(
        &self,
        home: SubjectKey,
        subject: SubjectKey,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let item = Item::reset(home, subject, &self.config.prefix);
        let answers = self.ask(vec![item], now, "reset").await?;
        self.leases.forget(home);
        last(answers).map(drop).map_err(|it| it.at("reset"))
    }
}

fn last(answers: Vec<Result<Answer, Failure>>) -> Result<Answer, Failure> {
    let last = answers.into_iter().next_back();
    last.unwrap_or(Err(Failure::Nonsense("no answer")))
}

/// The script and the rule must have come to the same verdict.
fn agree(
    answer: &Answer,
    decision: &Decision<'_>,
    operation: &'static str,
) -> Result<(), StoreError> {
    if answer.verdict == Some(decision.verdict()) {
        return Ok(());
    }
    tracing::error!(script = ?answer.verdict, rule = ?decision.verdict(), "the script and the rule disagree");
    Err(Failure::Nonsense("it is not what the rule says").at(operation))
}

pub(crate) fn unusable(error: redis::RedisError) -> StoreError {
    StoreError::new(
        StoreErrorKind::Unavailable,
        "redis",
        "be reached at this URL",
    )
    .caused_by(error)
}

const DECIDE: &str = "decide";
