//! Images, videos, audio files and documents: upload, list, show, change, delete.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{delete, get, patch, post};
use picora_core::{AccountId, MediaKind, PlanId, ReservationId};
use picora_http::{ApiError, ErrorCode};
use picora_media::{AssetChange, AssetQuery, NewUpload, Tags, UploadError, Uploaded};
use picora_quota::RequestHash;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::{Access, IDEMPOTENCY_KEY, Route};
use crate::answer::{self, Page, Removed, Resource};
use crate::app::App;
use crate::credential::Caller;
use crate::failure::Failure;
use crate::form::{self, body_error};
use crate::input::{Json, PathId, Query};
use crate::openapi::{self, Doc, Parameter};

/// The five routes of a kind.
#[must_use]
pub fn routes(kind: MediaKind) -> Vec<Route> {
    let (all, one) = (
        format!("/v1/{}", collection(kind)),
        format!("/v1/{}/{{id}}", collection(kind)),
    );
    let noun = kind.name();
    let limits = [
        ErrorCode::QuotaExceeded,
        ErrorCode::PlanRequired,
        ErrorCode::PlanForbids,
        ErrorCode::RateLimit,
    ];
    let body = [
        ErrorCode::InvalidRequest,
        ErrorCode::PayloadTooLarge,
        ErrorCode::UnsupportedMediaType,
        ErrorCode::Conflict,
    ];
    let route = |method, path: &str, doc, handler| Route {
        method,
        path: path.to_owned(),
        access: Access::Caller,
        doc: Some(doc),
        handler,
    };
    vec![
        route(
            axum::http::Method::POST,
            &all,
            Doc::new(format!("upload_{noun}"), format!("Upload one {noun}"))
                .uploads_a_form()
                .with(Parameter::header(
                    "Idempotency-Key",
                    "Names this attempt: repeating it stores nothing twice.",
                    Parameter::visible(LONGEST_KEY),
                ))
                .answers::<Resource>(StatusCode::CREATED)
                .answers::<Resource>(StatusCode::OK)
                .fails(limits.into_iter().chain(body)),
            post(move |app, caller, request| upload(kind, app, caller, request)),
        ),
        route(
            axum::http::Method::GET,
            &all,
            Doc::new(
                format!("list_{noun}"),
                format!("List {noun} resources, the newest first"),
            )
            .with(Parameter::query(
                "limit",
                "1 to 100, 50 without it.",
                Parameter::number(1, 100),
            ))
            .with(Parameter::query(
                "cursor",
                "The `nextCursor` of the page before.",
                Parameter::id(kind),
            ))
            .with(Parameter::query(
                "tag",
                "Only those with this tag.",
                Parameter::text(),
            ))
            .answers::<Page>(StatusCode::OK)
            .fails([ErrorCode::InvalidRequest]),
            get(move |app, caller, query| list(kind, app, caller, query)),
        ),
        route(
            axum::http::Method::GET,
            &one,
            Doc::new(format!("get_{noun}"), format!("Show one {noun}"))
                .answers::<Resource>(StatusCode::OK)
                .fails([ErrorCode::NotFound]),
            get(move |app, caller, id| show(kind, app, caller, id)),
        ),
        route(
            axum::http::Method::PATCH,
            &one,
            Doc::new(
                format!("change_{noun}"),
                format!("Change the tags or the visibility of one {noun}"),
            )
            .takes::<Change>()
            .answers::<Resource>(StatusCode::OK)
            .fails([ErrorCode::InvalidRequest, ErrorCode::NotFound]),
            patch(move |app, caller, id, change| self::change(kind, app, caller, id, change)),
        ),
        route(
            axum::http::Method::DELETE,
            &one,
            Doc::new(
                format!("delete_{noun}"),
                format!("Delete one {noun}; its quota is free at once"),
            )
            .answers::<Removed>(StatusCode::OK)
            .fails([ErrorCode::NotFound]),
            delete(move |app, caller, id| remove(kind, app, caller, id)),
        ),
    ]
}

