//! What is true of a body: its length and its SHA-256.

use std::fmt;

use picora_core::Amount;
use sha2::{Digest, Sha256};

/// The length and the SHA-256 of a body, as counted while its bytes passed.
///
/// **Units**: bytes. What a client announced (`Content-Length`, a digest header) is compared with this, never taken for it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Measured {
    /// How many bytes.
    pub bytes: Amount,
    /// Their SHA-256.
    pub sha256: [u8; 32],
}

/// Measures a body chunk by chunk; how it is cut into chunks does not matter.
///
/// **Units**: bytes. **Boundaries**: an empty body has a digest too; lengths above 2^62 would be taken as 2^62. **Errors**: none.
/// **Source**: FIPS 180-4 (SHA-256).
///
/// ```
/// use picora_storage::{Digester, Measured};
/// let mut digester = Digester::new();
/// digester.update(b"ab");
/// digester.update(b"c");
/// assert_eq!(digester.bytes().get(), 3);
/// assert_eq!(digester.finish(), Measured::of(b"abc"));
/// ```
#[derive(Clone, Default)]
pub struct Digester {
    bytes: u64,
    sha256: Sha256,
}

impl Measured {
    /// Measures a body that is in memory.
    #[must_use]
    pub fn of(body: &[u8]) -> Self {
        let mut digester = Digester::new();
        digester.update(body);
        digester.finish()
    }

    /// The SHA-256 as 64 lower-case hexadecimal digits.
    ///
    /// ```
    /// use picora_storage::Measured;
    /// assert!(Measured::of(b"abc").sha256_hex().starts_with("ba7816bf8f01cfea"));
    /// ```
    #[must_use]
    pub fn sha256_hex(&self) -> String {
        let nibbles = self.sha256.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
        nibbles
            .map(|nibble| char::from(HEX[usize::from(nibble)]))
            .collect()
    }
}

impl Digester {
    /// Nothing has passed yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes.
    pub fn update(&mut self, chunk: &[u8]) {
        // A slice is at most 2^63 bytes long, and no body of ours comes near the sum's end.
        self.bytes = self.bytes.saturating_add(chunk.len() as u64);
        self.sha256.update(chunk);
    }

    /// How many bytes have passed so far.
    #[must_use]
    pub const fn bytes(&self) -> Amount {
        Amount::saturating(self.bytes)
    }

    /// What was true of all that passed.
    #[must_use]
    pub fn finish(self) -> Measured {
        Measured {
            bytes: self.bytes(),
            sha256: self.sha256.finalize().into(),
        }
    }
}

impl fmt::Debug for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Measured({} bytes, sha256 {})",
            self.bytes,
            self.sha256_hex()
        )
    }
}

impl fmt::Debug for Digester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digester({} bytes so far)", self.bytes)
    }
}

const HEX: [u8; 16] = *b"0123456789abcdef";

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-4 examples, as published with the standard.
    #[test]
    fn published_vectors_hold() {
        for (body, hex) in [
            (
                "",
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            ),
            (
                "abc",
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
        ] {
            let measured = Measured::of(body.as_bytes());
            assert_eq!(measured.sha256_hex(), hex);
            assert_eq!(measured.bytes.get(), body.len() as u64);
        }
    }
}
