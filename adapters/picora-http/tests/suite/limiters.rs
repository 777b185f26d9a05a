//! Limiters that fail, or that answer later.

use async_trait::async_trait;
use picora_core::{StoreError, StoreErrorKind, Timestamp};
use picora_ratelimit::{Check, Decision, Limiter, MemoryLimiter, SubjectKey};

/// A limiter whose store is gone.
#[derive(Debug)]
pub(crate) struct Unreachable;

fn gone(operation: &'static str) -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, "redis", operation)
}

#[async_trait]
impl Limiter for Unreachable {
    fn try_decide<'a>(&self, _: &Check<'a>, _: Timestamp) -> Option<Decision<'a>> {
        None
    }
    async fn decide<'a>(&self, _: &Check<'a>, _: Timestamp) -> Result<Decision<'a>, StoreError> {
        Err(gone("decide"))
    }
    async fn peek<'a>(&self, _: &Check<'a>, _: Timestamp) -> Result<Decision<'a>, StoreError> {
        Err(gone("peek"))
    }
    async fn refund(&self, _: &Check<'_>, _: Timestamp, _: Timestamp) -> Result<(), StoreError> {
        Err(gone("refund"))
    }
    async fn reset(&self, _: SubjectKey, _: SubjectKey, _: Timestamp) -> Result<(), StoreError> {
        Err(gone("reset"))
    }
}

/// A limiter that never answers at once.
#[derive(Debug)]
pub(crate) struct Remote(pub(crate) MemoryLimiter);

#[async_trait]
impl Limiter for Remote {
    fn try_decide<'a>(&self, _: &Check<'a>, _: Timestamp) -> Option<Decision<'a>> {
        None
    }
    async fn decide<'a>(
        &self,
        check: &Check<'a>,
        now: Timestamp,
    ) -> Result<Decision<'a>, StoreError> {
        tokio::task::yield_now().await;
        self.0.decide(check, now).await
    }
    async fn peek<'a>(
        &self,
        check: &Check<'a>,
        now: Timestamp,
    ) -> Result<Decision<'a>, StoreError> {
        self.0.peek(check, now).await
    }
    async fn refund(
        &self,
        check: &Check<'_>,
        charged_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.0.refund(check, charged_at, now).await
    }
    async fn reset(
        &self,
        home: SubjectKey,
        subject: SubjectKey,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.0.reset(home, subject, now).await
    }
}
