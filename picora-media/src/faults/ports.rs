//! The ports, each call of which asks the plan how it goes.

use std::time::Duration;

use async_trait::async_trait;
use picora_core::memory::MemoryTx;
use picora_core::{
    AccountId, AdjustmentId, Amount, AssetId, Dimension, KeyId, PlanId, Posting, ReservationId,
    SetLimits, StoreError, Timestamp, Transact,
};
use picora_quota::{
    AccountFacts, Adjusted, Adjustment, Alert, Counter, Extended, HistoryPoint, HistoryQuery,
    Items, Ledger, LedgerIn, LedgerReports, Posted, Recount, Recounted, Reservation, Reserve,
    Reserved, Seen, Settled, UsageLine,
};

use super::FaultyMedia;
use super::plan::Work;
use crate::account::{Account, ApiKey, AuditEntry, Role};
use crate::asset::{Asset, AssetChange, AssetQuery};
use crate::census::Census;
use crate::memory::{MediaState, MemoryMedia};
use crate::{
    Accounts, AccountsIn, Catalogue, CatalogueIn, Condemned, Contact, Contacts, ContactsIn,
    EmailAddress, UploadIntent,
};

type Tx = MemoryTx<MediaState>;

/// Implements a port by calling the store within, as the plan says. A method that works in a transaction names it in brackets.
macro_rules! delegate {
    ($port:ty { $($work:ident $method:ident $([$tx:ident])? ($($argument:ident: $of:ty),*) -> $answer:ty;)+ }) => {
        #[async_trait]
        #[deny(clippy::missing_trait_methods)]
        impl $port for FaultyMedia {
            $(async fn $method(&self, $($tx: &mut Tx,)? $($argument: $of),*) -> Result<$answer, StoreError> {
                let turn = self.plan.next(stringify!($method), Work::$work);
                $(let before = turn.forgets().then(|| $tx.state.clone());)?
                let within: &MemoryMedia = &self.inner;
                let work = <MemoryMedia as $port>::$method(within, $($tx,)? $($argument),*);
                let answer = turn.carry_out(work).await;
                $(if let Some(before) = before {
                    $tx.state = before;
                })?
                answer
            })+
        }
    };
}

delegate!(Transact<Tx> {
    Step begin() -> Tx;
    Whole finish(transaction: Tx) -> ();
});

delegate!(Ledger {
    Whole reserve(request: &Reserve, now: Timestamp) -> Reserved;
    Whole extend(id: ReservationId, totals: &Items, now: Timestamp) -> Extended;
    Whole commit(id: ReservationId, actual: &[(Dimension, Amount)], now: Timestamp) -> Settled;
    Whole release(id: ReservationId, now: Timestamp) -> Settled;
    Whole heartbeat(id: ReservationId, expires_after: Duration, now: Timestamp) -> Option<Timestamp>;
    Whole post(posting: &Posting, now: Timestamp) -> Posted;
    Whole set_limits(limits: &SetLimits, now: Timestamp) -> ();
    Whole adjust(adjustment: &Adjustment, now: Timestamp) -> Adjusted;
    Whole withdraw(account: AccountId, id: AdjustmentId, now: Timestamp) -> bool;
    Whole refresh(most: u32, now: Timestamp) -> u32;
    Whole correct(recount: &Recount, now: Timestamp) -> Recounted;
    Read usage(account: AccountId, now: Timestamp) -> Vec<UsageLine>;
    Read reservation(id: ReservationId) -> Option<Reservation>;
    Whole sweep(most: u32, now: Timestamp) -> u32;
    Whole prune(most: u32, now: Timestamp) -> u32;
});

delegate!(LedgerReports {
    Read adjustments(account: AccountId) -> Vec<Adjustment>;
    Read alerts(account: AccountId) -> Vec<Alert>;
    Read history(account: AccountId, query: &HistoryQuery) -> Vec<HistoryPoint>;
    Whole roll_up(most: u32, now: Timestamp) -> u32;
    Read accounts(after: Option<AccountId>, most: u32) -> Vec<AccountId>;
    Read seen(account: AccountId, counter: Counter) -> Seen;
    Read facts(account: AccountId, now: Timestamp) -> Option<AccountFacts>;
});

