//! An echo in memory: what a real one is held against, and enough for one process.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use picora_core::{AccountId, CalendarMonth, Timestamp};

use super::{
    Atomicity, Echo, EchoCaps, EchoErase, EchoError, Guard, Life, Marker, Published, Slot,
    Snapshot, Standing, StatusLife, entries, key, keys_of,
};

/// Keys with their epochs and ends. Time is the caller's.
#[derive(Debug, Default)]
pub struct MemoryEcho {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    held: HashMap<String, Held>,
    marker: Option<Marker>,
}

#[derive(Clone, Debug)]
struct Held {
    value: String,
    epoch: u64,
    ends: Option<Timestamp>,
}

impl MemoryEcho {
    /// Forgets everything, as `FLUSHALL` does.
    pub fn flush(&self) {
        *self.hold() = State::default();
    }

    /// What stands under a key, and how much longer; `None` twice for what does not end.
    #[must_use]
    pub fn raw(&self, key: &str, now: Timestamp) -> Option<(String, Option<Duration>)> {
        let state = self.hold();
        let value = state.value(key, now)?;
        let ends = state.held.get(key).and_then(|it| it.ends);
        Some((value, ends.map(|it| it.saturating_since(now))))
    }

    fn hold(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn write(&mut self, snapshot: &Snapshot, now: Timestamp) -> Published {
        let mut published = Published::default();
        for entry in entries(snapshot, StatusLife::Leased, now) {
            // The epoch is kept when the value has ended: what is late stays late.
            let held = self.held.get(&entry.key);
            if held.is_some_and(|it| it.epoch > snapshot.epoch) {
                published.superseded += 1;
                continue;
            }
            let ends = match entry.life {
                Life::Forever => None,
                Life::For(life) => Some(now.saturating_add(life)),
                Life::Until(end) => Some(end),
            };
            let (value, epoch) = (entry.value, snapshot.epoch);
            self.held.insert(entry.key, Held { value, epoch, ends });
            published.written += 1;
        }
        published
    }

    fn value(&self, key: &str, now: Timestamp) -> Option<String> {
        let held = self.held.get(key)?;
        let lives = held.ends.is_none_or(|end| now < end);
        lives.then(|| held.value.clone())
    }
}

#[async_trait]
impl Echo for MemoryEcho {
    fn caps(&self) -> EchoCaps {
        EchoCaps {
            name: "memory",
            atomicity: Atomicity::Snapshot,
            guard: Guard::Shared,
            staleness: Duration::ZERO,
            shortest_ttl: Duration::ZERO,
            status: StatusLife::Leased,
            write_every: Duration::ZERO,
            bulk: 1_000,
            publishes_counters: true,
        }
    }

    async fn publish(
        &self,
        snapshots: &[Snapshot],
        now: Timestamp,
    ) -> Result<Published, EchoError> {
        let mut state = self.hold();
        let mut all = Published::default();
        for snapshot in snapshots {
            let one = state.write(snapshot, now);
            all.written += one.written;
            all.superseded += one.superseded;
        }
        Ok(all)
    }

    async fn standing(
        &self,
        account: AccountId,
        month: CalendarMonth,
        now: Timestamp,
    ) -> Result<Standing, EchoError> {
        let state = self.hold();
        let texts = Slot::ALL.map(|slot| state.value(&key(slot, account, month), now));
        Ok(Standing::read(texts).unwrap_or_default()) // it holds what it wrote
    }

    async fn marker(&self, _now: Timestamp) -> Result<Option<Marker>, EchoError> {
        Ok(self.hold().marker)
    }

    async fn mark(
        &self,
        was: Option<Marker>,
        by: Marker,
        _now: Timestamp,
    ) -> Result<bool, EchoError> {
        let mut state = self.hold();
        let stands = state.marker == was;
        if stands {
            state.marker = Some(by);
        }
        Ok(stands)
    }
}

#[async_trait]
impl EchoErase for MemoryEcho {
    async fn erase(&self, account: AccountId, now: Timestamp) -> Result<(), EchoError> {
        let mut state = self.hold();
        for key in keys_of(account, now) {
            state.held.remove(&key);
        }
        Ok(())
    }
}
