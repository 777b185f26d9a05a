//! Serving media by its address, with ranges and cache headers, to whoever may have it.

use std::ops::Range;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, IF_RANGE, RANGE,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::Response;
use axum::routing::get;
use futures::StreamExt;
use object_store::{GetOptions, GetRange};
use picora_core::AssetId;
use picora_http::ApiError;
use picora_media::Asset;
use picora_storage::ObjectKey;
use picora_storage::error::is_frozen;

use super::{Access, Route, frozen};
use crate::app::App;
use crate::credential::identify;
use crate::egress::{self, Counted};
use crate::failure::Failure;
use crate::input::PathId;

/// The one route of delivery.
pub fn routes() -> Vec<Route> {
    vec![Route {
        method: Method::GET,
        path: "/media/{name}".to_owned(),
        access: Access::Everybody,
        doc: None,
        handler: get(serve),
    }]
}

/// The signature of an address.
struct Signature<'a> {
    expires: i64,
    signature: &'a str,
}

impl<'a> Signature<'a> {
    /// The one in a query, if it has one. Anything else in it is a viewer's own business (`?v=12345`).
    fn of(query: &'a str) -> Option<Self> {
        let value = |name| query.split('&').find_map(|pair| pair.strip_prefix(name));
        Some(Self {
            expires: value("expires=")?.parse().ok()?,
            signature: value("signature=")?,
        })
    }
}

/// Serves a public resource to everybody, a private one to its owner and to whoever has a signed address; to others it does not exist.
async fn serve(
    State(app): State<Arc<App>>,
    PathId(name): PathId,
    method: Method,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Failure> {
    let signature = uri.query().and_then(Signature::of);
    let (id, extension) = name.split_once('.').unwrap_or((&name, ""));
    let id: AssetId = id.parse().map_err(|_| ApiError::not_found())?;
    let asset = app
        .media
        .store()
        .asset_at(id)
        .await?
        .ok_or_else(ApiError::not_found)?;
    let named_right = extension.is_empty() || extension == asset.extension();
    if !named_right || !may_have(&app, &asset, &headers, signature).await? {
        return Err(ApiError::not_found().into());
    }
    let etag = HeaderValue::try_from(format!("\"{}\"", hex(&asset.sha256)))
        .map_err(|_| ApiError::internal())?;
    if matches(&headers, &etag) {
        egress::record(&app, asset.account, asset.id, 0);
        return Ok(with_headers(
            Response::new(Body::empty()),
            &asset,
            etag,
            StatusCode::NOT_MODIFIED,
        ));
    }
    let range = wanted_range(&headers, &etag, asset.bytes).filter(|_| method == Method::GET); // RFC 9110 §14.2
    let (status, range) = range.map_or((StatusCode::OK, 0..asset.bytes), |range| {
        (StatusCode::PARTIAL_CONTENT, range)
    });
    let body = if method == Method::HEAD {
        Body::empty()
    } else {
        body(&app, &asset, range.clone()).await?
    };
    let mut response = with_headers(Response::new(body), &asset, etag, status);
    response
        .headers_mut()
        .insert(CONTENT_LENGTH, (range.end - range.start).into());
    if status == StatusCode::PARTIAL_CONTENT {
        let told = format!("bytes {}-{}/{}", range.start, range.end - 1, asset.bytes);
        response.headers_mut().insert(
            CONTENT_RANGE,
            HeaderValue::try_from(told).map_err(|_| ApiError::internal())?,
        );
    }
    Ok(response)
}

async fn may_have(
    app: &App,
    asset: &Asset,
    headers: &HeaderMap,
    signature: Option<Signature<'_>>,
) -> Result<bool, Failure> {
    if asset.is_public {
        return Ok(true);
    }
    let now = app.clock.now();
    let opens = |it: Signature<'_>| app.signer.opens(asset.id, it.expires, it.signature, now);
    if signature.is_some_and(opens) {
        return Ok(true);
    }
    let caller = identify(app, headers).await?;
    Ok(caller.is_some_and(|caller| caller.account.id == asset.account))
}

async fn body(app: &Arc<App>, asset: &Asset, range: Range<u64>) -> Result<Body, Failure> {
    let path = ObjectKey::new(asset.account, asset.id).to_path();
    let mut options = GetOptions::default();
    if range != (0..asset.bytes) {
        options.range = Some(GetRange::Bounded(range));
    }
    let found = match app.media.objects().get_opts(&path, options).await {
        Ok(found) => found,
        Err(object_store::Error::NotFound { .. }) if is_gone(app, asset).await? => {
            return Err(ApiError::not_found().into());
        }
        Err(error) if is_frozen(&error) => return Err(frozen::failure(app, asset).await),
        Err(error) => return Err(picora_storage::error::harmless("read", error).into()),
    };
    let bytes = found.into_stream().boxed();
    Ok(Body::from_stream(Counted::new(
        app.clone(),
        asset.account,
        asset.id,
        bytes,
    )))
}

/// Whether it was removed since it was looked up.
async fn is_gone(app: &App, asset: &Asset) -> Result<bool, Failure> {
    Ok(app.media.store().asset_at(asset.id).await?.is_none())
}

/// Public resources live a day at the edge (#165); private ones nowhere. Nothing is sniffed, framed or run.
fn with_headers(
    mut response: Response,
    asset: &Asset,
    etag: HeaderValue,
    status: StatusCode,
) -> Response {
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let cache = if asset.is_public {
        "public, max-age=86400"
    } else {
        "private, no-store"
    };
    let content_type = match asset.content_type.as_str() {
        "text/markdown" => "text/markdown; charset=utf-8",
        other => other,
    };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; sandbox"),
    );
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("inline"));
    headers.insert(ETAG, etag);
    if let Ok(content_type) = HeaderValue::from_str(content_type) {
        headers.insert(CONTENT_TYPE, content_type);
    }
    response
}

/// RFC 9110 §13.1.2: a list of tags, or `*`; a weak tag compares like a strong one.
fn matches(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    let given = headers
        .get(IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let ours = etag.to_str().unwrap_or_default();
    given
        .split(',')
        .map(str::trim)
        .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == ours)
}

/// The one range that is asked for. Several ranges, none that fits, or an `If-Range` of other bytes: RFC 9110 §14.2 lets all be sent.
fn wanted_range(headers: &HeaderMap, etag: &HeaderValue, length: u64) -> Option<Range<u64>> {
    if headers.get(IF_RANGE).is_some_and(|tag| tag != etag) {
        return None;
    }
    let asked = http_range_header::parse_range_header(headers.get(RANGE)?.to_str().ok()?).ok()?;
    let ranges = asked.validate(length).ok()?;
    let [range] = ranges.as_slice() else {
        return None;
    };
    Some(*range.start()..range.end() + 1)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
