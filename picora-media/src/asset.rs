//! A stored resource, as the catalogue knows it.

use picora_core::{AccountId, AssetId, ReservationId, Timestamp};

/// A stored image, video, audio file or document.
///
/// **Units**: bytes of the original as stored; renditions and thumbnails never count. **Source**: #55, #163, C49.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asset {
    /// Its public name; a new one for every upload (#55).
    pub id: AssetId,
    /// Whose it is.
    pub account: AccountId,
    /// The upload that made it, which is how a repeated upload finds it.
    pub reservation: ReservationId,
    /// What the uploader called it; shown, never used as a path.
    pub file_name: Option<String>,
    /// What its content is, sniffed from its first bytes.
    pub content_type: String,
    /// How long it is, counted while it came.
    pub bytes: u64,
    /// The SHA-256 of its bytes, computed while they came.
    pub sha256: [u8; 32],
    /// Whether anybody may fetch it by its address (#163).
    pub is_public: bool,
    /// Its tags, in the order in which they were given, each once.
    pub tags: Vec<String>,
    /// When its upload was settled.
    pub created_at: Timestamp,
}

impl Asset {
    /// The ending that its address carries, so that a browser and a person see what it is.
    #[must_use]
    pub fn extension(&self) -> &'static str {
        crate::content::extension_of(&self.content_type)
    }
}

/// What an owner may change of an asset; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AssetChange {
    /// Whether anybody may fetch it.
    pub is_public: Option<bool>,
    /// Its tags, all of them.
    pub tags: Option<Tags>,
}

/// Tags that are fit to be stored: trimmed, not empty, each once.
///
/// **Boundaries**: at most 32 tags of at most 64 characters, both inclusive; control characters are refused. **Source**: our numbers.
///
/// ```
/// use picora_media::Tags;
/// let tags = Tags::new([" cats ".to_owned(), "cats".to_owned()])?;
/// assert_eq!(tags.as_slice(), ["cats"]);
/// assert!(Tags::new(["\n".to_owned()]).is_err());
/// # Ok::<(), picora_media::TagError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags(Vec<String>);

impl Tags {
    /// Trims and checks tags. **Errors**: [`TagError`] says what is wrong with which.
    pub fn new(tags: impl IntoIterator<Item = String>) -> Result<Self, TagError> {
        let mut kept: Vec<String> = Vec::new();
        for tag in tags {
            let tag = tag.trim();
            if tag.is_empty() || tag.chars().any(char::is_control) {
                return Err(TagError::Unfit);
            }
            if tag.chars().count() > LONGEST_TAG {
                return Err(TagError::Long);
            }
            if !kept.iter().any(|known| known == tag) {
                kept.push(tag.to_owned());
            }
        }
        if kept.len() > MOST_TAGS {
            Err(TagError::Many)
        } else {
            Ok(Self(kept))
        }
    }

    /// The tags.
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }

    /// The tags.
    #[must_use]
    pub fn into_vec(self) -> Vec<String> {
        self.0
    }
}

/// Why tags are refused. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// One is longer than 64 characters.
    #[error("a tag has at most {LONGEST_TAG} characters")]
    Long,
    /// There are more than 32.
    #[error("a resource has at most {MOST_TAGS} tags")]
    Many,
    /// One is empty or holds control characters.
    #[error("a tag is neither empty nor holds control characters")]
    Unfit,
}

/// Which of an account's assets to list, the newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssetQuery {
    /// Of which kind.
    pub kind: picora_core::MediaKind,
    /// Only those made before this one: the last of the page before.
    pub before: Option<AssetId>,
    /// At most so many, 1 to 101.
    pub most: u32,
    /// Only those that carry this tag.
    pub tag: Option<String>,
}

const LONGEST_TAG: usize = 64;
const MOST_TAGS: usize = 32;