/// The word in the path (#226).
#[must_use]
pub const fn collection(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Image => "images",
        MediaKind::Video => "videos",
        MediaKind::Audio => "audio",
        MediaKind::Document => "docs",
    }
}

/// What to change; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Whether anybody may fetch it.
    is_public: Option<bool>,
    /// Its tags, all of them.
    #[schema(schema_with = openapi::tags_or_null)]
    tags: Option<Vec<String>>,
}

/// Which resources to list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    limit: Option<u32>,
    cursor: Option<String>,
    tag: Option<String>,
}

async fn upload(
    kind: MediaKind,
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, Failure> {
    let plan = app.plans.plan(caller.account.plan);
    if plan.id == PlanId::None {
        let error = ApiError::new(ErrorCode::PlanRequired, "A plan is required");
        return Err(error
            .with_meta("upgradeUrl", app.config.upgrade_url.as_str())
            .into());
    }
    if kind == MediaKind::Video && !plan.video {
        return Err(plan_forbids(&app, kind).into());
    }
    let idempotency = idempotency(kind, caller.account.id, request.headers())?;
    let (parts, body) = request.into_parts();
    let form = form::read(&parts.headers, body, app.config.uploads.idle_timeout()).await?;
    let new = NewUpload {
        account: caller.account.id,
        kind,
        video: plan.video,
        idempotency: idempotency.map(|(id, key)| (id, request_hash(&key, &form))),
        file_name: form.file_name,
        tags: form.tags,
        is_public: form.is_public,
        bound_bytes: form.bound_bytes,
    };
    let now = app.clock.now();
    match app.media.upload(new, form.body).await {
        Ok(Uploaded::Created(asset)) => Ok(answer::with(
            StatusCode::CREATED,
            Resource::of(&app, &asset, now),
        )),
        Ok(Uploaded::AlreadyThere(asset) | Uploaded::Replayed(asset)) => {
            Ok(answer::ok(Resource::of(&app, &asset, now)))
        }
        Err(error) => Err(refused(&app, kind, error)),
    }
}

async fn list(
    kind: MediaKind,
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    query: Query<ListQuery>,
) -> Result<Response, Failure> {
    let Query(query) = query;
    let limit = query.limit.unwrap_or(DEFAULT_PAGE);
    if !(1..=LARGEST_PAGE).contains(&limit) {
        return Err(ApiError::invalid_request("limit", "`limit` is 1 to 100").into());
    }
    let before = query.cursor.as_deref().map(|cursor| {
        answer::parse_id(kind, cursor).ok_or_else(|| {
            ApiError::invalid_request("cursor", "`cursor` is no `nextCursor` of this list")
        })
    });
    let before = before.transpose()?;
    // One more than a page tells whether there is a next one.
    let asked = AssetQuery {
        kind,
        before,
        most: limit + 1,
        tag: query.tag,
    };
    let mut assets = app.media.store().assets(caller.account.id, &asked).await?;
    let more = assets.len() > limit as usize;
    assets.truncate(limit as usize);
    let next_cursor = assets
        .last()
        .filter(|_| more)
        .map(|asset| asset.id.to_string());
    let now = app.clock.now();
    let items = assets
        .iter()
        .map(|asset| Resource::of(&app, asset, now))
        .collect();
    Ok(answer::ok(Page { items, next_cursor }))
}

async fn show(
    kind: MediaKind,
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    PathId(id): PathId,
) -> Result<Response, Failure> {
    let id = answer::parse_id(kind, &id).ok_or_else(ApiError::not_found)?;
    let asset = app
        .media
        .store()
        .asset(caller.account.id, id)
        .await?
        .ok_or_else(ApiError::not_found)?;
    Ok(answer::ok(Resource::of(&app, &asset, app.clock.now())))
}

async fn change(
    kind: MediaKind,
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    PathId(id): PathId,
    change: Json<Change>,
) -> Result<Response, Failure> {
    let Json(change) = change;
    let id = answer::parse_id(kind, &id).ok_or_else(ApiError::not_found)?;
    let tags = change
        .tags
        .map(Tags::new)
        .transpose()
        .map_err(|error| ApiError::invalid_request("tags", error.to_string()))?;
    let wanted = AssetChange {
        is_public: change.is_public,
        tags,
    };
    let asset = app
        .media
        .change(caller.account.id, id, &wanted)
        .await?
        .ok_or_else(ApiError::not_found)?;
    Ok(answer::ok(Resource::of(&app, &asset, app.clock.now())))
}

async fn remove(
    kind: MediaKind,
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    PathId(id): PathId,
) -> Result<Response, Failure> {
    let id = answer::parse_id(kind, &id).ok_or_else(ApiError::not_found)?;
    app.media
        .remove(caller.account.id, id)
        .await?
        .ok_or_else(ApiError::not_found)?;
    Ok(answer::ok(Removed {
        id: id.to_string(),
        deleted: true,
    }))
}

/// The answer for an upload that stored nothing.
fn refused(app: &App, kind: MediaKind, error: UploadError) -> Failure {
    match error {
        UploadError::Body(error) => body_error(&error).into(),
        UploadError::Denied(denial) => {
            picora_http::quota::denied(&denial, &app.config.upgrade_url, app.clock.now()).into()
        }
        UploadError::Empty => ApiError::invalid_request("file", "The file is empty").into(),
        UploadError::Expired => ApiError::unavailable(1).into(),
        UploadError::KeyInUse => {
            ApiError::conflict("The idempotency key belongs to another attempt; use a new one")
                .into()
        }
        UploadError::PlanForbids => plan_forbids(app, kind).into(),
        UploadError::Store(error) => error.into(),
        UploadError::TooLarge { most_bytes } => ApiError::payload_too_large(most_bytes).into(),
        UploadError::WrongKind => ApiError::unsupported_media_type(format!(
            "The content of the file is not of the kind {kind}"
        ))
        .into(),
    }
}

fn plan_forbids(app: &App, kind: MediaKind) -> ApiError {
    let error = ApiError::new(
        ErrorCode::PlanForbids,
        format!("The plan does not host files of the kind {kind}"),
    );
    error
        .with_meta("type", kind.name())
        .with_meta("upgradeUrl", app.config.upgrade_url.as_str())
}

/// The reservation that a client's key stands for: the same key on another route or account is another one.
fn idempotency(
    kind: MediaKind,
    account: AccountId,
    headers: &HeaderMap,
) -> Result<Option<(ReservationId, String)>, ApiError> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else {
        return Ok(None);
    };
    let fault = || {
        ApiError::invalid_request(
            "Idempotency-Key",
            "`Idempotency-Key` is 1 to 255 visible ASCII characters",
        )
    };
    let key = value.to_str().map_err(|_| fault())?;
    if key.is_empty() || key.len() > LONGEST_KEY {
        return Err(fault());
    }
    let digest: [u8; 32] = Sha256::digest(format!("{account}\n{}\n{key}", collection(kind))).into();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    Ok(Some((ReservationId::from_bytes(id), key.to_owned())))
}

/// What a key stands for, as far as it is known before the file has come.
fn request_hash(key: &str, form: &form::Form) -> RequestHash {
    let (name, tags) = (
        form.file_name.as_deref().unwrap_or_default(),
        form.tags.as_slice(),
    );
    RequestHash(Sha256::digest(format!("{key}\n{name}\n{tags:?}\n{}", form.is_public)).into())
}

const DEFAULT_PAGE: u32 = 50;
const LARGEST_PAGE: u32 = 100;
const LONGEST_KEY: usize = 255;
