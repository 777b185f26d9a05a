//! What is left of bytes that are not kept.

use bytes::Bytes;
use crc_fast::CrcAlgorithm;
use md5::{Digest, Md5};

/// The length and the digests of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digests {
    /// How many there were.
    pub length: u64,
    /// Their MD5.
    pub md5: [u8; 16],
    /// Their CRC-64/XZ.
    pub crc64: u64,
}

/// Digests of bytes that come in pieces.
#[derive(Debug)]
pub struct Digesting {
    length: u64,
    md5: Md5,
    crc64: crc_fast::Digest,
}

impl Default for Digesting {
    fn default() -> Self {
        Self {
            length: 0,
            md5: Md5::new(),
            crc64: crc_fast::Digest::new(CrcAlgorithm::Crc64Xz),
        }
    }
}

impl Digesting {
    /// Takes the next piece.
    pub fn update(&mut self, piece: &[u8]) {
        self.length += piece.len() as u64;
        self.md5.update(piece);
        self.crc64.update(piece);
    }

    /// The digests of all pieces.
    #[must_use]
    pub fn end(self) -> Digests {
        Digests {
            length: self.length,
            md5: self.md5.finalize().into(),
            crc64: self.crc64.finalize(),
        }
    }
}

impl Digests {
    /// Of bytes that are there.
    #[must_use]
    pub fn of(bytes: &Bytes) -> Self {
        let mut digesting = Digesting::default();
        digesting.update(bytes);
        digesting.end()
    }

    /// Of all parts in their order; its MD5 is that of the parts' MD5s, after which vendors name what was uploaded in parts.
    pub fn joined<'p>(parts: impl IntoIterator<Item = &'p Self>) -> Self {
        let (mut length, mut names, mut crc64) = (0, Md5::new(), 0);
        for part in parts {
            length += part.length;
            names.update(part.md5);
            crc64 =
                crc_fast::checksum_combine(CrcAlgorithm::Crc64Xz, crc64, part.crc64, part.length);
        }
        Self {
            length,
            md5: names.finalize().into(),
            crc64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_join_to_the_whole() {
        let (one, two) = (Bytes::from("1234"), Bytes::from("56789"));
        let joined = Digests::joined([&Digests::of(&one), &Digests::of(&two)]);
        assert_eq!(
            (joined.length, joined.crc64),
            (9, 11_051_210_869_376_104_954)
        );
        assert_ne!(joined.md5, Digests::of(&Bytes::from("123456789")).md5);
    }
}
