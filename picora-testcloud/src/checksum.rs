//! The checksums of the S3 dialect.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use crc_fast::CrcAlgorithm;
use sha1::{Digest, Sha1};
use sha2::Sha256;

/// How it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// CRC-32.
    Crc32,
    /// CRC-32C.
    Crc32c,
    /// CRC-64/NVME.
    Crc64Nvme,
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
}

/// A checksum of an object, as its uploader gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checksum {
    /// How it was made.
    pub algorithm: Algorithm,
    /// In base 64; one of parts' checksums ends with their count, such as `-3`.
    pub text: String,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Crc32,
        Self::Crc32c,
        Self::Crc64Nvme,
        Self::Sha1,
        Self::Sha256,
    ];

    /// Its name in headers; that in documents and in values is the same in capitals.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "crc32",
            Self::Crc32c => "crc32c",
            Self::Crc64Nvme => "crc64nvme",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
        }
    }

    /// The one of a name, in capitals or not.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let is = |it: &Self| it.name().eq_ignore_ascii_case(name);
        Self::ALL.into_iter().find(is)
    }

    /// Whether the checksum of parts is that of all their bytes; else it is that of their checksums.
    #[must_use]
    pub const fn is_of_the_whole(self) -> bool {
        matches!(self, Self::Crc64Nvme)
    }

    /// The bytes of the checksum.
    #[must_use]
    pub fn of(self, bytes: &[u8]) -> Vec<u8> {
        let crc = |algorithm| crc_fast::checksum(algorithm, bytes).to_be_bytes();
        match self {
            Self::Crc32 => crc(CrcAlgorithm::Crc32IsoHdlc)[4..].to_vec(),
            Self::Crc32c => crc(CrcAlgorithm::Crc32Iscsi)[4..].to_vec(),
            Self::Crc64Nvme => crc(CrcAlgorithm::Crc64Nvme).to_vec(),
            Self::Sha1 => Sha1::digest(bytes).to_vec(),
            Self::Sha256 => Sha256::digest(bytes).to_vec(),
        }
    }

    /// In base 64.
    #[must_use]
    pub fn text_of(self, bytes: &[u8]) -> String {
        BASE64_STANDARD.encode(self.of(bytes))
    }
}

impl Checksum {
    /// Of an upload in parts.
    #[must_use]
    pub fn of_parts(algorithm: Algorithm, parts: &[&[u8]]) -> Self {
        let text = if algorithm.is_of_the_whole() {
            algorithm.text_of(&parts.concat())
        } else {
            let each: Vec<_> = parts.iter().map(|part| algorithm.of(part)).collect();
            format!("{}-{}", algorithm.text_of(&each.concat()), parts.len())
        };
        Self { algorithm, text }
    }

    /// Whether it is one of all bytes, in the vendors' word for it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        if self.text.contains('-') {
            "COMPOSITE"
        } else {
            "FULL_OBJECT"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check values of their specifications.
    #[test]
    fn check_values() {
        let of = |algorithm: Algorithm| crate::object::hex(&algorithm.of(b"123456789"));
        assert_eq!(of(Algorithm::Crc32), "CBF43926");
        assert_eq!(of(Algorithm::Crc32c), "E3069283");
        assert_eq!(of(Algorithm::Crc64Nvme), "AE8B14860A799888");
        assert_eq!(
            of(Algorithm::Sha1),
            "F7C3BC1D808E04732ADF679965CCC34CA7AE3441"
        );
        assert!(of(Algorithm::Sha256).starts_with("15E2B0D3C33891EB"));
    }
}
