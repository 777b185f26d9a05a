//! A sink of every admission, for the judge of a test with several processes. Compiled for tests alone.

use std::fs::File;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use picora_core::{StoreError, Timestamp};
use picora_ratelimit::conformance::Spend;
use picora_ratelimit::{Check, Decision, Limiter, SubjectKey};

/// A limiter that writes down what it admits: instance, the store's clock, subject and cost.
#[derive(Debug)]
struct Spends {
    inner: Arc<dyn Limiter>,
    file: Mutex<File>,
}

/// The limiter, with a sink when `PICORA_SPENDS` names a file.
#[must_use]
pub fn recorded(limiter: Arc<dyn Limiter>) -> Arc<dyn Limiter> {
    let Some(path) = std::env::var_os("PICORA_SPENDS") else {
        return limiter;
    };
    let file = File::options().append(true).create(true).open(path);
    Arc::new(Spends {
        inner: limiter,
        file: Mutex::new(file.expect("a test names a file that can be written")),
    })
}

impl Spends {
    fn note<'a>(&self, decision: Decision<'a>) -> Decision<'a> {
        let lines: String = Spend::of(&decision, std::process::id())
            .map(|spend| spend.to_line() + "\n")
            .collect();
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(lines.as_bytes())
            .expect("a test's file can be written");
        decision
    }
}

#[async_trait]
impl Limiter for Spends {
    fn try_decide<'a>(&self, check: &Check<'a>, now: Timestamp) -> Option<Decision<'a>> {
        let decision = self.inner.try_decide(check, now)?;
        Some(self.note(decision))
    }
    async fn decide<'a>(
        &self,
        check: &Check<'a>,
        now: Timestamp,
    ) -> Result<Decision<'a>, StoreError> {
        Ok(self.note(self.inner.decide(check, now).await?))
    }
    async fn peek<'a>(
        &self,
        check: &Check<'a>,
        now: Timestamp,
    ) -> Result<Decision<'a>, StoreError> {
        self.inner.peek(check, now).await
    }
    async fn refund(
        &self,
        check: &Check<'_>,
        charged_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.inner.refund(check, charged_at, now).await
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
