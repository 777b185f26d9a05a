//! What is written down of everything that moves `used`: a row of the journal, a fact of its hour, and an alert when a level is crossed.

use picora_core::{ReservationId, Timestamp};
use picora_quota::history::fact_start;
use picora_quota::{Alert, Reservation, Thresholds};
use sqlx::query;

use super::alerts;
use super::moves::Moved;
use crate::SqlConn;
use crate::error::Fault;
#[cfg(feature = "sqlite")]
use crate::stored::text;

/// Why cells moved, and when.
#[derive(Clone, Debug)]
pub(super) struct Booking<'a> {
    /// The beginning of the keys of its rows; each cell's name is added.
    pub(super) key: String,
    /// The name in the journal.
    pub(super) reason: &'a str,
    /// When it happened.
    pub(super) happened_at: Timestamp,
    /// When it is written down.
    pub(super) now: Timestamp,
}

impl Booking<'_> {
    /// The commit of a reservation. An id may be used again when its outcome is forgotten, so the key says when it was made, too.
    pub(super) fn commit(id: ReservationId, reservation: &Reservation, now: Timestamp) -> Self {
        Self {
            key: format!("commit:{id}:{}", reservation.created_at.unix_micros()),
            reason: "commit",
            happened_at: now,
            now,
        }
    }

    /// Writes rows of the journal for these cells.
    pub(super) async fn journal(
        &self,
        conn: &mut SqlConn<'_>,
        moved: &[Moved],
    ) -> Result<(), Fault> {
        let rows: Vec<_> = moved.iter().filter(|moved| moved.by != 0).collect();
        let Some(first) = rows.first() else {
            return Ok(());
        };
        let account = &first.account.as_bytes()[..];
        match conn {
            #[cfg(feature = "postgres")]
            SqlConn::Postgres(conn) => {
                let names = rows.iter().map(|moved| moved.key.counter.name());
                let windows = rows.iter().map(|moved| moved.key.window.to_string());
                let deltas = rows.iter().map(|moved| moved.by);
                query(
                    "INSERT INTO picora_posting (key, account, counter, win, delta, reason, happened_at, posted_at)
                     SELECT $2 || ':' || counter, $1, counter, win, delta, $6, $7, $8
                     FROM unnest($3::text[], $4::text[], $5::bigint[]) AS moved (counter, win, delta)",
                )
                .bind(account)
                .bind(&self.key)
                .bind(names.collect::<Vec<_>>())
                .bind(windows.collect::<Vec<_>>())
                .bind(deltas.collect::<Vec<_>>())
                .bind(self.reason)
                .bind(self.happened_at.unix_micros())
                .bind(self.now.unix_micros())
                .execute(&mut **conn)
                .await?;
            }
            #[cfg(feature = "sqlite")]
            SqlConn::Sqlite(conn) => {
                let rows = rows.iter().map(|moved| {
                    let window = moved.key.window.to_string();
                    (moved.key.counter.name(), window, moved.by)
                });
                query(
                    "INSERT INTO picora_posting (key, account, counter, win, delta, reason, happened_at, posted_at)
                     SELECT $2 || ':' || json_extract(value, '$[0]'), $1, json_extract(value, '$[0]'), json_extract(value, '$[1]'),
                         json_extract(value, '$[2]'), $4, $5, $6
                     FROM json_each($3)",
                )
                .bind(account)
                .bind(&self.key)
                .bind(text(&rows.collect::<Vec<_>>()))
                .bind(self.reason)
                .bind(self.happened_at.unix_micros())
                .bind(self.now.unix_micros())
                .execute(&mut **conn)
                .await?;
            }
        }
        Ok(())
    }

    /// Adds what moved to the facts of its hour, and raises the alerts that it gives.
    pub(super) async fn tell(
        &self,
        conn: &mut SqlConn<'_>,
        thresholds: &Thresholds,
        moved: &[Moved],
    ) -> Result<(), Fault> {
        self.add_facts(conn, moved).await?;
        for moved in moved.iter().filter(|moved| moved.by != 0) {
            let Moved {
                account,
                key,
                cell,
                alarm,
                ..
            } = *moved;
            let (after, level) = thresholds.after_move(key, cell, alarm, self.now);
            if after != alarm {
                alerts::set_alarm(conn, account, key, after).await?;
            }
            let alert =
                level.and_then(|level| Alert::of(account, key, cell, after, level, self.now));
            if let Some(alert) = alert {
                alerts::raise(conn, &alert).await?;
            }
        }
        Ok(())
    }

    async fn add_facts(&self, conn: &mut SqlConn<'_>, moved: &[Moved]) -> Result<(), Fault> {
        let rows: Vec<_> = moved.iter().filter(|moved| moved.by != 0).collect();
        let Some(first) = rows.first() else {
            return Ok(());
        };
        let account = &first.account.as_bytes()[..];
        let start = |moved: &&Moved| fact_start(moved.key.window, self.happened_at).unix_micros();
        match conn {
            #[cfg(feature = "postgres")]
            SqlConn::Postgres(conn) => {
                let names = rows.iter().map(|moved| moved.key.counter.name());
                let levels = rows.iter().map(|moved| moved.cell.used.to_i64());
                query(
                    "INSERT INTO picora_usage_fact (account, counter, grain, start, moved, level)
                     SELECT $1, counter, 'hour', start, moved, level
                     FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::bigint[]) AS fact (counter, start, moved, level)
                     ON CONFLICT (account, counter, grain, start)
                     DO UPDATE SET moved = picora_usage_fact.moved + excluded.moved, level = excluded.level",
                )
                .bind(account)
                .bind(names.collect::<Vec<_>>())
                .bind(rows.iter().map(start).collect::<Vec<_>>())
                .bind(rows.iter().map(|moved| moved.by).collect::<Vec<_>>())
                .bind(levels.collect::<Vec<_>>())
                .execute(&mut **conn)
                .await?;
            }
            #[cfg(feature = "sqlite")]
            SqlConn::Sqlite(conn) => {
                let rows = rows.iter().map(|moved| {
                    let level = moved.cell.used.to_i64();
                    (moved.key.counter.name(), start(moved), moved.by, level)
                });
                query(
                    "INSERT INTO picora_usage_fact (account, counter, grain, start, moved, level)
                     SELECT $1, json_extract(value, '$[0]'), 'hour', json_extract(value, '$[1]'), json_extract(value, '$[2]'),
                         json_extract(value, '$[3]')
                     FROM json_each($2) WHERE true
                     ON CONFLICT (account, counter, grain, start)
                     DO UPDATE SET moved = picora_usage_fact.moved + excluded.moved, level = excluded.level",
                )
                .bind(account)
                .bind(text(&rows.collect::<Vec<_>>()))
                .execute(&mut **conn)
                .await?;
            }
        }
        Ok(())
    }
}
