//! Alerts, and the alarms of cells.

use picora_core::{AccountId, Dimension, Timestamp};
use picora_quota::{Alarm, Alert, CellKey, Counter};

use super::stored;
use crate::SqlConn;
use crate::connection::{execute, select};
use crate::error::Fault;
use crate::work::outbox;

/// Writes the alarm of a cell that is locked.
pub(super) async fn set_alarm(
    conn: &mut SqlConn<'_>,
    account: AccountId,
    key: CellKey,
    alarm: Alarm,
) -> Result<(), Fault> {
    execute!(
        conn,
        "UPDATE picora_usage SET fired = $4, arming = $5 WHERE account = $1 AND counter = $2 AND win = $3",
        &account.as_bytes()[..],
        key.counter.name(),
        key.window.to_string(),
        i64::from(alarm.fired),
        i64::from(alarm.arming),
    );
    Ok(())
}

/// Writes an alert down, and the message that tells it. Its key is the guard behind the rule: one that exists is not told again, and is no
/// reason to refuse the step that crossed the level.
pub(super) async fn raise(conn: &mut SqlConn<'_>, alert: &Alert) -> Result<(), Fault> {
    let raised = execute!(
        conn,
        "INSERT INTO picora_alert (account, counter, permille, win, arming, used, lim, raised_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
        &alert.account.as_bytes()[..],
        alert.dimension.field(),
        i64::from(alert.permille),
        alert.window.to_string(),
        i64::from(alert.arming),
        alert.used.to_i64(),
        alert.limit.to_i64(),
        alert.raised_at.unix_micros(),
    );
    match alert.message() {
        Some(message) if raised == 1 => outbox::put(conn, &message).await.map(drop),
        _ => Ok(()),
    }
}

/// See [`LedgerReports::alerts`](picora_quota::LedgerReports::alerts).
pub(super) async fn of(conn: &mut SqlConn<'_>, account: AccountId) -> Result<Vec<Alert>, Fault> {
    type Row = (String, i64, String, i64, i64, i64, i64);
    let rows = select!(
        conn,
        Row,
        "SELECT counter, permille, win, arming, used, lim, raised_at FROM picora_alert WHERE account = $1 ORDER BY number",
        &account.as_bytes()[..],
    );
    let alert = |(counter, permille, window, arming, used, limit, raised_at): Row| {
        let key = stored::key(&counter, &window)?;
        let alarm = stored::alarm(permille, arming)?;
        Ok(Alert {
            account,
            dimension: dimension(key.counter)?,
            permille: alarm.fired,
            window: key.window,
            arming: alarm.arming,
            used: stored::amount(used)?,
            limit: stored::amount(limit)?,
            raised_at: Timestamp::from_unix_micros(raised_at),
        })
    };
    rows.into_iter().map(alert).collect()
}

pub(super) fn dimension(counter: Counter) -> Result<Dimension, Fault> {
    match counter {
        Counter::Dimension(dimension) => Ok(dimension),
        Counter::Tally(_) | Counter::OpenReservations => {
            Err(Fault::Corrupt("a limit of something that has none"))
        }
    }
}
