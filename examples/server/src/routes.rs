//! The route table: from it come the router, the tier of each route, and the OpenAPI document, so that none can drift from another.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, Method, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::MethodRouter;
use picora_core::MediaKind;
use picora_http::{
    ApiError, ClientAddressLayer, DRAFT_HEADERS, EXPOSED_HEADERS, LimitLayer, RequestIdLayer,
};
use picora_ratelimit::Tier;
use tower_http::cors::{Any, CorsLayer};

use crate::app::App;
use crate::credential;
use crate::failure::Failure;
use crate::lingering::linger;
use crate::log;
use crate::openapi::{Doc, Documents};

pub mod account;
pub mod admin;
pub mod delivery;
pub mod events;
mod frozen;
pub mod history;
pub mod notifications;
pub mod public;
pub mod resource;
pub mod unsubscribe;

/// One route: a method and a path, who may call it, and what the document says of it.
#[derive(Debug)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, with `{id}` for an id.
    pub path: String,
    /// Who may call it.
    pub access: Access,
    /// What the document says; `None` for delivery, which is not part of the API.
    pub doc: Option<Doc>,
    /// What answers.
    pub handler: MethodRouter<Arc<App>>,
}

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Operators (C77).
    Admin,
    /// Whoever has a credential.
    Caller,
    /// Everybody. Such routes have no tier, because no account is known that would pay (C83).
    Everybody,
}

impl Route {
    /// The tier that a call is charged to (C13); `None` when nobody is known who could pay.
    #[must_use]
    pub fn tier(&self) -> Option<Tier> {
        let uploads = MediaKind::ALL.map(|kind| format!("/v1/{}", resource::collection(kind)));
        match (self.access, &self.method) {
            (Access::Everybody, _) => None,
            (_, &Method::GET | &Method::HEAD) => Some(Tier::Read),
            (_, &Method::POST) if uploads.contains(&self.path) => Some(Tier::Upload),
            _ => Some(Tier::Mutation),
        }
    }

    /// Its paths: `/v1/user/me/*` and `/v1/me/*` are one (C12), the documents' spelling first.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        let alias = self
            .path
            .strip_prefix("/v1/user/me/")
            .map(|rest| format!("/v1/me/{rest}"));
        std::iter::once(self.path.clone()).chain(alias).collect()
    }
}

/// All routes.
#[must_use]
pub fn table() -> Vec<Route> {
    let resources = MediaKind::ALL.into_iter().flat_map(resource::routes);
    resources
        .chain(account::routes())
        .chain(history::routes())
        .chain(events::routes())
        .chain(notifications::routes())
        .chain(admin::routes())
        .chain(public::routes())
        .chain(delivery::routes())
        .chain(unsubscribe::routes())
        .collect()
}

/// The router of a server: request id, then CORS, then for each route the credential, the limiter and the handler.
pub fn router(app: &Arc<App>) -> Router {
    let table = table();
    let documents = Documents::of(&table);
    let mut router = Router::new();
    for route in table {
        let (tier, paths) = (route.tier(), route.paths());
        let mut handler = route.handler;
        if route.access == Access::Admin {
            handler = handler.route_layer(from_fn(credential::require_admin));
        }
        if route.access != Access::Everybody {
            handler =
                handler.route_layer(from_fn_with_state(app.clone(), credential::require_enabled));
        }
        if let Some(tier) = tier {
            handler = handler.route_layer(LimitLayer::with_options(
                app.limiter.clone(),
                app.clock.clone(),
                app.budgets.for_tier(tier),
                app.config.rate_limits.options(tier, &app.fallback),
            ));
        }
        if route.access != Access::Everybody {
            handler = handler.route_layer(from_fn_with_state(app.clone(), credential::require));
        }
        for path in paths {
            router = router.route(&path, handler.clone());
        }
    }
    let unknown = || async { Failure(ApiError::not_found()) };
    router
        .merge(documents.router())
        .fallback(unknown)
        .method_not_allowed_fallback(unknown)
        .layer(DefaultBodyLimit::max(LONGEST_JSON_BYTES))
        .layer(cors(app.config.rate_limits.draft().is_some()))
        .layer(from_fn(linger))
        .layer(from_fn(log::under_request_id))
        .layer(ClientAddressLayer::new(
            app.proxies.clone(),
            credential::peer,
        ))
        .layer(RequestIdLayer::new(app.clock.clone(), app.entropy.clone()))
        .with_state(app.clone())
}

/// Any origin may call the API with a key, and read all that it needs; there are no cookies that it could abuse (C39, #64, #237).
fn cors(drafts: bool) -> CorsLayer {
    let requested = [
        header::AUTHORIZATION,
        header::CONTENT_TYPE,
        header::RANGE,
        IDEMPOTENCY_KEY,
        HeaderName::from_static("last-event-id"),
        HeaderName::from_static("x-request-id"),
    ];
    let methods = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
    ];
    let exposed = EXPOSED_HEADERS
        .iter()
        .cloned()
        .chain([header::ETAG, header::CONTENT_RANGE])
        .chain(DRAFT_HEADERS.iter().filter(|_| drafts).cloned());
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods(methods)
        .allow_headers(requested)
        .expose_headers(exposed.collect::<Vec<_>>())
        .max_age(std::time::Duration::from_secs(86_400))
}

/// The header by which a client names an attempt, so that repeating it is safe.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Longer JSON than this is no request of ours.
const LONGEST_JSON_BYTES: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiers_follow_the_table_of_the_documents() {
        let tier = |method: Method, path: &str| {
            let route = table()
                .into_iter()
                .find(|route| route.method == method && route.path == path);
            route.unwrap_or_else(|| panic!("{method} {path}")).tier()
        };
        for collection in ["images", "videos", "audio", "docs"] {
            assert_eq!(
                tier(Method::POST, &format!("/v1/{collection}")),
                Some(Tier::Upload)
            );
            assert_eq!(
                tier(Method::GET, &format!("/v1/{collection}")),
                Some(Tier::Read)
            );
            assert_eq!(
                tier(Method::GET, &format!("/v1/{collection}/{{id}}")),
                Some(Tier::Read)
            );
            assert_eq!(
                tier(Method::PATCH, &format!("/v1/{collection}/{{id}}")),
                Some(Tier::Mutation)
            );
            assert_eq!(
                tier(Method::DELETE, &format!("/v1/{collection}/{{id}}")),
                Some(Tier::Mutation)
            );
        }
        assert_eq!(tier(Method::GET, "/v1/auth/verify"), Some(Tier::Read));
        assert_eq!(tier(Method::GET, "/v1/user/me/usage"), Some(Tier::Read));
        assert_eq!(tier(Method::GET, "/health"), None);
    }

    #[test]
    fn every_route_without_a_credential_is_known() {
        let open: Vec<_> = table()
            .into_iter()
            .filter(|route| route.access == Access::Everybody)
            .map(|route| route.path)
            .collect();
        let expected = ["/health", "/health/ready", "/media/{name}"];
        assert_eq!(open[..3], expected);
        assert_eq!(open[3..], ["/unsubscribe"; 2]);
    }

    #[test]
    fn no_operators_route_lists_what_users_store() {
        for route in table()
            .into_iter()
            .filter(|route| route.path.starts_with("/v1/admin"))
        {
            assert_eq!(route.access, Access::Admin, "{}", route.path);
            let lists = route.method == Method::GET && !route.path.ends_with("/{id}");
            assert!(!lists, "{} lists", route.path);
        }
    }
}
