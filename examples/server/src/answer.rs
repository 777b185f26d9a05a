//! What the API answers: the shapes of `data`, written once for the answers and for the OpenAPI document.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use picora_core::{AssetId, Limit, MediaKind, Timestamp};
use picora_media::Asset;
use picora_storage::Measured;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;

/// A successful answer: `{"success":true,"data":…}`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Success<T> {
    /// Always true.
    pub success: bool,
    /// The answer.
    pub data: T,
}

/// Answers `data` with 200.
pub fn ok<T: Serialize>(data: T) -> Response {
    with(StatusCode::OK, data)
}

/// Answers `data` with this status.
pub fn with<T: Serialize>(status: StatusCode, data: T) -> Response {
    (
        status,
        Json(Success {
            success: true,
            data,
        }),
    )
        .into_response()
}

/// A stored resource.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    /// Its id.
    pub id: String,
    /// image, video, audio or document.
    pub kind: &'static str,
    /// Where it is fetched; of a private one, an address that is signed for an hour.
    pub url: String,
    /// What its owner called it.
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

impl Resource {
    /// The asset as its owner sees it.
    #[must_use]
    pub fn of(app: &App, asset: &Asset, now: Timestamp) -> Self {
        let digest = Measured {
            bytes: picora_core::Amount::saturating(asset.bytes),
            sha256: asset.sha256,
        };
        Self {
            id: asset.id.to_string(),
            kind: asset.id.kind().name(),
            url: address(app, asset, now),
            file_name: asset.file_name.clone(),
            content_type: asset.content_type.clone(),
            bytes: asset.bytes,
            sha256: digest.sha256_hex(),
            is_public: asset.is_public,
            tags: asset.tags.clone(),
            created_at: asset.created_at.to_rfc3339(),
        }
    }
}

/// Where an asset is fetched.
#[must_use]
pub fn address(app: &App, asset: &Asset, now: Timestamp) -> String {
    let plain = format!(
        "{}/media/{}.{}",
        app.public_url,
        asset.id,
        asset.extension()
    );
    if asset.is_public {
        plain
    } else {
        format!("{plain}?{}", app.signer.query(asset.id, now))
    }
}

/// A page of resources, the newest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Page {
    /// The resources.
    pub items: Vec<Resource>,
    /// What to pass as `cursor` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Who a credential belongs to.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// The account.
    pub account_id: String,
    /// The API key.
    pub key_id: String,
    /// Its plan: none, trial, pro or pro_plus.
    pub plan: &'static str,
    /// user or admin.
    pub role: &'static str,
}

/// A number and its limit; a limit of null is none.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Level {
    /// What is used.
    pub used: u64,
    /// What is allowed.
    pub limit: Option<u64>,
}

/// A number of this month and its limit.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Monthly {
    /// What is used.
    pub used: u64,
    /// What is allowed.
    pub limit: Option<u64>,
    /// The UTC month, `2026-04`.
    pub month_year: String,
}

/// Images (#167).
#[derive(Debug, Serialize, ToSchema)]
pub struct ImageUsage {
    /// Bytes stored.
    pub storage: Level,
    /// Bytes served this month.
    pub bandwidth: Monthly,
}

/// Video and audio, which share one pool (C45).
#[derive(Debug, Serialize, ToSchema)]
pub struct VideoUsage {
    /// Bytes stored.
    pub storage: Level,
    /// Bytes served this month.
    pub bandwidth: Monthly,
    /// ok, degraded or suspended.
    pub status: &'static str,
}

/// Documents.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DocUsage {
    /// How many there are.
    pub count: Level,
    /// The most bytes of one document; null without a limit.
    pub max_file_bytes: Option<u64>,
    /// The most images that one document embeds; null without a limit.
    pub max_images_per_doc: Option<u64>,
}

/// Audio, which is part of the pool that `video` shows (C7).
#[derive(Debug, Serialize, ToSchema)]
pub struct AudioUsage {
    /// Bytes stored.
    pub storage: Part,
    /// Bytes served this month.
    pub bandwidth: Part,
}

/// A part of a number whose limit is that of the whole.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Part {
    /// What is used.
    pub used: u64,
}

/// When limits of this month will be reached if it goes on as it began; null when they will not be (#172).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Forecast {
    /// Bytes of images served.
    pub image_bandwidth_reached_at: Option<String>,
    /// Bytes of video and audio served.
    pub video_bandwidth_reached_at: Option<String>,
    /// Uploads of any kind.
    pub uploads_reached_at: Option<String>,
}

/// Uploads of any kind.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UploadUsage {
    /// Of this UTC day.
    pub day: Level,
    /// Of this UTC month.
    pub month: Level,
}

/// The usage of an account (#166–#170). Names of the product's documents are frozen; more may be added.
#[derive(Debug, Serialize, ToSchema)]
pub struct Usage {
    /// Images.
    pub image: ImageUsage,
    /// Video and audio.
    pub video: VideoUsage,
    /// Documents.
    pub doc: DocUsage,
    /// Audio by itself.
    pub audio: AudioUsage,
    /// Uploads.
    pub uploads: UploadUsage,
    /// What is to be expected of this month.
    pub forecast: Forecast,
    /// Where more is sold (#199).
    #[serde(rename = "upgradeUrl")]
    pub upgrade_url: String,
}

/// A resource that was removed.
#[derive(Debug, Serialize, ToSchema)]
pub struct Removed {
    /// Its id.
    pub id: String,
    /// Always true.
    pub deleted: bool,
}

/// The id in a path, when it is of this kind; anything else is not found.
#[must_use]
pub fn parse_id(kind: MediaKind, text: &str) -> Option<AssetId> {
    text.parse::<AssetId>().ok().filter(|id| id.kind() == kind)
}

/// A limit as JSON shows it.
#[must_use]
pub fn shown(limit: Limit) -> Option<u64> {
    limit.max().map(picora_core::Amount::get)
}
