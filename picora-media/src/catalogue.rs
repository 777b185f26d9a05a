//! The ports: what is stored, what is being stored, what is to be removed, and whose it is.

use async_trait::async_trait;
use picora_core::{
    AccountId, AssetId, KeyId, PlanId, ReservationId, StoreError, Timestamp, Transact,
};
use picora_quota::{Ledger, LedgerIn, LedgerReports};

use crate::account::{Account, ApiKey, AuditEntry, Role};
use crate::asset::{Asset, AssetChange, AssetQuery};
use crate::census::Census;
use crate::contact::{Contacts, ContactsIn};

/// An upload under way, written before its first byte is stored, so that no crash can leave bytes that nobody knows of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadIntent {
    /// The resource that it will be; its object's place follows from it.
    pub asset: AssetId,
    /// Whose it will be.
    pub account: AccountId,
    /// What it reserved.
    pub reservation: ReservationId,
    /// When it is given up unless a heartbeat comes. **Boundaries**: at this instant it is.
    pub deadline: Timestamp,
}

/// An object whose resource is gone, or never came to be: its bytes are to be removed, again and again until that succeeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condemned {
    /// The resource that it was.
    pub asset: AssetId,
    /// Whose it was.
    pub account: AccountId,
    /// Since when.
    pub since: Timestamp,
}

/// Reads of the catalogue. Every read of a user's own things names the account; another account's id finds nothing (#67).
#[async_trait]
pub trait Catalogue: Send + Sync {
    /// An asset of this account.
    async fn asset(&self, account: AccountId, id: AssetId) -> Result<Option<Asset>, StoreError>;

    /// An asset by its address alone, for delivery: whether the asker may have it is decided by the caller.
    async fn asset_at(&self, id: AssetId) -> Result<Option<Asset>, StoreError>;

    /// Assets of this account, the newest first (by id, descending).
    async fn assets(
        &self,
        account: AccountId,
        query: &AssetQuery,
    ) -> Result<Vec<Asset>, StoreError>;

    /// The document of this account with exactly these bytes (#56).
    async fn document_of(
        &self,
        account: AccountId,
        sha256: &[u8; 32],
    ) -> Result<Option<Asset>, StoreError>;

    /// The asset of this account that a reservation became; the newest, when its id was used again after its outcome was forgotten.
    async fn asset_of(
        &self,
        account: AccountId,
        reservation: ReservationId,
    ) -> Result<Option<Asset>, StoreError>;

    /// Uploads whose deadline has come, at most so many, the oldest first.
    async fn overdue(&self, most: u32, now: Timestamp) -> Result<Vec<UploadIntent>, StoreError>;

    /// Objects that are to be removed, at most so many, the oldest first.
    async fn condemned(&self, most: u32) -> Result<Vec<Condemned>, StoreError>;

    /// Whether an asset exists, is being uploaded, or is condemned: an object of none of these belongs to nobody.
    async fn knows(&self, id: AssetId) -> Result<bool, StoreError>;

    /// What an account's assets come to and what the ledger says of it, both as of one moment ([`Census::of`]); zeros for an unknown one.
    ///
    /// **Errors**: kind `OutOfRange` when they come to more than 2^62.
    async fn census(&self, account: AccountId) -> Result<Census, StoreError>;
}

/// Writes of the catalogue, in a caller's transaction.
#[async_trait]
pub trait CatalogueIn<T: Send + ?Sized>: Send + Sync {
    /// Writes down an upload that is about to begin.
    async fn begin_upload_in(&self, tx: &mut T, intent: &UploadIntent) -> Result<(), StoreError>;

