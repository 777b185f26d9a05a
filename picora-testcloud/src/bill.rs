//! What a cloud charges: pure functions of what has happened and a table of prices.
//!
//! Units: money is in millionths of the table's currency, quantities are in the unit that a line names. Free allowances, traffic to the
//! internet and taxes are left out: a tier moves none of them.

mod ledger;
mod prices;

use std::ops::Range;

use picora_core::Timestamp;

pub use ledger::{Act, Ledger, Stay};
pub use prices::{COS, ClassPrices, Kind, OSS, PriceTable, R2, Retrieval};

/// What was charged in a span of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bill {
    /// Such as `USD`.
    pub currency: &'static str,
    /// Each with something in it.
    pub lines: Vec<Line>,
}

/// One sort of charge in one class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// For what.
    pub item: Item,
    /// In which class, by the vendor's name.
    pub class: &'static str,
    /// How much of it there was, before rounding: byte-seconds, operations or bytes.
    pub quantity: u128,
    /// What it costs, after rounding, in millionths.
    pub micros: u128,
}

/// For what is charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Item {
    /// Byte-seconds that objects lay there, each with the least size that is billed.
    Storage,
    /// Byte-seconds that restored copies lay beside them.
    Replica,
    /// Byte-seconds that were still to be paid when objects left before their least time.
    EarlyDeletion,
    /// Operations that write.
    Writes,
    /// Operations that read.
    Reads,
    /// Bytes that were fetched out of the class.
    Retrieval,
}

impl Bill {
    /// All lines together, in millionths.
    #[must_use]
    pub fn total_micros(&self) -> u128 {
        self.lines.iter().map(|line| line.micros).sum()
    }

    /// What one sort of charge in one class comes to, in millionths; zero when there is none.
    #[must_use]
    pub fn micros(&self, item: Item, class: &str) -> u128 {
        let lines = self.lines.iter();
        let lines = lines.filter(|line| line.item == item && line.class == class);
        lines.map(|line| line.micros).sum()
    }
}

/// Charges what a ledger says happened in a span, its end exclusive.
///
/// **Units**: a month of storage is 30 days, as all three vendors have it in their examples.
/// **Boundaries**: an object that leaves exactly at the end of its least time leaves in time. What leaves early is charged the rest in the
/// span in which it leaves.
/// **Rounding**: where a vendor bills whole units only, each line is rounded up to them; elsewhere to the nearest millionth.
#[must_use]
pub fn bill(table: &PriceTable, ledger: &Ledger, span: Range<Timestamp>) -> Bill {
    let mut lines = Vec::new();
    for class in table.classes {
        let mut charge = |item, quantity: u128, micros: u128| {
            if quantity > 0 {
                lines.push(Line {
                    item,
                    class: class.name,
                    quantity,
                    micros,
                });
            }
        };
        for (item, byte_seconds) in [
            (Item::Storage, stored(class, ledger, &span)),
            (Item::Replica, replicas(table, class, ledger, &span)),
            (Item::EarlyDeletion, left_early(class, ledger, &span)),
        ] {
            let micros = table.of_storage(byte_seconds, class.storage_micros);
            charge(item, byte_seconds, micros);
        }
        for (item, kind, price) in [
            (Item::Writes, Kind::Write, class.write_micros),
            (Item::Reads, Kind::Read, class.read_micros),
        ] {
            let acts = acts(ledger, class, &span);
            let acts = acts.filter(|act| table.charges_failures || act.succeeded);
            let count = acts
                .map(|act| u128::from((table.kinds)(act.operation, kind)))
                .sum();
            charge(item, count, table.of_operations(count, price));
        }
        let fetched = acts(ledger, class, &span).map(|act| match class.retrieval {
            Retrieval::Free => 0,
            Retrieval::Reads => u128::from(act.read_bytes),
            Retrieval::Restores => u128::from(act.restored_bytes),
        });
        let fetched = fetched.sum();
        let micros = table.of_bytes(fetched, class.retrieval_micros);
        charge(Item::Retrieval, fetched, micros);
    }
    Bill {
        currency: table.currency,
        lines,
    }
}

fn acts<'l>(
    ledger: &'l Ledger,
    class: &ClassPrices,
    span: &Range<Timestamp>,
) -> impl Iterator<Item = &'l Act> {
    let (name, span) = (class.name, span.clone());
    let acts = ledger.acts.iter();
    acts.filter(move |act| act.class == name && span.contains(&act.at))
}

fn stored(class: &ClassPrices, ledger: &Ledger, span: &Range<Timestamp>) -> u128 {
    let stays = ledger.stays.iter().filter(|stay| stay.class == class.name);
    let seconds = stays.map(|stay| class.billed(stay.bytes) * overlap(stay, span));
    seconds.sum::<u128>() / MICROS
}

fn replicas(
    table: &PriceTable,
    class: &ClassPrices,
    ledger: &Ledger,
    span: &Range<Timestamp>,
) -> u128 {
    if table.replica_class != Some(class.name) {
        return 0;
    }
    let replicas = ledger.replicas.iter();
    let seconds = replicas.map(|it| class.billed(it.bytes) * overlap(it, span));
    seconds.sum::<u128>() / MICROS
}

fn left_early(class: &ClassPrices, ledger: &Ledger, span: &Range<Timestamp>) -> u128 {
    let stays = ledger.stays.iter().filter(|stay| stay.class == class.name);
    let rest = stays.filter_map(|stay| {
        let until = stay.until.filter(|until| span.contains(until))?;
        let lay = until.saturating_since(stay.from).as_micros();
        let least = u128::from(class.minimum_days) * DAY_MICROS;
        Some(class.billed(stay.bytes) * least.saturating_sub(lay))
    });
    rest.sum::<u128>() / MICROS
}

/// Microseconds of a stay within a span.
fn overlap(stay: &Stay, span: &Range<Timestamp>) -> u128 {
    let from = stay.from.max(span.start);
    let until = stay.until.unwrap_or(span.end).min(span.end);
    until.saturating_since(from).as_micros()
}

const MICROS: u128 = 1_000_000;
const DAY_MICROS: u128 = 24 * 60 * 60 * MICROS;

#[cfg(test)]
mod tests;
