//! What is left of bytes that are not kept.

use bytes::Bytes;
use crc_fast::CrcAlgorithm;
use md5::{Digest, Md5};
use sha2::Sha256;

/// The length and the digests of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digests {
    /// How many there were.
    pub length: u64,
    /// Their MD5.
    pub md5: [u8; 16],
    /// Their CRC-64/XZ.
    pub crc64: u64,
    /// Their CRC-64/NVME.
    pub crc64_nvme: u64,
    /// Their SHA-256, where it was asked for; it is slow, and joined from no parts.
    pub sha256: Option<[u8; 32]>,
}

/// Digests of bytes that come in pieces.
#[derive(Debug)]
pub struct Digesting {
    length: u64,
    md5: Md5,
    crc64: crc_fast::Digest,
    crc64_nvme: crc_fast::Digest,
    sha256: Option<Sha256>,
}

impl Default for Digesting {
    fn default() -> Self {
        Self {
            length: 0,
            md5: Md5::new(),
            crc64: crc_fast::Digest::new(CrcAlgorithm::Crc64Xz),
            crc64_nvme: crc_fast::Digest::new(CrcAlgorithm::Crc64Nvme),
            sha256: None,
        }
    }
}

impl Digesting {
    /// One that makes the SHA-256, too.
    #[must_use]
    pub fn with_sha256() -> Self {
        Self {
            sha256: Some(Sha256::new()),
            ..Self::default()
        }
    }

    /// Takes the next piece.
    pub fn update(&mut self, piece: &[u8]) {
        self.length += piece.len() as u64;
        self.md5.update(piece);
        self.crc64.update(piece);
        self.crc64_nvme.update(piece);
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(piece);
        }
    }

    /// The digests of all pieces.
    #[must_use]
    pub fn end(self) -> Digests {
        Digests {
            length: self.length,
            md5: self.md5.finalize().into(),
            crc64: self.crc64.finalize(),
            crc64_nvme: self.crc64_nvme.finalize(),
            sha256: self.sha256.map(|it| it.finalize().into()),
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
        let (mut length, mut names, mut crc64, mut crc64_nvme) = (0, Md5::new(), 0, 0);
        for part in parts {
            let and = |algorithm, before, crc| {
                crc_fast::checksum_combine(algorithm, before, crc, part.length)
            };
            length += part.length;
            names.update(part.md5);
            crc64 = and(CrcAlgorithm::Crc64Xz, crc64, part.crc64);
            crc64_nvme = and(CrcAlgorithm::Crc64Nvme, crc64_nvme, part.crc64_nvme);
        }
        Self {
            length,
            md5: names.finalize().into(),
            crc64,
            crc64_nvme,
            sha256: None,
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
            (joined.length, joined.crc64, joined.crc64_nvme),
            (9, 11_051_210_869_376_104_954, 0xae8b_1486_0a79_9888)
        );
        assert_ne!(joined.md5, Digests::of(&Bytes::from("123456789")).md5);
    }
}
