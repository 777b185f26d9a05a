//! What vendors charge.
//!
//! Each figure says how far it is known: (D) the vendor's pages, (B) a blog, (S) the figures that Picora was asked to work with,
//! (U) not verified: to be looked up before anybody relies on it.

/// The prices of a vendor.
#[derive(Clone, Copy, Debug)]
pub struct PriceTable {
    /// Such as `USD`.
    pub currency: &'static str,
    /// Its classes.
    pub classes: &'static [ClassPrices],
    /// How many bytes a gigabyte has.
    pub gigabyte: u64,
    /// For how many operations their price is.
    pub operations: u64,
    /// Whether gigabytes are billed whole.
    pub whole_gigabytes: bool,
    /// Whether operations are billed in whole units of [`operations`](Self::operations).
    pub whole_operations: bool,
    /// Whether operations that were refused are billed.
    pub charges_failures: bool,
    /// The class as which a restored copy is billed, beside the archived object.
    pub replica_class: Option<&'static str>,
    /// How many operations of a kind an operation counts as.
    pub kinds: fn(operation: &str, kind: Kind) -> u64,
}

/// The prices of a class.
#[derive(Clone, Copy, Debug)]
pub struct ClassPrices {
    /// By the vendor's name.
    pub name: &'static str,
    /// Of a gigabyte for 30 days, in millionths.
    pub storage_micros: u64,
    /// Of so many operations that write, in millionths.
    pub write_micros: u64,
    /// Of so many operations that read, in millionths.
    pub read_micros: u64,
    /// Of a gigabyte that is fetched, in millionths.
    pub retrieval_micros: u64,
    /// When it counts as fetched.
    pub retrieval: Retrieval,
    /// Smaller objects are billed as if they had so many bytes.
    pub minimum_bytes: u64,
    /// Objects are billed for so many days at least.
    pub minimum_days: u32,
}

/// What an operation is billed as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Class A at Cloudflare, PUT at Aliyun.
    Write,
    /// Class B at Cloudflare, GET at Aliyun.
    Read,
}

/// When bytes count as fetched out of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retrieval {
    /// Never.
    Free,
    /// Each time that they are read or copied.
    Reads,
    /// When a restore is asked for.
    Restores,
}

impl ClassPrices {
    /// How many bytes an object is billed for.
    pub(super) fn billed(&self, bytes: u64) -> u128 {
        u128::from(bytes.max(self.minimum_bytes))
    }
}

impl PriceTable {
    pub(super) fn of_storage(&self, byte_seconds: u128, micros: u64) -> u128 {
        let unit = u128::from(self.gigabyte) * MONTH_SECONDS;
        charged(byte_seconds, unit, micros, self.whole_gigabytes)
    }

    pub(super) fn of_bytes(&self, bytes: u128, micros: u64) -> u128 {
        let unit = u128::from(self.gigabyte);
        charged(bytes, unit, micros, self.whole_gigabytes)
    }

    pub(super) fn of_operations(&self, count: u128, micros: u64) -> u128 {
        let unit = u128::from(self.operations);
        charged(count, unit, micros, self.whole_operations)
    }
}

/// A quantity at a price for each unit; up to whole units, or to the nearest millionth.
fn charged(quantity: u128, unit: u128, micros: u64, whole: bool) -> u128 {
    let micros = u128::from(micros);
    if whole {
        quantity.div_ceil(unit) * micros
    } else {
        (quantity * micros + unit / 2) / unit
    }
}

/// Cloudflare R2 (D): deletes are free; refused requests are billed; all is rounded up to whole units. Whether a copy to infrequent access
/// counts as that class's write is (U); here it does.
pub const R2: PriceTable = PriceTable {
    currency: "USD",
    gigabyte: 1_000_000_000,
    operations: 1_000_000,
    whole_gigabytes: true,
    whole_operations: true,
    charges_failures: true,
    replica_class: None,
    kinds: |operation, kind| match operation {
        "DeleteObject" | "DeleteMultipleObjects" | "DeleteObjects" | "AbortMultipartUpload" => 0,
        "GetObject" | "HeadObject" | "HeadBucket" => u64::from(kind == Kind::Read),
        _ => u64::from(kind == Kind::Write),
    },
    classes: &[
        ClassPrices {
            name: "STANDARD",
            storage_micros: 15_000,
            write_micros: 4_500_000,
            read_micros: 360_000,
            retrieval_micros: 0,
            retrieval: Retrieval::Free,
            minimum_bytes: 0,
            minimum_days: 0,
        },
        ClassPrices {
            name: "STANDARD_IA",
            storage_micros: 10_000,
            write_micros: 9_000_000,
            read_micros: 900_000,
            retrieval_micros: 10_000,
            retrieval: Retrieval::Reads,
            minimum_bytes: 0,
            minimum_days: 30,
        },
    ],
};

/// Aliyun OSS in Hangzhou, one zone redundant: hot 0.12 and archive 0.03 yuan (S) (the list has 0.033), 64 KiB and 60 days (D), retrieval and
/// requests (B). That deletes are billed is (U). A copy is a read and a write (D).
pub const OSS: PriceTable = PriceTable {
    currency: "CNY",
    gigabyte: 1 << 30,
    operations: 10_000,
    whole_gigabytes: false,
    whole_operations: false,
    charges_failures: false,
    replica_class: None,
    kinds: |operation, kind| match operation {
        "CopyObject" => 1,
        other => kind_of(other, kind),
    },
    classes: &[
        ClassPrices {
            name: "Standard",
            storage_micros: 120_000,
            write_micros: 10_000,
            read_micros: 10_000,
            retrieval_micros: 0,
            retrieval: Retrieval::Free,
            minimum_bytes: 0,
            minimum_days: 0,
        },
        ClassPrices {
            name: "Archive",
            storage_micros: 30_000,
            write_micros: 100_000,
            read_micros: 100_000,
            retrieval_micros: 60_000,
            retrieval: Retrieval::Restores,
            minimum_bytes: 64 << 10,
            minimum_days: 60,
        },
    ],
};

/// Tencent COS: storage 0.118 and 0.033 yuan, 90 days and all of its prices for requests and retrieval (U); 64 KiB, the replica as standard
/// storage, refused requests billed and requests by whole ten thousands (D). Retrieval costs more when it is to be fast, which is not modelled.
pub const COS: PriceTable = PriceTable {
    currency: "CNY",
    gigabyte: 1 << 30,
    operations: 10_000,
    whole_gigabytes: false,
    whole_operations: true,
    charges_failures: true,
    replica_class: Some("STANDARD"),
    kinds: kind_of,
    classes: &[
        ClassPrices {
            name: "STANDARD",
            storage_micros: 118_000,
            write_micros: 10_000,
            read_micros: 10_000,
            retrieval_micros: 0,
            retrieval: Retrieval::Free,
            minimum_bytes: 0,
            minimum_days: 0,
        },
        ClassPrices {
            name: "ARCHIVE",
            storage_micros: 33_000,
            write_micros: 10_000,
            read_micros: 10_000,
            retrieval_micros: 60_000,
            retrieval: Retrieval::Restores,
            minimum_bytes: 64 << 10,
            minimum_days: 90,
        },
    ],
};

fn kind_of(operation: &str, kind: Kind) -> u64 {
    let reads = matches!(operation, "GetObject" | "GetObjectMeta" | "HeadObject");
    u64::from(reads == (kind == Kind::Read))
}

const MONTH_SECONDS: u128 = 30 * 24 * 60 * 60;
