//! What a store keeps of one subject.

use picora_core::Timestamp;

use crate::{Cell, CellKind, Log, Stamp};

/// The state of one subject: a cell for each limit of its policy that is not rolling, in the policy's order, and one log for all that
/// are. The default is a subject never seen.
///
/// **Boundaries**: a cell that is missing, or of another kind than its limit (the policy was changed), counts as never used. Cells of
/// any content are borne: nothing that a store answers makes a rule panic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    cells: Vec<Cell>,
    log: Log,
}

impl Record {
    /// Takes the cells that a store holds.
    #[must_use]
    pub fn new(cells: Vec<Cell>) -> Self {
        let log = Log::default();
        Self { cells, log }
    }

    /// The same with what passed lately.
    #[must_use]
    pub fn with_log(self, log: Log) -> Self {
        Self { log, ..self }
    }

    /// The cells that a store holds.
    #[must_use]
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// What passed lately, for the rolling limits.
    #[must_use]
    pub const fn log(&self) -> &Log {
        &self.log
    }

    /// The first instant at which forgetting the record changes no decision. A store may drop it then and no earlier: this, and no
    /// guess of an adapter, is the record's time to live.
    ///
    /// ```
    /// use picora_core::Timestamp;
    /// use picora_ratelimit::{Cell, Record};
    /// assert_eq!(Record::new(vec![Cell::window(60_000_000, 1), Cell::gcra(100_000)]).fresh_from(), Timestamp::from_unix_seconds(60));
    /// ```
    #[must_use]
    pub fn fresh_from(&self) -> Timestamp {
        let cells = self.cells.iter().map(|cell| cell.instant());
        let latest = cells.chain(self.log.fresh_from()).max();
        latest.map_or(Timestamp::EPOCH, Timestamp::from_unix_micros)
    }

    /// The record as bytes, for stores that keep bytes.
    ///
    /// **Shape**: version 1; the number of cells; each cell as kind (1 GCRA, 2 window, 3 calendar), instant and number; then the log's
    /// horizon and its stamps as instant and cost, to the end. Instants and numbers are little-endian in 8 bytes. Nothing follows the
    /// cells of a record without a log. A script reads and writes the same shape.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION, u8::try_from(self.cells.len()).unwrap_or(u8::MAX)];
        for cell in &self.cells {
            bytes.push(cell.kind().map_or(0, CellKind::tag));
            bytes.extend(cell.instant().to_le_bytes());
            bytes.extend(cell.number().to_le_bytes());
        }
        if !self.log.stamps().is_empty() {
            bytes.extend(self.log.horizon().to_le_bytes());
            for stamp in self.log.stamps() {
                bytes.extend(stamp.at.to_le_bytes());
                bytes.extend(stamp.cost.to_le_bytes());
            }
        }
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote; none for anything else. No bytes are a subject never seen.
    ///
    /// ```
    /// use picora_ratelimit::{Cell, Record};
    /// let record = Record::new(vec![Cell::gcra(7)]);
    /// assert_eq!(Record::from_bytes(&record.to_bytes()), Some(record));
    /// assert_eq!(Record::from_bytes(b"garbage"), None);
    /// ```
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        if bytes.is_empty() {
            return Some(Self::default());
        }
        if reader.byte()? != VERSION {
            return None;
        }
        let count = reader.byte()?;
        let cells: Option<Vec<Cell>> = (0..count).map(|_| reader.cell()).collect();
        let record = Self::new(cells?);
        if reader.0.is_empty() {
            return Some(record);
        }
        let horizon = reader.number()?;
        let mut stamps = Vec::new();
        while !reader.0.is_empty() {
            let (at, cost) = (reader.number()?.cast_signed(), reader.number()?);
            stamps.push(Stamp { at, cost });
        }
        Some(record.with_log(Log::new(stamps, horizon)))
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self) -> Option<u64> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*first))
    }

    fn cell(&mut self) -> Option<Cell> {
        let kind = CellKind::of_tag(self.byte()?);
        let (instant, number) = (self.number()?.cast_signed(), self.number()?);
        // A kind that this version does not know is one of another rule: never used, as far as ours go.
        Some(kind.map_or(Cell::NONE, |kind| Cell::new(kind, instant, number)))
    }
}

const VERSION: u8 = 1;
