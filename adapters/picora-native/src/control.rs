//! Tiers.

use async_trait::async_trait;
use http::Method;
use object_store::path::Path;
use picora_core::{Amount, StoreError, Timestamp};
use picora_tiering::{
    Guard, Moved, ObjectHeaders, Present, RestoreAck, RestoreSpeed, Restoring, Tier, TierCaps,
    TierControl,
};

use crate::Dialect;
use crate::answer::Failed;
use crate::ask::Ask;
use crate::attributes::{meta, number, served, shown, text};
use crate::failure::Failure;
use crate::store::{Native, stored_crc64};

#[async_trait]
impl<D: Dialect> TierControl for Native<D> {
    fn caps(&self) -> TierCaps {
        D::caps()
    }

    async fn probe(&self, key: &Path) -> Result<Option<Present>, StoreError> {
        let told = |failure: Failure| {
            self.wire
                .located(failure, key.as_ref())
                .of_tier(D::NAME, "probe an object", false)
        };
        let answered = match self.wire.send(&Ask::new(Method::HEAD, key.as_ref())).await {
            Ok(answered) => answered.parts,
            Err(failed) if failed.failure.is_missing() => return Ok(None),
            Err(failed) => return Err(told(failed.failure)),
        };
        let headers = &answered.headers;
        let size = number(headers, "content-length").and_then(|it| Amount::new(it).ok());
        let size =
            size.ok_or_else(|| told(Failure::Lost("its answer has no length".to_owned())))?;
        meta(headers, key, size.get()).map_err(told)?; // an answer without a time is none
        let class = shown(headers, &format!("{}storage-class", D::PREFIX));
        let restore = shown(headers, &format!("{}restore", D::PREFIX));
        Ok(Some(Present {
            class: D::read_class(class.as_deref()),
            restoring: restore.as_deref().map_or(Restoring::No, restoring),
            size,
            etag: text(headers, "etag").map(str::to_owned),
            crc64: stored_crc64::<D>(headers).map_err(told)?,
            headers: served(headers, D::PREFIX),
        }))
    }

    async fn set_tier(
        &self,
        key: &Path,
        to: Tier,
        guard: &Guard,
        headers: &ObjectHeaders,
    ) -> Result<Moved, StoreError> {
        if guard.size > self.caps().copy_limit {
            return Ok(Moved::TooLarge);
        }
        let told = |failure: Failure| {
            let located = self.wire.located(failure, key.as_ref());
            located.of_tier(D::NAME, "move an object", true)
        };
        let (prefix, config) = (D::PREFIX, &self.wire.config);
        let mut ask = Ask::new(Method::PUT, key.as_ref())
            .with(
                format!("{prefix}copy-source"),
                D::copy_source(config, key.as_ref()),
            )
            .with(format!("{prefix}copy-source-if-match"), &guard.etag)
            .with(format!("{prefix}metadata-directive"), D::REPLACES)
            .with(format!("{prefix}storage-class"), D::class(to));
        for (name, value) in headers.standard() {
            ask = ask.with(name, value);
        }
        for (name, value) in &headers.metadata {
            ask = ask.with(format!("{prefix}meta-{name}"), value);
        }
        ask.joins = true;
        // Not again by itself after a loss: whether it has happened is for a probe to say.
        match self.wire.document(&ask, "CopyObjectResult").await {
            Ok(_) => Ok(Moved::Done),
            Err(Failed { failure, .. }) => match failure.status() {
                Some(404) if failure.is_missing() => Ok(Moved::Missing),
                Some(412) => Ok(Moved::Changed),
                Some(403) if failure.has_code("InvalidObjectState") => Ok(Moved::Frozen),
                _ => Err(told(failure)),
            },
        }
    }

    async fn restore(
        &self,
        key: &Path,
        days: u16,
        speed: RestoreSpeed,
    ) -> Result<RestoreAck, StoreError> {
        let mut ask = Ask::new(Method::POST, key.as_ref())
            .asking("restore", "")
            .with("content-type", "application/xml");
        ask.rationed = true;
        ask.body = D::restore(days, speed).into();
        ask = {
            let digest = crate::store::md5(&ask.body);
            ask.with("content-md5", digest)
        };
        match self.wire.send(&ask).await {
            Ok(answered) if answered.parts.status == http::StatusCode::ACCEPTED => {
                Ok(RestoreAck::Accepted)
            }
            Ok(_) => Ok(RestoreAck::Readable),
            Err(failed) => match failed.failure.status() {
                Some(404) if failed.failure.is_missing() => Ok(RestoreAck::Missing),
                Some(409) if failed.failure.has_code("RestoreAlreadyInProgress") => {
                    Ok(RestoreAck::InProgress)
                }
                Some(400 | 405) if is_not_archived(&failed.failure) => Ok(RestoreAck::NotArchived),
                _ => {
                    let located = self.wire.located(failed.failure, key.as_ref());
                    Err(located.of_tier(D::NAME, "restore an object", true))
                }
            },
        }
    }
}

fn is_not_archived(failure: &Failure) -> bool {
    [
        "OperationNotSupported",
        "InvalidObjectState",
        "MethodNotAllowed",
    ]
    .iter()
    .any(|code| failure.has_code(code))
}

/// `ongoing-request="false", expiry-date="Sun, 16 Apr 2017 08:12:33 GMT"`. What does not read is going on: nobody must read meanwhile.
fn restoring(text: &str) -> Restoring {
    let date = text
        .split_once("expiry-date=\"")
        .and_then(|(_, rest)| rest.split_once('"'));
    let date = date.and_then(|(date, _)| httpdate::parse_http_date(date).ok());
    let since = date.and_then(|at| at.duration_since(std::time::SystemTime::UNIX_EPOCH).ok());
    match since {
        Some(since) if text.contains("ongoing-request=\"false\"") => {
            Restoring::ReadableUntil(Timestamp::EPOCH.saturating_add(since))
        }
        _ => Restoring::Ongoing,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_what_says_until_when_is_readable() {
        let until = Timestamp::from_unix_seconds(1_492_330_353);
        let date = "expiry-date=\"Sun, 16 Apr 2017 08:12:33 GMT\"";
        for (text, state) in [
            (
                format!("ongoing-request=\"false\", {date}"),
                Restoring::ReadableUntil(until),
            ),
            (
                format!("ongoing-request=\"true\", {date}"),
                Restoring::Ongoing,
            ),
            ("ongoing-request=\"true\"".to_owned(), Restoring::Ongoing),
            ("ongoing-request=\"false\"".to_owned(), Restoring::Ongoing),
            (
                "ongoing-request=\"false\", expiry-date=\"soon\"".to_owned(),
                Restoring::Ongoing,
            ),
            (String::new(), Restoring::Ongoing),
        ] {
            assert_eq!(restoring(&text), state, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(ongoing-request=\"(false|true)\")?.{0,6}(expiry-date=\".{0,40}\"?)?.{0,6}") {
            let _ = restoring(&text);
        }
    }
}
