//! How a vendor differs.

use std::fmt::Debug;
use std::time::Duration;

use picora_core::Timestamp;
use picora_sign::Request;
use picora_tiering::{Class, RestoreSpeed, Tier, TierCaps};

use crate::NativeConfig;

/// The habits of a vendor; a type that stands for it and holds nothing.
pub trait Dialect: Debug + Send + Sync + 'static {
    /// Its name in errors, such as `oss`.
    const NAME: &'static str;
    /// What its headers begin with, such as `x-oss-`.
    const PREFIX: &'static str;
    /// The header that every answer of the vendor has, and no answer of somebody in front of it; `None` when there is none.
    const ANSWERS_WITH: Option<&'static str>;
    /// The query that asks for a list.
    const LIST: &'static [(&'static str, &'static str)];
    /// The name in the query under which a list goes on, and the element of the page before that says where.
    const GOES_ON: (&'static str, &'static str);
    /// The name in the query after which key a list starts; exclusive.
    const STARTS_AFTER: &'static str;

    /// The header, and its value, that goes with every range, where the vendor else sends the whole object for one that ends outside of it.
    const CUTS_RANGES: Option<(&'static str, &'static str)>;

    /// The directive by which a copy takes its headers from the request.
    const REPLACES: &'static str;

    /// The headers that sign a request.
    fn headers(
        config: &NativeConfig,
        request: &Request<'_>,
        now: Timestamp,
    ) -> Vec<(&'static str, String)>;

    /// The pairs of the query that sign a URL.
    fn query(
        config: &NativeConfig,
        request: &Request<'_>,
        now: Timestamp,
        expires_after: Duration,
    ) -> Vec<(&'static str, String)>;

    /// The class that stands for a tier.
    fn class(tier: Tier) -> &'static str;

    /// The class that an object says it has; nothing where the vendor leaves the standard one out.
    fn read_class(class: Option<&str>) -> Class;

    /// A copy's source as its header has it: the bucket, and the key encoded.
    fn copy_source(config: &NativeConfig, key: &str) -> String;

    /// The document that asks for a restore.
    fn restore(days: u16, speed: RestoreSpeed) -> String;

    /// What its tiers are like.
    fn caps() -> TierCaps;
}
