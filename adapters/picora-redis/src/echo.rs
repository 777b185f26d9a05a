//! The echo of usage on Redis.

use std::time::Duration;

use async_trait::async_trait;
use futures::future::try_join_all;
use picora_core::{AccountId, CalendarMonth, StoreError, Timestamp};
use picora_quota::echo::{
    Atomicity, Echo, EchoCaps, EchoError, Guard, Marker, Published, Slot, Snapshot, Standing,
    StatusLife, entries, key,
};
use redis::{Cmd, Value};
use tokio::time::Instant;

use crate::RedisConfig;
use crate::breaker::Breaker;
use crate::error::Failure;
use crate::limiter::unusable;
use crate::link::Link;
use crate::request::Request;

mod erase;
mod marks;
mod write;

use marks::Marks;

/// Publishes usage on a Redis or a cluster, under the keys of the product's documents.
///
/// Beside each key stands its epoch, under `{key}:epoch`: the braces put it into the slot of its key, though the key itself has none. So one
/// script compares and writes, on a cluster a key at a time, on one server all keys of an account. All calls of a publication go out
/// together on one connection, and cost one round trip.
///
/// The prefix of the configuration does not count here: others know these keys by their names. Of the rest `deadline` and `breaker` do;
/// nobody waits for an echo, so that a deadline of a second is better than one of 50 ms.
///
/// **Boundaries**: epochs outlive a status and its month by 45 days. Where SQL is set back to an older state its epochs are lower: empty
/// the echo then. An eviction takes keys and leaves the marks: an echo wants a memory without eviction, or volatile keys alone evicted.
///
/// **Errors**: as [`RedisLimiter`](crate::RedisLimiter); some of a publication may then have been written.
#[derive(Debug)]
pub struct RedisEcho {
    link: Link,
    breaker: Breaker,
    started: Instant,
    marks: Marks,
}

impl RedisEcho {
    /// On one server. Nothing is sent yet. To be called on a runtime.
    ///
    /// # Errors
    /// When the URL is not one of Redis'; it names what is wrong, and never the password.
    pub fn single(url: &str, config: &RedisConfig) -> Result<Self, StoreError> {
        let link = Link::single(url, config.deadline).map_err(unusable)?;
        Ok(Self::on(link, config, Marks::of_a_server()))
    }

    /// On a cluster, by the URLs of some of its nodes. Nothing is sent yet. To be called on a runtime.
    ///
    /// # Errors
    /// As [`single`](Self::single).
    pub fn cluster(urls: Vec<String>, config: &RedisConfig) -> Result<Self, StoreError> {
        let link = Link::cluster(urls, config.deadline).map_err(unusable)?;
        Ok(Self::on(link, config, Marks::of_a_cluster()))
    }

    fn on(link: Link, config: &RedisConfig, marks: Marks) -> Self {
        Self {
            link,
            breaker: Breaker::new(config.breaker),
            started: Instant::now(),
            marks,
        }
    }

    /// Runs what talks to Redis, unless the breaker is open, and tells the breaker.
    async fn guarded<T>(
        &self,
        operation: &'static str,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, EchoError> {
        if !self.breaker.lets_through(self.started.elapsed()) {
            let open = Failure::NotSent("the breaker is open after failures in a row".to_owned());
            return Err(open.at(operation).into());
        }
        let done = work.await;
        match &done {
            Ok(_) => self.breaker.succeeded(),
            Err(_) => self.breaker.failed(self.started.elapsed()),
        }
        done.map_err(|failure| failure.at(operation).into())
    }

    async fn text(&self, key: &str) -> Result<Option<String>, Failure> {
        let command = Cmd::get(key);
        match self.link.run(&command).await? {
            Value::Nil => Ok(None),
            Value::BulkString(bytes) => {
                let text = String::from_utf8(bytes).map_err(|_| Failure::Foreign)?;
                Ok(Some(text))
            }
            _ => Err(Failure::Nonsense("no text")),
        }
    }

    async fn number(&self, request: &Request) -> Result<u64, Failure> {
        let nonsense = Failure::Nonsense("no number");
        match self.link.call(request).await? {
            Value::Int(number) => u64::try_from(number).map_err(|_| nonsense),
            _ => Err(nonsense),
        }
    }
}

#[async_trait]
impl Echo for RedisEcho {
    fn caps(&self) -> EchoCaps {
        let cluster = self.link.is_cluster();
        EchoCaps {
            name: "redis",
            atomicity: if cluster {
                Atomicity::Key
            } else {
                Atomicity::Snapshot
            },
            guard: Guard::Shared,
            staleness: Duration::ZERO,
            shortest_ttl: Duration::from_millis(1),
            status: StatusLife::Leased,
            write_every: Duration::ZERO,
            bulk: BULK,
            publishes_counters: true,
        }
    }

    async fn publish(
        &self,
        snapshots: &[Snapshot],
        now: Timestamp,
    ) -> Result<Published, EchoError> {
        let (mut calls, mut keys) = (Vec::new(), 0);
        for snapshot in snapshots {
            let all = entries(snapshot, StatusLife::Leased, now);
            keys += all.len() as u64;
            let together = if self.link.is_cluster() { 1 } else { all.len() };
            calls.extend(
                all.chunks(together)
                    .map(|it| write::request(it, snapshot.epoch)),
            );
        }
        let sent = try_join_all(calls.iter().map(|it| self.number(it)));
        let written: u64 = self.guarded("publish", sent).await?.iter().sum();
        Ok(Published {
            written,
            superseded: keys.saturating_sub(written),
            unchanged: 0,
        })
    }

    async fn standing(
        &self,
        account: AccountId,
        month: CalendarMonth,
        _now: Timestamp,
    ) -> Result<Standing, EchoError> {
        let keys = Slot::ALL.map(|slot| key(slot, account, month));
        let asked = try_join_all(keys.iter().map(|it| self.text(it)));
        let read = async { Standing::read(asked.await?).ok_or(Failure::Foreign) };
        self.guarded("read an account", read).await
    }

    async fn marker(&self, _now: Timestamp) -> Result<Option<Marker>, EchoError> {
        let asked = async { self.marks.agreed(&self.marks.read(self).await?) };
        self.guarded("read its mark", asked).await
    }

    async fn mark(
        &self,
        was: Option<Marker>,
        by: Marker,
        _now: Timestamp,
    ) -> Result<bool, EchoError> {
        self.guarded("mark", self.marks.replace(self, was, by))
            .await
    }
}

/// Some thousand keys: a few milliseconds of a server that others ask, too.
const BULK: usize = 200;
