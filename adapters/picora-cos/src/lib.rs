//! Media on Tencent COS.
//!
//! **Decides** how COS differs from its relatives: its signature with a span of time, classes `STANDARD` and `ARCHIVE`, copies that never carry
//! the class, lists by a marker, restores at three speeds. All else is [`picora_native`].
//!
//! **Must not know** which bytes are whose, or when they should move.
//!
//! ```
//! use picora_core::{Clock, ManualClock, Timestamp};
//! use picora_cos::{Cos, CosConfig};
//! use picora_sign::Credentials;
//! use std::sync::Arc;
//!
//! let config = CosConfig::new("https://media.example.com", "photos-1250000000", "ap-guangzhou", Credentials::new("AKID", "SK"))?;
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
use picora_sign::{Credentials, Request, cos, encode};
use picora_tiering::{Class, RestoreSpeed, Tier, TierCaps};

/// A bucket of COS.
pub type Cos = Native<CosDialect>;

/// A bucket, where it lies, and who asks.
#[derive(Clone, Debug)]
pub struct CosConfig {
    /// Where the bucket is, and how long is waited.
    pub native: NativeConfig,
    /// The region of the bucket, such as `ap-guangzhou`.
    pub region: String,
    /// The key that signs.
    pub credentials: Credentials,
}

impl CosConfig {
    /// A bucket at its address: `https://photos-1250000000.cos.ap-guangzhou.myqcloud.com`, or a domain of one's own. The bucket's name ends
    /// with the number of its owner.
    ///
    /// **Errors**: [`ConfigError`] for an address that is none, or is neither HTTPS nor on this machine.
    pub fn new(
        endpoint: &str,
        bucket: &str,
        region: &str,
        credentials: Credentials,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            native: NativeConfig::new(endpoint, bucket)?,
            region: region.to_owned(),
            credentials,
        })
    }
}

/// Opens a bucket. Nothing is sent.
///
/// **Errors**: [`ConfigError`] when no HTTPS client can be made.
pub fn open(config: CosConfig, clock: Arc<dyn Clock>) -> Result<Cos, ConfigError> {
    let dialect = CosDialect {
        bucket: config.native.bucket.clone(),
        region: config.region,
        credentials: config.credentials,
    };
    Native::new(dialect, config.native, clock)
}

/// The habits of COS.
#[derive(Debug)]
pub struct CosDialect {
    bucket: String,
    region: String,
    credentials: Credentials,
}

impl Dialect for CosDialect {
    const NAME: &'static str = "cos";
    const PREFIX: &'static str = "x-cos-";
    const LIST: &'static [(&'static str, &'static str)] = &[];
    const GOES_ON: (&'static str, &'static str) = ("marker", "NextMarker");
    const REPLACES: &'static str = "Replaced";

    fn headers(&self, request: &Request<'_>, now: Timestamp) -> Vec<(&'static str, String)> {
        cos::headers(&self.credentials, request, span(now, HOLDS))
    }

    fn query(
        &self,
        request: &Request<'_>,
        now: Timestamp,
        expires_after: Duration,
    ) -> Vec<(&'static str, String)> {
        cos::query(&self.credentials, request, span(now, expires_after))
    }

    fn class(&self, tier: Tier) -> &'static str {
        match tier {
            Tier::Hot => HOT,
            Tier::Archive => ARCHIVE,
        }
    }

    /// COS does not tell the class of what is standard.
    fn read_class(&self, class: Option<&str>) -> Class {
        match class {
            None | Some(HOT) => Tier::Hot.into(),
            Some(ARCHIVE) => Tier::Archive.into(),
            Some(other) => Class::Other(other.to_owned()),
        }
    }

    fn copy_source(&self, key: &str) -> String {
        let (bucket, region) = (&self.bucket, &self.region);
        format!("{bucket}.cos.{region}.myqcloud.com/{}", encode::path(key))
    }

    fn restore(&self, days: u16, speed: RestoreSpeed) -> String {
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

    fn caps(&self) -> TierCaps {
        TierCaps {
            transparent_read: false,
            needs_restore: true,
            minimum_billed: Amount::from(64 << 10),
            minimum_days: 90,
            restore_typical: Duration::from_secs(5 * 60),
            restore_worst: Duration::from_secs(5 * 60 * 60),
            restores_per_second: Some(100),
            paid_replica: true,
            self_copy_drops_headers: false,
            copy_limit: COPY_LIMIT,
        }
    }
}

/// From a minute before, because clocks differ.
fn span(now: Timestamp, holds: Duration) -> Span {
    Span {
        from: now.saturating_sub(Duration::from_secs(60)),
        until: now.saturating_add(holds),
    }
}

/// How long a request that was signed may take to arrive.
const HOLDS: Duration = Duration::from_secs(10 * 60);
const HOT: &str = "STANDARD";
const ARCHIVE: &str = "ARCHIVE";
/// 5 GiB.
const COPY_LIMIT: Amount = match Amount::new(5 << 30) {
    Ok(limit) => limit,
    Err(_) => Amount::MAX,
};
