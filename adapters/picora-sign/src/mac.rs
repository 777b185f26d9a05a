//! Keyed digests.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};

pub(crate) fn sha256(key: &[u8], text: &[u8]) -> Vec<u8> {
    // HMAC takes keys of any length.
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| unreachable!());
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

pub(crate) fn sha1(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha1>::new_from_slice(key).unwrap_or_else(|_| unreachable!());
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

pub(crate) fn sha1_hex(key: &[u8], text: &[u8]) -> String {
    hex(&sha1(key, text))
}

pub(crate) fn digest_sha256(text: &[u8]) -> String {
    hex(&Sha256::digest(text))
}

pub(crate) fn digest_sha1(text: &[u8]) -> String {
    hex(&Sha1::digest(text))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|nibble| char::from(DIGITS[usize::from(nibble)]));
    digits.collect()
}
