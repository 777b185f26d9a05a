//! The echo of usage on Workers KV.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Mutex as Lock, PoisonError};

use async_trait::async_trait;
use futures::lock::Mutex;
use picora_core::{AccountId, CalendarMonth, Timestamp};
use picora_https::{Answer, exchange};
use picora_quota::echo::{
    Atomicity, Echo, EchoCaps, EchoErase, EchoError, Guard, Marker, Published, Slot, Snapshot,
    Standing, StatusLife, entries, key,
};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Method};
use serde_json::json;

use crate::config::{ConfigError, KvConfig};
use crate::error::Failure;
use crate::gate::Gate;
use crate::request::{self, MOST_BYTES, MOST_PAIRS, Pair, SHORTEST_TTL};
use crate::response;
use crate::written::{Judged, WRITE_EVERY, Written};

mod marks;

use marks::Marks;

/// Publishes usage to a namespace of Workers KV, under the keys of the product's documents, over Cloudflare's REST API.
///
/// Numbers are written when they change, the status when it flips: this process remembers what it wrote, and what says the same and lives
/// long enough is not written again. A publication is one bulk call, statuses first. Nothing here waits: who comes before KV can be asked
/// is told when, in [`EchoError::not_before`].
///
/// **Boundaries**: KV compares nothing when it writes. One process at a time publishes to a namespace, such as the holder of a lease. It leaves its
/// number there; who reads another one's, at a look, trusts nothing any more that it wrote before. Within a process writes go one after the
/// other, and none of a lower epoch after one of a higher; but a write whose answer was lost may still arrive after the next one, and stands
/// then until the account changes again. Where SQL is set back to an older state its epochs are lower: make a new echo.
///
/// **Errors**: `Unavailable` when nothing was sent or KV said no for now, `Unknown` when the answer was lost, is no answer, or tells
/// trouble, `Internal` when KV does not accept token, namespace or request, `Corrupt` when somebody else writes under the same names. Some
/// of a publication may then have been written; what was is not written again.
///
/// **Source**: rows #187–#191, #47, C6, C7, C14, C24; Cloudflare "Workers KV: limits", "REST API limits".
pub struct KvEcho {
    config: KvConfig,
    client: Client,
    authorization: HeaderValue,
    gate: Lock<Gate>,
    /// Held while something is written, so that writes go one after the other.
    written: Mutex<Written>,
    marks: Lock<Marks>,
}

/// A key that is to be written.
struct Planned<'s> {
    snapshot: &'s Snapshot,
    slot: Slot,
    pair: Pair,
}

impl KvEcho {
    /// An echo on this namespace, under a number that no other process and no other run has, such as a random one. Nothing is sent yet.
    ///
    /// **Errors**: [`ConfigError`] when there can be no HTTPS client.
    pub fn new(config: KvConfig, writer: u64) -> Result<Self, ConfigError> {
        Ok(Self {
            client: config.client()?,
            authorization: config.authorization()?,
            gate: Lock::new(Gate::new(config.calls)),
            written: Mutex::new(Written::new(config.most_remembered)),
            marks: Lock::new(Marks::of(writer)),
            config,
        })
    }

    /// Removes every key of these accounts, and writes none of theirs any more: for accounts that are erased.
    ///
    /// **Boundaries**: keys without a month, and those of this month, the next and three before, which is more than 45 days; 500 accounts go
    /// in one call. Other places may show them for as long as the [staleness](EchoCaps::staleness) says.
    /// **Errors**: as [`publish`](Echo::publish); some may have been removed, and removing them again is harmless.
    pub async fn erase(&self, accounts: &[AccountId], now: Timestamp) -> Result<(), EchoError> {
        let work = async {
            let mut written = self.written.lock().await;
            let soon = accounts
                .iter()
                .filter_map(|it| written.erase(*it, now).err());
            if let Some(until) = soon.max() {
                return Err(Failure::NotYet("a key was just written", until));
            }
            let keys: Vec<_> = accounts
                .iter()
                .flat_map(|it| request::keys(*it, now))
                .collect();
            for some in keys.chunks(MOST_PAIRS) {
                let body = json!(some).to_string();
                let answer = self
                    .ask(Method::POST, &["bulk", "delete"], body, now)
                    .await?;
                let done = self.heard(response::done(&answer), now)?;
                whole(done.unsuccessful_keys.len())?;
            }
            Ok(())
        };
        work.await.map_err(|it| it.at("erase", now))
    }

    async fn write(&self, snapshots: &[Snapshot], now: Timestamp) -> Result<Published, Failure> {
        let mut written = self.written.lock().await;
        let (mut plan, published) = self.plan(&written, snapshots, now)?;
        for snapshot in snapshots {
            written.takes(snapshot); // also one of which nothing need be written: what is older is late
        }
        for it in &plan {
            written.tries(it.snapshot.account, it.slot, now);
        }
        if plan.is_empty() {
            return Ok(published);
        }
        // Statuses are what others wait for: when a later call fails, they have gone.
        plan.sort_by_key(|it| it.slot != Slot::VideoStatus);
        let mut claim = self.claim(now);
        let pairs = claim.iter().chain(plan.iter().map(|it| &it.pair));
        let bodies = request::bodies(pairs, MOST_PAIRS, MOST_BYTES);
        let mut rest = &plan[..];
        for (body, count) in bodies {
            let failed: HashSet<_> = self.put(body, now).await?.into_iter().collect();
            let claimed = claim
                .take()
                .inspect(|it| self.claimed(failed.contains(&it.key), now));
            let (these, others) = rest.split_at(count - usize::from(claimed.is_some()));
            for it in these.iter().filter(|it| !failed.contains(&it.pair.key)) {
                written.wrote(it.snapshot.account, it.slot);
            }
            whole(failed.len())?;
            rest = others;
        }
        Ok(published)
    }

