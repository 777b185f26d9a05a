//! The catalogue in memory, beside the ledger in memory, in one transaction.

use std::collections::BTreeMap;

use async_trait::async_trait;
use picora_core::memory::{MemoryStore, MemoryTx};
use picora_core::{
    AccountId, AssetId, KeyId, MediaKind, PlanId, ReservationId, StoreError, StoreErrorKind,
    Timestamp,
};
use picora_quota::Books;

use crate::account::{Account, ApiKey, AuditEntry, Role};
use crate::asset::{Asset, AssetChange, AssetQuery};
use crate::census::{Census, Stock, levels};
use crate::{
    Accounts, AccountsIn, Catalogue, CatalogueIn, Condemned, Contact, Contacts, ContactsIn,
    EmailAddress, UploadIntent,
};

/// Everything that the use cases store, as plain state.
#[derive(Clone, Debug, Default)]
pub struct MediaState {
    books: Books,
    shelf: Shelf,
}

/// A store of [`MediaState`] and its transaction, for tests and examples.
pub type MemoryMedia = MemoryStore<MediaState>;

#[derive(Clone, Debug, Default)]
struct Shelf {
    assets: BTreeMap<AssetId, Asset>,
    uploads: BTreeMap<AssetId, UploadIntent>,
    condemned: BTreeMap<AssetId, Condemned>,
    accounts: BTreeMap<AccountId, Account>,
    contacts: BTreeMap<AccountId, Contact>,
    keys: BTreeMap<KeyId, (ApiKey, Option<Timestamp>)>,
    audit: Vec<AuditEntry>,
}

impl MediaState {
    /// How many uploads are written down as under way, for the tests of sagas.
    #[must_use]
    pub fn uploads_under_way(&self) -> usize {
        self.shelf.uploads.len()
    }

    /// What operators did.
    #[must_use]
    pub fn audit(&self) -> &[AuditEntry] {
        &self.shelf.audit
    }

    fn owned(&self, account: AccountId, id: AssetId) -> Option<&Asset> {
        self.shelf
            .assets
            .get(&id)
            .filter(|asset| asset.account == account)
    }

    fn document(&self, account: AccountId, sha256: &[u8; 32]) -> Option<&Asset> {
        let same = |asset: &&Asset| {
            asset.account == account
                && asset.id.kind() == MediaKind::Document
                && asset.sha256 == *sha256
        };
        self.shelf.assets.values().find(same)
    }
}

impl AsRef<Books> for MediaState {
    fn as_ref(&self) -> &Books {
        &self.books
    }
}

impl AsMut<Books> for MediaState {
    fn as_mut(&mut self) -> &mut Books {
        &mut self.books
    }
}

#[async_trait]
impl Catalogue for MemoryMedia {
    async fn asset(&self, account: AccountId, id: AssetId) -> Result<Option<Asset>, StoreError> {
        Ok(self.read(|state| state.owned(account, id).cloned()))
    }

    async fn asset_at(&self, id: AssetId) -> Result<Option<Asset>, StoreError> {
        Ok(self.read(|state| state.shelf.assets.get(&id).cloned()))
    }

    async fn assets(
        &self,
        account: AccountId,
        query: &AssetQuery,
    ) -> Result<Vec<Asset>, StoreError> {
        let fits = |asset: &&Asset| {
            asset.account == account
                && asset.id.kind() == query.kind
                && query
                    .before
                    .is_none_or(|before| asset.id.as_bytes() < before.as_bytes())
                && query
                    .tag
                    .as_ref()
                    .is_none_or(|tag| asset.tags.contains(tag))
        };
        Ok(self.read(|state| {
            let newest_first = state.shelf.assets.values().rev().filter(fits);
            newest_first
                .take(usize::try_from(query.most).unwrap_or(usize::MAX))
                .cloned()
                .collect()
        }))
    }

    async fn document_of(
        &self,
        account: AccountId,
        sha256: &[u8; 32],
    ) -> Result<Option<Asset>, StoreError> {
        Ok(self.read(|state| state.document(account, sha256).cloned()))
    }

    async fn asset_of(
        &self,
        account: AccountId,
        reservation: ReservationId,
    ) -> Result<Option<Asset>, StoreError> {
        let made_by = |asset: &&Asset| asset.account == account && asset.reservation == reservation;
        let made = |asset: &&Asset| asset.created_at;
        Ok(self.read(|state| {
            let all = state.shelf.assets.values().filter(made_by);
            all.max_by_key(made).cloned()
        }))
    }

    async fn overdue(&self, most: u32, now: Timestamp) -> Result<Vec<UploadIntent>, StoreError> {
        Ok(self.read(|state| {
            let mut overdue: Vec<_> = state
                .shelf
                .uploads
                .values()
                .filter(|one| one.deadline <= now)
                .copied()
                .collect();
            overdue.sort_by_key(|one| one.deadline);
            overdue.truncate(usize::try_from(most).unwrap_or(usize::MAX));
            overdue
        }))
    }