    /// Puts an upload's deadline off; `false` when it was given up.
    async fn keep_upload_in(
        &self,
        tx: &mut T,
        asset: AssetId,
        deadline: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Ends an upload; `false` when it was given up, and then its outcome is somebody else's business.
    async fn end_upload_in(&self, tx: &mut T, asset: AssetId) -> Result<bool, StoreError>;

    /// Adds an asset. A document whose bytes this account stores already is not added; its asset is answered (#56).
    async fn insert_in(&self, tx: &mut T, asset: &Asset) -> Result<Option<Asset>, StoreError>;

    /// Changes an asset of this account; answers it changed, or `None` when there is none.
    async fn change_in(
        &self,
        tx: &mut T,
        account: AccountId,
        id: AssetId,
        change: &AssetChange,
    ) -> Result<Option<Asset>, StoreError>;

    /// Removes an asset of this account and answers it; `None` when there is none.
    async fn remove_in(
        &self,
        tx: &mut T,
        account: AccountId,
        id: AssetId,
    ) -> Result<Option<Asset>, StoreError>;

    /// Remembers that an object is to be removed. Repeating it is a no-op.
    async fn condemn_in(&self, tx: &mut T, condemned: &Condemned) -> Result<(), StoreError>;

    /// Forgets an object that has been removed.
    async fn bury_in(&self, tx: &mut T, asset: AssetId) -> Result<(), StoreError>;

    /// Removes everything about an account and condemns its objects.
    async fn erase_in(
        &self,
        tx: &mut T,
        account: AccountId,
        tombstone: AccountId,
        now: Timestamp,
    ) -> Result<(), StoreError>;
}

/// Reads about accounts.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// An account.
    async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError>;

    /// The key with this hash of its secret, and its account; a revoked key is not found.
    async fn key_holder(
        &self,
        secret_hash: &[u8; 32],
    ) -> Result<Option<(ApiKey, Account)>, StoreError>;

    /// How many accounts there are, so that a first start knows itself.
    async fn count_accounts(&self) -> Result<u64, StoreError>;

    /// Accounts by their ids, up to `most` after this one.
    async fn list_accounts(
        &self,
        after: Option<AccountId>,
        most: u32,
    ) -> Result<Vec<AccountId>, StoreError>;
}

/// Writes about accounts, in a caller's transaction.
#[async_trait]
pub trait AccountsIn<T: Send + ?Sized>: Send + Sync {
    /// Adds an account.
    async fn insert_account_in(&self, tx: &mut T, account: &Account) -> Result<(), StoreError>;

    /// Sets the plan of an account; `false` when there is none.
    async fn set_plan_in(
        &self,
        tx: &mut T,
        account: AccountId,
        plan: PlanId,
    ) -> Result<bool, StoreError>;

    /// Sets the role of an account; `false` when there is none.
    async fn set_role_in(
        &self,
        tx: &mut T,
        account: AccountId,
        role: Role,
    ) -> Result<bool, StoreError>;

    /// Disables an account until then, or enables it; `false` when there is none.
    async fn set_disabled_in(
        &self,
        tx: &mut T,
        account: AccountId,
        until: Option<Timestamp>,
    ) -> Result<bool, StoreError>;

    /// Adds an API key.
    async fn insert_key_in(&self, tx: &mut T, key: &ApiKey) -> Result<(), StoreError>;

    /// Revokes a key of this account, for ever; `false` when there is none.
    async fn revoke_key_in(
        &self,
        tx: &mut T,
        account: AccountId,
        key: KeyId,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Writes down what an operator did, in the transaction in which it is done.
    async fn audit_in(&self, tx: &mut T, entry: &AuditEntry) -> Result<(), StoreError>;
}

/// Everything that the use cases need of one store whose transaction is `T`.
pub trait MediaStore<T: Send>:
    Transact<T>
    + Ledger
    + LedgerReports
    + LedgerIn<T>
    + Catalogue
    + CatalogueIn<T>
    + Accounts
    + AccountsIn<T>
    + Contacts
    + ContactsIn<T>
{
}

impl<T: Send, S> MediaStore<T> for S where
    S: Transact<T>
        + Ledger
        + LedgerReports
        + LedgerIn<T>
        + Catalogue
        + CatalogueIn<T>
        + Accounts
        + AccountsIn<T>
        + Contacts
        + ContactsIn<T>
{
}