    /// The keys that are to be written, and what becomes of all of them.
    fn plan<'s>(
        &self,
        written: &Written,
        snapshots: &'s [Snapshot],
        now: Timestamp,
    ) -> Result<(Vec<Planned<'s>>, Published), Failure> {
        let (mut plan, mut published, mut soon) = (Vec::new(), Published::default(), None);
        for snapshot in snapshots {
            for entry in entries(snapshot, StatusLife::Flips, now) {
                let slot = entry.slot;
                if slot != Slot::VideoStatus && !self.config.counters {
                    continue;
                }
                match written.judge(snapshot, slot, now) {
                    Judged::Superseded => published.superseded += 1,
                    Judged::Stands => published.unchanged += 1,
                    Judged::TooSoon(until) => soon = soon.max(Some(until)),
                    Judged::Write => {
                        published.written += 1;
                        let pair = Pair::of(entry, snapshot, now);
                        plan.push(Planned {
                            snapshot,
                            slot,
                            pair,
                        });
                    }
                }
            }
        }
        match soon {
            Some(until) => Err(Failure::NotYet("a key was just written", until)),
            None => Ok((plan, published)),
        }
    }

    /// Writes pairs, and answers the keys of which KV says that they were not.
    async fn put(&self, body: String, now: Timestamp) -> Result<Vec<String>, Failure> {
        let answer = self.ask(Method::PUT, &["bulk"], body, now).await?;
        let done = self.heard(response::done(&answer), now)?;
        Ok(done.unsuccessful_keys)
    }

    async fn texts<const N: usize>(
        &self,
        keys: &[String; N],
        now: Timestamp,
    ) -> Result<[Option<String>; N], Failure> {
        let body = json!({ "keys": keys.as_slice(), "type": "text" }).to_string();
        let answer = self.ask(Method::POST, &["bulk", "get"], body, now).await?;
        let mut found = self.heard(response::found(&answer), now)?;
        let mut texts = [const { None }; N];
        for (text, key) in texts.iter_mut().zip(keys) {
            *text = found.take(key)?;
        }
        Ok(texts)
    }

    /// One call, if there is one to be had.
    async fn ask(
        &self,
        method: Method,
        what: &[&str],
        body: String,
        now: Timestamp,
    ) -> Result<Answer, Failure> {
        self.with_gate(|gate| gate.pass(now))?;
        let request = self.client.request(method, self.config.url(what));
        let request = request
            .header(AUTHORIZATION, self.authorization.clone())
            .header(CONTENT_TYPE, "application/json");
        Ok(exchange(request.body(body), LONGEST_ANSWER).await?)
    }

    fn heard<T>(&self, outcome: Result<T, Failure>, now: Timestamp) -> Result<T, Failure> {
        self.with_gate(|gate| gate.heard(&outcome, now));
        outcome
    }

    fn with_gate<T>(&self, act: impl FnOnce(&mut Gate) -> T) -> T {
        act(&mut self.gate.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The names of ten thousand keys of under 80 bytes, should all of them have failed.
const LONGEST_ANSWER: usize = 1 << 20;

const fn whole(failed: usize) -> Result<(), Failure> {
    match failed {
        0 => Ok(()),
        some => Err(Failure::Partly(some)),
    }
}

#[async_trait]
impl EchoErase for KvEcho {
    async fn erase(&self, account: AccountId, now: Timestamp) -> Result<(), EchoError> {
        Self::erase(self, &[account], now).await
    }
}

#[async_trait]
impl Echo for KvEcho {
    fn caps(&self) -> EchoCaps {
        EchoCaps {
            name: "kv",
            atomicity: Atomicity::Nothing,
            guard: Guard::Process,
            staleness: self.config.staleness,
            shortest_ttl: SHORTEST_TTL,
            status: StatusLife::Flips,
            write_every: WRITE_EVERY,
            bulk: MOST_PAIRS
                / if self.config.counters {
                    Slot::ALL.len()
                } else {
                    1
                },
            publishes_counters: self.config.counters,
        }
    }

    async fn publish(
        &self,
        snapshots: &[Snapshot],
        now: Timestamp,
    ) -> Result<Published, EchoError> {
        let written = self.write(snapshots, now).await;
        written.map_err(|it| it.at("publish", now))
    }

    async fn standing(
        &self,
        account: AccountId,
        month: CalendarMonth,
        now: Timestamp,
    ) -> Result<Standing, EchoError> {
        let keys = Slot::ALL.map(|slot| key(slot, account, month));
        let read = async { Standing::read(self.texts(&keys, now).await?).ok_or(Failure::Foreign) };
        read.await.map_err(|it| it.at("read an account", now))
    }

    async fn marker(&self, now: Timestamp) -> Result<Option<Marker>, EchoError> {
        let read = async {
            let mut written = self.written.lock().await;
            self.mark_that_stands(&mut written, now).await
        };
        read.await.map_err(|it| it.at("read its mark", now))
    }

    async fn mark(
        &self,
        was: Option<Marker>,
        by: Marker,
        now: Timestamp,
    ) -> Result<bool, EchoError> {
        let replaced = self.replace_mark(was, by, now).await;
        replaced.map_err(|it| it.at("mark", now))
    }
}

impl fmt::Debug for KvEcho {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KvEcho({})", self.config.namespace())
    }
}
