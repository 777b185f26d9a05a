//! Assets.

use picora_core::{AccountId, AmountError, AssetId, MediaKind, ReservationId, Timestamp};
use picora_media::{Asset, AssetChange, AssetQuery};
use sqlx::query_as;

use crate::SqlConn;
use crate::connection::{execute, select};
use crate::error::Fault;
use crate::stored;

/// The asset at an address.
pub(super) async fn at(conn: &mut SqlConn<'_>, id: AssetId) -> Result<Option<Asset>, Fault> {
    let rows = select!(
        conn,
        Row,
        "SELECT id, kind, account, reservation, file_name, content_type, bytes, sha256, is_public, tags, created_at
         FROM picora_asset WHERE id = $1 AND kind = $2",
        &id.as_bytes()[..],
        id.kind().name(),
    );
    first(rows)
}

/// A page of an account's assets, the newest first.
pub(super) async fn page(
    conn: &mut SqlConn<'_>,
    account: AccountId,
    query: &AssetQuery,
) -> Result<Vec<Asset>, Fault> {
    let account = &account.as_bytes()[..];
    // All ones is no UUIDv7 and above all of them, so that one text serves the first page too.
    let before = query.before.map_or([0xff; 16], |before| *before.as_bytes());
    let rows: Vec<Row> = match conn {
        #[cfg(feature = "postgres")]
        SqlConn::Postgres(conn) => {
            query_as(
                "SELECT id, kind, account, reservation, file_name, content_type, bytes, sha256, is_public, tags, created_at
                 FROM picora_asset
                 WHERE account = $1 AND kind = $2 AND id < $3 AND ($4::text IS NULL OR jsonb_exists(tags::jsonb, $4))
                 ORDER BY id DESC LIMIT $5",
            )
            .bind(account)
            .bind(query.kind.name())
            .bind(&before[..])
            .bind(&query.tag)
            .bind(i64::from(query.most))
            .fetch_all(&mut **conn)
            .await?
        }
        #[cfg(feature = "sqlite")]
        SqlConn::Sqlite(conn) => {
            query_as(
                "SELECT id, kind, account, reservation, file_name, content_type, bytes, sha256, is_public, tags, created_at
                 FROM picora_asset
                 WHERE account = $1 AND kind = $2 AND id < $3
                     AND ($4 IS NULL OR EXISTS (SELECT 1 FROM json_each(tags) WHERE value = $4))
                 ORDER BY id DESC LIMIT $5",
            )
            .bind(account)
            .bind(query.kind.name())
            .bind(&before[..])
            .bind(&query.tag)
            .bind(i64::from(query.most))
            .fetch_all(&mut **conn)
            .await?
        }
    };
    rows.into_iter().map(asset).collect()
}

/// The document of an account with these bytes.
pub(super) async fn document(
    conn: &mut SqlConn<'_>,
    account: AccountId,
    sha256: &[u8; 32],
) -> Result<Option<Asset>, Fault> {
    let rows = select!(
        conn,
        Row,
        "SELECT id, kind, account, reservation, file_name, content_type, bytes, sha256, is_public, tags, created_at
         FROM picora_asset WHERE account = $1 AND sha256 = $2 AND kind = 'document'",
        &account.as_bytes()[..],
        &sha256[..],
    );
    first(rows)
}

/// The newest asset that a reservation became.
pub(super) async fn made_by(
    conn: &mut SqlConn<'_>,
    account: AccountId,
    reservation: ReservationId,
) -> Result<Option<Asset>, Fault> {
    let rows = select!(
        conn,
        Row,
        "SELECT id, kind, account, reservation, file_name, content_type, bytes, sha256, is_public, tags, created_at
         FROM picora_asset WHERE account = $1 AND reservation = $2
         ORDER BY created_at DESC, id DESC LIMIT 1",
        &account.as_bytes()[..],
        &reservation.as_bytes()[..],
    );
    first(rows)
}

