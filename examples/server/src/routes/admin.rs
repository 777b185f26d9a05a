//! What operators may do (C77). Each change is written down in the transaction that makes it; nothing here lists what users store.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::{get, post, put};
use picora_core::{AccountId, AssetId, PlanId, Timestamp};
use picora_http::{ApiError, ErrorCode};
use picora_media::{AuditEntry, EmailAddress};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Access, Route};
use crate::answer::{self, Usage, address};
use crate::app::App;
use crate::credential::Caller;
use crate::failure::Failure;
use crate::input::{Json, PathId};
use crate::openapi::Doc;

/// The routes of operators.
pub fn routes() -> Vec<Route> {
    let route = |method, path: &str, doc, handler| Route {
        method,
        path: path.to_owned(),
        access: Access::Admin,
        doc: Some(doc),
        handler,
    };
    let faults = [
        ErrorCode::Forbidden,
        ErrorCode::InvalidRequest,
        ErrorCode::NotFound,
    ];
    vec![
        route(
            Method::GET,
            "/v1/admin/accounts/{id}",
            Doc::new("admin_get_account", "Show an account and what it uses")
                .internal()
                .answers::<AccountView>(StatusCode::OK)
                .fails(faults),
            get(show),
        ),
        route(
            Method::PUT,
            "/v1/admin/accounts/{id}/plan",
            Doc::new("admin_set_plan", "Move an account to another plan")
                .internal()
                .takes::<PlanChange>()
                .answers::<AccountView>(StatusCode::OK)
                .fails(faults),
            put(set_plan),
        ),
        route(
            Method::PUT,
            "/v1/admin/accounts/{id}/email",
            Doc::new(
                "admin_set_email",
                "Set or forget where the mails of an account go",
            )
            .internal()
            .takes::<EmailChange>()
            .answers::<AccountView>(StatusCode::OK)
            .fails(faults),
            put(set_email),
        ),
        route(
            Method::PUT,
            "/v1/admin/accounts/{id}/disabled",
            Doc::new(
                "admin_disable_account",
                "Disable an account for a time, or enable it",
            )
            .internal()
            .takes::<Disabling>()
            .answers::<AccountView>(StatusCode::OK)
            .fails(faults),
            put(disable),
        ),
        route(
            Method::POST,
            "/v1/admin/resources/{id}/access",
            Doc::new(
                "admin_open_resource",
                "Open one resource for a legal reason; the access is written down first",
            )
            .internal()
            .takes::<Reason>()
            .answers::<Opened>(StatusCode::OK)
            .fails(faults),
            post(open),
        ),
    ]
}

/// An account as operators see it: its numbers, and nothing of its content.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountView {
    /// Its id.
    id: String,
    /// Its plan.
    plan: &'static str,
    /// user or admin.
    role: &'static str,
    /// When it was made.
    created_at: String,
    /// Until when it is disabled, if it is.
    disabled_until: Option<String>,
    /// Where its mails go, if somebody has said.
    email: Option<String>,
    /// What it uses.
    usage: Usage,
}

/// Another plan, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanChange {
    /// none, trial, pro or pro_plus.
    #[schema(pattern = "^(none|trial|pro|pro_plus)$")]
    plan: String,
    /// Why, for the audit.
    #[schema(min_length = 1, max_length = 500, pattern = r"\S")]
    reason: String,
}

/// Where mails go, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EmailChange {
    /// The address, in plain ASCII; null for none.
    #[schema(
        required,
        max_length = 254,
        pattern = "^([a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]{1,64}|[a-zA-Z0-9_+-]{1,16}(\\.[a-zA-Z0-9_+-]{1,15}){0,3})@([a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\\.)+[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?$"
    )]
    #[serde(deserialize_with = "given")]
    email: Option<String>,
    /// Why, for the audit.
    #[schema(min_length = 1, max_length = 500, pattern = r"\S")]
    reason: String,
}

/// A member that must be there, though it may be null: an address is not forgotten by leaving it out.
fn given<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Option::deserialize(from)
}

/// For how long, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Disabling {
    /// For how many seconds from now; 0 enables it.
    seconds: u32,
    /// Why, for the audit.
    #[schema(min_length = 1, max_length = 500, pattern = r"\S")]
    reason: String,
}

/// Why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// Why, for the audit.
    #[schema(min_length = 1, max_length = 500, pattern = r"\S")]
    reason: String,
}

/// Where one resource can be read for an hour.
#[derive(Debug, Serialize, ToSchema)]
pub struct Opened {
    /// Its id.
    id: String,
    /// A signed address.
    url: String,
}

