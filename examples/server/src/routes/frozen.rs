//! The answer for a file that is archived and must be restored before it can be read.

use picora_http::{ApiError, ErrorCode};
use picora_media::Asset;
use picora_storage::ObjectKey;
use picora_tiering::Restoring;

use crate::app::App;
use crate::failure::Failure;

/// 202 `RESTORING` when it is on its way back (C67), else 503 `UNAVAILABLE`: nobody has asked for it yet, and reading does not. Both say
/// when to come back.
pub(super) async fn failure(app: &App, asset: &Asset) -> Failure {
    let (code, sentence) = if is_on_its_way(app, asset).await {
        (
            ErrorCode::Restoring,
            "The file is archived and is being restored",
        )
    } else {
        tracing::warn!(asset = %asset.id, "somebody asks for a file that is archived and not being restored");
        (
            ErrorCode::Unavailable,
            "The file is archived and has to be restored first",
        )
    };
    ApiError::new(code, sentence)
        .with_retry_after(COME_BACK_SECONDS)
        .into()
}

/// What cannot be found out is not promised.
async fn is_on_its_way(app: &App, asset: &Asset) -> bool {
    let Some(tiers) = &app.parts.files.tiers else {
        return false;
    };
    let path = ObjectKey::new(asset.account, asset.id).to_path();
    match tiers.probe(&path).await {
        Ok(present) => present.is_some_and(|it| it.restoring == Restoring::Ongoing),
        Err(error) => {
            tracing::warn!(%error, "it is not known whether an archived file is being restored");
            false
        }
    }
}

/// Requirements row #85.
const COME_BACK_SECONDS: u64 = 60;
