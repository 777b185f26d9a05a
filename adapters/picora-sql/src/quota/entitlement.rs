//! What accounts may do: their plans, overrides and grants, and what these come to.

use picora_core::{AccountId, AdjustmentId, Limit, Limits, Timestamp};
use picora_quota::{Adjustment, Counter, Entitled, LimitChange};

use super::{alerts, stored};
use crate::SqlConn;
use crate::connection::{execute, select};
use crate::error::Fault;

/// What the limits of an account are worked out from.
#[derive(Clone, Debug)]
pub(super) struct Entitlement {
    pub(super) plan: Limits,
    pub(super) open_reservations: Limit,
    pub(super) adjustments: Vec<Adjustment>,
    /// When the limits that are written change by themselves.
    pub(super) until: Option<Timestamp>,
    /// Whether anything is written of the account.
    pub(super) known: bool,
}

impl Entitlement {
    /// What it comes to at `now`.
    pub(super) fn at(&self, now: Timestamp) -> Result<Entitled, Fault> {
        Ok(Entitled::of(&self.plan, &self.adjustments, now)?)
    }
}

/// Reads the plan's limits and all adjustments of an account.
pub(super) async fn load(conn: &mut SqlConn<'_>, account: AccountId) -> Result<Entitlement, Fault> {
    let rows = select!(
        conn,
        (String, Option<i64>, Option<i64>),
        "SELECT counter, plan_lim, lim_until FROM picora_account_limit WHERE account = $1",
        &account.as_bytes()[..],
    );
    let mut loaded = Entitlement {
        plan: Limits::NOTHING,
        open_reservations: Limit::NOTHING,
        adjustments: adjustments(conn, account).await?,
        until: None,
        known: !rows.is_empty(),
    };
    for (name, limit, until) in rows {
        let limit = stored::limit(limit)?;
        loaded.until = until.map(Timestamp::from_unix_micros).or(loaded.until);
        match stored::counter(&name)? {
            Counter::Dimension(dimension) => loaded.plan = loaded.plan.with(dimension, limit),
            Counter::OpenReservations => loaded.open_reservations = limit,
            Counter::Tally(_) => {}
        }
    }
    Ok(loaded)
}

/// The adjustments of an account, by their ids.
pub(super) async fn adjustments(
    conn: &mut SqlConn<'_>,
    account: AccountId,
) -> Result<Vec<Adjustment>, Fault> {
    let rows = select!(
        conn,
        Row,
        "SELECT id, account, counter, kind, amount, begins_at, ends_at, reason
         FROM picora_adjustment WHERE account = $1 ORDER BY id",
        &account.as_bytes()[..],
    );
    rows.into_iter().map(adjustment).collect()
}

/// An adjustment, whosesoever.
pub(super) async fn find(
    conn: &mut SqlConn<'_>,
    id: AdjustmentId,
) -> Result<Option<Adjustment>, Fault> {
    let rows = select!(
        conn,
        Row,
        "SELECT id, account, counter, kind, amount, begins_at, ends_at, reason FROM picora_adjustment WHERE id = $1",
        &id.as_bytes()[..],
    );
    rows.into_iter().next().map(adjustment).transpose()
}

/// Adds an adjustment; `false` when its id is used.
pub(super) async fn insert(conn: &mut SqlConn<'_>, new: &Adjustment) -> Result<bool, Fault> {
    let (kind, amount) = match new.change {
        LimitChange::Grant(amount) => (GRANT, Some(amount.to_i64())),
        LimitChange::Override(limit) => (OVERRIDE, stored::limit_column(limit)),
    };
    let inserted = execute!(
        conn,
        "INSERT INTO picora_adjustment (id, account, counter, kind, amount, begins_at, ends_at, reason)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
        &new.id.as_bytes()[..],
        &new.account.as_bytes()[..],
        new.dimension.field(),
        kind,
        amount,
        new.from.unix_micros(),
        new.until.map(Timestamp::unix_micros),
        &new.reason,
    );
    Ok(inserted == 1)
}

/// Writes the end of an adjustment.
pub(super) async fn set_end(conn: &mut SqlConn<'_>, ended: &Adjustment) -> Result<(), Fault> {
    execute!(
        conn,
        "UPDATE picora_adjustment SET ends_at = $2 WHERE id = $1",
        &ended.id.as_bytes()[..],
        ended.until.map(Timestamp::unix_micros),
    );
    Ok(())
}

type Row = (
    Vec<u8>,
    Vec<u8>,
    String,
    String,
    Option<i64>,
    i64,
    Option<i64>,
    String,
);

fn adjustment(row: Row) -> Result<Adjustment, Fault> {
    let (id, account, counter, kind, amount, from, until, reason) = row;
    let change = match (kind.as_str(), amount) {
        (GRANT, Some(amount)) => LimitChange::Grant(stored::amount(amount)?),
        (OVERRIDE, limit) => LimitChange::Override(stored::limit(limit)?),
        _ => return Err(Fault::Corrupt("an adjustment does not read back")),
    };
    Ok(Adjustment {
        id: AdjustmentId::from_bytes(crate::stored::id(&id)?),
        account: crate::stored::account(&account)?,
        dimension: alerts::dimension(stored::counter(&counter)?)?,
        change,
        from: Timestamp::from_unix_micros(from),
        until: until.map(Timestamp::from_unix_micros),
        reason,
    })
}

const GRANT: &str = "grant";
const OVERRIDE: &str = "override";
