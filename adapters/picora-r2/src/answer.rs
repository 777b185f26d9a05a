//! What an answer says beyond what object_store reads.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use http::HeaderMap;
use picora_native::Failure;
use picora_native::answer::Document;
use picora_native::attributes::text;
use picora_tiering::{Class, Tier};

/// The headers of an answer. It is found among the extensions of object_store's results: `GetResult` and `PutResult`.
#[derive(Clone, Debug)]
pub struct Answer {
    /// As they came.
    pub headers: HeaderMap,
    /// The CRC-64/NVME of the whole object, where the answer names it.
    pub crc64: Option<u64>,
}

impl Answer {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        Self {
            headers: headers.clone(),
            crc64: crc64(headers),
        }
    }

    /// Of an answer that is a document.
    pub(crate) fn with(headers: &HeaderMap, document: &Document) -> Self {
        let mut answer = Self::of(headers);
        let mut texts = document.texts.iter();
        let told = texts.find(|(path, _)| path.ends_with("Result/ChecksumCRC64NVME"));
        if let Some((_, text)) = told {
            answer.crc64 = read_crc64(text);
        }
        answer
    }

    /// The class of the object.
    #[must_use]
    pub fn class(&self) -> Class {
        read_class(text(&self.headers, CLASS))
    }
}

/// The CRC-64/NVME that the store keeps of an object.
pub(crate) fn crc64(headers: &HeaderMap) -> Option<u64> {
    read_crc64(text(headers, CRC64)?)
}

/// A digest that does not read is none that may be passed over.
pub(crate) fn verified(headers: &HeaderMap) -> Result<(), Failure> {
    if headers.contains_key(CRC64) && crc64(headers).is_none() {
        return Err(Failure::Lost(
            "its answer has a digest that is none".to_owned(),
        ));
    }
    Ok(())
}

/// Eight bytes in base 64, the highest first. A composite of parts is no digest of the whole, and does not read.
///
/// ```
/// # use picora_r2::answer::read_crc64;
/// assert_eq!(read_crc64("rosUhgp5mIg="), Some(0xae8b_1486_0a79_9888)); // of "123456789", the check value
/// assert_eq!(read_crc64("rosUhgp5mIg=-2"), None);
/// ```
#[must_use]
pub fn read_crc64(text: &str) -> Option<u64> {
    let bytes = BASE64_STANDARD.decode(text).ok()?;
    Some(u64::from_be_bytes(bytes.try_into().ok()?))
}

/// Nothing where R2 leaves the standard class out.
pub(crate) fn read_class(class: Option<&str>) -> Class {
    match class {
        None | Some(HOT) => Tier::Hot.into(),
        Some(ARCHIVE) => Tier::Archive.into(),
        Some(other) => Class::Other(other.to_owned()),
    }
}

pub(crate) const fn class(tier: Tier) -> &'static str {
    match tier {
        Tier::Hot => HOT,
        Tier::Archive => ARCHIVE,
    }
}

const HOT: &str = "STANDARD";
const ARCHIVE: &str = "STANDARD_IA";
/// The document that says that a copy is done.
pub(crate) const COPIED: &str = "CopyObjectResult";
pub(crate) const META: &str = "x-amz-meta-";
pub(crate) const PREFIX: &str = "x-amz-";
pub(crate) const CLASS: &str = "x-amz-storage-class";
pub(crate) const CRC64: &str = "x-amz-checksum-crc64nvme";
