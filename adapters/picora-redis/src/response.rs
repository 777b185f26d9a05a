//! What the script answers.

use picora_core::Timestamp;
use picora_ratelimit::{Record, Verdict};
use redis::Value;

use crate::error::Failure;
use crate::item::Item;

/// The answer to one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Redis' clock.
    pub(crate) now: Timestamp,
    /// What the script decided; none for a refund or a reset.
    pub(crate) verdict: Option<Verdict>,
    /// The records of its subjects, as the script found them.
    pub(crate) records: Vec<Record>,
}

/// Takes a reply apart, an answer for each item. What is not of the script's shape is a failure of all.
pub(crate) fn read<'i>(
    reply: Value,
    keys: usize,
    items: impl Iterator<Item = &'i Item>,
) -> Result<Vec<Result<Answer, Failure>>, Failure> {
    let Value::Array(parts) = reply else {
        return Err(Failure::Nonsense("no array"));
    };
    let mut parts = parts.into_iter();
    let now = instant(parts.next())?;
    let mut parts = parts.map(bytes);
    let mut text = || parts.next().flatten().ok_or(Failure::Nonsense("too short"));
    let (letters, digits) = (text()?, text()?);
    let values: Vec<Option<Vec<u8>>> = parts.collect();
    let changed = values.len().checked_sub(keys);
    let changed = changed.ok_or(Failure::Nonsense("too few records"))?;
    let mut following = values[values.len() - changed..].iter();
    let (mut letters, mut digits) = (letters.into_iter(), digits.into_iter());
    let mut positions = crate::request::Keys::default();
    let mut answers = Vec::new();
    for item in items {
        let letter = letters.next().ok_or(Failure::Nonsense("too few answers"))?;
        let mut records = Vec::new();
        for (key, _) in &item.subjects {
            let at = positions.of(key);
            let value = match digits.next() {
                Some(b'0') => values[..keys].get(at),
                Some(b'1') => following.next(),
                _ => None,
            };
            let value = value.ok_or(Failure::Nonsense("a record is missing"))?;
            records.push(Record::from_bytes(value.as_deref().unwrap_or_default()));
        }
        answers.push(answer(now, letter, records));
    }
    Ok(answers)
}

fn answer(now: Timestamp, letter: u8, records: Vec<Option<Record>>) -> Result<Answer, Failure> {
    let verdict = match letter {
        b'a' => Some(Verdict::Allow),
        b'c' => Some(Verdict::Challenge),
        b'd' => Some(Verdict::Deny),
        b'.' => None,
        b'x' => return Err(Failure::Corrupt),
        _ => return Err(Failure::Nonsense("an unknown letter")),
    };
    let records: Option<Vec<Record>> = match verdict {
        Some(_) => records.into_iter().collect(),
        None => Some(Vec::new()), // nobody asks what was refunded or forgotten
    };
    Ok(Answer {
        now,
        verdict,
        records: records.ok_or(Failure::Corrupt)?,
    })
}

fn bytes(value: Value) -> Option<Vec<u8>> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        Value::SimpleString(text) => Some(text.into_bytes()),
        _ => None,
    }
}

fn instant(value: Option<Value>) -> Result<Timestamp, Failure> {
    match value {
        Some(Value::Int(micros @ 0..EXACT)) => Ok(Timestamp::from_unix_micros(micros)),
        _ => Err(Failure::Nonsense("no instant before 2112")),
    }
}

/// 2^52 microseconds since 1970: up to here a script's numbers are exact.
const EXACT: i64 = 1 << 52;
