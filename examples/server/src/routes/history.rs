//! How an account's usage went (#45, #161, #172).

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::get;
use picora_core::{Dimension, Measure, Tally, Timestamp, Unit};
use picora_http::{ApiError, ErrorCode};
use picora_quota::history::HistoryFault;
use picora_quota::{Counter, Grain, HistoryPoint, HistoryQuery};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::{Access, Route};
use crate::answer;
use crate::app::App;
use crate::credential::Caller;
use crate::failure::Failure;
use crate::input::Query;
use crate::openapi::{Doc, Parameter};

/// The one route.
pub fn routes() -> Vec<Route> {
    let names: Vec<_> = counters().map(Counter::meta_type).collect();
    let grains = [Grain::Hour, Grain::Day, Grain::Month].map(Grain::name);
    let instant = || json!({"type": "string", "format": "date-time"});
    let doc = Doc::new("get_usage_history", "How usage went, by the hour, the day or the month")
        .with(Parameter::query("dimension", "Of what.", json!({"type": "string", "enum": names})).required())
        .with(Parameter::query(
            "grain",
            "In which steps. Hours are kept for 35 days, days for 400, months for good.",
            json!({"type": "string", "enum": grains, "default": "day"}),
        ))
        .with(Parameter::query(
            "from",
            "From when, inclusive, rounded down to the grain; without it, 2 days of hours, 30 days of days, a year of months.",
            instant(),
        ))
        .with(Parameter::query("to", "Until when, exclusive; without it, until and with now.", instant()))
        .answers::<History>(StatusCode::OK)
        .fails([ErrorCode::InvalidRequest]);
    vec![Route {
        method: Method::GET,
        path: "/v1/user/me/usage/history".to_owned(),
        access: Access::Caller,
        doc: Some(doc),
        handler: get(history),
    }]
}

/// What is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    dimension: String,
    grain: Option<String>,
    from: Option<String>,
    to: Option<String>,
}

/// How one number of an account went.
#[derive(Debug, Serialize, ToSchema)]
struct History {
    /// Of what.
    dimension: &'static str,
    /// bytes or count.
    unit: &'static str,
    /// hour, day or month.
    grain: &'static str,
    /// From when, RFC 3339: the start of the first stretch.
    from: String,
    /// Until when.
    to: String,
    /// The stretches in which something moved, the oldest first; in all others nothing did.
    points: Vec<Point>,
}

/// One stretch.
#[derive(Debug, Serialize, ToSchema)]
struct Point {
    /// When it began, RFC 3339.
    start: String,
    /// By how much the number moved in it: what was served or uploaded, or what was added less what was removed.
    moved: i64,
    /// What it was at the end of it: of storage and documents how much there was, of a day or a month the sum since that began.
    level: u64,
}

async fn history(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    let now = app.clock.now();
    let (counter, query) = read(&asked, now)?;
    let points = app.media.store().history(caller.account.id, &query).await?;
    Ok(answer::ok(shape(counter, &query, &points)))
}

fn shape(counter: Counter, query: &HistoryQuery, points: &[HistoryPoint]) -> History {
    let point = |point: &HistoryPoint| Point {
        start: point.start.to_rfc3339(),
        moved: point.moved,
        level: point.level.get(),
    };
    History {
        dimension: counter.meta_type(),
        unit: match unit(counter) {
            Unit::Bytes => "bytes",
            Unit::Count => "count",
        },
        grain: query.grain.name(),
        from: query.grain.start(query.from).to_rfc3339(),
        to: query.until.to_rfc3339(),
        points: points.iter().map(point).collect(),
    }
}

/// The question in the ledger's words. **Errors**: 400, naming the member that is at fault, and the numbers that would be right.
fn read(asked: &Asked, now: Timestamp) -> Result<(Counter, HistoryQuery), ApiError> {
    let counter = counters().find(|counter| counter.meta_type() == asked.dimension);
    let counter = counter.ok_or_else(|| {
        let known: Vec<_> = counters().map(Counter::meta_type).collect();
        let sentence = format!("`dimension` is one of {}", known.join(", "));
        ApiError::invalid_request("dimension", sentence)
    })?;
    let grain = match asked.grain.as_deref() {
        None => Grain::Day,
        Some(name) => Grain::from_name(name)
            .ok_or_else(|| ApiError::invalid_request("grain", "`grain` is hour, day or month"))?,
    };
    let until = instant("to", asked.to.as_deref())?.unwrap_or_else(|| now.saturating_add(WITH_NOW));
    let from = instant("from", asked.from.as_deref())?;
    let query = HistoryQuery {
        counters: vec![counter],
        from: from.unwrap_or_else(|| until.saturating_sub(usual(grain))),
        until,
        grain,
    };
    query.examine(now).map_err(|fault| refusal(grain, fault))?;
    Ok((counter, query))
}

fn instant(field: &str, text: Option<&str>) -> Result<Option<Timestamp>, ApiError> {
    let parse = |text| {
        Timestamp::parse_rfc3339(text).ok_or_else(|| {
            let sentence =
                format!("`{field}` is an instant of RFC 3339, such as 2026-04-24T00:00:00Z");
            ApiError::invalid_request(field, sentence)
        })
    };
    text.map(parse).transpose()
}

fn refusal(grain: Grain, fault: HistoryFault) -> ApiError {
    let name = grain.name();
    match fault {
        HistoryFault::Backwards => ApiError::invalid_request("from", "`from` is earlier than `to`"),
        HistoryFault::TooLong { longest } => {
            let days = longest.as_secs() / 86_400;
            let sentence = format!("By the {name}, at most {days} days are told at once");
            ApiError::invalid_request("from", sentence).with_meta("limitDays", days)
        }
        HistoryFault::TooOld { kept_since } => {
            let since = kept_since.to_rfc3339();
            let sentence =
                format!("By the {name}, usage is kept since {since}; ask for a coarser grain");
            ApiError::invalid_request("from", sentence).with_meta("keptSince", since)
        }
    }
}

/// What has a past: all that is kept, and not checked by single items.
fn counters() -> impl Iterator<Item = Counter> {
    let dimensions = Dimension::ALL
        .into_iter()
        .filter(|dimension| dimension.measure() != Measure::PerItem);
    let tallies = Tally::ALL.into_iter().map(Counter::Tally);
    dimensions.map(Counter::Dimension).chain(tallies)
}

const fn unit(counter: Counter) -> Unit {
    match counter {
        Counter::Dimension(dimension) => dimension.unit(),
        Counter::Tally(tally) => tally.unit(),
        Counter::OpenReservations => Unit::Count,
    }
}

/// How much is told when nobody says from when: a page's chart. A year ago lies in the thirteenth month.
const fn usual(grain: Grain) -> Duration {
    let days = match grain {
        Grain::Hour => 2,
        Grain::Day => 30,
        Grain::Month => 365,
    };
    Duration::from_secs(days * 24 * 60 * 60)
}

/// What moves at this very instant has moved.
const WITH_NOW: Duration = Duration::from_micros(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_past_is_none_of_the_dimensions() {
        let names: Vec<_> = counters().map(Counter::meta_type).collect();
        assert_eq!(names.len(), 9);
        for none in [
            "doc_max_file",
            "doc_max_images_per_doc",
            "open_reservations",
        ] {
            assert!(!names.contains(&none));
        }
    }
}
