//! A reserve among a million accounts, and after a hundred thousand of the same account.

use std::sync::Arc;

use sqlx::{Connection, Executor, PgConnection, SqliteConnection};
use tokio::runtime::Runtime;

use super::{ACCOUNTS, Uploads, account, in_turn};
use crate::row::{Goal, Row};

/// Accounts in the end.
const MANY: u64 = 1_000_000;
/// Old reservations of one account.
const OLD: u64 = 100_000;
/// Reserves in one round.
const RESERVES: usize = 800;
/// Odd, so that the median is a measurement.
const ROUNDS: usize = 7;

/// Measures a reserve, fills the database, and measures it again; then the same with the history of one account.
pub(super) fn measure(
    runtime: &Runtime,
    (accounts, history): (&'static str, &'static str),
    database: &str,
    callers: usize,
    print: &mut dyn FnMut(Row),
) {
    let uploads = Arc::new(runtime.block_on(Uploads::open(database)));
    let reserves = |among: u64| {
        let mut rounds: Vec<f64> = (0..ROUNDS)
            .map(|_| {
                in_turn(
                    runtime,
                    &uploads,
                    callers,
                    RESERVES,
                    move |uploads, number| async move {
                        let account = account(number.wrapping_mul(2_654_435_761) % among);
                        let id = uploads.reserve(account).await;
                        uploads.release(id).await;
                    },
                )
            })
            .collect();
        rounds.sort_by(f64::total_cmp);
        rounds[ROUNDS / 2]
    };
    let small = reserves(ACCOUNTS);
    runtime.block_on(fill(database, ACCOUNTS_TEXTS));
    let large = reserves(MANY);
    print(Row::against(
        accounts,
        (large, small),
        "reserves/s",
        Goal::AtLeast(0.7),
    ));
    let before = reserves(1);
    runtime.block_on(fill(database, HISTORY_TEXTS));
    let after = reserves(1);
    print(Row::against(
        history,
        (after, before),
        "reserves/s",
        Goal::AtLeast(0.7),
    ));
}

/// Runs statements as the database has them, for PostgreSQL and SQLite.
async fn fill(database: &str, [postgres, sqlite]: [fn() -> String; 2]) {
    if database.starts_with("postgres:") {
        let mut conn = PgConnection::connect(database).await.expect("it opens");
        conn.execute(sqlx::AssertSqlSafe(postgres()))
            .await
            .expect("it is filled");
    } else {
        let mut conn = SqliteConnection::connect(database).await.expect("it opens");
        conn.execute(sqlx::AssertSqlSafe(sqlite()))
            .await
            .expect("it is filled");
    }
}

/// Accounts like the first one, each with its limits and cells.
const ACCOUNTS_TEXTS: [fn() -> String; 2] = [
    || {
        let copy = |table: &str, columns: &str| {
            format!(
                "INSERT INTO {table} (account, {columns})
                 SELECT decode(lpad(to_hex(n), 32, '0'), 'hex'), {columns}
                 FROM generate_series({ACCOUNTS}, {}) AS n, {table} WHERE account = decode(repeat('0', 32), 'hex');",
                MANY - 1
            )
        };
        format!(
            "{} {} ANALYZE",
            copy("picora_account_limit", "counter, lim, plan_lim, lim_until"),
            copy(
                "picora_usage",
                "counter, win, used, reserved, lim, lim_until"
            )
        )
    },
    || {
        let copy = |table: &str, columns: &str| {
            format!(
                "WITH RECURSIVE numbers (n) AS (SELECT {ACCOUNTS} UNION ALL SELECT n + 1 FROM numbers WHERE n < {})
                 INSERT INTO {table} (account, {columns})
                 SELECT unhex(printf('%032x', n)), {columns}
                 FROM numbers CROSS JOIN {table} WHERE account = unhex(printf('%032x', 0));",
                MANY - 1
            )
        };
        format!(
            "BEGIN; {} {} COMMIT; PRAGMA optimize",
            copy("picora_account_limit", "counter, lim, plan_lim, lim_until"),
            copy(
                "picora_usage",
                "counter, win, used, reserved, lim, lim_until"
            )
        )
    },
];

/// Reservations of the first account that were committed before.
const HISTORY_TEXTS: [fn() -> String; 2] = [
    || {
        format!(
            "INSERT INTO picora_reservation (id, account, request_hash, state, granted, created_at, expires_at, decided_at)
             SELECT decode(lpad(to_hex(n + (1::bigint << 50)), 32, '0'), 'hex'), account, request_hash, 'committed', granted, created_at, expires_at, decided_at
             FROM generate_series(1, {OLD}) AS n, (SELECT * FROM picora_reservation WHERE account = decode(repeat('0', 32), 'hex') LIMIT 1) AS one;
             ANALYZE"
        )
    },
    || {
        format!(
            "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {OLD})
             INSERT INTO picora_reservation (id, account, request_hash, state, granted, created_at, expires_at, decided_at)
             SELECT unhex(printf('%032x', n + (1 << 50))), account, request_hash, 'committed', granted, created_at, expires_at, decided_at
             FROM numbers CROSS JOIN (SELECT * FROM picora_reservation WHERE account = unhex(printf('%032x', 0)) LIMIT 1) AS one;
             PRAGMA optimize"
        )
    },
];
