//! Tiers: moves between the folders, and restores.

use std::io;
use std::time::Duration;

use async_trait::async_trait;
use object_store::path::Path;
use object_store::{Error, ObjectMeta};
use picora_core::{Amount, StoreError, StoreErrorKind};
use picora_storage::error::{decisive, harmless};
use picora_tiering::{
    Guard, Moved, ObjectHeaders, Present, RestoreAck, RestoreSpeed, Restoring, Tier, TierCaps,
    TierControl,
};

use super::disk::Files;
use super::{BACKEND, TieredStore, etag, is_shown, steps};
use crate::blocking::blocking;
use crate::store::generic;

#[async_trait]
impl TierControl for TieredStore {
    fn caps(&self) -> TierCaps {
        let takes = self.delay.as_ref().map(|delay| delay.takes);
        TierCaps {
            transparent_read: takes.is_none(),
            needs_restore: takes.is_some(),
            minimum_billed: Amount::ZERO,
            minimum_days: 0,
            restore_typical: takes.unwrap_or(Duration::ZERO),
            restore_worst: takes.unwrap_or(Duration::ZERO),
            restores_per_second: None,
            paid_replica: false,
            self_copy_drops_headers: false,
            copy_limit: Amount::MAX,
        }
    }

    async fn probe(&self, key: &Path) -> Result<Option<Present>, StoreError> {
        let told = |error| told("probe an object", harmless("look", error));
        let Some((tier, meta)) = self.find(key).await.map_err(told)? else {
            return Ok(None);
        };
        let restoring = match tier {
            Tier::Hot => Restoring::No,
            Tier::Archive => self.restoring(key, &meta).await.map_err(told)?,
        };
        Ok(Some(Present {
            class: tier.into(),
            restoring,
            size: Amount::saturating(meta.size),
            etag: meta.e_tag,
            crc64: None,
            headers: ObjectHeaders::default(),
        }))
    }

    async fn set_tier(
        &self,
        key: &Path,
        to: Tier,
        guard: &Guard,
        _headers: &ObjectHeaders,
    ) -> Result<Moved, StoreError> {
        let unmoved = |error| told("move an object", harmless("prepare a move", error));
        let found = self.find(key).await.map_err(unmoved)?;
        let meta = match self
            .may_move(key, to, guard, found)
            .await
            .map_err(unmoved)?
        {
            Ok(meta) => meta,
            Err(said) => return Ok(said),
        };
        let from = other(to);
        let target = self.of_tier(to);
        let _way = target.prepare(key).await.map_err(unmoved)?;
        // Before the key is locked, since copying to a slow disk takes long.
        let staged = match self.stage(key, from, to).await {
            Err(Error::NotFound { .. }) => return Ok(Moved::Changed),
            staged => staged.map_err(unmoved)?,
        };
        let alone = self.alone(&[key]).await.map_err(unmoved)?;
        let found = self.look(key).await.map_err(unmoved)?;
        match self
            .may_move(key, to, guard, found)
            .await
            .map_err(unmoved)?
        {
            Ok(now) if now.e_tag == meta.e_tag => {}
            Ok(_) => return Ok(Moved::Changed),
            Err(said) => return Ok(said),
        }
        let (source, target) = (
            self.of_tier(from).file(key).map_err(unmoved)?,
            target.file(key).map_err(unmoved)?,
        );
        let (one, other) = (source.clone(), target.clone());
        let shown = blocking(move || match is_shown(&one, &other) {
            true => Err(io::Error::other(
                "a link in one folder leads to the other's file",
            )),
            false => Ok(()),
        });
        shown.await.map_err(|error| unmoved(generic(error)))?;
        let (restores, name) = (self.restores.clone(), key.clone());
        let still = self.unmoved(key).await.map_err(unmoved)?;
        let moved = blocking(move || {
            let _alone = (alone, still);
            steps::finish_move(&Files, &staged.file, &target, &source)?;
            // Not before, so that no move that is cut short asks for a restore again. If it stays, the next move forgets it.
            let _ = restores.forget(&name);
            Ok(())
        });
        match moved.await {
            Ok(()) => Ok(Moved::Done),
            Err(error) => Err(told("move an object", decisive("move", generic(error)))),
        }
    }

    /// With no delay, what is archived is readable as it is.
    async fn restore(
        &self,
        key: &Path,
        days: u16,
        _speed: RestoreSpeed,
    ) -> Result<RestoreAck, StoreError> {
        let unasked = |error| told("restore an object", harmless("look", error));
        let alone = self.alone(&[key]).await.map_err(unasked)?;
        let meta = match self.look(key).await.map_err(unasked)? {
            None => return Ok(RestoreAck::Missing),
            Some((Tier::Hot, _)) => return Ok(RestoreAck::NotArchived),
            Some((Tier::Archive, meta)) => meta,
        };
        let Some(delay) = &self.delay else {
            return Ok(RestoreAck::Readable);
        };
        let (restores, name, takes) = (self.restores.clone(), key.clone(), delay.takes);
        let now = delay.clock.now();
        let asked = blocking(move || {
            let _alone = alone;
            restores.ask(&name, &etag(&meta), days, takes, now)
        });
        asked.await.map_err(|error| {
            let error = decisive("write down", generic(error));
            told("restore an object", error)
        })
    }
}

impl TieredStore {
    /// Whether what was found may be moved there: its description, or what is said instead.
    async fn may_move(
        &self,
        key: &Path,
        to: Tier,
        guard: &Guard,
        found: Option<(Tier, ObjectMeta)>,
    ) -> object_store::Result<Result<ObjectMeta, Moved>> {
        let Some((tier, meta)) = found else {
            return Ok(Err(Moved::Missing));
        };
        let same = etag(&meta) == guard.etag && meta.size == guard.size.get();
        Ok(if !same {
            Err(Moved::Changed)
        } else if tier == to {
            Err(Moved::Done)
        } else if tier == Tier::Archive && self.is_frozen(key, &meta).await? {
            Err(Moved::Frozen)
        } else {
            Ok(meta)
        })
    }
}

const fn other(tier: Tier) -> Tier {
    match tier {
        Tier::Hot => Tier::Archive,
        Tier::Archive => Tier::Hot,
    }
}

/// The same failure under this store's name.
fn told(operation: &'static str, error: StoreError) -> StoreError {
    let kind = match error.kind() {
        // A file that went while it was looked at says nothing about what is stored.
        StoreErrorKind::Corrupt => StoreErrorKind::Unavailable,
        kind => kind,
    };
    StoreError::new(kind, BACKEND, operation).caused_by(error)
}
