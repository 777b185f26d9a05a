//! Who asks: the credential of a request, checked before anything else of it is looked at.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{Extensions, HeaderMap};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use picora_core::{StoreError, Timestamp};
use picora_http::{AddressPrefix, ApiError, ClientAddress, ErrorCode, Principal};
use picora_media::{Account, ApiKey, ApiSecret, Role};
use picora_ratelimit::{Check, Limiter, Subject};

use crate::app::App;
use crate::failure::Failure;

/// The account and the key of a request, in its extensions.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Whose key it is.
    pub account: Account,
    /// The key.
    pub key: ApiKey,
}

impl Caller {
    fn principal(&self) -> Principal {
        Principal {
            account: self.account.id,
            credential: self.key.id,
            admin: self.account.role == Role::Admin,
        }
    }
}

/// Credentials that were found a moment ago, by the hash of their secret. A revoked key or a changed role counts after 5 s at most.
#[derive(Debug)]
pub struct KeyCache(moka::sync::Cache<[u8; 32], Caller>);

impl KeyCache {
    /// An empty cache.
    #[must_use]
    pub fn new() -> Self {
        Self(
            moka::sync::Cache::builder()
                .max_capacity(100_000)
                .time_to_live(CACHED_FOR)
                .build(),
        )
    }

    /// Forgets everything, after a change of an account in this process.
    pub fn forget(&self) {
        self.0.invalidate_all();
    }
}

impl Default for KeyCache {
    fn default() -> Self {
        Self::new()
    }
}

/// Lets a request pass with its [`Caller`] and [`Principal`] in its extensions, or answers 401 or 429.
pub async fn require(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    match identify(&app, request.headers()).await {
        Ok(Some(caller)) => {
            request.extensions_mut().insert(caller.principal());
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Ok(None) => refuse(&app, &request).into_response(),
        Err(failure) => failure.into_response(),
    }
}

/// Lets a request pass unless its account is disabled; [`require`] and the limiter have run before, so that such requests are counted too.
pub async fn require_enabled(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    let caller = request.extensions().get::<Caller>();
    match caller.and_then(|caller| caller.account.disabled_at(app.clock.now())) {
        Some(until) => Failure(disabled(until)).into_response(),
        None => next.run(request).await,
    }
}

/// Lets a request of an operator pass; [`require`] has run before. Everybody else gets 403 (C77).
pub async fn require_admin(request: Request, next: Next) -> Response {
    match request.extensions().get::<Caller>() {
        Some(caller) if caller.account.role == Role::Admin => next.run(request).await,
        _ => Failure(ApiError::forbidden()).into_response(),
    }
}

/// The caller that a request's headers name; `None` when they name nobody that is known.
pub async fn identify(app: &App, headers: &HeaderMap) -> Result<Option<Caller>, Failure> {
    let Some(secret) = bearer(headers).and_then(ApiSecret::parse) else {
        return Ok(None);
    };
    Ok(holder(app, &secret.hash()).await?)
}

/// The caller whose secret has this hash, as of 5 s ago at most; `None` when there is none any more.
pub async fn holder(app: &App, hash: &[u8; 32]) -> Result<Option<Caller>, StoreError> {
    if let Some(caller) = app.keys.0.get(hash) {
        return Ok(Some(caller));
    }
    let Some((key, account)) = app.media.store().key_holder(hash).await? else {
        return Ok(None);
    };
    let caller = Caller { account, key };
    app.keys.0.insert(*hash, caller.clone());
    Ok(Some(caller))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// 401; and 429 for an address that has tried too many.
fn refuse(app: &App, request: &Request) -> Failure {
    let Some(ClientAddress(client)) = request.extensions().get() else {
        return Failure(ApiError::unauthenticated());
    };
    let prefix = AddressPrefix::of(*client, app.prefixes);
    let key = app.hasher.key("address", prefix.as_bytes());
    let subjects = [Subject {
        key,
        policy: &app.failed_credentials,
    }];
    let decision = Check::new(key, &subjects, 1)
        .ok()
        .and_then(|check| app.addresses.try_decide(&check, app.clock.now()));
    match decision {
        Some(denied) if !denied.is_allowed() => Failure(ApiError::rate_limited(&denied)),
        _ => Failure(ApiError::unauthenticated()),
    }
}

/// The other end of the connection, from which the client's address is found.
#[must_use]
pub fn peer(extensions: &Extensions) -> Option<IpAddr> {
    let ConnectInfo(peer) = extensions.get::<ConnectInfo<SocketAddr>>()?;
    Some(peer.ip())
}

fn disabled(until: Timestamp) -> ApiError {
    ApiError::new(ErrorCode::AccountDisabled, "The account is disabled")
        .with_meta("until", until.to_rfc3339())
}

const CACHED_FOR: Duration = Duration::from_secs(5);
