//! What lies in a bucket.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use md5::{Digest, Md5};
use picora_core::Timestamp;

use crate::checksum::Checksum;

/// An object.
#[derive(Clone, Debug)]
pub struct Object {
    /// Its bytes as they were written.
    pub bytes: Bytes,
    /// Where a bit of them has changed since.
    pub damage: Option<usize>,
    /// With quotes.
    pub etag: String,
    /// By the vendor's name.
    pub class: &'static str,
    /// The headers it is served with, by their names in lower case, the user's own with the vendor's prefix.
    pub headers: BTreeMap<String, String>,
    /// When it was written, or last moved.
    pub modified: Timestamp,
    /// The checksum that its uploader gave, where the vendor takes such.
    pub checksum: Option<Checksum>,
    /// The restore that was asked for last.
    pub restore: Option<Restore>,
}

/// A restore.
#[derive(Clone, Copy, Debug)]
pub struct Restore {
    /// When the bytes can be read.
    pub ready: Timestamp,
    /// For how long they stay so.
    pub lives: Duration,
}

/// How an archived object stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thaw {
    /// No restore counts.
    Frozen,
    /// One goes on.
    Ongoing,
    /// It can be read until then, exclusive.
    ReadableUntil(Timestamp),
}

impl Object {
    /// How its restore stands.
    #[must_use]
    pub fn thaw(&self, now: Timestamp) -> Thaw {
        match self.restore {
            None => Thaw::Frozen,
            Some(restore) if now < restore.ready => Thaw::Ongoing,
            Some(restore) => {
                let end = restore.ready.saturating_add(restore.lives);
                if now < end {
                    Thaw::ReadableUntil(end)
                } else {
                    Thaw::Frozen
                }
            }
        }
    }

    /// A part of its bytes, as they are by now.
    ///
    /// **Panics** when the range is not within its bytes.
    #[must_use]
    pub fn read(&self, range: Range<usize>) -> Bytes {
        match self.damage {
            Some(at) if range.contains(&at) => {
                flipped(&self.bytes.slice(range.clone()), at - range.start)
            }
            _ => self.bytes.slice(range),
        }
    }

    /// Its CRC-64/XZ, in decimal as both vendors print it.
    #[must_use]
    pub fn crc64(&self) -> String {
        crc64(&self.bytes).to_string()
    }
}

/// The same bytes but for one bit.
#[must_use]
pub fn flipped(bytes: &[u8], at: usize) -> Bytes {
    let mut changed = bytes.to_vec();
    if let Some(byte) = changed.get_mut(at) {
        *byte ^= 1;
    }
    changed.into()
}

/// CRC-64/XZ.
#[must_use]
pub fn crc64(bytes: &[u8]) -> u64 {
    crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Xz, bytes)
}

/// MD5 in upper-case hexadecimal with quotes, as an object that was put whole is named.
#[must_use]
pub fn etag(bytes: &[u8]) -> String {
    format!("\"{}\"", hex(&Md5::digest(bytes)))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_of_crc_64_xz() {
        assert_eq!(crc64(b"123456789"), 11_051_210_869_376_104_954);
    }

    #[test]
    fn a_restore_is_over_at_its_end() {
        let at = Timestamp::from_unix_seconds;
        let object = Object {
            bytes: Bytes::new(),
            damage: None,
            etag: etag(b""),
            class: "Archive",
            headers: BTreeMap::new(),
            modified: at(0),
            checksum: None,
            restore: Some(Restore {
                ready: at(60),
                lives: Duration::from_secs(100),
            }),
        };
        assert_eq!(object.thaw(at(59)), Thaw::Ongoing);
        assert_eq!(object.thaw(at(60)), Thaw::ReadableUntil(at(160)));
        assert_eq!(object.thaw(at(160)), Thaw::Frozen);
    }
}
