//! A notes service with exact quotas, to be copied: picora-quota on PostgreSQL beside tables of one's own.
//!
//! **Decides** what a note is and what it costs: one of the account's documents, and no larger than one may be. Whether that fits is
//! decided by picora-quota, in the transaction that writes the note. So usage is at every moment what the rows say: there is no second
//! system to keep in step, and a crash at any point leaves both or neither.
//!
//! **Must not know** the ledger's tables. It leaves authentication out: put it before the [`router`], as the accounts' routes are an
//! operator's.
//!
//! | module | noun |
//! |---|---|
//! | `accounts` | `POST /accounts` with its limits, `GET /accounts/{id}/usage` |
//! | `notes` | `POST /accounts/{id}/notes`, `DELETE /notes/{id}`: the two transactions that this example is about |
//! | `attempt` | the name of one request, from `Idempotency-Key` |
//! | `body` | a request's JSON and its hash |
//! | `failure` | how a handler fails, by the one table of errors |
//! | `jobs` | what runs hourly |
//! | `system` | the clock and the random numbers of this machine |
//!
//! Two rules keep it right. **Ledger first**: a transaction takes the ledger's locks before those of its own rows, always, so that no two
//! wait for each other. **Leave by `?`**: a transaction that is dropped rolls back, rows and charge alike.

mod accounts;
mod attempt;
mod body;
mod failure;
pub mod jobs;
mod notes;
mod system;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{delete, get, post};
use picora_http::{ApiError, RequestIdLayer};
use picora_sql::SqlStore;
use sqlx::PgPool;
use system::{SystemClock, SystemEntropy};

/// What every handler holds; both speak to one database, through the same connections.
#[derive(Clone, Debug)]
struct App {
    pool: PgPool,
    ledger: SqlStore,
}

/// Makes the tables, the ledger's and the service's own. Each has its record of migrations, so the order does not matter, and running it
/// again, or in several processes at once, changes nothing.
pub async fn migrate(pool: &PgPool) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    SqlStore::from_pool(pool.clone()).migrate().await?;
    Ok(sqlx::migrate!().run(pool).await?)
}

/// The service on a database that [`migrate`] has prepared.
pub fn router(pool: PgPool) -> Router {
    let ledger = SqlStore::from_pool(pool.clone());
    Router::new()
        .route("/accounts", post(accounts::create))
        .route("/accounts/{id}/usage", get(accounts::usage))
        .route("/accounts/{id}/notes", post(notes::create))
        .route("/notes/{id}", delete(notes::delete))
        .fallback(async || failure::Failure::from(ApiError::not_found()))
        .layer(DefaultBodyLimit::max(body::MOST_BYTES))
        // Outermost, so that every answer and every error body has the request's id.
        .layer(RequestIdLayer::new(
            Arc::new(SystemClock),
            Arc::new(SystemEntropy),
        ))
        .with_state(App { pool, ledger })
}
