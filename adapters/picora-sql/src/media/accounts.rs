//! Accounts, their keys, and what operators did.

use picora_core::{AccountId, KeyId, PlanId, Timestamp};
use picora_media::{Account, ApiKey, AuditEntry, Role};

use crate::SqlConn;
use crate::connection::{execute, select};
use crate::error::Fault;
use crate::stored;

/// An account.
pub(super) async fn at(conn: &mut SqlConn<'_>, id: AccountId) -> Result<Option<Account>, Fault> {
    let rows = select!(
        conn,
        AccountRow,
        "SELECT id, plan, role, created_at, disabled_until FROM picora_account WHERE id = $1",
        &id.as_bytes()[..],
    );
    rows.into_iter().next().map(account).transpose()
}

/// The key with this hash, and its account.
pub(super) async fn key_holder(
    conn: &mut SqlConn<'_>,
    secret_hash: &[u8; 32],
) -> Result<Option<(ApiKey, Account)>, Fault> {
    type Row = (
        Vec<u8>,
        String,
        i64,
        Vec<u8>,
        String,
        String,
        i64,
        Option<i64>,
    );
    let rows = select!(
        conn,
        Row,
        "SELECT k.id, k.label, k.created_at, a.id, a.plan, a.role, a.created_at, a.disabled_until
         FROM picora_api_key k JOIN picora_account a ON a.id = k.account
         WHERE k.secret_hash = $1 AND k.revoked_at IS NULL",
        &secret_hash[..],
    );
    let Some((id, label, made_at, holder, plan, role, created_at, disabled_until)) =
        rows.into_iter().next()
    else {
        return Ok(None);
    };
    let holder = account((holder, plan, role, created_at, disabled_until))?;
    let key = ApiKey {
        id: KeyId::from_bytes(stored::id(&id)?),
        account: holder.id,
        secret_hash: *secret_hash,
        label,
        created_at: Timestamp::from_unix_micros(made_at),
    };
    Ok(Some((key, holder)))
}

/// How many accounts there are.
pub(super) async fn count(conn: &mut SqlConn<'_>) -> Result<u64, Fault> {
    let rows = select!(conn, (i64,), "SELECT count(*) FROM picora_account");
    Ok(rows.first().map_or(0, |(count,)| count.unsigned_abs()))
}

/// A page of accounts.
pub(super) async fn list(
    conn: &mut SqlConn<'_>,
    after: Option<AccountId>,
    most: u32,
) -> Result<Vec<AccountId>, Fault> {
    let after = after.map_or_else(Vec::new, |after| after.as_bytes().to_vec());
    let rows = select!(
        conn,
        (Vec<u8>,),
        "SELECT id FROM picora_account WHERE id > $1 ORDER BY id LIMIT $2",
        after,
        i64::from(most),
    );
    let account = |(id,): (Vec<u8>,)| stored::account(&id);
    rows.into_iter().map(account).collect()
}

/// Adds an account. One of the same id is a conflict.
pub(super) async fn insert(conn: &mut SqlConn<'_>, account: &Account) -> Result<(), Fault> {
    execute!(
        conn,
        "INSERT INTO picora_account (id, plan, role, created_at, disabled_until) VALUES ($1, $2, $3, $4, $5)",
        &account.id.as_bytes()[..],
        account.plan.name(),
        account.role.name(),
        account.created_at.unix_micros(),
        account.disabled_until.map(Timestamp::unix_micros),
    );
    Ok(())
}

pub(super) async fn set_plan(
    conn: &mut SqlConn<'_>,
    account: AccountId,
    plan: PlanId,
) -> Result<bool, Fault> {
    let changed = execute!(
        conn,
        "UPDATE picora_account SET plan = $2 WHERE id = $1",
        &account.as_bytes()[..],
        plan.name(),
    );
    Ok(changed == 1)
}

pub(super) async fn set_role(
    conn: &mut SqlConn<'_>,
    account: AccountId,
    role: Role,
) -> Result<bool, Fault> {
    let changed = execute!(
        conn,
        "UPDATE picora_account SET role = $2 WHERE id = $1",
        &account.as_bytes()[..],
        role.name(),
    );
    Ok(changed == 1)
}

pub(super) async fn set_disabled(
    conn: &mut SqlConn<'_>,
    account: AccountId,
    until: Option<Timestamp>,
) -> Result<bool, Fault> {
    let changed = execute!(
        conn,
        "UPDATE picora_account SET disabled_until = $2 WHERE id = $1",
        &account.as_bytes()[..],
        until.map(Timestamp::unix_micros),
    );
    Ok(changed == 1)
}

pub(super) async fn insert_key(conn: &mut SqlConn<'_>, key: &ApiKey) -> Result<(), Fault> {
    execute!(
        conn,
        "INSERT INTO picora_api_key (id, account, secret_hash, label, created_at) VALUES ($1, $2, $3, $4, $5)",
        &key.id.as_bytes()[..],
        &key.account.as_bytes()[..],
        &key.secret_hash[..],
        &key.label,
        key.created_at.unix_micros(),
    );
    Ok(())
}

/// Revokes a key; false when there is none, or not any more.
pub(super) async fn revoke_key(
    conn: &mut SqlConn<'_>,
    account: AccountId,
    key: KeyId,
    now: Timestamp,
) -> Result<bool, Fault> {
    let revoked = execute!(
        conn,
        "UPDATE picora_api_key SET revoked_at = $3 WHERE id = $1 AND account = $2 AND revoked_at IS NULL",
        &key.as_bytes()[..],
        &account.as_bytes()[..],
        now.unix_micros(),
    );
    Ok(revoked == 1)
}

pub(super) async fn audit(conn: &mut SqlConn<'_>, entry: &AuditEntry) -> Result<(), Fault> {
    execute!(
        conn,
        "INSERT INTO picora_audit (actor, action, subject, reason, at) VALUES ($1, $2, $3, $4, $5)",
        entry.actor.as_ref().map(|actor| &actor.as_bytes()[..]),
        entry.action,
        &entry.subject,
        &entry.reason,
        entry.at.unix_micros(),
    );
    Ok(())
}

/// Removes an account and its keys. What was done to it, and by it, stays told under the tombstone.
pub(super) async fn erase(
    conn: &mut SqlConn<'_>,
    account: AccountId,
    tombstone: AccountId,
) -> Result<(), Fault> {
    let (gone, instead) = (&account.as_bytes()[..], &tombstone.as_bytes()[..]);
    execute!(conn, "DELETE FROM picora_api_key WHERE account = $1", gone);
    execute!(conn, "DELETE FROM picora_account WHERE id = $1", gone);
    execute!(
        conn,
        "UPDATE picora_audit SET actor = $2 WHERE actor = $1",
        gone,
        instead,
    );
    execute!(
        conn,
        "UPDATE picora_audit SET subject = $2 WHERE subject = $1",
        account.to_string(),
        tombstone.to_string(),
    );
    Ok(())
}

type AccountRow = (Vec<u8>, String, String, i64, Option<i64>);

fn account((id, plan, role, created_at, disabled_until): AccountRow) -> Result<Account, Fault> {
    Ok(Account {
        id: stored::account(&id)?,
        plan: PlanId::from_name(&plan).ok_or(Fault::Corrupt("a plan has an unknown name"))?,
        role: Role::from_name(&role).ok_or(Fault::Corrupt("a role has an unknown name"))?,
        created_at: Timestamp::from_unix_micros(created_at),
        disabled_until: disabled_until.map(Timestamp::from_unix_micros),
    })
}