async fn show(State(app): State<Arc<App>>, PathId(id): PathId) -> Result<Response, Failure> {
    view(&app, account_id(&id)?).await
}

async fn set_plan(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    PathId(id): PathId,
    change: Json<PlanChange>,
) -> Result<Response, Failure> {
    let (Json(change), id) = (change, account_id(&id)?);
    let plan = PlanId::from_name(&change.plan).ok_or_else(|| {
        ApiError::invalid_request("plan", "`plan` is none, trial, pro or pro_plus")
    })?;
    let audit = audit(&app, &caller, "set_plan", id.to_string(), &change.reason)?;
    let changed = app
        .media
        .change_plan(
            id,
            app.plans.plan(plan),
            app.config.uploads.max_open,
            &audit,
        )
        .await?;
    answer_changed(&app, id, changed).await
}

async fn set_email(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    PathId(id): PathId,
    change: Json<EmailChange>,
) -> Result<Response, Failure> {
    let (Json(change), id) = (change, account_id(&id)?);
    let email = change.email.map(EmailAddress::new).transpose();
    let email = email.map_err(|error| {
        let sentence = format!("`email` is no address: {error}");
        ApiError::invalid_request("email", sentence)
    })?;
    let audit = audit(&app, &caller, "set_email", id.to_string(), &change.reason)?;
    let changed = app.media.change_email(id, email.as_ref(), &audit).await?;
    answer_changed(&app, id, changed).await
}

async fn disable(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    PathId(id): PathId,
    change: Json<Disabling>,
) -> Result<Response, Failure> {
    let (Json(change), id) = (change, account_id(&id)?);
    let until = app
        .clock
        .now()
        .saturating_add(std::time::Duration::from_secs(change.seconds.into()));
    let until = (change.seconds > 0).then_some(until);
    let audit = audit(&app, &caller, "disable", id.to_string(), &change.reason)?;
    let changed = app.media.disable(id, until, &audit).await?;
    answer_changed(&app, id, changed).await
}

/// The audit row is durable before the address is answered; when it cannot be written there is no access (#69).
async fn open(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    PathId(id): PathId,
    reason: Json<Reason>,
) -> Result<Response, Failure> {
    let Json(Reason { reason }) = reason;
    let id: AssetId = id.parse().map_err(|_| ApiError::not_found())?;
    let asset = app
        .media
        .store()
        .asset_at(id)
        .await?
        .ok_or_else(ApiError::not_found)?;
    app.media
        .audit(&audit(
            &app,
            &caller,
            "open_resource",
            id.to_string(),
            &reason,
        )?)
        .await?;
    Ok(answer::ok(Opened {
        id: id.to_string(),
        url: address(&app, &asset, app.clock.now()),
    }))
}

async fn answer_changed(app: &App, id: AccountId, changed: bool) -> Result<Response, Failure> {
    app.keys.forget();
    if changed {
        view(app, id).await
    } else {
        Err(ApiError::not_found().into())
    }
}

async fn view(app: &App, id: AccountId) -> Result<Response, Failure> {
    let account = app
        .media
        .store()
        .account(id)
        .await?
        .ok_or_else(ApiError::not_found)?;
    let contact = app.media.store().contact(id).await?;
    let email = contact.and_then(|it| it.email);
    let now = app.clock.now();
    let usage = super::account::shape(
        &app.media.store().usage(id, now).await?,
        &app.config.upgrade_url,
        now,
    );
    Ok(answer::ok(AccountView {
        id: id.to_string(),
        plan: account.plan.name(),
        role: account.role.name(),
        created_at: account.created_at.to_rfc3339(),
        disabled_until: account.disabled_at(now).map(Timestamp::to_rfc3339),
        email: email.map(|it| it.as_str().to_owned()),
        usage,
    }))
}

fn account_id(text: &str) -> Result<AccountId, ApiError> {
    text.parse().map_err(|_| ApiError::not_found())
}

fn audit(
    app: &App,
    caller: &Caller,
    action: &'static str,
    subject: String,
    reason: &str,
) -> Result<AuditEntry, ApiError> {
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > LONGEST_REASON {
        return Err(ApiError::invalid_request(
            "reason",
            "`reason` is 1 to 500 characters",
        ));
    }
    Ok(AuditEntry {
        actor: Some(caller.account.id),
        action,
        subject,
        reason: reason.to_owned(),
        at: app.clock.now(),
    })
}

const LONGEST_REASON: usize = 500;
