//! The mark by which a lost namespace is noticed.

use std::sync::PoisonError;

use picora_core::Timestamp;
use picora_quota::echo::Marker;

use super::{KvEcho, whole};
use crate::error::Failure;
use crate::request::{self, MOST_BYTES, MOST_PAIRS, Pair};
use crate::written::{WRITE_EVERY, Written};

/// What was seen and written of the mark.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// As it was last seen; none before anybody looked.
    seen: Option<Option<Marker>>,
    /// What this process put there, and when.
    own: Option<(Marker, Timestamp)>,
    tried: Option<Timestamp>,
}

impl KvEcho {
    /// The mark. A place that lags would show an older one for a while after this process has replaced it: its own is taken for standing
    /// then, and a loss meanwhile is noticed after it. When another one than before stands there, what was written is not trusted any more.
    pub(super) async fn mark_that_stands(
        &self,
        written: &mut Written,
        now: Timestamp,
    ) -> Result<Option<Marker>, Failure> {
        let own = self.with_marks(|it| it.own);
        if let Some((mark, at)) = own {
            let age = now.saturating_since(at);
            if at <= now && age < self.config.staleness {
                return Ok(Some(mark));
            }
        }
        let mut texts = self.texts(&[KEY.to_owned()], now).await?;
        let seen = match texts.pop().flatten() {
            None => None,
            Some(text) => Some(Marker::parse(&text).ok_or(Failure::Foreign)?),
        };
        self.with_marks(|it| {
            if it.seen.is_some_and(|before| before != seen) {
                written.distrust();
            }
            (it.seen, it.own) = (Some(seen), None);
        });
        Ok(seen)
    }

    /// Reads and then writes, as two steps: KV has no other way.
    pub(super) async fn replace_mark(
        &self,
        was: Option<Marker>,
        by: Marker,
        now: Timestamp,
    ) -> Result<bool, Failure> {
        let mut written = self.written.lock().await;
        if self.mark_that_stands(&mut written, now).await? != was {
            return Ok(false);
        }
        let tried = self.with_marks(|it| it.tried).filter(|at| *at <= now);
        let ready = tried.map(|at| at.saturating_add(WRITE_EVERY));
        if let Some(ready) = ready.filter(|it| now < *it) {
            return Err(Failure::NotYet("the mark was just written", ready));
        }
        self.with_marks(|it| (it.tried, it.own) = (Some(now), None));
        let pairs = [Pair::plain(KEY, by.to_string())];
        for (body, _) in request::bodies(&pairs, MOST_PAIRS, MOST_BYTES) {
            whole(self.put(body, now).await?.len())?;
        }
        if matches!(by, Marker::Building(_)) {
            written.distrust(); // everything is to be written, whatever was before
        }
        self.with_marks(|it| (it.seen, it.own) = (Some(Some(by)), Some((by, now))));
        Ok(true)
    }

    fn with_marks<T>(&self, act: impl FnOnce(&mut Marks) -> T) -> T {
        act(&mut self.marks.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Beside the accounts' keys, and lost with them.
const KEY: &str = "quota:echo";
