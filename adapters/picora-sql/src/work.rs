//! The outbox and the leases.
//!
//! Rows of the outbox are locked last in a transaction, and one by one; a claim skips what another holds. The row of a lease is held by
//! those who write under it (`FOR KEY SHARE`), which lets its holder renew it and keeps others from taking it.

mod leases;
pub(crate) mod outbox;

use std::time::Duration;

use async_trait::async_trait;
use picora_core::{
    AccountId, Claimed, Holder, Lease, LeaseName, Leases, LeasesIn, Message, Outbox, OutboxIn,
    StoreError, Timestamp, Topic, Transact,
};

use crate::error::Fault;
use crate::steps::{read, step, whole};
use crate::{AsSqlConn, SqlStore};

#[async_trait]
impl Outbox for SqlStore {
    async fn claim(
        &self,
        topic: Topic,
        most: u32,
        lease: Duration,
        now: Timestamp,
    ) -> Result<Vec<Claimed>, StoreError> {
        whole!(self, |tx| async {
            step!(tx, "claim messages", |conn| outbox::claim(
                conn, topic, most, lease, now
            ))
        })
    }

    async fn done(&self, claimed: &Claimed, now: Timestamp) -> Result<bool, StoreError> {
        whole!(self, |tx| async {
            step!(tx, "end a message", |conn| outbox::end(
                conn, claimed, "done", None, now
            ))
        })
    }

    async fn postpone(
        &self,
        claimed: &Claimed,
        until: Timestamp,
        reason: &str,
        _now: Timestamp,
    ) -> Result<bool, StoreError> {
        whole!(self, |tx| async {
            step!(tx, "postpone a message", |conn| outbox::postpone(
                conn, claimed, until, reason
            ))
        })
    }

    async fn give_up(
        &self,
        claimed: &Claimed,
        reason: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        whole!(self, |tx| async {
            step!(tx, "give up a message", |conn| outbox::end(
                conn,
                claimed,
                "given_up",
                Some(reason),
                now
            ))
        })
    }

    async fn unsent(&self, topic: Topic, older_than: Timestamp) -> Result<u64, StoreError> {
        read!(self, "count unsent messages", |conn| outbox::unsent(
            conn, topic, older_than
        ))
    }

    async fn prune(&self, most: u32, done_before: Timestamp) -> Result<u32, StoreError> {
        let mut pruned = 0;
        while pruned < most {
            let batch = (most - pruned).min(BATCH);
            let done = whole!(self, |tx| async {
                step!(tx, "prune messages", |conn| outbox::prune(
                    conn,
                    batch,
                    done_before
                ))
            })?;
            pruned += done;
            if done < batch {
                break;
            }
        }
        Ok(pruned)
    }
}

#[async_trait]
impl<T: AsSqlConn> OutboxIn<T> for SqlStore {
    async fn put_in(&self, tx: &mut T, message: &Message) -> Result<bool, StoreError> {
        if message.body.contains('\0') {
            return Err(outbox::has_a_nul(self.backend())); // nothing is written, and nothing spoiled
        }
        step!(tx, "put a message", |conn| outbox::put(conn, message))
    }

    async fn erase_in(
        &self,
        tx: &mut T,
        account: AccountId,
        tombstone: AccountId,
    ) -> Result<(), StoreError> {
        step!(tx, "erase messages", |conn| outbox::erase(
            conn, account, tombstone
        ))
    }
}

impl SqlStore {
    /// Who this database is: sixteen bytes that were drawn when this was first asked, and that go with its dumps and copies. `new` becomes
    /// them when none were drawn yet.
    ///
    /// It is for whoever keeps something outside that belongs to one database, such as the files of its rows, and must notice that he was
    /// given another one. Several processes may ask at once; all get the same answer. **Errors**: [`StoreError`]; repeating is harmless.
    pub async fn identity(&self, new: [u8; 16]) -> Result<[u8; 16], StoreError> {
        let operation = "read the identity";
        if let Some(made) = read!(self, "read the identity", |conn| leases::identity(conn))? {
            return Ok(made);
        }
        let made = whole!(self, |tx| async {
            step!(tx, "make the identity", |conn| leases::identify(conn, new))
        })?;
        let gone = Fault::Corrupt("what was just written is not there");
        made.ok_or_else(|| gone.told(self.backend(), operation))
    }
}

#[async_trait]
impl Leases for SqlStore {
    async fn acquire(
        &self,
        name: LeaseName,
        holder: Holder,
        length: Duration,
        now: Timestamp,
    ) -> Result<Option<Lease>, StoreError> {
        // Who would be refused anyway must not wait for those who write under the lease.
        let held = read!(self, "read a lease", |conn| leases::at(conn, name))?;
        if held.acquire(holder, length, now).is_none() {
            return Ok(None);
        }
        whole!(self, |tx| async {
            step!(tx, "acquire a lease", |conn| leases::acquire(
                conn, name, holder, length, now
            ))
        })
    }

    async fn renew(
        &self,
        lease: &Lease,
        length: Duration,
        now: Timestamp,
    ) -> Result<Option<Lease>, StoreError> {
        whole!(self, |tx| async {
            step!(tx, "renew a lease", |conn| leases::renew(
                conn, lease, length, now
            ))
        })
    }

    async fn give_back(&self, lease: &Lease) -> Result<bool, StoreError> {
        whole!(self, |tx| async {
            step!(tx, "give back a lease", |conn| leases::give_back(
                conn, lease
            ))
        })
    }
}

#[async_trait]
impl<T: AsSqlConn> LeasesIn<T> for SqlStore {
    async fn guard_in(
        &self,
        tx: &mut T,
        lease: &Lease,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        step!(tx, "guard a lease", |conn| leases::guard(conn, lease, now))
    }
}

/// How many messages one transaction of housekeeping takes.
const BATCH: u32 = 500;
