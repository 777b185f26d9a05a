//! How PostgreSQL is reached.

use std::time::Duration;

use picora_core::StoreError;
use sqlx::Connection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::SqlStore;
use crate::error;
use crate::store::Pools;

impl SqlStore {
    /// Connects to the database of a URL such as `postgres://user@host/name`.
    ///
    /// A step waits up to [`LOCK_TIMEOUT`] for a row that another holds. For other pool sizes and settings see [`SqlStore::from_pool`].
    pub async fn postgres(url: &str) -> Result<Self, StoreError> {
        let told = |error| error::of(error, crate::POSTGRES, "connect");
        let options: PgConnectOptions = url.parse().map_err(told)?;
        let timeout = LOCK_TIMEOUT.as_millis().to_string();
        let options = options.options([("lock_timeout", timeout.as_str())]);
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(PATIENCE)
            // A question before every step would double the trips of a reserve: only a connection that has rested is asked whether it lives.
            .test_before_acquire(false)
            .before_acquire(|conn, resting| {
                Box::pin(async move {
                    let rested = resting.idle_for >= RESTED;
                    Ok(!rested || conn.ping().await.is_ok())
                })
            })
            .connect_with(options);
        Ok(Self::new(Pools::Postgres(pool.await.map_err(told)?)))
    }
}

/// How long a step waits for a row that another transaction holds.
pub const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a step waits for a connection, and a start for a server that does not answer yet.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection that was used less than this ago is taken to be alive.
const RESTED: Duration = Duration::from_secs(1);

/// More would only wait for the same rows and the same disk.
const CONNECTIONS: u32 = 16;
