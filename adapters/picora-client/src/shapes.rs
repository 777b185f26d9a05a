//! What the host answers, as its OpenAPI document has it. Members that are not known here are passed over.

use serde::{Deserialize, Serialize};

/// A stored resource.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    /// Its id.
    pub id: String,
    /// image, video, audio or document.
    pub kind: String,
    /// Where it is fetched; of a private one, an address that is signed for an hour.
    pub url: String,
    /// What its owner called it.
    #[serde(default)]
    pub file_name: Option<String>,
    /// What its content is.
    pub content_type: String,
    /// How many bytes it has.
    pub bytes: u64,
    /// The SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// Whether anybody may fetch it.
    #[serde(rename = "is_public")]
    pub is_public: bool,
    /// Its tags.
    pub tags: Vec<String>,
    /// When it was stored, RFC 3339.
    pub created_at: String,
}

/// A page of resources, the newest first.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Page {
    /// The resources.
    pub items: Vec<Resource>,
    /// What to pass as `cursor` for the next page; none on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Who a key belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// The account.
    pub account_id: String,
    /// The public name of the key.
    pub key_id: String,
    /// Its plan.
    pub plan: String,
    /// user or admin.
    pub role: String,
}

/// A number and its limit; none is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Level {
    /// What is used.
    pub used: u64,
    /// What is allowed.
    pub limit: Option<u64>,
}

/// A number of this month and its limit.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Monthly {
    /// What is used.
    pub used: u64,
    /// What is allowed.
    pub limit: Option<u64>,
    /// The UTC month, `2026-04`.
    pub month_year: String,
}

/// Images.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct ImageUsage {
    /// Bytes stored.
    pub storage: Level,
    /// Bytes served this month.
    pub bandwidth: Monthly,
}

/// Video and audio.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct VideoUsage {
    /// Bytes stored.
    pub storage: Level,
    /// Bytes served this month.
    pub bandwidth: Monthly,
    /// ok, degraded or suspended.
    pub status: String,
}

/// Documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct DocUsage {
    /// How many there are.
    pub count: Level,
}

/// Uploads of any kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct UploadUsage {
    /// Of this UTC day.
    pub day: Level,
    /// Of this UTC month.
    pub month: Level,
}

/// What an account uses, and may.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Usage {
    /// Images.
    pub image: ImageUsage,
    /// Video and audio.
    pub video: VideoUsage,
    /// Documents.
    pub doc: DocUsage,
    /// Uploads.
    pub uploads: UploadUsage,
}
