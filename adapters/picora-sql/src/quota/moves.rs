//! Movements of cells, written together and in the order of locks.

use std::collections::BTreeMap;

use picora_core::{AccountId, Amount, AmountError};
use picora_quota::{Alarm, Cell, CellKey, Change};
use sqlx::query_as;

use super::stored;
use crate::SqlConn;
use crate::error::Fault;
#[cfg(feature = "sqlite")]
use crate::stored::text;

/// What is added to cells of one or several accounts; several movements of one cell are one.
#[derive(Debug, Default)]
pub(super) struct Moves(BTreeMap<AccountId, BTreeMap<CellKey, Movement>>);

/// What is added to `used` and `reserved`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Movement {
    used: i64,
    reserved: i64,
}

impl Moves {
    /// Adds the changes of a step.
    pub(super) fn add(&mut self, account: AccountId, changes: &[Change]) -> Result<(), Fault> {
        let of_account = self.0.entry(account).or_default();
        for change in changes {
            let movement = of_account.entry(change.key).or_default();
            movement.used = sum(movement.used, change.used)?;
            movement.reserved = sum(movement.reserved, change.reserved)?;
        }
        Ok(())
    }

    /// The cells and what is added to their `used` and `reserved`.
    pub(super) fn iter(&self) -> impl Iterator<Item = (CellKey, i64, i64)> + '_ {
        let all = self.0.values().flatten();
        all.map(|(key, movement)| (*key, movement.used, movement.reserved))
    }

    /// Writes them, relative to what the cells hold now, and answers the cells after it. The checks of the table are the guard behind the
    /// rules.
    pub(super) async fn write(self, conn: &mut SqlConn<'_>) -> Result<Vec<Moved>, Fault> {
        let mut all = Vec::new();
        for (account, mut moved) in self.0 {
            moved.retain(|_, movement| *movement != Movement::default());
            if moved.is_empty() {
                continue;
            }
            let written = match conn {
                #[cfg(feature = "postgres")]
                SqlConn::Postgres(conn) => write_postgres(conn, account, &moved).await?,
                #[cfg(feature = "sqlite")]
                SqlConn::Sqlite(conn) => write_sqlite(conn, account, &moved).await?,
            };
            if written.len() != moved.len() {
                return Err(Fault::Raced("a cell is gone"));
            }
            for row in written {
                let cell = Moved::of(account, row)?;
                let by = moved.get(&cell.key).map_or(0, |movement| movement.used);
                all.push(Moved { by, ..cell });
            }
        }
        all.sort_unstable_by_key(|moved| (moved.account, moved.key));
        Ok(all)
    }
}

/// A cell after it was written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moved {
    pub(super) account: AccountId,
    pub(super) key: CellKey,
    pub(super) cell: Cell,
    pub(super) alarm: Alarm,
    /// What was added to `used`.
    pub(super) by: i64,
}

/// Counter, window, used, reserved, limit, fired, arming.
pub(super) type MovedRow = (String, String, i64, i64, Option<i64>, i64, i64);

impl Moved {
    pub(super) fn of(account: AccountId, row: MovedRow) -> Result<Self, Fault> {
        let (counter, window, used, reserved, limit, fired, arming) = row;
        Ok(Self {
            account,
            key: stored::key(&counter, &window)?,
            cell: stored::cell(used, reserved, limit)?,
            alarm: stored::alarm(fired, arming)?,
            by: 0,
        })
    }
}

/// Locks the rows in their order before it writes the first.
#[cfg(feature = "postgres")]
async fn write_postgres(
    conn: &mut sqlx::PgConnection,
    account: AccountId,
    moved: &BTreeMap<CellKey, Movement>,
) -> Result<Vec<MovedRow>, Fault> {
    let counters: Vec<&str> = moved.keys().map(|key| key.counter.name()).collect();
    let windows: Vec<String> = moved.keys().map(|key| key.window.to_string()).collect();
    let used: Vec<i64> = moved.values().map(|movement| movement.used).collect();
    let reserved: Vec<i64> = moved.values().map(|movement| movement.reserved).collect();
    let done = query_as(
        "WITH locked AS MATERIALIZED (
             SELECT u.counter, u.win, more.used, more.reserved
             FROM (SELECT * FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[])
                       WITH ORDINALITY AS more (counter, win, used, reserved, place)
                   ORDER BY place) AS more
             CROSS JOIN LATERAL (
                 SELECT counter, win FROM picora_usage
                 WHERE account = $1 AND counter = more.counter AND win = more.win
                 FOR UPDATE) AS u)
         UPDATE picora_usage u
         SET used = u.used + locked.used, reserved = u.reserved + locked.reserved, moves = u.moves + 1
         FROM locked
         WHERE u.account = $1 AND u.counter = locked.counter AND u.win = locked.win
         RETURNING u.counter, u.win, u.used, u.reserved, u.lim, u.fired, u.arming",
    )
    .bind(&account.as_bytes()[..])
    .bind(counters)
    .bind(windows)
    .bind(used)
    .bind(reserved)
    .fetch_all(conn)
    .await?;
    Ok(done)
}

/// The list is read out first (`LIMIT -1`), so that each cell is one look-up, however many the account has.
#[cfg(feature = "sqlite")]
async fn write_sqlite(
    conn: &mut sqlx::SqliteConnection,
    account: AccountId,
    moved: &BTreeMap<CellKey, Movement>,
) -> Result<Vec<MovedRow>, Fault> {
    let rows = moved.iter().map(|(key, movement)| {
        let window = key.window.to_string();
        (key.counter.name(), window, movement.used, movement.reserved)
    });
    let done = query_as(
        "UPDATE picora_usage
         SET used = used + json_extract(more.value, '$[2]'), reserved = reserved + json_extract(more.value, '$[3]'), moves = moves + 1
         FROM (SELECT value FROM json_each($2) LIMIT -1) AS more
         WHERE account = $1 AND counter = json_extract(more.value, '$[0]') AND win = json_extract(more.value, '$[1]')
         RETURNING counter, win, used, reserved, lim, fired, arming",
    )
    .bind(&account.as_bytes()[..])
    .bind(text(&rows.collect::<Vec<_>>()))
    .fetch_all(conn)
    .await?;
    Ok(done)
}

/// Amounts are at most 2^62, so only a database that somebody else wrote to can get here.
fn sum(one: i64, other: i64) -> Result<i64, Fault> {
    let sum = one.checked_add(other);
    sum.filter(|sum| sum.unsigned_abs() <= Amount::MAX.get())
        .ok_or(Fault::Range(AmountError::TooLarge))
}
