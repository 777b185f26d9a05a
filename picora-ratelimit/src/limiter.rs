//! The port: whoever decides checks.

use std::fmt;

use async_trait::async_trait;
use picora_core::{StoreError, Timestamp};

use crate::{Check, Decision, SubjectKey};

/// Decides checks as [`step`](crate::step()) does, each as one atomic step on the subjects of one home.
///
/// What it promises is the suite in `conformance`. **Units**: `now` is the caller's one reading of the clock; a limiter that shares
/// its state between machines goes by the clock of the store and says so in [`Decision::decided_at`]. **Errors**: [`StoreError`]; after
/// `Unknown` the check may or may not have been charged and is not repeated.
#[async_trait]
pub trait Limiter: Send + Sync + fmt::Debug {
    /// Decides without waiting; `None` when this limiter cannot answer without I/O, and nothing has happened. Ask
    /// [`decide`](Self::decide) then.
    ///
    /// It spares limiters in memory the boxed future.
    fn try_decide<'a>(&self, check: &Check<'a>, now: Timestamp) -> Option<Decision<'a>>;

    /// Decides.
    async fn decide<'a>(
        &self,
        check: &Check<'a>,
        now: Timestamp,
    ) -> Result<Decision<'a>, StoreError>;

    /// Tells what [`decide`](Self::decide) would, and charges nothing; see [`peek`](crate::peek).
    async fn peek<'a>(&self, check: &Check<'a>, now: Timestamp)
    -> Result<Decision<'a>, StoreError>;

    /// Takes back what an allowed check was charged at `charged_at`, which is its [`Decision::decided_at`]; asked at most once for
    /// each decision. See [`refund`](crate::refund) for what is given back.
    async fn refund(
        &self,
        check: &Check<'_>,
        charged_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Forgets what a subject has spent at its home, under whatever policy.
    async fn reset(
        &self,
        home: SubjectKey,
        subject: SubjectKey,
        now: Timestamp,
    ) -> Result<(), StoreError>;
}
