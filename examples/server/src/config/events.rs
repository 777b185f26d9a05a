//! Server-sent events.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Who follows his usage live, and how closely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Events {
    /// How many streams of one account may be open at each server.
    pub per_account: u32,
    /// How often changes are looked for while anybody follows, in milliseconds.
    pub poll_millis: u64,
    /// After how long without an event a stream shows that it lives, and is ended if its credential no longer counts; up to 25 s.
    pub keep_alive_seconds: u64,
}

impl Events {
    /// After how long a quiet stream gives a sign of life.
    #[must_use]
    pub const fn keep_alive(&self) -> Duration {
        Duration::from_secs(self.keep_alive_seconds)
    }
}

impl Default for Events {
    fn default() -> Self {
        Self {
            per_account: 8,
            poll_millis: 500,
            keep_alive_seconds: 10,
        }
    }
}
