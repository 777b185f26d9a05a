//! Which mails an account wants, and where it is reached (#157, #220, C58).

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::{get, patch};
use picora_core::AccountId;
use picora_http::{ApiError, ErrorCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};

use super::{Access, Route};
use crate::answer;
use crate::app::App;
use crate::credential::Caller;
use crate::failure::Failure;
use crate::input::Json;
use crate::openapi::Doc;

/// The routes of a profile's notifications.
pub fn routes() -> Vec<Route> {
    let route = |method, doc, handler| Route {
        method,
        path: "/v1/user/me/notifications".to_owned(),
        access: Access::Caller,
        doc: Some(doc),
        handler,
    };
    vec![
        route(
            Method::GET,
            Doc::new("get_notifications", "Which mails an account gets")
                .answers::<Notifications>(StatusCode::OK)
                .fails([ErrorCode::NotFound]),
            get(show),
        ),
        route(
            Method::PATCH,
            Doc::new(
                "change_notifications",
                "Turn the mails at 80 % of a limit on or off; the others concern the service and stay on",
            )
            .takes::<NotificationsChange>()
            .answers::<Notifications>(StatusCode::OK)
            .fails([ErrorCode::InvalidRequest, ErrorCode::NotFound]),
            patch(change),
        ),
    ]
}

/// Which mails an account gets. At 110 and 120 % there are mails of video bandwidth alone.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Notifications {
    /// Where they go; null when nobody has said, and then nothing is mailed.
    email: Option<String>,
    /// Whether it is told at 80 % of a limit.
    quota_alert_at80: bool,
    /// Always true.
    quota_alert_at100: bool,
    /// Always true.
    quota_alert_at110: bool,
    /// Always true.
    quota_alert_at120: bool,
}

/// What is to change; what is absent or null stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NotificationsChange {
    /// Whether it shall be told at 80 % of a limit.
    quota_alert_at80: Option<bool>,
    /// True: it cannot be turned off.
    #[schema(schema_with = always)]
    quota_alert_at100: Option<bool>,
    /// True: it cannot be turned off.
    #[schema(schema_with = always)]
    quota_alert_at110: Option<bool>,
    /// True: it cannot be turned off.
    #[schema(schema_with = always)]
    quota_alert_at120: Option<bool>,
}

/// True or null.
fn always() -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Boolean, Type::Null]))
        .enum_values(Some([Some(true), None]))
        .description(Some("True: it cannot be turned off."))
        .build()
}

async fn show(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Failure> {
    view(&app, caller.account.id).await
}

async fn change(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    change: Json<NotificationsChange>,
) -> Result<Response, Failure> {
    let (Json(change), account) = (change, caller.account.id);
    for (field, wanted) in [
        ("quotaAlertAt100", change.quota_alert_at100),
        ("quotaAlertAt110", change.quota_alert_at110),
        ("quotaAlertAt120", change.quota_alert_at120),
    ] {
        if wanted == Some(false) {
            return Err(ApiError::invalid_request(field, MANDATORY).into());
        }
    }
    if let Some(wanted) = change.quota_alert_at80 {
        app.media.want_early_notices(account, wanted).await?;
    }
    view(&app, account).await
}

async fn view(app: &App, account: AccountId) -> Result<Response, Failure> {
    let contact = app.media.store().contact(account).await?;
    let contact = contact.ok_or_else(ApiError::not_found)?;
    Ok(answer::ok(Notifications {
        email: contact.email.map(|it| it.as_str().to_owned()),
        quota_alert_at80: contact.early_notices,
        quota_alert_at100: true,
        quota_alert_at110: true,
        quota_alert_at120: true,
    }))
}

/// Why (#158, #220).
const MANDATORY: &str = "Mails at 100 % of a limit and above say that your service changes, so they cannot be turned off; those at 80 % can (`quotaAlertAt80`)";
