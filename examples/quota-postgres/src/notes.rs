//! Notes: each is written, and paid for, in one transaction.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use picora_core::{
    AccountId, Amount, Clock, Dimension, Posting, PostingKey, PostingReason, ReservationId,
};
use picora_http::{ApiError, quota};
use picora_quota::{Item, Items, LedgerIn, Posted, Reserve, Reserved, Settled};
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::body::Body;
use crate::failure::Failure;
use crate::system::SystemClock;
use crate::{App, accounts, attempt};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewNote {
    title: String,
    body: String,
}

/// `POST /accounts/{id}/notes`: stores a note if the account has room for it.
pub(crate) async fn create(
    State(app): State<App>,
    Path(account): Path<String>,
    headers: HeaderMap,
    Body { value: note, hash }: Body<NewNote>,
) -> Result<(StatusCode, Json<Value>), Failure> {
    let (account, now) = (account.parse()?, SystemClock.now());
    let request = Reserve {
        id: attempt::id(&headers, account, now)?,
        account,
        request: hash,
        items: price(&note),
        tally: None,
        expires_after: Duration::from_secs(60), // no matter: it is settled below
    };
    let mut tx = app.pool.begin().await?;
    accounts::must_exist(&mut tx, account).await?;
    // First the ledger: from here on this account's other requests wait, so that no two see the same room.
    match app.ledger.reserve_in(&mut *tx, &request, now).await? {
        Reserved::Admitted(_) => {}
        Reserved::Denied(denial) => {
            tx.commit().await?; // nothing was charged, but a repetition shall be answered alike
            return Err(quota::denied(&denial, UPGRADE_URL, now).into());
        }
        Reserved::KeyReused => return Err(ApiError::conflict(KEY_REUSED).into()),
        Reserved::Replayed(_) => return made_before(&mut tx, request.id).await,
    }
    // Then our own row. If the schema refuses it, `?` drops the transaction, and the reservation with it.
    let id = insert(&mut tx, account, request.id, &note).await?;
    // All that was reserved was used. It was made a moment ago in this transaction, so nobody else can have settled it.
    let Settled::Done(_) = app.ledger.commit_in(&mut *tx, request.id, &[], now).await? else {
        return Err(ApiError::internal().into());
    };
    // The note and its charge become durable together.
    tx.commit().await?;
    Ok(created(id))
}

/// `DELETE /notes/{id}`: removes a note, and gives its room back at once. A second time it is not found.
pub(crate) async fn delete(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<StatusCode, Failure> {
    let (id, now) = (id.parse::<i64>()?, SystemClock.now());
    let mut tx = app.pool.begin().await?;
    // Whose it is never changes, so it may be read without a lock.
    let account = sqlx::query_scalar("SELECT account FROM notes WHERE id = $1")
        .bind(id)
        .fetch_optional(&mut *tx)
        .await?;
    let freed = Posting {
        key: PostingKey::new("note-deleted", &id), // keys are shared by the whole ledger: say what the number is of
        account: AccountId::from_bytes(account.ok_or_else(ApiError::not_found)?),
        dimension: Dimension::DocCount,
        tally: None,
        delta: -1,
        reason: PostingReason::Free,
        happened_at: now,
    };
    // First the ledger, as in `create`. Of two deletions at once the second waits here, and then finds the key used.
    let Posted::Done { .. } = app.ledger.post_in(&mut *tx, &freed, now).await? else {
        return Err(ApiError::not_found().into());
    };
    sqlx::query("DELETE FROM notes WHERE id = $1")
        .bind(id)
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a note costs. Both must fit, or nothing is taken.
fn price(note: &NewNote) -> Items {
    let bytes = Amount::saturating(note.body.len() as u64);
    let items = [
        Item::exactly(Dimension::DocCount, Amount::ONE),
        Item::exactly(Dimension::DocMaxFile, bytes),
    ];
    Items::new(items).expect("no dimension is named twice, so nothing is added up")
}

async fn insert(
    conn: &mut PgConnection,
    account: AccountId,
    reservation: ReservationId,
    note: &NewNote,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(
        "INSERT INTO notes (account, reservation, title, body) VALUES ($1, $2, $3, $4) RETURNING id",
    )
    .bind(account.as_bytes())
    .bind(reservation.as_bytes())
    .bind(&note.title)
    .bind(&note.body)
    .fetch_one(conn)
    .await
}

/// The answer to a repeated request: reservation and note came together, so the note is there unless it was deleted since.
async fn made_before(
    conn: &mut PgConnection,
    reservation: ReservationId,
) -> Result<(StatusCode, Json<Value>), Failure> {
    let id = sqlx::query_scalar("SELECT id FROM notes WHERE reservation = $1")
        .bind(reservation.as_bytes())
        .fetch_optional(conn)
        .await?;
    Ok(created(id.ok_or_else(|| ApiError::conflict(GONE))?))
}

fn created(id: i64) -> (StatusCode, Json<Value>) {
    (StatusCode::CREATED, Json(json!({ "id": id })))
}

const UPGRADE_URL: &str = "https://notes.example/plans";
const KEY_REUSED: &str = "The idempotency key was used for another request";
const GONE: &str = "The note that this idempotency key made is deleted";
