//! What puts right what a crash left.

use std::time::Duration;

use futures::TryStreamExt;
use picora_core::StoreError;
use picora_storage::ObjectKey;

use crate::media::{Media, retrying};

/// Runs the repairs that a shell calls for: [`Janitor::tidy`] every half minute, [`Janitor::scavenge`] once a day.
#[derive(Debug)]
pub struct Janitor<T>(Media<T>);

/// What a run of the janitor did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tidied {
    /// Reservations that expired.
    pub expired: u32,
    /// Uploads that nobody finished, undone.
    pub abandoned: u32,
    /// Condemned objects that were removed.
    pub buried: u32,
    /// Outcomes that were old enough to be forgotten.
    pub forgotten: u32,
    /// Repairs that failed and will be tried again.
    pub failed: u32,
}

impl<T: Send + 'static> Janitor<T> {
    /// A janitor of these use cases.
    #[must_use]
    pub const fn new(media: Media<T>) -> Self {
        Self(media)
    }

    /// Expires what is due, undoes uploads that nobody finished, removes condemned objects, forgets old outcomes.
    ///
    /// Each repair stands by itself: one that fails is counted, logged and tried again next time. **Errors**: [`StoreError`] only when the
    /// work cannot even be listed. **Boundaries**: after the deadline of an upload plus one interval nothing of it is held.
    pub async fn tidy(&self) -> Result<Tidied, StoreError> {
        let (media, mut tidied) = (&self.0, Tidied::default());
        for intent in media.store.overdue(BATCH, media.now()).await? {
            let undone = retrying!(media.abandon(&intent));
            tidied.abandoned += u32::from(tidied.settle("undo an upload", &intent.asset, undone));
        }
        let now = media.now();
        let expired = retrying!(media.store.sweep(BATCH, now));
        tidied.expired = tidied.settle("expire reservations", &"any", expired);
        for condemned in media.store.condemned(BATCH).await? {
            let buried = media.bury(condemned.account, condemned.asset).await;
            let buried = buried.map(|()| true);
            tidied.buried += u32::from(tidied.settle("remove bytes", &condemned.asset, buried));
        }
        let forgotten = retrying!(media.store.prune(BATCH, now));
        tidied.forgotten = tidied.settle("forget outcomes", &"any", forgotten);
        Ok(tidied)
    }

    /// Removes objects that belong to nobody and are older than `grace`; answers how many.
    ///
    /// No step of the use cases leaves such an object; this is for restored backups and for faults of an object store that removed nothing
    /// though it said so. Keys that are not ours are left alone.
    pub async fn scavenge(&self, grace: Duration) -> Result<u32, StoreError> {
        let media = &self.0;
        let newest = media.now().saturating_sub(grace).unix_seconds();
        let mut listing = media.objects.list(Some(&ObjectKey::prefix()));
        let mut removed = 0;
        while let Some(found) = listing
            .try_next()
            .await
            .map_err(|error| picora_storage::error::harmless("list", error))?
        {
            let Some(key) = ObjectKey::parse(&found.location) else {
                continue;
            };
            if found.last_modified.timestamp() < newest && !media.store.knows(key.asset).await? {
                picora_storage::object::remove(&media.objects, &found.location).await?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}

impl Tidied {
    /// What a repair did: nothing, when it failed, which is counted and logged.
    fn settle<R: Default>(
        &mut self,
        repair: &'static str,
        subject: &dyn std::fmt::Display,
        outcome: Result<R, StoreError>,
    ) -> R {
        outcome.unwrap_or_else(|fault| {
            tracing::warn!(repair, %subject, %fault, "a repair failed and will be tried again");
            self.failed += 1;
            R::default()
        })
    }
}

/// How much one run does of each repair, so that it ends; the next run goes on.
const BATCH: u32 = 500;
