//! Tiers.

use std::time::Duration;

use async_trait::async_trait;
use http::Method;
use object_store::path::Path;
use picora_core::{Amount, StoreError};
use picora_native::Failure;
use picora_native::answer::Failed;
use picora_native::attributes::{meta, number, served, text};
use picora_sign::encode;
use picora_tiering::{
    Guard, Moved, ObjectHeaders, Present, RestoreAck, RestoreSpeed, Restoring, Tier, TierCaps,
    TierControl,
};

use crate::answer::{CLASS, COPIED, PREFIX, class, crc64, read_class, verified};
use crate::store::{NAME, R2};
use crate::wire::bare;

#[async_trait]
impl TierControl for R2 {
    /// As the vendor's pages "Storage classes" and "Limits" have it: an object of infrequent access is billed for 30 days at least and
    /// read at once, for a fee; one copy takes up to 5 GiB.
    fn caps(&self) -> TierCaps {
        TierCaps {
            transparent_read: true,
            needs_restore: false,
            minimum_billed: Amount::ZERO,
            minimum_days: 30,
            restore_typical: Duration::ZERO,
            restore_worst: Duration::ZERO,
            restores_per_second: None,
            paid_replica: false,
            self_copy_drops_headers: true,
            copy_limit: COPY_LIMIT,
        }
    }

    async fn probe(&self, key: &Path) -> Result<Option<Present>, StoreError> {
        let told = |failure: Failure| {
            let located = self.wire.located(failure, key.as_ref());
            located.of_tier(NAME, "probe an object", false)
        };
        let head = bare(self.wire.ask(Method::HEAD, key.as_ref())).map_err(told)?;
        let answered = match self.wire.send(&head).await {
            Ok(answered) => answered,
            Err(failed) if failed.failure.is_missing() => return Ok(None),
            Err(failed) => return Err(told(failed.failure)),
        };
        let headers = &answered.parts.headers;
        let size = number(headers, "content-length").and_then(|it| Amount::new(it).ok());
        let size =
            size.ok_or_else(|| told(Failure::Lost("its answer has no length".to_owned())))?;
        meta(headers, key, size.get()).map_err(told)?; // an answer without a time is none
        verified(headers).map_err(told)?;
        Ok(Some(Present {
            class: read_class(text(headers, CLASS)),
            restoring: Restoring::No,
            size,
            etag: text(headers, "etag").map(str::to_owned),
            crc64: crc64(headers),
            headers: served(headers, PREFIX),
        }))
    }

    /// The guard holds twice, at the source of the copy and when it is committed, which are two instants for R2. That an object is in the
    /// class already is no refusal: a copy that replaces the headers always changes something.
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
        let source = format!("/{}/{key}", self.wire.config.bucket);
        let mut copy = self
            .wire
            .ask(Method::PUT, key.as_ref())
            .header("x-amz-copy-source", encode::path(&source))
            .header("x-amz-copy-source-if-match", &guard.etag)
            .header("cf-copy-destination-if-match", &guard.etag)
            .header("x-amz-metadata-directive", "REPLACE")
            .header(CLASS, class(to));
        for (name, value) in headers.standard() {
            copy = copy.header(name, value);
        }
        for (name, value) in &headers.metadata {
            copy = copy.header(format!("{PREFIX}meta-{name}"), value);
        }
        let told = |failure: Failure| {
            let located = self.wire.located(failure, key.as_ref());
            located.of_tier(NAME, "move an object", true)
        };
        let copy = bare(copy).map_err(told)?;
        // Not again by itself after a loss: whether it has happened is for a probe to say.
        match self.wire.document(&copy, COPIED).await {
            Ok(_) => Ok(Moved::Done),
            Err(Failed { failure, .. }) => match failure.status() {
                Some(404) if failure.is_missing() => Ok(Moved::Missing),
                // What is not there is not the guard's either; which of the two is said is the store's affair.
                Some(412) => Ok(match self.probe(key).await? {
                    Some(_) => Moved::Changed,
                    None => Moved::Missing,
                }),
                _ => Err(told(failure)),
            },
        }
    }

    /// R2 restores nothing, since all can be read: it is only looked whether there is something.
    async fn restore(&self, key: &Path, _: u16, _: RestoreSpeed) -> Result<RestoreAck, StoreError> {
        Ok(match self.probe(key).await? {
            Some(_) => RestoreAck::NotArchived,
            None => RestoreAck::Missing,
        })
    }
}

/// 5 GiB; it has more bits than the integers that are amounts of themselves.
const COPY_LIMIT: Amount = match Amount::new(5 << 30) {
    Ok(limit) => limit,
    Err(_) => Amount::MAX,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_copy_takes_5_gib() {
        assert_eq!(COPY_LIMIT.get(), 5_368_709_120);
    }
}
