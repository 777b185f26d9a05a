//! The peer: what has to be written for a reserve and its commit, written by hand.

use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{PgPool, SqlitePool, query, query_as};

use super::{CALLERS, NOW, SIZE, account};

/// A pool of either database.
pub(super) struct Bare {
    pool: Pool,
    names: AtomicU64,
}

enum Pool {
    Postgres(PgPool),
    Sqlite(SqlitePool),
}

impl Bare {
    pub(super) async fn open(database: &str) -> Self {
        let pool = if database.starts_with("postgres:") {
            let pool = sqlx::postgres::PgPoolOptions::new().max_connections(CALLERS as u32);
            Pool::Postgres(pool.connect(database).await.expect("it opens"))
        } else {
            let options = SqliteConnectOptions::new()
                .filename(database)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full);
            let pool = SqlitePoolOptions::new().max_connections(1);
            Pool::Sqlite(pool.connect_with(options).await.expect("it opens"))
        };
        let names = AtomicU64::new(1 << 40);
        Self { pool, names }
    }

    pub(super) async fn upload(&self, number: u64) {
        let name = u128::from(self.names.fetch_add(1, Ordering::Relaxed)).to_be_bytes();
        let account = *account(number).as_bytes();
        let done = match &self.pool {
            Pool::Postgres(pool) => on_postgres(pool, &account, &name).await,
            Pool::Sqlite(pool) => on_sqlite(pool, &account, &name).await,
        };
        done.expect("it is written");
    }
}

/// The same statements on both, but for locks and the words that begin a transaction.
macro_rules! upload {
    ($name:ident, $pool:ty, $begin:literal, $lock:literal) => {
        async fn $name(pool: &$pool, account: &[u8], name: &[u8]) -> sqlx::Result<()> {
            let now = NOW.unix_micros();
            let size = i64::from(SIZE);
            let mut tx = pool.begin_with($begin).await?;
            let cells: Vec<(i64, i64, Option<i64>)> = query_as(concat!(
                "SELECT used, reserved, lim FROM picora_usage
                 WHERE account = $1 AND counter IN ('img_storage_bytes', 'open_reservations') AND win = '' ORDER BY counter",
                $lock
            ))
            .bind(account)
            .fetch_all(&mut *tx)
            .await?;
            for ((used, reserved, limit), more) in cells.into_iter().zip([size, 1]) {
                assert!(limit.is_none_or(|limit| used + reserved + more <= limit));
            }
            query(
                "UPDATE picora_usage SET reserved = reserved + CASE counter WHEN 'open_reservations' THEN 1 ELSE $2 END, moves = moves + 1
                 WHERE account = $1 AND counter IN ('img_storage_bytes', 'open_reservations') AND win = ''",
            )
            .bind(account)
            .bind(size)
            .execute(&mut *tx)
            .await?;
            query(
                "INSERT INTO picora_reservation (id, account, request_hash, state, granted, created_at, expires_at, decided_at)
                 VALUES ($1, $2, $3, 'pending', $4, $5, $6, $5)",
            )
            .bind(name)
            .bind(account)
            .bind(&[0_u8; 32][..])
            .bind(GRANTED)
            .bind(now)
            .bind(now + 900_000_000)
            .execute(&mut *tx)
            .await?;
            tx.commit().await?;

            let mut tx = pool.begin_with($begin).await?;
            let (_state, _granted): (String, String) =
                query_as(concat!("SELECT state, granted FROM picora_reservation WHERE id = $1", $lock))
                    .bind(name)
                    .fetch_one(&mut *tx)
                    .await?;
            let moved: Vec<(String, i64)> = query_as(
                "UPDATE picora_usage SET
                     used = used + CASE counter WHEN 'open_reservations' THEN 0 ELSE $2 END,
                     reserved = reserved - CASE counter WHEN 'open_reservations' THEN 1 ELSE $2 END, moves = moves + 1
                 WHERE account = $1 AND counter IN ('img_storage_bytes', 'open_reservations') AND win = ''
                 RETURNING counter, used",
            )
            .bind(account)
            .bind(size)
            .fetch_all(&mut *tx)
            .await?;
            query("UPDATE picora_reservation SET state = 'committed', granted = $2, expires_at = $3, decided_at = $4 WHERE id = $1")
                .bind(name)
                .bind(GRANTED)
                .bind(now + 900_000_000)
                .bind(now)
                .execute(&mut *tx)
                .await?;
            query(
                "INSERT INTO picora_posting (key, account, counter, win, delta, reason, happened_at, posted_at)
                 VALUES ($1, $2, 'img_storage_bytes', '', $3, 'commit', $4, $4)",
            )
            .bind(format!("commit:{name:?}"))
            .bind(account)
            .bind(size)
            .bind(now)
            .execute(&mut *tx)
            .await?;
            let level = moved.iter().find(|(counter, _)| counter == "img_storage_bytes");
            query(
                "INSERT INTO picora_usage_fact (account, counter, grain, start, moved, level) VALUES ($1, 'img_storage_bytes', 'hour', $2, $3, $4)
                 ON CONFLICT (account, counter, grain, start)
                 DO UPDATE SET moved = picora_usage_fact.moved + excluded.moved, level = excluded.level",
            )
            .bind(account)
            .bind(now - now % 3_600_000_000)
            .bind(size)
            .bind(level.map_or(0, |(_, used)| *used))
            .execute(&mut *tx)
            .await?;
            tx.commit().await
        }
    };
}

upload!(on_postgres, PgPool, "BEGIN", " FOR UPDATE");
upload!(on_sqlite, SqlitePool, "BEGIN IMMEDIATE", "");

const GRANTED: &str = r#"[{"counter":"img_storage_bytes","win":"","amount":1000},{"counter":"open_reservations","win":"","amount":1}]"#;
