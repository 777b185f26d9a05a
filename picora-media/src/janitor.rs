//! What puts right what a crash left.

use futures::{StreamExt, stream};
use picora_core::{Retry, StoreError};

use crate::media::{Media, retrying};

/// Runs the repairs that a shell calls for: [`Janitor::release`] and [`Janitor::bury`] every half minute, beside each other, so that an
/// object store that hangs keeps nobody's quota; [`Janitor::scavenge`] once a day.
#[derive(Debug)]
pub struct Janitor<T>(pub(crate) Media<T>);

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
    /// Whether condemned objects were left for the next run because the object store seems to be away.
    pub gave_up: bool,
}

impl<T: Send + 'static> Janitor<T> {
    /// A janitor of these use cases.
    #[must_use]
    pub const fn new(media: Media<T>) -> Self {
        Self(media)
    }

    /// [`Janitor::release`], then [`Janitor::bury`]; for shells that run them one after another.
    ///
    /// **Errors**: [`StoreError`] only when the work cannot even be listed.
    pub async fn tidy(&self) -> Result<Tidied, StoreError> {
        let released = self.release().await?;
        let buried = self.bury().await?;
        Ok(Tidied {
            buried: buried.buried,
            failed: released.failed + buried.failed,
            gave_up: buried.gave_up,
            ..released
        })
    }

    /// Expires what is due, undoes uploads that nobody finished, forgets old outcomes. It waits for no object store.
    ///
    /// Each repair stands by itself: one that fails is counted, logged and tried again next time. **Errors**: [`StoreError`] only when the
    /// work cannot even be listed. **Boundaries**: after the deadline of an upload plus one interval nothing of it is held.
    pub async fn release(&self) -> Result<Tidied, StoreError> {
        let (media, mut tidied) = (&self.0, Tidied::default());
        for intent in media.store.overdue(BATCH, media.now()).await? {
            let undone = retrying!(media.abandon(&intent));
            tidied.abandoned += u32::from(tidied.settle("undo an upload", &intent.asset, undone));
        }
        let now = media.now();
        let expired = retrying!(media.store.sweep(BATCH, now));
        tidied.expired = tidied.settle("expire reservations", &"any", expired);
        let forgotten = retrying!(media.store.prune(BATCH, now));
        tidied.forgotten = tidied.settle("forget outcomes", &"any", forgotten);
        Ok(tidied)
    }

    /// Removes condemned objects, eight at once.
    ///
    /// After five failures in a row that may pass it gives up until the next run, for then the object store is away, and asking it for each
    /// of the others may take minutes. **Errors**: [`StoreError`] only when the work cannot be listed. It may be dropped at any time.
    pub async fn bury(&self) -> Result<Tidied, StoreError> {
        let (media, mut tidied) = (&self.0, Tidied::default());
        let condemned = media.store.condemned(BATCH).await?;
        let burials = condemned.into_iter().map(|it| {
            let media = media.clone();
            async move { (it.asset, media.bury(it.account, it.asset).await) }
        });
        let mut burials = stream::iter(burials).buffer_unordered(AT_ONCE);
        let mut in_a_row = 0;
        while let Some((asset, buried)) = burials.next().await {
            in_a_row = match &buried {
                Ok(()) => 0,
                // It is about this object: others may go.
                Err(fault) if fault.retry() == Retry::Permanent => in_a_row,
                Err(_) => in_a_row + 1,
            };
            let buried = buried.map(|()| true);
            tidied.buried += u32::from(tidied.settle("remove bytes", &asset, buried));
            if in_a_row == PATIENCE {
                tidied.gave_up = true;
                break;
            }
        }
        Ok(tidied)
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

/// How many objects are removed at once.
const AT_ONCE: usize = 8;

/// After how many failures in a row the object store is taken to be away.
const PATIENCE: u32 = 5;
