//! The catalogue and the accounts.
//!
//! Of two transactions that touch the same asset, upload or object, the second waits for the first at its row; the answer of every method
//! says what the row was when its turn came.

mod accounts;
mod assets;
mod census;
mod contacts;
mod uploads;

use async_trait::async_trait;
use picora_core::{AccountId, AssetId, KeyId, PlanId, ReservationId, StoreError, Timestamp};
use picora_media::{
    Account, Accounts, AccountsIn, ApiKey, Asset, AssetChange, AssetQuery, AuditEntry, Catalogue,
    CatalogueIn, Census, Condemned, Contact, Contacts, ContactsIn, EmailAddress, Role,
    UploadIntent,
};

use crate::steps::{read, step};
use crate::{AsSqlConn, SqlStore};

impl SqlStore {
    /// Whether anybody has an asset, for whoever must notice that their files are elsewhere. **Errors**: [`StoreError`].
    pub async fn has_assets(&self) -> Result<bool, StoreError> {
        read!(self, "look for assets", |conn| assets::any(conn))
    }
}

#[async_trait]
impl Catalogue for SqlStore {
    async fn asset(&self, account: AccountId, id: AssetId) -> Result<Option<Asset>, StoreError> {
        let found = read!(self, "read an asset", |conn| assets::at(conn, id))?;
        Ok(found.filter(|asset| asset.account == account))
    }

    async fn asset_at(&self, id: AssetId) -> Result<Option<Asset>, StoreError> {
        read!(self, "read an asset", |conn| assets::at(conn, id))
    }

    async fn assets(
        &self,
        account: AccountId,
        query: &AssetQuery,
    ) -> Result<Vec<Asset>, StoreError> {
        read!(self, "list assets", |conn| assets::page(
            conn, account, query
        ))
    }

    async fn document_of(
        &self,
        account: AccountId,
        sha256: &[u8; 32],
    ) -> Result<Option<Asset>, StoreError> {
        read!(self, "look up a document", |conn| assets::document(
            conn, account, sha256
        ))
    }

    async fn asset_of(
        &self,
        account: AccountId,
        reservation: ReservationId,
    ) -> Result<Option<Asset>, StoreError> {
        read!(self, "look up an upload", |conn| assets::made_by(
            conn,
            account,
            reservation
        ))
    }

    async fn overdue(&self, most: u32, now: Timestamp) -> Result<Vec<UploadIntent>, StoreError> {
        read!(self, "list uploads", |conn| uploads::overdue(
            conn, most, now
        ))
    }

    async fn condemned(&self, most: u32) -> Result<Vec<Condemned>, StoreError> {
        read!(self, "list condemned objects", |conn| uploads::condemned(
            conn, most
        ))
    }

    async fn knows(&self, id: AssetId) -> Result<bool, StoreError> {
        read!(self, "look up an object", |conn| uploads::knows(conn, id))
    }

    async fn census(&self, account: AccountId) -> Result<Census, StoreError> {
        let mut tx = self.begin_reading("count assets").await?;
        let census = census::take(&mut tx.sql(), account).await;
        census.map_err(|fault| fault.told(self.backend(), "count assets"))
    }
}

#[async_trait]
impl<T: AsSqlConn> CatalogueIn<T> for SqlStore {
    async fn begin_upload_in(&self, tx: &mut T, intent: &UploadIntent) -> Result<(), StoreError> {
        step!(tx, "begin an upload", |conn| uploads::begin(conn, intent))
    }

    async fn keep_upload_in(
        &self,
        tx: &mut T,
        asset: AssetId,
        deadline: Timestamp,
    ) -> Result<bool, StoreError> {
        step!(tx, "keep an upload", |conn| uploads::keep(
            conn, asset, deadline
        ))
    }

    async fn end_upload_in(&self, tx: &mut T, asset: AssetId) -> Result<bool, StoreError> {
        step!(tx, "end an upload", |conn| uploads::end(conn, asset))
    }

    async fn insert_in(&self, tx: &mut T, asset: &Asset) -> Result<Option<Asset>, StoreError> {
        step!(tx, "add an asset", |conn| assets::insert(conn, asset))
    }

    async fn change_in(
        &self,
        tx: &mut T,
        account: AccountId,
        id: AssetId,
        change: &AssetChange,
    ) -> Result<Option<Asset>, StoreError> {
        step!(tx, "change an asset", |conn| assets::change(
            conn, account, id, change
        ))
    }

