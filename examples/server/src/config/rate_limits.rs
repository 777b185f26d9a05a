//! Who may ask how often, and what the answers say of it.

use std::num::NonZeroU32;

use picora_http::{Draft, FailMode, Fallback, LimitOptions, ResetStyle};
use picora_ratelimit::Tier;
use serde::{Deserialize, Serialize};

use super::SharedLimits;

/// Rate limits of an account, each a window of a minute and a burst (#225–#231).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct RateLimits {
    /// Reads.
    pub read: Rate,
    /// Uploads.
    pub upload: Rate,
    /// Every other change.
    pub mutation: Rate,
    /// Requests of one credential in an hour.
    pub hourly: u64,
    /// By how much an operator's limits are larger.
    pub admin_factor: NonZeroU32,
    /// Failed credentials from one address in a minute.
    pub failed_credentials_per_minute: u64,
    /// How `RateLimit-Reset` is written: `epoch`, seconds since 1970 (C8), or `delta`, seconds from now.
    pub reset: ResetForm,
    /// Whether the two fields of the IETF's draft are sent as well, and by which version: `none`, `v10` or `v11`.
    pub draft: DraftVersion,
    /// What becomes of requests of each tier while the limiter's store does not answer.
    pub fail: FailModes,
    /// How many processes share the traffic: under `local` each lets pass one such part of every limit.
    pub replicas: NonZeroU32,
    /// Where the records live that several processes share.
    pub redis: SharedLimits,
    /// How many bits of an IPv6 address stand for one client; 56 where subscribers have several networks.
    pub ipv6_prefix_bits: u8,
}

/// One tier's limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// In a clock minute.
    pub per_minute: u64,
    /// At one instant.
    pub burst: u64,
}

/// How `RateLimit-Reset` is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ResetForm {
    /// Seconds from now.
    Delta,
    /// Seconds since 1970.
    #[default]
    Epoch,
}

/// Which version of draft-ietf-httpapi-ratelimit-headers is followed beside the two families.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DraftVersion {
    /// None.
    #[default]
    None,
    /// Version 10.
    V10,
    /// Version 11.
    V11,
}

/// What becomes of requests while the limiter's store does not answer, by tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct FailModes {
    /// Of reads.
    pub read: WhenGone,
    /// Of uploads.
    pub upload: WhenGone,
    /// Of every other change.
    pub mutation: WhenGone,
}

/// What becomes of a request while the limiter's store does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenGone {
    /// It is refused with 503.
    Closed,
    /// This process decides alone, by its part of each limit.
    Local,
    /// It passes, unlimited.
    Open,
}

impl RateLimits {
    /// How the layer of a tier is set; all tiers share one fallback, because the hourly ceiling spans them.
    #[must_use]
    pub fn options(&self, tier: Tier, fallback: &Fallback) -> LimitOptions {
        LimitOptions {
            reset: match self.reset {
                ResetForm::Delta => ResetStyle::Delta,
                ResetForm::Epoch => ResetStyle::Epoch,
            },
            draft: self.draft(),
            fail: match self.fail.of(tier) {
                WhenGone::Closed => FailMode::Closed,
                WhenGone::Local => FailMode::Local(fallback.clone()),
                WhenGone::Open => FailMode::Open,
            },
            ..LimitOptions::default()
        }
    }

    /// The draft that is followed.
    #[must_use]
    pub const fn draft(&self) -> Option<Draft> {
        match self.draft {
            DraftVersion::None => None,
            DraftVersion::V10 => Some(Draft::V10),
            DraftVersion::V11 => Some(Draft::V11),
        }
    }
}

impl FailModes {
    /// That of a tier.
    #[must_use]
    pub const fn of(&self, tier: Tier) -> WhenGone {
        match tier {
            Tier::Mutation => self.mutation,
            Tier::Read => self.read,
            Tier::Upload => self.upload,
        }
    }
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            read: Rate {
                per_minute: 600,
                burst: 30,
            },
            upload: Rate {
                per_minute: 60,
                burst: 5,
            },
            mutation: Rate {
                per_minute: 120,
                burst: 10,
            },
            hourly: 5_000,
            admin_factor: NonZeroU32::MIN.saturating_add(9),
            failed_credentials_per_minute: 60,
            reset: ResetForm::default(),
            draft: DraftVersion::default(),
            fail: FailModes::default(),
            replicas: NonZeroU32::MIN,
            redis: SharedLimits::default(),
            ipv6_prefix_bits: 64,
        }
    }
}

/// Readers are served as long as it goes; what changes something waits until it is counted again.
impl Default for FailModes {
    fn default() -> Self {
        Self {
            read: WhenGone::Local,
            upload: WhenGone::Closed,
            mutation: WhenGone::Closed,
        }
    }
}
