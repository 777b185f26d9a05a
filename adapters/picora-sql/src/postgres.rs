//! How PostgreSQL is reached.

use std::time::Duration;

use picora_core::StoreError;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection};

use crate::SqlStore;
use crate::error;
use crate::store::Pools;

impl SqlStore {
    /// Connects to the database of a URL such as `postgres://user@host/name`.
    ///
    /// A step waits up to [`LOCK_TIMEOUT`] for a row that another holds. For other pool sizes and settings see [`SqlStore::from_pool`].
    ///
    /// **Errors**: a [`StoreError`] whose cause says in the server's words, or the operating system's, what is wrong: the host, the
    /// credentials, the database. No word of it is of the password.
    pub async fn postgres(url: &str) -> Result<Self, StoreError> {
        let told = |error| error::of(error, crate::POSTGRES, "connect");
        let options: PgConnectOptions = url.parse().map_err(told)?;
        let timeout = LOCK_TIMEOUT.as_millis().to_string();
        let options = options.options([
            ("lock_timeout", timeout.as_str()),
            // Every text looks rows up by its index, whatever the parameters are: planning it anew costs more than running it.
            ("plan_cache_mode", "force_generic_plan"),
        ]);
        let connecting = PgPoolOptions::new()
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
            .connect_with(options.clone());
        match connecting.await {
            Ok(pool) => Ok(Self::new(Pools::Postgres(pool))),
            Err(sqlx::Error::PoolTimedOut) => Err(told(why_not(&options).await)),
            Err(error) => Err(told(error)),
        }
    }
}

/// The database of a URL for people: `host:port/name`, without who connects and his password.
///
/// ```
/// use picora_sql::postgres::name;
/// assert_eq!(name("postgres://me:secret@db.example/picora"), "db.example:5432/picora");
/// assert_eq!(name("postgres://me:sec/ret@db.example/picora"), "(a URL that cannot be read)");
/// ```
#[must_use]
pub fn name(url: &str) -> String {
    let Ok(options) = url.parse::<PgConnectOptions>() else {
        return UNREADABLE.to_owned();
    };
    let (host, port) = (options.get_host(), options.get_port());
    match options.get_database() {
        // A slash in a password ends the host, and what follows is read as the name.
        Some(name) if name.contains('@') => UNREADABLE.to_owned(),
        Some(name) => format!("{host}:{port}/{name}"),
        None => format!("{host}:{port}"),
    }
}

/// What a pool that waited in vain does not say: why there was no connection.
async fn why_not(options: &PgConnectOptions) -> sqlx::Error {
    match tokio::time::timeout(LAST_TRY, options.connect()).await {
        Ok(Err(error)) => error,
        Ok(Ok(_)) | Err(_) => sqlx::Error::Io(std::io::Error::new(
            std::io::ErrorKind::TimedOut,
            "the server does not answer in time",
        )),
    }
}

/// How long a step waits for a row that another transaction holds.
pub const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a step waits for a connection, and a start for a server that does not answer yet.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection that was used less than this ago is taken to be alive.
const RESTED: Duration = Duration::from_secs(1);

/// How long a start then asks once more, for the reason.
const LAST_TRY: Duration = Duration::from_secs(2);

/// More would only wait for the same rows and the same disk.
const CONNECTIONS: u32 = 16;

const UNREADABLE: &str = "(a URL that cannot be read)";
