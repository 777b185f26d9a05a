//! How to ask Redis.

use std::time::Duration;

use crate::BreakerConfig;

/// Deadline, breaker and grouping.
///
/// ```
/// use picora_redis::RedisConfig;
/// use std::time::Duration;
/// let config = RedisConfig { deadline: Duration::from_millis(20), ..RedisConfig::default() };
/// assert!(config.group_commit);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisConfig {
    /// How long a decision may take before it is an error; 50 ms.
    pub deadline: Duration,
    /// Whether checks that wait go together in one call; on. Off, each has a call of its own.
    pub group_commit: bool,
    /// How many checks at most go together; 64. More would make the first of them wait for the last.
    pub most_together: usize,
    /// When Redis is not asked any more.
    pub breaker: BreakerConfig,
    /// What all keys begin with; `pl`.
    pub prefix: String,
    /// How many leases are held at once; 10,000. Further subjects are decided strictly.
    pub most_leases: usize,
}

impl Default for RedisConfig {
    fn default() -> Self {
        Self {
            deadline: Duration::from_millis(50),
            group_commit: true,
            most_together: 64,
            breaker: BreakerConfig::default(),
            prefix: "pl".to_owned(),
            most_leases: 10_000,
        }
    }
}