    async fn condemned(&self, most: u32) -> Result<Vec<Condemned>, StoreError> {
        Ok(self.read(|state| {
            let mut condemned: Vec<_> = state.shelf.condemned.values().copied().collect();
            condemned.sort_by_key(|one| one.since);
            condemned.truncate(usize::try_from(most).unwrap_or(usize::MAX));
            condemned
        }))
    }

    async fn knows(&self, id: AssetId) -> Result<bool, StoreError> {
        Ok(self.read(|MediaState { shelf, .. }| {
            shelf.assets.contains_key(&id)
                || shelf.uploads.contains_key(&id)
                || shelf.condemned.contains_key(&id)
        }))
    }

    async fn census(&self, account: AccountId) -> Result<Census, StoreError> {
        let census = self.read(|MediaState { books, shelf }| {
            let of_it = shelf.assets.values().filter(|it| it.account == account);
            let stock = |asset: &Asset| Stock {
                kind: asset.id.kind(),
                resources: 1,
                bytes: asset.bytes.into(),
            };
            let stocks: Vec<_> = of_it.map(stock).collect();
            let seen = levels().map(|counter| (counter, books.seen(account, counter)));
            Census::of(account, &stocks, &seen.collect())
        });
        census.map_err(|error| {
            StoreError::new(StoreErrorKind::OutOfRange, "memory", "count assets").caused_by(error)
        })
    }
}

#[async_trait]
impl CatalogueIn<MemoryTx<MediaState>> for MemoryMedia {
    async fn begin_upload_in(
        &self,
        tx: &mut MemoryTx<MediaState>,
        intent: &UploadIntent,
    ) -> Result<(), StoreError> {
        tx.state.shelf.uploads.insert(intent.asset, *intent);
        Ok(())
    }

    async fn keep_upload_in(
        &self,
        tx: &mut MemoryTx<MediaState>,
        asset: AssetId,
        deadline: Timestamp,
    ) -> Result<bool, StoreError> {
        let intent = tx.state.shelf.uploads.get_mut(&asset);
        Ok(intent.map(|intent| intent.deadline = deadline).is_some())
    }

    async fn end_upload_in(
        &self,
        tx: &mut MemoryTx<MediaState>,
        asset: AssetId,
    ) -> Result<bool, StoreError> {
        Ok(tx.state.shelf.uploads.remove(&asset).is_some())
    }

    async fn insert_in(
        &self,
        tx: &mut MemoryTx<MediaState>,
        asset: &Asset,
    ) -> Result<Option<Asset>, StoreError> {
        if asset.id.kind() == MediaKind::Document
            && let Some(winner) = tx.state.document(asset.account, &asset.sha256)
        {
            return Ok(Some(winner.clone()));
        }
        tx.state.shelf.assets.insert(asset.id, asset.clone());
        Ok(None)
    }

    async fn change_in(
        &self,
        tx: &mut MemoryTx<MediaState>,
        account: AccountId,
        id: AssetId,
        change: &AssetChange,
    ) -> Result<Option<Asset>, StoreError> {
        let asset = tx
            .state
            .shelf
            .assets
            .get_mut(&id)
            .filter(|asset| asset.account == account);
        Ok(asset.map(|asset| {
            asset.is_public = change.is_public.unwrap_or(asset.is_public);
            if let Some(tags) = &change.tags {
                asset.tags = tags.as_slice().to_vec();
            }
            asset.clone()
        }))
    }

    async fn remove_in(
        &self,
        tx: &mut MemoryTx<MediaState>,
        account: AccountId,
        id: AssetId,
    ) -> Result<Option<Asset>, StoreError> {
        if tx.state.owned(account, id).is_none() {
            return Ok(None);
        }
        Ok(tx.state.shelf.assets.remove(&id))
    }

    async fn condemn_in(
        &self,
        tx: &mut MemoryTx<MediaState>,
        condemned: &Condemned,
    ) -> Result<(), StoreError> {
        tx.state
            .shelf
            .condemned
            .entry(condemned.asset)
            .or_insert(*condemned);
        Ok(())
    }

    async fn bury_in(
        &self,
        tx: &mut MemoryTx<MediaState>,
        asset: AssetId,
    ) -> Result<(), StoreError> {
        tx.state.shelf.condemned.remove(&asset);
        Ok(())
    }

