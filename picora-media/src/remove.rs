//! Removing an asset.

use picora_core::{
    AccountId, Amount, AssetId, Posting, PostingKey, PostingReason, StoreError, Timestamp,
};

use crate::Condemned;
use crate::asset::{Asset, AssetChange};
use crate::census::used_by;
use crate::media::{Media, retrying};

impl<T: Send + 'static> Media<T> {
    /// Removes an asset of this account and frees what it used, at once (#46); `None` when there is none.
    ///
    /// One transaction removes the row, frees the quota and condemns the object; then the bytes go. When the bytes cannot go now, they go
    /// later: the asset is gone all the same. **Errors**: [`StoreError`]; with kind `Unknown` it may be removed, and repeating tells.
    pub async fn remove(
        &self,
        account: AccountId,
        id: AssetId,
    ) -> Result<Option<Asset>, StoreError> {
        let now = self.now();
        let Some(asset) = retrying!(self.try_remove(account, id, now))? else {
            return Ok(None);
        };
        if let Err(fault) = self.bury(account, id).await {
            tracing::warn!(asset = %id, %fault, "the bytes of a removed asset are left for the janitor");
        }
        Ok(Some(asset))
    }

    /// Changes what an owner may change; `None` when there is no such asset.
    pub async fn change(
        &self,
        account: AccountId,
        id: AssetId,
        change: &AssetChange,
    ) -> Result<Option<Asset>, StoreError> {
        retrying!(self.try_change(account, id, change))
    }

    async fn try_change(
        &self,
        account: AccountId,
        id: AssetId,
        change: &AssetChange,
    ) -> Result<Option<Asset>, StoreError> {
        let mut tx = self.store.begin().await?;
        let changed = self.store.change_in(&mut tx, account, id, change).await?;
        self.store.finish(tx).await?;
        Ok(changed)
    }

    async fn try_remove(
        &self,
        account: AccountId,
        id: AssetId,
        now: Timestamp,
    ) -> Result<Option<Asset>, StoreError> {
        let Some(asset) = self.store.asset(account, id).await? else {
            return Ok(None);
        };
        let mut tx = self.store.begin().await?;
        // Usage before the asset: one order of locks.
        self.store
            .post_in(&mut tx, &freed(&asset, now), now)
            .await?;
        if self.store.remove_in(&mut tx, account, id).await?.is_none() {
            return Ok(None); // somebody else removed it meanwhile, and freed it
        }
        self.store
            .condemn_in(
                &mut tx,
                &Condemned {
                    asset: id,
                    account,
                    since: now,
                },
            )
            .await?;
        self.store.finish(tx).await?;
        Ok(Some(asset))
    }
}

/// What a removed asset no longer uses: its bytes, or one document. Uploads of the day are not given back (#209).
fn freed(asset: &Asset, now: Timestamp) -> Posting {
    let kind = asset.id.kind();
    let (dimension, amount) = used_by(kind, 1, asset.bytes.into());
    let amount = Amount::saturating(u64::try_from(amount).unwrap_or(u64::MAX));
    Posting {
        key: PostingKey::new("delete", &asset.id),
        account: asset.account,
        dimension,
        tally: kind.storage_tally(),
        delta: -amount.to_i64(),
        reason: PostingReason::Free,
        happened_at: now,
    }
}
