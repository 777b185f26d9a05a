//! What KV is asked.

use std::time::Duration;

use picora_core::{AccountId, CalendarMonth, Timestamp};
use picora_quota::echo::{Entry, Life, Slot, Snapshot, key};
use serde::Serialize;

/// One key as a bulk write has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Pair {
    pub(crate) key: String,
    value: String,
    /// An instant, in Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration: Option<i64>,
    /// Seconds from when KV writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration_ttl: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata>,
}

/// By what a reader tells a late write from a new one, and last month's status from this month's (C6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Metadata {
    epoch: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    month: Option<String>,
}

impl Pair {
    /// An entry of a snapshot.
    pub(crate) fn of(entry: Entry, snapshot: &Snapshot, now: Timestamp) -> Self {
        let month = (entry.slot == Slot::VideoStatus).then(|| snapshot.month.to_string());
        let (expiration, expiration_ttl) = lives(entry.life, now);
        Self {
            key: entry.key,
            value: entry.value,
            expiration,
            expiration_ttl,
            metadata: Some(Metadata {
                epoch: snapshot.epoch,
                month,
            }),
        }
    }

    /// A key that stands for ever.
    pub(crate) fn plain(key: &str, value: String) -> Self {
        Self {
            key: key.to_owned(),
            value,
            expiration: None,
            expiration_ttl: None,
            metadata: None,
        }
    }
}

/// What KV is told of a life: an instant or a span, and nothing for ever.
///
/// **Boundaries**: KV refuses the whole call for one end that is less than a minute away *by its own clock*. So what ends within two
/// minutes is told as a span, which no difference of clocks shortens.
fn lives(life: Life, now: Timestamp) -> (Option<i64>, Option<u64>) {
    let span = match life {
        Life::Forever => return (None, None),
        Life::For(span) => span,
        Life::Until(end) if end.saturating_since(now) >= 2 * SHORTEST_TTL => {
            return (Some(end.unix_seconds()), None);
        }
        Life::Until(end) => end.saturating_since(now),
    };
    let up = span.as_secs() + u64::from(span.subsec_nanos() > 0);
    (None, Some(up.max(SHORTEST_TTL.as_secs())))
}

/// Bodies of bulk writes, each within KV's bounds, with the number of pairs in each.
pub(crate) fn bodies<'p>(
    pairs: impl IntoIterator<Item = &'p Pair>,
    most_pairs: usize,
    most_bytes: usize,
) -> Vec<(String, usize)> {
    let mut bodies: Vec<(String, usize)> = Vec::new();
    for pair in pairs {
        // A struct of texts and numbers has nothing that JSON lacks.
        let text = serde_json::to_string(pair).unwrap_or_default();
        match bodies.last_mut() {
            Some((body, count))
                if *count < most_pairs && body.len() + text.len() + 2 <= most_bytes =>
            {
                body.push(',');
                body.push_str(&text);
                *count += 1;
            }
            _ => bodies.push((format!("[{text}"), 1)),
        }
    }
    for (body, _) in &mut bodies {
        body.push(']');
    }
    bodies
}

/// Every key that an account may have: those without a month, and those of the months that may still live.
///
/// **Boundaries**: 45 days after its last write a month's key is gone, so that three months are enough; one more on each side is for clocks
/// that differ and for writes that come late.
pub(crate) fn keys(account: AccountId, now: Timestamp) -> Vec<String> {
    let mut months = vec![CalendarMonth::of(CalendarMonth::of(now).end())];
    for _ in 0..MONTHS_BACK {
        let latest = months[months.len() - 1];
        let before = latest.start().saturating_sub(Duration::from_micros(1));
        months.push(CalendarMonth::of(before));
    }
    let of = |slot: Slot| {
        let months = if slot.is_monthly() {
            &months[..]
        } else {
            &months[..1]
        };
        months.iter().map(move |month| key(slot, account, *month))
    };
    Slot::ALL.into_iter().flat_map(of).collect()
}

/// KV keeps nothing for less than a minute.
pub(crate) const SHORTEST_TTL: Duration = Duration::from_secs(60);
/// So many keys a bulk call may have.
pub(crate) const MOST_PAIRS: usize = 10_000;
/// Under the 100 MB that a bulk call may have.
pub(crate) const MOST_BYTES: usize = 90_000_000;
/// From next month.
const MONTHS_BACK: usize = 4;

#[cfg(test)]
mod tests;
