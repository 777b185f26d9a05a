//! The time as signatures write it.

use picora_core::Timestamp;

/// `20261121T080000Z`.
pub(crate) fn stamp(now: Timestamp) -> String {
    let whole = Timestamp::from_unix_seconds(now.unix_seconds());
    let text = whole.to_rfc3339();
    let seconds = text.split(['.', 'Z']).next().unwrap_or_default();
    let digits = seconds.chars().filter(|it| !matches!(it, '-' | ':'));
    digits.chain(['Z']).collect()
}

/// The date at the beginning of a stamp.
pub(crate) fn date(stamp: &str) -> &str {
    stamp.get(..8).unwrap_or(stamp)
}
