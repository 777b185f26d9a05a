//! Making accounts and keys, and changing plans.

use picora_core::{
    AccountId, Amount, KeyId, Plan, SetLimits, StoreError, StoreErrorKind, Timestamp,
};

use crate::account::{Account, ApiKey, ApiSecret, AuditEntry, Role};
use crate::media::{Media, retrying};

/// How many uploads of one account may be under way at once, unless the deployment says otherwise.
pub const OPEN_RESERVATIONS: u32 = 32;

impl<T: Send + 'static> Media<T> {
    /// Makes an account on a plan, with the plan's limits, in one transaction.
    pub async fn open_account(
        &self,
        plan: &Plan,
        open_reservations: u32,
    ) -> Result<Account, StoreError> {
        let now = self.now();
        let id = AccountId::generate(now, self.entropy.as_ref());
        let account = Account {
            id,
            plan: plan.id,
            role: Role::User,
            created_at: now,
            disabled_until: None,
        };
        let limits = limits_of(id, plan, open_reservations);
        match retrying!(self.try_open(&account, &limits, now)) {
            Ok(()) => Ok(account),
            Err(lost) if lost.kind() == StoreErrorKind::Unknown => {
                self.store.account(id).await?.ok_or(lost) // nobody else can look: the id was made here
            }
            Err(error) => Err(error),
        }
    }

    /// Makes an API key and answers its secret, which is shown once and not stored.
    pub async fn issue_key(
        &self,
        account: AccountId,
        label: &str,
    ) -> Result<(ApiKey, ApiSecret), StoreError> {
        let now = self.now();
        let secret = ApiSecret::generate(self.entropy.as_ref());
        let id = KeyId::generate(now, self.entropy.as_ref());
        let key = ApiKey {
            id,
            account,
            secret_hash: secret.hash(),
            label: label.to_owned(),
            created_at: now,
        };
        retrying!(self.try_issue(&key))?;
        Ok((key, secret))
    }

    /// Moves an account to another plan: usage is kept, the limits hold for everything that begins after it. `false` when there is none.
    pub async fn change_plan(
        &self,
        account: AccountId,
        plan: &Plan,
        open_reservations: u32,
        audit: &AuditEntry,
    ) -> Result<bool, StoreError> {
        retrying!(self.try_change_plan(
            account,
            plan,
            &limits_of(account, plan, open_reservations),
            audit
        ))
    }

    /// Makes an account an operator's, or no longer. `false` when there is none.
    pub async fn change_role(
        &self,
        account: AccountId,
        role: Role,
        audit: &AuditEntry,
    ) -> Result<bool, StoreError> {
        retrying!(self.try_change_role(account, role, audit))
    }

    /// Disables an account until then, or enables it (#201). `false` when there is none.
    pub async fn disable(
        &self,
        account: AccountId,
        until: Option<Timestamp>,
        audit: &AuditEntry,
    ) -> Result<bool, StoreError> {
        retrying!(self.try_disable(account, until, audit))
    }

    /// Writes down what an operator is about to see; what he may see depends on its success (#69).
    pub async fn audit(&self, audit: &AuditEntry) -> Result<(), StoreError> {
        retrying!(self.try_audit(audit))
    }

    async fn try_open(
        &self,
        account: &Account,
        limits: &SetLimits,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.store.begin().await?;
        self.store.insert_account_in(&mut tx, account).await?;
        self.store.set_limits_in(&mut tx, limits, now).await?;
        self.store.finish(tx).await
    }

    async fn try_issue(&self, key: &ApiKey) -> Result<(), StoreError> {
        let mut tx = self.store.begin().await?;
        self.store.insert_key_in(&mut tx, key).await?;
        self.store.finish(tx).await
    }

    async fn try_change_plan(
        &self,
        account: AccountId,
        plan: &Plan,
        limits: &SetLimits,
        audit: &AuditEntry,
    ) -> Result<bool, StoreError> {
        let mut tx = self.store.begin().await?;
        if !self.store.set_plan_in(&mut tx, account, plan.id).await? {
            return Ok(false);
        }
        self.store.set_limits_in(&mut tx, limits, audit.at).await?;
        self.store.audit_in(&mut tx, audit).await?;
        self.store.finish(tx).await?;
        Ok(true)
    }

    async fn try_change_role(
        &self,
        account: AccountId,
        role: Role,
        audit: &AuditEntry,
    ) -> Result<bool, StoreError> {
        let mut tx = self.store.begin().await?;
        if !self.store.set_role_in(&mut tx, account, role).await? {
            return Ok(false);
        }
        self.store.audit_in(&mut tx, audit).await?;
        self.store.finish(tx).await?;
        Ok(true)
    }

    async fn try_disable(
        &self,
        account: AccountId,
        until: Option<Timestamp>,
        audit: &AuditEntry,
    ) -> Result<bool, StoreError> {
        let mut tx = self.store.begin().await?;
        if !self.store.set_disabled_in(&mut tx, account, until).await? {
            return Ok(false);
        }
        self.store.audit_in(&mut tx, audit).await?;
        self.store.finish(tx).await?;
        Ok(true)
    }

    async fn try_audit(&self, audit: &AuditEntry) -> Result<(), StoreError> {
        let mut tx = self.store.begin().await?;
        self.store.audit_in(&mut tx, audit).await?;
        self.store.finish(tx).await
    }
}

fn limits_of(account: AccountId, plan: &Plan, open_reservations: u32) -> SetLimits {
    SetLimits {
        account,
        limits: plan.limits,
        open_reservations: Amount::from(open_reservations),
    }
}
