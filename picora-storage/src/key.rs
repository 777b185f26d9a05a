//! Under which key the bytes of an asset are stored.

use std::fmt;

use object_store::path::Path;
use picora_core::{AccountId, AssetId};

/// The place of the bytes of one asset: `media/{account}/{asset}`.
///
/// Both parts are ids of ours, so no file name of a client, no `..` and no separator can enter a key. The account comes first, so that
/// erasing an account is one listing of [`ObjectKey::account_prefix`]. Keys are not spread over more folders: object stores split by
/// load, file systems index their folders, and the ids within an account are what both sort well.
///
/// Nothing is ever stored *below* an asset's key, because in a folder it is a file. What is derived from an asset lives under another
/// first part.
///
/// **Errors**: none; reading back is [`ObjectKey::parse`]. **Source**: C81 (ids), design §2.5.
///
/// ```
/// use picora_core::{AccountId, AssetId, MediaKind};
/// use picora_storage::ObjectKey;
/// let key = ObjectKey::new(AccountId::from_bytes([0; 16]), AssetId::from_bytes(MediaKind::Video, [0; 16]));
/// assert_eq!(key.to_string(), "media/acc_00000000000000000000000000/vid_00000000000000000000000000");
/// assert_eq!(ObjectKey::parse(&key.to_path()), Some(key));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// Whose bytes.
    pub account: AccountId,
    /// Of which asset.
    pub asset: AssetId,
}

impl ObjectKey {
    /// The place of this asset.
    #[must_use]
    pub const fn new(account: AccountId, asset: AssetId) -> Self {
        Self { account, asset }
    }

    /// The key in the object store.
    #[must_use]
    pub fn to_path(self) -> Path {
        Self::account_prefix(self.account).join(self.asset.to_string())
    }

    /// What the keys of all bytes of an account start with.
    #[must_use]
    pub fn account_prefix(account: AccountId) -> Path {
        Self::prefix().join(account.to_string())
    }

    /// What the keys of all bytes of all assets start with.
    #[must_use]
    pub fn prefix() -> Path {
        Path::from(FIRST_PART)
    }

    /// Reads a listed key back; `None` for everything that [`ObjectKey::to_path`] does not write.
    ///
    /// Strict, because a scavenger removes what no asset claims: a key that is not ours is not ours to remove.
    ///
    /// ```
    /// use picora_storage::ObjectKey;
    /// assert_eq!(ObjectKey::parse(&"media/acc_00000000000000000000000000/cat.png".into()), None);
    /// ```
    #[must_use]
    pub fn parse(path: &Path) -> Option<Self> {
        let mut parts = path.as_ref().split('/');
        let (first, account, asset) = (parts.next()?, parts.next()?, parts.next()?);
        (first == FIRST_PART && parts.next().is_none()).then_some(())?;
        Some(Self::new(account.parse().ok()?, asset.parse().ok()?))
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{FIRST_PART}/{}/{}", self.account, self.asset)
    }
}

/// Uploaded bytes, as opposed to what may be derived from them.
const FIRST_PART: &str = "media";

#[cfg(test)]
mod tests {
    use picora_core::MediaKind;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_our_own_spelling_is_ours() {
        let (account, asset) = (
            "acc_00000000000000000000000000",
            "img_00000000000000000000000001",
        );
        let parse = |text: String| {
            Path::parse(text)
                .ok()
                .and_then(|path| ObjectKey::parse(&path))
        };
        assert!(parse(format!("media/{account}/{asset}")).is_some());
        for foreign in [
            String::new(),
            "media".into(),
            format!("media/{account}"),
            format!("media/{asset}/{account}"),
            format!("Media/{account}/{asset}"),
            format!("media/{account}/{asset}/part"),
            format!("x/media/{account}/{asset}"),
            format!("media/{account}/{asset}#1"),
            format!("media/{account}/{}", asset.to_uppercase()),
            format!("media/{account}/cat.png"),
        ] {
            assert_eq!(parse(foreign.clone()), None, "{foreign}");
        }
    }

    proptest! {
        #[test]
        fn every_key_reads_back_and_lies_under_its_account(account: [u8; 16], asset: [u8; 16], kind in 0..4usize) {
            let asset = AssetId::from_bytes(MediaKind::ALL[kind], asset);
            let key = ObjectKey::new(AccountId::from_bytes(account), asset);
            prop_assert_eq!(ObjectKey::parse(&key.to_path()), Some(key));
            prop_assert_eq!(key.to_path().to_string(), key.to_string());
            prop_assert!(key.to_path().prefix_matches(&ObjectKey::account_prefix(key.account)));
            prop_assert!(key.to_path().prefix_matches(&ObjectKey::prefix()));
        }

        #[test]
        fn no_path_panics(text in "\\PC{0,60}") {
            let _ = ObjectKey::parse(&Path::from(text));
        }
    }
}
