//! What an account may know about itself.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::get;
use picora_bandwidth::VideoStatus;
use picora_core::{CalendarMonth, Dimension, Timestamp};
use picora_quota::history::forecast;
use picora_quota::{Cell, UsageLine};

use super::{Access, Route};
use crate::answer::{
    self, AudioUsage, DocUsage, Forecast, Identity, ImageUsage, Level, Monthly, Part, UploadUsage,
    Usage, VideoUsage, shown,
};
use crate::app::App;
use crate::credential::Caller;
use crate::failure::Failure;
use crate::openapi::Doc;

/// The routes of an account.
pub fn routes() -> Vec<Route> {
    let route = |path: &str, doc, handler| Route {
        method: Method::GET,
        path: path.to_owned(),
        access: Access::Caller,
        doc: Some(doc),
        handler,
    };
    vec![
        route(
            "/v1/auth/verify",
            Doc::new("verify_credential", "Say who a credential belongs to")
                .answers::<Identity>(StatusCode::OK),
            get(verify),
        ),
        route(
            "/v1/user/me/usage",
            Doc::new("get_usage", "What is used, and what is allowed")
                .answers::<Usage>(StatusCode::OK),
            get(usage),
        ),
    ]
}

async fn verify(Extension(caller): Extension<Caller>) -> Response {
    answer::ok(Identity {
        account_id: caller.account.id.to_string(),
        key_id: caller.key.id.to_string(),
        plan: caller.account.plan.name(),
        role: caller.account.role.name(),
    })
}

async fn usage(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Failure> {
    let now = app.clock.now();
    let lines = app.media.store().usage(caller.account.id, now).await?;
    Ok(answer::ok(shape(&lines, &app.config.upgrade_url, now)))
}

/// The usage answer from the ledger's lines (#167).
#[must_use]
pub fn shape(lines: &[UsageLine], upgrade_url: &str, now: Timestamp) -> Usage {
    let cell = |dimension: Dimension| {
        let line = lines.iter().find(|line| line.dimension == dimension);
        line.map_or(Cell::empty(picora_core::Limit::NOTHING), |line| line.cell)
    };
    let level = |dimension| {
        let cell = cell(dimension);
        Level {
            used: cell.used.get(),
            limit: shown(cell.limit),
        }
    };
    let monthly = |dimension| {
        let Level { used, limit } = level(dimension);
        Monthly {
            used,
            limit,
            month_year: CalendarMonth::of(now).to_string(),
        }
    };
    let part = |dimension| {
        let line = lines.iter().find(|line| line.dimension == dimension);
        let used = line.map_or(0, |line| line.tally.get());
        Part { used }
    };
    let played = cell(Dimension::MediaBandwidth);
    Usage {
        image: ImageUsage {
            storage: level(Dimension::ImgStorage),
            bandwidth: monthly(Dimension::ImgBandwidth),
        },
        video: VideoUsage {
            storage: level(Dimension::MediaStorage),
            bandwidth: monthly(Dimension::MediaBandwidth),
            status: VideoStatus::of(played.used, played.limit).name(),
        },
        doc: DocUsage {
            count: level(Dimension::DocCount),
            max_file_bytes: shown(cell(Dimension::DocMaxFile).limit),
            max_images_per_doc: shown(cell(Dimension::DocMaxImagesPerDoc).limit),
        },
        audio: AudioUsage {
            storage: part(Dimension::MediaStorage),
            bandwidth: part(Dimension::MediaBandwidth),
        },
        uploads: UploadUsage {
            day: level(Dimension::UploadsPerDay),
            month: level(Dimension::UploadsPerMonth),
        },
        forecast: Forecast {
            image_bandwidth_reached_at: reached(lines, Dimension::ImgBandwidth, now),
            video_bandwidth_reached_at: reached(lines, Dimension::MediaBandwidth, now),
            uploads_reached_at: reached(lines, Dimension::UploadsPerMonth, now),
        },
        upgrade_url: upgrade_url.to_owned(),
    }
}

/// When the limit of a dimension of this month will be reached.
fn reached(lines: &[UsageLine], dimension: Dimension, now: Timestamp) -> Option<String> {
    let line = lines.iter().find(|line| line.dimension == dimension)?;
    let (from, end) = (line.key.window.start()?, line.key.window.end()?);
    let reached = forecast(line.cell.used, line.cell.limit, from, end, now)?;
    Some(reached.to_rfc3339())
}

#[cfg(test)]
mod tests {
    use picora_core::{Amount, Limit};
    use picora_quota::Counter;
    use picora_quota::reserve::cell_key;
    use serde_json::json;

    use super::*;

    /// The documents' sample (#170); 90 % is ok, whatever the sample says (C5).
    #[test]
    fn the_sample_has_its_shape_and_numbers() {
        let now = CalendarMonth::parse("2026-04").unwrap().start();
        let line = |dimension, used, limit| {
            let cell = Cell {
                used: Amount::new(used).unwrap(),
                reserved: Amount::ZERO,
                limit: Limit::Max(Amount::new(limit).unwrap()),
            };
            UsageLine {
                dimension,
                key: cell_key(Counter::Dimension(dimension), now),
                cell,
                tally: Amount::ZERO,
            }
        };
        let lines = [
            line(Dimension::ImgStorage, 524_288_000, 5_368_709_120),
            line(Dimension::ImgBandwidth, 1_073_741_824, 5_368_709_120),
            line(Dimension::MediaStorage, 5_368_709_120, 10_737_418_240),
            line(Dimension::MediaBandwidth, 9_663_676_416, 10_737_418_240),
            line(Dimension::DocCount, 247, 1_000),
        ];
        let mut shown =
            serde_json::to_value(shape(&lines, "https://picora.me/plans", now)).unwrap();
        for ours in ["audio", "uploads", "forecast", "upgradeUrl"] {
            shown.as_object_mut().unwrap().remove(ours).unwrap(); // beside the documents' names
        }
        for ours in ["maxFileBytes", "maxImagesPerDoc"] {
            shown["doc"].as_object_mut().unwrap().remove(ours).unwrap();
        }
        let expected = json!({
            "image": {"storage": {"used": 524_288_000, "limit": 5_368_709_120_u64},
                "bandwidth": {"used": 1_073_741_824, "limit": 5_368_709_120_u64, "monthYear": "2026-04"}},
            "video": {"storage": {"used": 5_368_709_120_u64, "limit": 10_737_418_240_u64},
                "bandwidth": {"used": 9_663_676_416_u64, "limit": 10_737_418_240_u64, "monthYear": "2026-04"}, "status": "ok"},
            "doc": {"count": {"used": 247, "limit": 1_000}},
        });
        assert_eq!(shown, expected);
    }
}
