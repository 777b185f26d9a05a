//! What an account's assets come to, beside its cells.

use std::collections::BTreeMap;

use picora_core::{AccountId, Amount, MediaKind};
use picora_media::{Census, Stock};
use picora_quota::{Counter, Seen};

use crate::SqlConn;
use crate::connection::select;
use crate::error::Fault;

/// See [`Catalogue::census`](picora_media::Catalogue::census); in a transaction whose reads are as of one moment.
pub(super) async fn take(conn: &mut SqlConn<'_>, account: AccountId) -> Result<Census, Fault> {
    // A sum may leave 64 bits, so both halves are added up by themselves.
    let rows = select!(
        conn,
        (String, i64, i64, i64),
        "SELECT kind, count(*), CAST(sum(bytes >> 32) AS BIGINT), CAST(sum(bytes & 4294967295) AS BIGINT)
         FROM picora_asset WHERE account = $1 GROUP BY kind",
        &account.as_bytes()[..],
    );
    let stocks: Vec<_> = rows.into_iter().map(stock).collect::<Result<_, _>>()?;
    let rows = select!(
        conn,
        (String, i64, i64),
        "SELECT counter, used, moves FROM picora_usage WHERE account = $1 AND win = ''",
        &account.as_bytes()[..],
    );
    let seen: BTreeMap<_, _> = rows.into_iter().map(seen).collect::<Result<_, _>>()?;
    Ok(Census::of(account, &stocks, &seen)?)
}

fn stock((kind, resources, high, low): (String, i64, i64, i64)) -> Result<Stock, Fault> {
    let kind = MediaKind::from_name(&kind).ok_or(Fault::Corrupt("a kind has an unknown name"))?;
    // No asset has a negative size, so no sum of halves is.
    let (high, low) = (
        u128::from(high.unsigned_abs()),
        u128::from(low.unsigned_abs()),
    );
    Ok(Stock {
        kind,
        resources: resources.unsigned_abs(),
        bytes: (high << 32) + low,
    })
}

fn seen((counter, used, moves): (String, i64, i64)) -> Result<(Counter, Seen), Fault> {
    let counter = Counter::from_name(&counter);
    let counter = counter.ok_or(Fault::Corrupt("a counter has an unknown name"))?;
    let used = u64::try_from(used)
        .ok()
        .and_then(|used| Amount::new(used).ok());
    let seen = Seen {
        used: used.ok_or(Fault::Corrupt("an amount is out of range"))?,
        moves: moves.unsigned_abs(), // it only grows
    };
    Ok((counter, seen))
}
