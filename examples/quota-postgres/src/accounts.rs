//! Accounts: what they are called is ours, what they may do is the ledger's.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use picora_core::{AccountId, Amount, Clock, Dimension, Limit, Limits, SetLimits};
use picora_http::ApiError;
use picora_quota::{Ledger, LedgerIn};
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::App;
use crate::body::Body;
use crate::failure::Failure;
use crate::system::{SystemClock, SystemEntropy};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct NewAccount {
    name: String,
    max_notes: u32,
    max_note_bytes: u32,
}

/// `POST /accounts`: no account is ever seen without its limits, nor the other way round.
pub(crate) async fn create(
    State(app): State<App>,
    Body { value: new, .. }: Body<NewAccount>,
) -> Result<(StatusCode, Json<Value>), Failure> {
    let now = SystemClock.now();
    let account = AccountId::generate(now, &SystemEntropy);
    // Every dimension that is not named allows nothing.
    let limits = Limits::NOTHING
        .with(Dimension::DocCount, Limit::Max(new.max_notes.into()))
        .with(Dimension::DocMaxFile, Limit::Max(new.max_note_bytes.into()));
    let limits = SetLimits {
        account,
        limits,
        // One is enough: each reservation is settled in the transaction that makes it, so that nobody ever sees two open.
        open_reservations: Amount::ONE,
    };
    let mut tx = app.pool.begin().await?;
    app.ledger.set_limits_in(&mut *tx, &limits, now).await?;
    sqlx::query("INSERT INTO accounts (id, name) VALUES ($1, $2)")
        .bind(account.as_bytes())
        .bind(&new.name)
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    let answer = json!({ "id": account.to_string(), "name": new.name });
    Ok((StatusCode::CREATED, Json(answer)))
}

/// `GET /accounts/{id}/usage`: the numbers that decide, not a copy.
pub(crate) async fn usage(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Failure> {
    let account = id.parse()?;
    must_exist(&mut *app.pool.acquire().await?, account).await?;
    let lines = app.ledger.usage(account, SystemClock.now()).await?;
    let cell = |dimension| lines.iter().find(|line| line.dimension == dimension);
    let limit = |dimension| Some(cell(dimension)?.cell.limit.max()?.get());
    Ok(Json(json!({
        "notes": {
            "used": cell(Dimension::DocCount).map(|line| line.cell.used.get()),
            "limit": limit(Dimension::DocCount),
        },
        "noteBytes": { "limit": limit(Dimension::DocMaxFile) }, // of a single note: nothing is ever used of it
    })))
}

/// The ledger takes an unknown account for one that may do nothing; to a client it is not found.
pub(crate) async fn must_exist(conn: &mut PgConnection, account: AccountId) -> Result<(), Failure> {
    let found = sqlx::query("SELECT FROM accounts WHERE id = $1")
        .bind(account.as_bytes())
        .fetch_optional(conn)
        .await?;
    Ok(found.map(drop).ok_or_else(ApiError::not_found)?)
}
