//! Who follows an account's usage, and the one task that looks for changes for all of them (design decision 13).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use picora_core::{AccountId, ChangeMark, Changes, Clock};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::config::Events;

/// The accounts that somebody follows in this process.
///
/// While there are any, one task asks for all of them in one query, so that a change is seen within one interval, whoever made it. With
/// the last follower it ends.
pub struct Followers {
    changes: Arc<dyn Changes>,
    clock: Arc<dyn Clock>,
    limits: Events,
    state: Mutex<State>,
    closed: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    accounts: HashMap<AccountId, Followed>,
    polling: bool,
}

struct Followed {
    /// Counts changes; a follower who is behind sees the newest count, and no queue grows.
    changed: watch::Sender<u64>,
    followers: u32,
    /// The last one that was seen; a new account has none, so that its first is a change.
    mark: Option<ChangeMark>,
}

/// One who follows an account. Dropping it ends that.
pub struct Follower {
    followers: Arc<Followers>,
    account: AccountId,
    changed: watch::Receiver<u64>,
    closed: watch::Receiver<bool>,
}

/// As many follow this account as may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany {
    /// How many do.
    pub used: u32,
    /// How many may.
    pub limit: u32,
}

/// What a follower waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// Something about the account may have changed.
    Changed,
    /// The server is stopping.
    Closed,
}

impl Followers {
    /// Nobody yet.
    #[must_use]
    pub fn new(changes: Arc<dyn Changes>, clock: Arc<dyn Clock>, limits: Events) -> Arc<Self> {
        Arc::new(Self {
            changes,
            clock,
            limits,
            state: Mutex::default(),
            closed: watch::Sender::new(false),
        })
    }

    /// Follows an account from now on: what changes after this call is told.
    ///
    /// **Errors**: [`TooMany`] with its numbers.
    pub fn follow(self: &Arc<Self>, account: AccountId) -> Result<Follower, TooMany> {
        let mut state = self.state();
        let followed = state.accounts.entry(account).or_insert_with(|| Followed {
            changed: watch::Sender::new(0),
            followers: 0,
            mark: None,
        });
        let (used, limit) = (followed.followers, self.limits.per_account);
        if used >= limit {
            return Err(TooMany { used, limit });
        }
        followed.followers += 1;
        let changed = followed.changed.subscribe();
        if !state.polling {
            state.polling = true;
            tokio::spawn(self.clone().poll());
        }
        Ok(Follower {
            followers: self.clone(),
            account,
            changed,
            closed: self.closed.subscribe(),
        })
    }

    /// Lets all followers go, now and from now on, so that a server can stop.
    pub fn close(&self) {
        self.closed.send_replace(true);
    }

    /// How many follow whatever account.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.state().accounts.values().map(|it| it.followers).sum()
    }

    /// Whether the task runs that looks for changes.
    #[must_use]
    pub fn is_polling(&self) -> bool {
        self.state().polling
    }

    async fn poll(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(Duration::from_millis(self.limits.poll_millis));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut failing = false;
        loop {
            ticks.tick().await;
            let Some(accounts) = self.followed() else {
                return;
            };
            let marks = self.changes.marks(&accounts, self.clock.now()).await;
            match &marks {
                Err(error) if !failing => {
                    tracing::warn!(%error, "changes of usage cannot be seen");
                }
                Ok(marks) => self.note(&accounts, marks),
                Err(_) => {}
            }
            failing = marks.is_err();
        }
    }

    /// Whom to ask about; `None` when nobody follows any more, and then the task has to end.
    fn followed(&self) -> Option<Vec<AccountId>> {
        let mut state = self.state();
        state.polling = !state.accounts.is_empty();
        state
            .polling
            .then(|| state.accounts.keys().copied().collect())
    }

    fn note(&self, accounts: &[AccountId], marks: &[ChangeMark]) {
        let mut state = self.state();
        for (account, mark) in accounts.iter().zip(marks) {
            let Some(followed) = state.accounts.get_mut(account) else {
                continue; // nobody waited for it
            };
            if followed.mark.as_ref() != Some(mark) {
                followed.mark = Some(mark.clone());
                followed.changed.send_modify(|changes| *changes += 1);
            }
        }
    }

    fn leave(&self, account: AccountId) {
        let mut state = self.state();
        if let Some(followed) = state.accounts.get_mut(&account) {
            followed.followers -= 1;
            if followed.followers == 0 {
                state.accounts.remove(&account);
            }
        }
    }

    /// It is held for moments, and nothing in them can panic.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Follower {
    /// Waits for the next change. Any number of changes since the last call are one. **State**: dropping the future loses none.
    pub async fn next(&mut self) -> Waited {
        tokio::select! {
            biased;
            _ = self.closed.wait_for(|closed| *closed) => Waited::Closed,
            // The sender lives as long as there is a follower, such as this one.
            _ = self.changed.changed() => Waited::Changed,
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.followers.leave(self.account);
    }
}

impl std::fmt::Debug for Followers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Followers")
            .field("count", &self.count())
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Follower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Follower").field(&self.account).finish()
    }
}
