//! How PostgreSQL is reached.

use std::time::Duration;

use picora_core::StoreError;
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
            .connect_with(options);
        Ok(Self::new(Pools::Postgres(pool.await.map_err(told)?)))
    }
}

/// How long a step waits for a row that another transaction holds.
pub const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a step waits for a connection, and a start for a server that does not answer yet.
const PATIENCE: Duration = Duration::from_secs(10);

/// More would only wait for the same rows and the same disk.
const CONNECTIONS: u32 = 16;