delegate!(LedgerIn<Tx> {
    Step reserve_in [tx] (request: &Reserve, now: Timestamp) -> Reserved;
    Step extend_in [tx] (id: ReservationId, totals: &Items, now: Timestamp) -> Extended;
    Step commit_in [tx] (id: ReservationId, actual: &[(Dimension, Amount)], now: Timestamp) -> Settled;
    Step release_in [tx] (id: ReservationId, now: Timestamp) -> Settled;
    Step heartbeat_in [tx] (id: ReservationId, expires_after: Duration, now: Timestamp) -> Option<Timestamp>;
    Step post_in [tx] (posting: &Posting, now: Timestamp) -> Posted;
    Step set_limits_in [tx] (limits: &SetLimits, now: Timestamp) -> ();
    Step erase_in [tx] (account: AccountId, tombstone: AccountId) -> ();
});

delegate!(Catalogue {
    Read asset(account: AccountId, id: AssetId) -> Option<Asset>;
    Read asset_at(id: AssetId) -> Option<Asset>;
    Read assets(account: AccountId, query: &AssetQuery) -> Vec<Asset>;
    Read document_of(account: AccountId, sha256: &[u8; 32]) -> Option<Asset>;
    Read asset_of(account: AccountId, reservation: ReservationId) -> Option<Asset>;
    Read overdue(most: u32, now: Timestamp) -> Vec<UploadIntent>;
    Read condemned(most: u32) -> Vec<Condemned>;
    Read knows(id: AssetId) -> bool;
    Read census(account: AccountId) -> Census;
});

delegate!(CatalogueIn<Tx> {
    Step begin_upload_in [tx] (intent: &UploadIntent) -> ();
    Step keep_upload_in [tx] (asset: AssetId, deadline: Timestamp) -> bool;
    Step end_upload_in [tx] (asset: AssetId) -> bool;
    Step insert_in [tx] (asset: &Asset) -> Option<Asset>;
    Step change_in [tx] (account: AccountId, id: AssetId, change: &AssetChange) -> Option<Asset>;
    Step remove_in [tx] (account: AccountId, id: AssetId) -> Option<Asset>;
    Step condemn_in [tx] (condemned: &Condemned) -> ();
    Step bury_in [tx] (asset: AssetId) -> ();
    Step erase_in [tx] (account: AccountId, tombstone: AccountId, now: Timestamp) -> ();
});

delegate!(Accounts {
    Read account(id: AccountId) -> Option<Account>;
    Read key_holder(secret_hash: &[u8; 32]) -> Option<(ApiKey, Account)>;
    Read count_accounts() -> u64;
    Read list_accounts(after: Option<AccountId>, most: u32) -> Vec<AccountId>;
});

delegate!(AccountsIn<Tx> {
    Step insert_account_in [tx] (account: &Account) -> ();
    Step set_plan_in [tx] (account: AccountId, plan: PlanId) -> bool;
    Step set_role_in [tx] (account: AccountId, role: Role) -> bool;
    Step set_disabled_in [tx] (account: AccountId, until: Option<Timestamp>) -> bool;
    Step insert_key_in [tx] (key: &ApiKey) -> ();
    Step revoke_key_in [tx] (account: AccountId, key: KeyId, now: Timestamp) -> bool;
    Step audit_in [tx] (entry: &AuditEntry) -> ();
});

delegate!(Contacts {
    Read contact(account: AccountId) -> Option<Contact>;
});

delegate!(ContactsIn<Tx> {
    Step set_email_in [tx] (account: AccountId, email: Option<&EmailAddress>) -> bool;
    Step set_early_notices_in [tx] (account: AccountId, wanted: bool) -> bool;
});
