//! The writes of the catalogue in a caller's transaction.

use async_trait::async_trait;
use picora_core::{AccountId, AssetId, KeyId, PlanId, StoreError, Timestamp};
use picora_media::{
    Account, AccountsIn, ApiKey, Asset, AssetChange, AuditEntry, CatalogueIn, Condemned, Role,
    UploadIntent,
};

use super::{accounts, assets, uploads};
use crate::steps::step;
use crate::{AsSqlConn, SqlStore};

#[async_trait]
impl<T: AsSqlConn> CatalogueIn<T> for SqlStore {
    async fn begin_upload_in(&self, tx: &mut T, intent: &UploadIntent) -> Result<(), StoreError> {
        step!(tx, "write an upload down", |conn| uploads::begin(
            conn, intent
        ))
    }

    async fn keep_upload_in(
        &self,
        tx: &mut T,
        asset: AssetId,
        deadline: Timestamp,
    ) -> Result<bool, StoreError> {
        step!(tx, "keep an upload alive", |conn| uploads::keep(
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
        step!(tx, "forget a removed object", |conn| uploads::bury(
            conn, asset
        ))
    }

    async fn erase_in(
        &self,
        tx: &mut T,
        account: AccountId,
        tombstone: AccountId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        step!(tx, "erase a catalogue", |conn| async {
            uploads::erase(conn, account, now).await?;
            accounts::erase(conn, account, tombstone).await
        })
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
