//! Uploads under way, and objects that are to be removed.

use picora_core::{AccountId, AssetId, Timestamp};
use picora_media::{Condemned, UploadIntent};

use crate::SqlConn;
use crate::connection::{execute, select};
use crate::error::Fault;
use crate::stored;

/// Uploads whose deadline has come, the oldest first.
pub(super) async fn overdue(
    conn: &mut SqlConn<'_>,
    most: u32,
    now: Timestamp,
) -> Result<Vec<UploadIntent>, Fault> {
    type Row = (Vec<u8>, String, Vec<u8>, Vec<u8>, i64);
    let rows = select!(
        conn,
        Row,
        "SELECT id, kind, account, reservation, deadline FROM picora_upload
         WHERE deadline <= $1 ORDER BY deadline, id LIMIT $2",
        now.unix_micros(),
        i64::from(most),
    );
    let intent = |(id, kind, account, reservation, deadline): Row| {
        Ok(UploadIntent {
            asset: stored::asset(&kind, &id)?,
            account: stored::account(&account)?,
            reservation: stored::reservation(&reservation)?,
            deadline: Timestamp::from_unix_micros(deadline),
        })
    };
    rows.into_iter().map(intent).collect()
}

/// Objects that are to be removed, the oldest first.
pub(super) async fn condemned(conn: &mut SqlConn<'_>, most: u32) -> Result<Vec<Condemned>, Fault> {
    type Row = (Vec<u8>, String, Vec<u8>, i64);
    let rows = select!(
        conn,
        Row,
        "SELECT id, kind, account, since FROM picora_condemned ORDER BY since, id LIMIT $1",
        i64::from(most),
    );
    let condemned = |(id, kind, account, since): Row| {
        Ok(Condemned {
            asset: stored::asset(&kind, &id)?,
            account: stored::account(&account)?,
            since: Timestamp::from_unix_micros(since),
        })
    };
    rows.into_iter().map(condemned).collect()
}

/// Whether an object belongs to anything, as of one moment.
pub(super) async fn knows(conn: &mut SqlConn<'_>, id: AssetId) -> Result<bool, Fault> {
    let rows = select!(
        conn,
        (bool,),
        "SELECT EXISTS (SELECT 1 FROM picora_asset WHERE id = $1 AND kind = $2)
             OR EXISTS (SELECT 1 FROM picora_upload WHERE id = $1 AND kind = $2)
             OR EXISTS (SELECT 1 FROM picora_condemned WHERE id = $1 AND kind = $2)",
        &id.as_bytes()[..],
        id.kind().name(),
    );
    Ok(rows.iter().any(|(known,)| *known))
}

pub(super) async fn begin(conn: &mut SqlConn<'_>, intent: &UploadIntent) -> Result<(), Fault> {
    execute!(
        conn,
        "INSERT INTO picora_upload (id, kind, account, reservation, deadline) VALUES ($1, $2, $3, $4, $5)",
        &intent.asset.as_bytes()[..],
        intent.asset.kind().name(),
        &intent.account.as_bytes()[..],
        &intent.reservation.as_bytes()[..],
        intent.deadline.unix_micros(),
    );
    Ok(())
}

/// Puts a deadline off; false when the upload is over.
pub(super) async fn keep(
    conn: &mut SqlConn<'_>,
    asset: AssetId,
    deadline: Timestamp,
) -> Result<bool, Fault> {
    let kept = execute!(
        conn,
        "UPDATE picora_upload SET deadline = $3 WHERE id = $1 AND kind = $2",
        &asset.as_bytes()[..],
        asset.kind().name(),
        deadline.unix_micros(),
    );
    Ok(kept == 1)
}

/// Ends an upload; false when it is over.
pub(super) async fn end(conn: &mut SqlConn<'_>, asset: AssetId) -> Result<bool, Fault> {
    let ended = execute!(
        conn,
        "DELETE FROM picora_upload WHERE id = $1 AND kind = $2",
        &asset.as_bytes()[..],
        asset.kind().name(),
    );
    Ok(ended == 1)
}

/// Remembers that an object is to be removed, since the first time that this was said.
pub(super) async fn condemn(conn: &mut SqlConn<'_>, condemned: &Condemned) -> Result<(), Fault> {
    execute!(
        conn,
        "INSERT INTO picora_condemned (id, kind, account, since) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        &condemned.asset.as_bytes()[..],
        condemned.asset.kind().name(),
        &condemned.account.as_bytes()[..],
        condemned.since.unix_micros(),
    );
    Ok(())
}

/// Forgets an object that has been removed.
pub(super) async fn bury(conn: &mut SqlConn<'_>, asset: AssetId) -> Result<(), Fault> {
    execute!(
        conn,
        "DELETE FROM picora_condemned WHERE id = $1 AND kind = $2",
        &asset.as_bytes()[..],
        asset.kind().name(),
    );
    Ok(())
}

/// Ends all uploads of an account and condemns their objects. One that is being settled is waited for.
pub(super) async fn erase(
    conn: &mut SqlConn<'_>,
    account: AccountId,
    now: Timestamp,
) -> Result<(), Fault> {
    let account = &account.as_bytes()[..];
    let ended = select!(
        conn,
        (Vec<u8>, String),
        "DELETE FROM picora_upload WHERE account = $1 RETURNING id, kind",
        account,
    );
    for (id, kind) in ended {
        execute!(
            conn,
            "INSERT INTO picora_condemned (id, kind, account, since) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            id,
            kind,
            account,
            now.unix_micros(),
        );
    }
    Ok(())
}
