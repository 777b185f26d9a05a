//! What runs beside the requests.

use std::time::Duration;

use picora_core::Clock;
use picora_quota::Ledger;
use picora_sql::SqlStore;
use sqlx::PgPool;

use crate::system::SystemClock;

/// Forgets, once an hour, the outcomes that no repeated request may ask for any more.
///
/// There is nothing to sweep: a reservation here ends in the transaction that made it, so none is left to expire. A service that streams
/// its uploads, and so holds reservations over many transactions, also runs [`Ledger::sweep`] every half minute.
pub async fn prune_hourly(pool: PgPool) {
    let ledger = SqlStore::from_pool(pool);
    loop {
        if let Err(error) = ledger.prune(MOST_OUTCOMES, SystemClock.now()).await {
            tracing::warn!(%error, "old outcomes stay for another hour");
        }
        tokio::time::sleep(Duration::from_secs(60 * 60)).await;
    }
}

/// Above what is written in an hour, or the table would grow.
const MOST_OUTCOMES: u32 = 1_000_000;
