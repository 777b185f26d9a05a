//! The mark by which a lost namespace is noticed, and the number of who writes there.

use std::sync::PoisonError;
use std::time::Duration;

use picora_core::Timestamp;
use picora_quota::echo::Marker;

use super::{KvEcho, whole};
use crate::error::Failure;
use crate::request::{self, MOST_BYTES, MOST_PAIRS, Pair};
use crate::written::{Written, too_soon};

/// What was seen and written of the mark.
#[derive(Debug)]
pub(super) struct Marks {
    writer: u64,
    /// When the own number was put there, and when it was last tried.
    claimed: Option<Timestamp>,
    claim_tried: Option<Timestamp>,
    /// As it was last seen; none before anybody looked.
    seen: Option<Option<Marker>>,
    /// What this process put there, and when.
    own: Option<(Marker, Timestamp)>,
    tried: Option<Timestamp>,
}

impl Marks {
    pub(super) const fn of(writer: u64) -> Self {
        Self {
            writer,
            claimed: None,
            claim_tried: None,
            seen: None,
            own: None,
            tried: None,
        }
    }

    /// Whether somebody else writes here, by the number that was read. While places lag nobody can tell.
    fn is_displaced(&self, by: Option<&str>, staleness: Duration, now: Timestamp) -> bool {
        let settled = |at| now.saturating_since(at) >= staleness;
        self.claimed.is_some_and(settled) && by != Some(self.writer.to_string().as_str())
    }
}

impl KvEcho {
    /// The own number, to be written with the next publication; none while it stands there.
    pub(super) fn claim(&self, now: Timestamp) -> Option<Pair> {
        self.with_marks(|it| {
            let rests = it.claim_tried.is_some_and(|at| too_soon(at, now).is_some());
            if it.claimed.is_some() || rests {
                return None;
            }
            it.claim_tried = Some(now);
            Some(Pair::plain(WRITER, it.writer.to_string()))
        })
    }

    /// It went out, and KV says whether it failed.
    pub(super) fn claimed(&self, failed: bool, now: Timestamp) {
        self.with_marks(|it| it.claimed = Some(now).filter(|_| !failed));
    }

    /// The mark; none also where nothing tells any more that a rebuilding began.
    ///
    /// A place that lags would show an older mark for a while after this process has replaced it: its own is taken for standing then, and a
    /// loss meanwhile is noticed after it. When another one than before stands there, what was written is not trusted any more.
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
        let keys = [KEY, BEGUN, WRITER].map(str::to_owned);
        let [mark, begun, writer] = self.texts(&keys, now).await?;
        let seen = match mark {
            None => None,
            Some(text) => Some(Marker::parse(&text).ok_or(Failure::Foreign)?),
        };
        let seen = seen.filter(|_| begun.is_some());
        self.with_marks(|it| {
            let displaced = it.is_displaced(writer.as_deref(), self.config.staleness, now);
            if displaced {
                it.claimed = None;
            }
            if displaced || it.seen.is_some_and(|before| before != seen) {
                written.distrust();
            }
            (it.seen, it.own) = (Some(seen), None);
        });
        Ok(seen)
    }

    /// Reads and then writes, as two steps: KV has no other way.
    ///
    /// So a namespace that was emptied a moment ago is marked whole: its place still shows that it is being rebuilt. What tells it later is
    /// that nothing stands there any more of how the rebuilding began, which is written then and never again.
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
        let tried = self.with_marks(|it| it.tried);
        if let Some(ready) = tried.and_then(|at| too_soon(at, now)) {
            return Err(Failure::NotYet("the mark was just written", ready));
        }
        self.with_marks(|it| (it.tried, it.own) = (Some(now), None));
        let begins = was.is_none() || matches!(by, Marker::Building(_));
        let begun = begins.then(|| Pair::plain(BEGUN, by.to_string()));
        let pairs = std::iter::once(Pair::plain(KEY, by.to_string())).chain(begun);
        let pairs: Vec<_> = pairs.collect();
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
const BEGUN: &str = "quota:echo:begun";
const WRITER: &str = "quota:echo:writer";
