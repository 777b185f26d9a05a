//! Media on Tencent COS.
//!
//! **Decides** how COS differs from its relatives: its signature with a span of time, classes `STANDARD` and `ARCHIVE`, copies that never carry
//! the class, lists by a marker, restores at three speeds. All else is [`picora_native`].
//!
//! **Must not know** which bytes are whose, or when they should move.
//!
//! ```
//! use picora_core::{Clock, ManualClock, Timestamp};
//! use picora_native::NativeConfig;
//! use picora_cos::Cos;
//! use picora_sign::Credentials;
//! use std::sync::Arc;
//!
//! let config = NativeConfig::new("https://media.example.com", "photos-1250000000", "ap-guangzhou", Credentials::new("AKID", "SK"))?;
//! let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Timestamp::from_unix_seconds(1_795_255_200)));
//! let store = picora_cos::open(config, clock)?; // an `object_store::ObjectStore`, and a `picora_tiering::TierControl`
//! # let _: Cos = store;
//! # Ok::<(), picora_native::ConfigError>(())
//! ```
//!
//! Sources: the vendor's pages of PUT Object, PUT Object - Copy, POST Object restore, HEAD Object and "Storage Classes"; rows #66, #84–#85.

use std::sync::Arc;
use std::time::Duration;

use picora_core::{Amount, Clock, Timestamp};
use picora_native::{ConfigError, Dialect, Native, NativeConfig};
use picora_sign::cos::Span;
use picora_sign::{Request, cos, encode};
use picora_tiering::{Class, RestoreSpeed, Tier, TierCaps};

/// A bucket of COS.
pub type Cos = Native<CosDialect>;

/// Opens a bucket at its address: `https://photos-1250000000.cos.ap-guangzhou.myqcloud.com`, or a domain of
/// one's own; the bucket's name ends with the number of its owner. Nothing is sent.
///
/// **Errors**: [`ConfigError`] when no HTTPS client can be made.
pub fn open(config: NativeConfig, clock: Arc<dyn Clock>) -> Result<Cos, ConfigError> {
    Native::new(config, clock)
}

/// The habits of COS.
#[derive(Debug)]
pub struct CosDialect;

impl Dialect for CosDialect {
    const NAME: &'static str = "cos";
    const PREFIX: &'static str = "x-cos-";
    const ANSWERS_WITH: Option<&'static str> = Some("x-cos-request-id");
    const LIST: &'static [(&'static str, &'static str)] = &[];
    const GOES_ON: (&'static str, &'static str) = ("marker", "NextMarker");
    const STARTS_AFTER: &'static str = "marker";
    const CUTS_RANGES: Option<(&'static str, &'static str)> = None;
    const REPLACES: &'static str = "Replaced";

    fn headers(
        config: &NativeConfig,
        request: &Request<'_>,
        now: Timestamp,
    ) -> Vec<(&'static str, String)> {
        cos::headers(&config.credentials, request, span(now, HOLDS))
    }

    fn query(
        config: &NativeConfig,
        request: &Request<'_>,
        now: Timestamp,
        expires_after: Duration,
    ) -> Vec<(&'static str, String)> {
        cos::query(&config.credentials, request, span(now, expires_after))
    }

    fn class(tier: Tier) -> &'static str {
        match tier {
            Tier::Hot => HOT,
            Tier::Archive => ARCHIVE,
        }
    }

    /// COS does not tell the class of what is standard.
    fn read_class(class: Option<&str>) -> Class {
        match class {
            None | Some(HOT) => Tier::Hot.into(),
            Some(ARCHIVE) => Tier::Archive.into(),
            Some(other) => Class::Other(other.to_owned()),
        }
    }

    fn copy_source(config: &NativeConfig, key: &str) -> String {
        let (bucket, region) = (&config.bucket, &config.region);
        format!("{bucket}.cos.{region}.myqcloud.com/{}", encode::path(key))
    }

    fn restore(days: u16, speed: RestoreSpeed) -> String {
        let tier = match speed {
            RestoreSpeed::Expedited => "Expedited",
            RestoreSpeed::Standard => "Standard",
            RestoreSpeed::Bulk => "Bulk",
        };
        let days = days.max(1);
        format!(
            "<RestoreRequest><Days>{days}</Days><CASJobParameters><Tier>{tier}</Tier></CASJobParameters></RestoreRequest>"
        )
    }

    fn caps() -> TierCaps {
        TierCaps {
            transparent_read: false,
            needs_restore: true,
            minimum_billed: Amount::from(64 << 10),
            minimum_days: 90,
            restore_typical: Duration::from_secs(5 * 60),
            restore_worst: Duration::from_secs(5 * 60 * 60),
            restores_per_second: Some(100),
            paid_replica: true,
            self_copy_drops_headers: true,
            copy_limit: COPY_LIMIT,
        }
    }
}

/// From a while before, because clocks differ.
fn span(now: Timestamp, holds: Duration) -> Span {
    Span {
        from: now.saturating_sub(HOLDS),
        until: now.saturating_add(holds),
    }
}

/// By how much clocks may differ, and how long a request that was signed may take to arrive: as much as the relatives of COS grant.
const HOLDS: Duration = Duration::from_secs(15 * 60);
const HOT: &str = "STANDARD";
const ARCHIVE: &str = "ARCHIVE";
/// 5 GiB.
const COPY_LIMIT: Amount = match Amount::new(5 << 30) {
    Ok(limit) => limit,
    Err(_) => Amount::MAX,
};
