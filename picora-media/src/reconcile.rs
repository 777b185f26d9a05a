//! Bringing the ledger's levels back to what is stored.

use std::collections::BTreeSet;

use picora_core::{AccountId, Amount, PostingKey, ReservationId, StoreError, Window};
use picora_quota::audit::Fault;
use picora_quota::{Counter, Recounted};

use crate::media::{Media, retrying};

/// How to reconcile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reconciling {
    /// Only tells what differs; nothing is changed.
    pub dry_run: bool,
    /// Also corrects by more than a fifth, which is otherwise taken for a partial read of the truth.
    pub force: bool,
}

/// One level that was not what it should be, and what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Correction {
    /// Of what.
    pub counter: Counter,
    /// What the ledger said.
    pub used: Amount,
    /// What the resources come to.
    pub truth: Amount,
    /// What was done.
    pub done: Corrected,
}

/// What became of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Corrected {
    /// Nothing: it was a dry run.
    Found,
    /// Nothing: it differs by more than a fifth, and was not forced.
    Implausible,
    /// Nothing: the account was busy, and each count was stale before it could be posted.
    Moved,
    /// It was posted, with the reason `reconcile`.
    Posted,
    /// Nothing: the ledger keeps nothing of the account.
    Refused,
}

impl Corrected {
    /// Whether the level is right now.
    #[must_use]
    pub const fn is_mended(self) -> bool {
        matches!(self, Self::Posted)
    }

    /// A name for records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Implausible => "implausible",
            Self::Moved => "moved",
            Self::Posted => "posted",
            Self::Refused => "refused",
        }
    }
}

impl<T: Send + 'static> Media<T> {
    /// Counts an account's resources, and posts by how much the ledger's levels differ, and movements that it has no record of; answers
    /// what was not right. Nothing differs: nothing is written.
    ///
    /// The account may be in use. A count is posted only if its level has not moved since; otherwise it is counted again, up to
    /// [`COUNTS`] times. **Errors**: [`StoreError`]; what was posted before stays, and running again is safe. **Source**: facts §6.6.
    pub async fn reconcile(
        &self,
        account: AccountId,
        how: Reconciling,
    ) -> Result<Vec<Correction>, StoreError> {
        let run = ReservationId::generate(self.now(), self.entropy.as_ref()); // a name that nobody else has
        let mut corrections: Vec<Correction> = Vec::new();
        for count in 1..=COUNTS {
            let unrecorded = self.unrecorded(account).await?;
            let census = self.store.census(account).await?;
            let mut again = false;
            for level in &census.levels {
                let settled = corrections.iter().any(|it| it.counter == level.counter);
                if settled || !(level.differs() || unrecorded.contains(&level.counter)) {
                    continue;
                }
                let name = format!("{run}:{count}:{}", level.counter.name());
                let recount =
                    level.recount(account, PostingKey::new("reconcile", &name), how.force);
                let done = match how.dry_run {
                    true => Corrected::Found,
                    false => match retrying!(self.store.correct(&recount, self.now()))? {
                        Recounted::Even => continue, // mended by somebody else
                        Recounted::Implausible => Corrected::Implausible,
                        Recounted::Moved if count < COUNTS => {
                            again = true;
                            continue;
                        }
                        Recounted::Moved => Corrected::Moved,
                        Recounted::Posted { .. } => Corrected::Posted,
                        Recounted::Refused => Corrected::Refused,
                    },
                };
                corrections.push(Correction {
                    counter: level.counter,
                    used: level.seen.used,
                    truth: level.truth,
                    done,
                });
            }
            if !again {
                break;
            }
        }
        Ok(corrections)
    }

    /// The levels whose recorded movements do not add up to them.
    async fn unrecorded(&self, account: AccountId) -> Result<BTreeSet<Counter>, StoreError> {
        let now = self.now();
        let Some(facts) = self.store.facts(account, now).await? else {
            return Ok(BTreeSet::new());
        };
        let drifted = facts.examine(now).into_iter().filter_map(|finding| {
            let key = finding.key.filter(|key| key.window == Window::Always)?;
            matches!(finding.fault, Fault::Drifted { .. }).then_some(key.counter)
        });
        Ok(drifted.collect())
    }
}

/// How often a busy account is counted before it is left for another time.
pub const COUNTS: u32 = 5;
