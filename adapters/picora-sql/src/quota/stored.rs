//! How the numbers of the ledger are written, and read back strictly.

use picora_core::{Amount, Limit, Timestamp, Window};
use picora_quota::{Alarm, Cell, CellKey, Counter, Denial, Granted, Shortfall};
use serde::{Deserialize, Serialize};

use crate::error::Fault;
use crate::stored::text;

/// A limit as its column holds it; nothing means no limit.
pub(super) fn limit_column(limit: Limit) -> Option<i64> {
    limit.max().map(Amount::to_i64)
}

pub(super) fn limit(column: Option<i64>) -> Result<Limit, Fault> {
    column.map_or(Ok(Limit::Unlimited), |max| Ok(Limit::Max(amount(max)?)))
}

pub(super) fn amount(column: i64) -> Result<Amount, Fault> {
    Amount::from_i64(column).map_err(|_| Fault::Corrupt("an amount is out of its range"))
}

pub(super) fn cell(used: i64, reserved: i64, max: Option<i64>) -> Result<Cell, Fault> {
    Ok(Cell {
        used: amount(used)?,
        reserved: amount(reserved)?,
        limit: limit(max)?,
    })
}

pub(super) fn alarm(fired: i64, arming: i64) -> Result<Alarm, Fault> {
    const STRANGE: Fault = Fault::Corrupt("an alarm does not read back");
    Ok(Alarm {
        fired: u16::try_from(fired).map_err(|_| STRANGE)?,
        arming: u32::try_from(arming).map_err(|_| STRANGE)?,
    })
}

pub(super) fn counter(name: &str) -> Result<Counter, Fault> {
    Counter::from_name(name).ok_or(Fault::Corrupt("a counter has an unknown name"))
}

pub(super) fn key(counter_name: &str, window: &str) -> Result<CellKey, Fault> {
    Ok(CellKey {
        counter: counter(counter_name)?,
        window: Window::parse(window).ok_or(Fault::Corrupt("a window does not read back"))?,
    })
}

/// One amount that a reservation holds, in the JSON of its row.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Held {
    counter: String,
    win: String,
    amount: i64,
}

/// What a reservation holds, in its order.
pub(super) fn granted_text(granted: &[Granted]) -> String {
    let held = granted.iter().map(|granted| Held {
        counter: granted.key.counter.name().to_owned(),
        win: granted.key.window.to_string(),
        amount: granted.amount.to_i64(),
    });
    text(&held.collect::<Vec<_>>())
}

pub(super) fn granted(text: &str) -> Result<Vec<Granted>, Fault> {
    let held: Vec<Held> =
        serde_json::from_str(text).map_err(|_| Fault::Corrupt("a grant does not read back"))?;
    held.iter()
        .map(|held| {
            Ok(Granted {
                key: key(&held.counter, &held.win)?,
                amount: amount(held.amount)?,
            })
        })
        .collect()
}

/// One shortfall of a refusal, in the JSON of its row.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Short {
    counter: String,
    used: i64,
    reserved: i64,
    limit: i64,
    requested: i64,
    resets_at: Option<i64>,
}

/// All numbers of a refusal, the strictest first, so that a repetition tells the same.
pub(super) fn denial_text(denial: &Denial) -> String {
    let shorts = denial.iter().map(|short| Short {
        counter: short.counter.name().to_owned(),
        used: short.used.to_i64(),
        reserved: short.reserved.to_i64(),
        limit: short.limit.to_i64(),
        requested: short.requested.to_i64(),
        resets_at: short.resets_at.map(Timestamp::unix_micros),
    });
    text(&shorts.collect::<Vec<_>>())
}

pub(super) fn denial(text: &str) -> Result<Denial, Fault> {
    const GARBLED: Fault = Fault::Corrupt("a refusal does not read back");
    let shorts: Vec<Short> = serde_json::from_str(text).map_err(|_| GARBLED)?;
    let shortfalls = shorts.iter().map(|short| {
        Ok(Shortfall {
            counter: counter(&short.counter)?,
            used: amount(short.used)?,
            reserved: amount(short.reserved)?,
            limit: amount(short.limit)?,
            requested: amount(short.requested)?,
            resets_at: short.resets_at.map(Timestamp::from_unix_micros),
        })
    });
    let mut shortfalls = shortfalls.collect::<Result<Vec<_>, Fault>>()?.into_iter();
    Ok(Denial {
        strictest: shortfalls.next().ok_or(GARBLED)?,
        others: shortfalls.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use picora_core::{CalendarDay, CalendarMonth, Dimension};

    #[test]
    fn a_refusal_reads_back_with_all_its_numbers() {
        let short = |dimension: Dimension, resets_at| Shortfall {
            counter: Counter::Dimension(dimension),
            used: Amount::from(1),
            reserved: Amount::from(2),
            limit: Amount::MAX,
            requested: Amount::from(4),
            resets_at,
        };
        let end = CalendarMonth::of(Timestamp::EPOCH).end();
        let told = Denial {
            strictest: short(Dimension::ImgStorage, None),
            others: vec![
                short(Dimension::UploadsPerMonth, Some(end)),
                Shortfall {
                    counter: Counter::OpenReservations,
                    ..short(Dimension::DocCount, None)
                },
            ],
        };
        assert_eq!(denial(&denial_text(&told)).unwrap(), told);
    }

    #[test]
    fn a_grant_reads_back_in_its_order() {
        let held = |counter, window, amount| Granted {
            key: CellKey { counter, window },
            amount,
        };
        let day = Window::Day(CalendarDay::of(Timestamp::from_unix_seconds(1_709_164_800)));
        let held = vec![
            held(Counter::OpenReservations, Window::Always, Amount::ONE),
            held(
                Counter::Dimension(Dimension::UploadsPerDay),
                day,
                Amount::MAX,
            ),
        ];
        assert_eq!(granted(&granted_text(&held)).unwrap(), held);
    }

    #[test]
    fn what_nobody_wrote_is_corrupt() {
        for text in [
            "",
            "{}",
            r#"[{"counter":"img_storage_bytes","win":"","amount":-1}]"#,
            r#"[{"counter":"nothing","win":"","amount":1}]"#,
            r#"[{"counter":"img_storage_bytes","win":"2026-13","amount":1}]"#,
        ] {
            assert!(matches!(granted(text), Err(Fault::Corrupt(_))), "{text}");
        }
        assert!(
            matches!(denial("[]"), Err(Fault::Corrupt(_))),
            "a refusal has a shortfall"
        );
        assert!(cell(0, -1, None).is_err());
        assert!(crate::stored::account(&[0; 15]).is_err());
    }
}
