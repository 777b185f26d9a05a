//! Addresses that open a private resource for a while: private media are protected by signature, never by unguessable ids (C81).

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use picora_core::{AssetId, Entropy, Timestamp};
use sha2::Sha256;

/// Signs and checks addresses with a key of this deployment.
pub struct Signer([u8; 32]);

/// How long a signed address holds.
pub const SIGNED_FOR: Duration = Duration::from_secs(60 * 60);

impl Signer {
    /// Reads the key, or makes it on the first start. **Errors**: a sentence that names the file.
    pub fn open(file: &Path, entropy: &dyn Entropy) -> Result<Self, String> {
        let fault = |error: std::io::Error| {
            format!("the signing key {} cannot be used: {error}", file.display())
        };
        match std::fs::read(file) {
            Ok(bytes) => match bytes.try_into() {
                Ok(key) => Ok(Self(key)),
                Err(_) => Err(format!(
                    "the signing key {} is damaged: it must hold 32 bytes",
                    file.display()
                )),
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let mut key = [0; 32];
                entropy.fill(&mut key);
                match keep(file, &key).map_err(fault)? {
                    true => Ok(Self(key)),
                    false => Self::open(file, entropy), // another server on this folder was first
                }
            }
            Err(error) => Err(fault(error)),
        }
    }

    /// A secret of another purpose, the same in all processes that share the key.
    #[must_use]
    pub fn derived(&self, purpose: &str) -> [u8; 16] {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(purpose.as_bytes());
        let bytes = mac.finalize().into_bytes();
        std::array::from_fn(|at| bytes[at])
    }

    /// The query that opens the resource until [`SIGNED_FOR`] after `now`.
    #[must_use]
    pub fn query(&self, asset: AssetId, now: Timestamp) -> String {
        let until = now.saturating_add(SIGNED_FOR).unix_seconds();
        let signature: String = self
            .mac(asset, until)
            .finalize()
            .into_bytes()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("expires={until}&signature={signature}")
    }

    /// Whether this signature opens the resource at `now`. **Boundaries**: at `expires` it no longer does.
    #[must_use]
    pub fn opens(&self, asset: AssetId, expires: i64, signature: &str, now: Timestamp) -> bool {
        let Some(given) = from_hex(signature) else {
            return false;
        };
        let fits = self.mac(asset, expires).verify_slice(&given).is_ok(); // in constant time
        fits && now < Timestamp::from_unix_seconds(expires)
    }

    fn mac(&self, asset: AssetId, expires: i64) -> Hmac<Sha256> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(format!("{asset}\n{expires}").as_bytes());
        mac
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer(…)")
    }
}

/// Writes the key for its owner alone, whole or not at all; `false` when there is one already, which stays.
fn keep(file: &Path, key: &[u8; 32]) -> std::io::Result<bool> {
    use std::os::unix::fs::OpenOptionsExt;
    let draft = file.with_extension(format!("draft{}", std::process::id()));
    let mut open = std::fs::OpenOptions::new();
    let mut written = open
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)?;
    written.write_all(key)?;
    written.sync_all()?;
    let linked = std::fs::hard_link(&draft, file);
    std::fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        linked => linked.map(|()| true),
    }
}

/// A signature as its 32 bytes.
pub(crate) fn from_hex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use picora_core::{MediaKind, SeededEntropy};

    use super::*;

    #[test]
    fn a_signature_opens_its_resource_until_it_expires() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("signing.key");
        let signer = Signer::open(&file, &SeededEntropy::new(1)).unwrap();
        let (asset, other) = (
            AssetId::from_bytes(MediaKind::Image, [1; 16]),
            AssetId::from_bytes(MediaKind::Image, [2; 16]),
        );
        let now = Timestamp::from_unix_seconds(1_000);
        let query = signer.query(asset, now);
        let (expires, signature) = query.split_once("&signature=").unwrap();
        let expires: i64 = expires.strip_prefix("expires=").unwrap().parse().unwrap();
        let again = Signer::open(&file, &SeededEntropy::new(2)).unwrap(); // the key was kept
        assert!(again.opens(asset, expires, signature, now));
        assert!(!again.opens(other, expires, signature, now));
        assert!(!again.opens(asset, expires + 1, signature, now));
        assert!(!again.opens(
            asset,
            expires,
            &signature.replace(&signature[..1], "g"),
            now
        ));
        assert!(!again.opens(asset, expires, "", now));
        assert!(!again.opens(
            asset,
            expires,
            signature,
            Timestamp::from_unix_seconds(expires)
        ));
        assert!(!keep(&file, &[9; 32]).unwrap(), "a key that is there stays");
        assert_ne!(std::fs::read(&file).unwrap(), [9; 32]);
        std::fs::write(&file, b"short").unwrap();
        assert!(
            Signer::open(&file, &SeededEntropy::new(1))
                .unwrap_err()
                .contains("damaged")
        );
    }
}