    async fn remove_in(
        &self,
        tx: &mut T,
        account: AccountId,
        id: AssetId,
    ) -> Result<Option<Asset>, StoreError> {
        step!(tx, "remove an asset", |conn| assets::remove(
            conn, account, id
        ))
    }

    async fn condemn_in(&self, tx: &mut T, condemned: &Condemned) -> Result<(), StoreError> {
        step!(tx, "condemn an object", |conn| uploads::condemn(
            conn, condemned
        ))
    }

    async fn bury_in(&self, tx: &mut T, asset: AssetId) -> Result<(), StoreError> {
        step!(tx, "forget an object", |conn| uploads::bury(conn, asset))
    }

    /// Uploads end before assets are looked for: one that is being settled meanwhile has either become an asset, or fails.
    async fn erase_in(
        &self,
        tx: &mut T,
        account: AccountId,
        tombstone: AccountId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        step!(tx, "erase", |conn| async {
            uploads::erase(conn, account, now).await?;
            assets::erase(conn, account, now).await?;
            accounts::erase(conn, account, tombstone).await
        })
    }
}

#[async_trait]
impl Accounts for SqlStore {
    async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        read!(self, "read an account", |conn| accounts::at(conn, id))
    }

    async fn key_holder(
        &self,
        secret_hash: &[u8; 32],
    ) -> Result<Option<(ApiKey, Account)>, StoreError> {
        read!(self, "look up a key", |conn| accounts::key_holder(
            conn,
            secret_hash
        ))
    }

    async fn count_accounts(&self) -> Result<u64, StoreError> {
        read!(self, "count accounts", |conn| accounts::count(conn))
    }

    async fn list_accounts(
        &self,
        after: Option<AccountId>,
        most: u32,
    ) -> Result<Vec<AccountId>, StoreError> {
        read!(self, "list accounts", |conn| accounts::list(
            conn, after, most
        ))
    }
}

#[async_trait]
impl<T: AsSqlConn> AccountsIn<T> for SqlStore {
    async fn insert_account_in(&self, tx: &mut T, account: &Account) -> Result<(), StoreError> {
        step!(tx, "add an account", |conn| accounts::insert(conn, account))
    }

    async fn set_plan_in(
        &self,
        tx: &mut T,
        account: AccountId,
        plan: PlanId,
    ) -> Result<bool, StoreError> {
        step!(tx, "set a plan", |conn| accounts::set_plan(
            conn, account, plan
        ))
    }

    async fn set_role_in(
        &self,
        tx: &mut T,
        account: AccountId,
        role: Role,
    ) -> Result<bool, StoreError> {
        step!(tx, "set a role", |conn| accounts::set_role(
            conn, account, role
        ))
    }

    async fn set_disabled_in(
        &self,
        tx: &mut T,
        account: AccountId,
        until: Option<Timestamp>,
    ) -> Result<bool, StoreError> {
        step!(tx, "disable an account", |conn| accounts::set_disabled(
            conn, account, until
        ))
    }

    async fn insert_key_in(&self, tx: &mut T, key: &ApiKey) -> Result<(), StoreError> {
        step!(tx, "add a key", |conn| accounts::insert_key(conn, key))
    }

    async fn revoke_key_in(
        &self,
        tx: &mut T,
        account: AccountId,
        key: KeyId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        step!(tx, "revoke a key", |conn| accounts::revoke_key(
            conn, account, key, now
        ))
    }

    async fn audit_in(&self, tx: &mut T, entry: &AuditEntry) -> Result<(), StoreError> {
        step!(tx, "write the audit", |conn| accounts::audit(conn, entry))
    }
}

#[async_trait]
impl Contacts for SqlStore {
    async fn contact(&self, account: AccountId) -> Result<Option<Contact>, StoreError> {
        read!(self, "read a contact", |conn| contacts::at(conn, account))
    }
}

#[async_trait]
impl<T: AsSqlConn> ContactsIn<T> for SqlStore {
    async fn set_email_in(
        &self,
        tx: &mut T,
        account: AccountId,
        email: Option<&EmailAddress>,
    ) -> Result<bool, StoreError> {
        step!(tx, "set an e-mail address", |conn| contacts::set_email(
            conn, account, email
        ))
    }

    async fn set_early_notices_in(
        &self,
        tx: &mut T,
        account: AccountId,
        wanted: bool,
    ) -> Result<bool, StoreError> {
        step!(tx, "set a preference", |conn| contacts::set_early_notices(
            conn, account, wanted
        ))
    }
}