    async fn erase_in(
        &self,
        tx: &mut MemoryTx<MediaState>,
        account: AccountId,
        tombstone: AccountId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let shelf = &mut tx.state.shelf;
        let gone = shelf
            .assets
            .values()
            .filter(|asset| asset.account == account)
            .map(|asset| asset.id);
        let begun = shelf
            .uploads
            .values()
            .filter(|intent| intent.account == account)
            .map(|intent| intent.asset);
        let gone: Vec<_> = gone.chain(begun).collect();
        for asset in gone {
            shelf.condemned.entry(asset).or_insert(Condemned {
                asset,
                account,
                since: now,
            });
        }
        shelf.assets.retain(|_, asset| asset.account != account);
        shelf.uploads.retain(|_, intent| intent.account != account);
        shelf.keys.retain(|_, (key, _)| key.account != account);
        shelf.accounts.remove(&account);
        shelf.contacts.remove(&account);
        for entry in &mut shelf.audit {
            if entry.actor == Some(account) {
                entry.actor = Some(tombstone);
            }
            if entry.subject == account.to_string() {
                entry.subject = tombstone.to_string();
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Accounts for MemoryMedia {
    async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        Ok(self.read(|state| state.shelf.accounts.get(&id).cloned()))
    }

    async fn key_holder(
        &self,
        secret_hash: &[u8; 32],
    ) -> Result<Option<(ApiKey, Account)>, StoreError> {
        Ok(self.read(|MediaState { shelf, .. }| {
            let (key, _) = shelf
                .keys
                .values()
                .find(|(key, revoked)| revoked.is_none() && key.secret_hash == *secret_hash)?;
            Some((key.clone(), shelf.accounts.get(&key.account)?.clone()))
        }))
    }

    async fn count_accounts(&self) -> Result<u64, StoreError> {
        Ok(self.read(|state| state.shelf.accounts.len() as u64))
    }

    async fn list_accounts(
        &self,
        after: Option<AccountId>,
        most: u32,
    ) -> Result<Vec<AccountId>, StoreError> {
        Ok(self.read(|state| {
            let ids = state.shelf.accounts.keys().copied();
            ids.filter(|id| after.is_none_or(|after| *id > after))
                .take(usize::try_from(most).unwrap_or(usize::MAX))
                .collect()
        }))
    }
}

#[async_trait]
impl AccountsIn<MemoryTx<MediaState>> for MemoryMedia {
    async fn insert_account_in(
        &self,
        tx: &mut MemoryTx<MediaState>,
        account: &Account,
    ) -> Result<(), StoreError> {
        match tx.state.shelf.accounts.insert(account.id, account.clone()) {
            None => {
                tx.state.shelf.contacts.insert(account.id, Contact::NEW);
                Ok(())
            }
            Some(_) => Err(StoreError::new(
                StoreErrorKind::Conflict,
                "memory",
                "add an account",
            )),
        }
    }

    async fn set_plan_in(
        &self,
        tx: &mut MemoryTx<MediaState>,
        account: AccountId,
        plan: PlanId,
    ) -> Result<bool, StoreError> {
        Ok(tx
            .state
            .shelf
            .accounts
            .get_mut(&account)
            .map(|account| account.plan = plan)
            .is_some())
    }

    async fn set_role_in(
        &self,
        tx: &mut MemoryTx<MediaState>,
        account: AccountId,
        role: Role,
    ) -> Result<bool, StoreError> {
        Ok(tx
            .state
            .shelf
            .accounts
            .get_mut(&account)
            .map(|account| account.role = role)
            .is_some())
    }

    async fn set_disabled_in(
        &self,
        tx: &mut MemoryTx<MediaState>,
        account: AccountId,
        until: Option<Timestamp>,
    ) -> Result<bool, StoreError> {
        Ok(tx
            .state
            .shelf
            .accounts
            .get_mut(&account)
            .map(|account| account.disabled_until = until)
            .is_some())
    }

    async fn insert_key_in(
        &self,
        tx: &mut MemoryTx<MediaState>,
        key: &ApiKey,
    ) -> Result<(), StoreError> {
        tx.state.shelf.keys.insert(key.id, (key.clone(), None));
        Ok(())
    }

    async fn revoke_key_in(
        &self,
        tx: &mut MemoryTx<MediaState>,
        account: AccountId,
        key: KeyId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let held = tx
            .state
            .shelf
            .keys
            .get_mut(&key)
            .filter(|(key, revoked)| key.account == account && revoked.is_none());
        Ok(held.map(|(_, revoked)| *revoked = Some(now)).is_some())
    }

    async fn audit_in(
        &self,
        tx: &mut MemoryTx<MediaState>,
        entry: &AuditEntry,
    ) -> Result<(), StoreError> {
        tx.state.shelf.audit.push(entry.clone());
        Ok(())
    }
}

#[async_trait]
impl Contacts for MemoryMedia {
    async fn contact(&self, account: AccountId) -> Result<Option<Contact>, StoreError> {
        Ok(self.read(|state| state.shelf.contacts.get(&account).cloned()))
    }
}

#[async_trait]
impl ContactsIn<MemoryTx<MediaState>> for MemoryMedia {
    async fn set_email_in(
        &self,
        tx: &mut MemoryTx<MediaState>,
        account: AccountId,
        email: Option<&EmailAddress>,
    ) -> Result<bool, StoreError> {
        let contact = tx.state.shelf.contacts.get_mut(&account);
        Ok(contact.map(|it| it.email = email.cloned()).is_some())
    }

    async fn set_early_notices_in(
        &self,
        tx: &mut MemoryTx<MediaState>,
        account: AccountId,
        wanted: bool,
    ) -> Result<bool, StoreError> {
        let contact = tx.state.shelf.contacts.get_mut(&account);
        Ok(contact.map(|it| it.early_notices = wanted).is_some())
    }
}

impl picora_core::memory::Marked for MediaState {
    fn mark(&self, account: AccountId, now: Timestamp) -> picora_core::ChangeMark {
        self.books.mark(account, now)
    }
}