/// Adds an asset, or answers the document that is there already. On PostgreSQL the same document in another transaction waits here until
/// that one ends.
pub(super) async fn insert(conn: &mut SqlConn<'_>, asset: &Asset) -> Result<Option<Asset>, Fault> {
    let bytes = i64::try_from(asset.bytes).map_err(|_| Fault::Range(AmountError::TooLarge))?;
    let inserted = execute!(
        conn,
        "INSERT INTO picora_asset
             (id, kind, account, reservation, file_name, content_type, bytes, sha256, is_public, tags, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT DO NOTHING",
        &asset.id.as_bytes()[..],
        asset.id.kind().name(),
        &asset.account.as_bytes()[..],
        &asset.reservation.as_bytes()[..],
        &asset.file_name,
        &asset.content_type,
        bytes,
        &asset.sha256[..],
        asset.is_public,
        stored::text(&asset.tags),
        asset.created_at.unix_micros(),
    );
    if inserted == 1 {
        return Ok(None);
    }
    let winner = match asset.id.kind() {
        MediaKind::Document => document(conn, asset.account, &asset.sha256).await?,
        MediaKind::Image | MediaKind::Video | MediaKind::Audio => None,
    };
    match winner {
        Some(winner) => Ok(Some(winner)),
        None => Err(Fault::Raced(
            "there was an asset of this id or of these bytes",
        )),
    }
}

/// Changes what is named; what is not stays.
pub(super) async fn change(
    conn: &mut SqlConn<'_>,
    account: AccountId,
    id: AssetId,
    change: &AssetChange,
) -> Result<Option<Asset>, Fault> {
    let rows = select!(
        conn,
        Row,
        "UPDATE picora_asset SET is_public = coalesce($4, is_public), tags = coalesce($5, tags)
         WHERE id = $1 AND kind = $2 AND account = $3
         RETURNING id, kind, account, reservation, file_name, content_type, bytes, sha256, is_public, tags, created_at",
        &id.as_bytes()[..],
        id.kind().name(),
        &account.as_bytes()[..],
        change.is_public,
        change.tags.as_ref().map(|tags| stored::text(&tags.as_slice())),
    );
    first(rows)
}

/// Removes an asset and answers it.
pub(super) async fn remove(
    conn: &mut SqlConn<'_>,
    account: AccountId,
    id: AssetId,
) -> Result<Option<Asset>, Fault> {
    let rows = select!(
        conn,
        Row,
        "DELETE FROM picora_asset WHERE id = $1 AND kind = $2 AND account = $3
         RETURNING id, kind, account, reservation, file_name, content_type, bytes, sha256, is_public, tags, created_at",
        &id.as_bytes()[..],
        id.kind().name(),
        &account.as_bytes()[..],
    );
    first(rows)
}

/// Removes all assets of an account and condemns their objects.
pub(super) async fn erase(
    conn: &mut SqlConn<'_>,
    account: AccountId,
    now: Timestamp,
) -> Result<(), Fault> {
    let account = &account.as_bytes()[..];
    execute!(
        conn,
        "INSERT INTO picora_condemned (id, kind, account, since)
         SELECT id, kind, account, $2 FROM picora_asset WHERE account = $1
         ON CONFLICT DO NOTHING",
        account,
        now.unix_micros(),
    );
    execute!(conn, "DELETE FROM picora_asset WHERE account = $1", account);
    Ok(())
}

type Row = (
    Vec<u8>,
    String,
    Vec<u8>,
    Vec<u8>,
    Option<String>,
    String,
    i64,
    Vec<u8>,
    bool,
    String,
    i64,
);

fn first(rows: Vec<Row>) -> Result<Option<Asset>, Fault> {
    rows.into_iter().next().map(asset).transpose()
}

fn asset(row: Row) -> Result<Asset, Fault> {
    let (
        id,
        kind,
        account,
        reservation,
        file_name,
        content_type,
        bytes,
        sha256,
        is_public,
        tags,
        created_at,
    ) = row;
    Ok(Asset {
        id: stored::asset(&kind, &id)?,
        account: stored::account(&account)?,
        reservation: stored::reservation(&reservation)?,
        file_name,
        content_type,
        bytes: u64::try_from(bytes).map_err(|_| Fault::Corrupt("an asset has a negative size"))?,
        sha256: stored::hash(&sha256)?,
        is_public,
        tags: serde_json::from_str(&tags).map_err(|_| Fault::Corrupt("tags do not read back"))?,
        created_at: Timestamp::from_unix_micros(created_at),
    })
}

/// Whether there is one.
pub(super) async fn any(conn: &mut SqlConn<'_>) -> Result<bool, Fault> {
    let rows = select!(conn, (i32,), "SELECT 1 FROM picora_asset LIMIT 1");
    Ok(!rows.is_empty())
}
