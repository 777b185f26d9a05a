//! Media on Aliyun OSS.
//!
//! **Decides** how OSS differs from its relatives: signature version 4 (or 1, for old buckets), classes `Standard` and `Archive`, a copy onto itself that forgets
//! every header that is not sent again, restores of a minute. All else is [`picora_native`].
//!
//! **Must not know** which bytes are whose, or when they should move.
//!
//! ```
//! use picora_core::{Clock, ManualClock, Timestamp};
//! use picora_native::NativeConfig;
//! use picora_oss::Oss;
//! use picora_sign::Credentials;
//! use std::sync::Arc;
//!
//! let config = NativeConfig::new("https://media.example.com", "photos", "cn-hangzhou", Credentials::new("AK", "SK"))?;
//! let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Timestamp::from_unix_seconds(1_795_255_200)));
//! let store = picora_oss::open(config, clock)?; // an `object_store::ObjectStore`, and a `picora_tiering::TierControl`
//! # let _: Oss = store;
//! # Ok::<(), picora_native::ConfigError>(())
//! ```
//!
//! Sources: the vendor's pages of PutObject, CopyObject, RestoreObject, HeadObject and "Storage classes"; rows #83–#85, #96.

use std::sync::Arc;
use std::time::Duration;

use picora_core::{Amount, Clock, Timestamp};
use picora_native::{ConfigError, Dialect, Native, NativeConfig};
use picora_sign::{Request, encode, oss, oss_v1};
use picora_tiering::{Class, RestoreSpeed, Tier, TierCaps};

/// A bucket of OSS.
pub type Oss = Native<OssDialect>;

/// Opens a bucket at its address: `https://photos.oss-cn-hangzhou.aliyuncs.com`, or a domain of one's own,
/// which new buckets of the mainland must have. Nothing is sent.
///
/// **Errors**: [`ConfigError`] when no HTTPS client can be made.
pub fn open(config: NativeConfig, clock: Arc<dyn Clock>) -> Result<Oss, ConfigError> {
    Native::new(config, clock)
}

/// The habits of OSS.
#[derive(Debug)]
pub struct OssDialect;

impl Dialect for OssDialect {
    const NAME: &'static str = "oss";
    const PREFIX: &'static str = "x-oss-";
    const ANSWERS_WITH: Option<&'static str> = Some("x-oss-request-id");
    const LIST: &'static [(&'static str, &'static str)] = &[("list-type", "2")];
    const GOES_ON: (&'static str, &'static str) = ("continuation-token", "NextContinuationToken");
    const STARTS_AFTER: &'static str = "start-after";
    const CUTS_RANGES: Option<(&'static str, &'static str)> =
        Some(("x-oss-range-behavior", "standard"));
    const REPLACES: &'static str = "REPLACE";

    fn headers(
        config: &NativeConfig,
        request: &Request<'_>,
        now: Timestamp,
    ) -> Vec<(&'static str, String)> {
        if config.first_signature {
            return oss_v1::headers(&config.credentials, request, now);
        }
        oss::headers(&config.credentials, &config.region, request, now)
    }

    fn query(
        config: &NativeConfig,
        request: &Request<'_>,
        now: Timestamp,
        expires_after: Duration,
    ) -> Vec<(&'static str, String)> {
        if config.first_signature {
            return oss_v1::query(&config.credentials, request, now, expires_after);
        }
        oss::query(
            &config.credentials,
            &config.region,
            request,
            now,
            expires_after,
        )
    }

    fn class(tier: Tier) -> &'static str {
        match tier {
            Tier::Hot => HOT,
            Tier::Archive => ARCHIVE,
        }
    }

    fn read_class(class: Option<&str>) -> Class {
        match class {
            None | Some(HOT) => Tier::Hot.into(),
            Some(ARCHIVE) => Tier::Archive.into(),
            Some(other) => Class::Other(other.to_owned()),
        }
    }

    fn copy_source(config: &NativeConfig, key: &str) -> String {
        format!("/{}/{}", config.bucket, encode::path(key))
    }

    /// For its one archive, OSS knows no speeds. A restored object is readable for one to seven days.
    fn restore(days: u16, _speed: RestoreSpeed) -> String {
        format!(
            "<RestoreRequest><Days>{}</Days></RestoreRequest>",
            days.clamp(1, 7)
        )
    }

    fn caps() -> TierCaps {
        TierCaps {
            transparent_read: false,
            needs_restore: true,
            minimum_billed: Amount::from(64 << 10),
            minimum_days: 60,
            restore_typical: Duration::from_secs(60),
            restore_worst: Duration::from_secs(4 * 60 * 60),
            restores_per_second: None,
            paid_replica: false,
            self_copy_drops_headers: true,
            copy_limit: Amount::from(1 << 30),
        }
    }
}

const HOT: &str = "Standard";
const ARCHIVE: &str = "Archive";
