//! Picora's side.

use picora_core::Timestamp;
use picora_ratelimit::{
    Check, Limit, Limiter, MemoryLimiter, Namespace, Policy, Subject, SubjectHasher,
};
use std::time::{Duration, SystemTime};

#[derive(Debug)]
pub(crate) struct Ours {
    clock: Clock,
    limiter: MemoryLimiter,
    accounts: Namespace,
    credentials: Namespace,
    policy: Policy,
    ceiling: Policy,
}

impl Ours {
    pub(crate) fn new() -> Self {
        let minute = Limit::window("minute", 600, MINUTE).expect("exact");
        let burst = Limit::gcra("burst", 600, MINUTE, 30).expect("exact");
        let hour = Limit::window("hour", 5_000, HOUR).expect("exact");
        let hasher = SubjectHasher::new([42; 16]);
        Self {
            clock: Clock::new(),
            limiter: MemoryLimiter::new(),
            accounts: hasher.namespace("account"),
            credentials: hasher.namespace("credential"),
            policy: Policy::new("read", [minute, burst, hour]).expect("exact"),
            ceiling: Policy::new("ceiling", [hour]).expect("exact"),
        }
    }

    /// One subject with three limits.
    pub(crate) fn decide(&self, account: &str) -> bool {
        let key = self.accounts.key(account.as_bytes());
        self.ask(&[Subject {
            key,
            policy: &self.policy,
        }])
    }

    /// Two subjects, the account's and its credential's, as one step.
    pub(crate) fn decide_with_credential(&self, account: &str) -> bool {
        let key = self.accounts.key(account.as_bytes());
        let credential = self.credentials.key(account.as_bytes());
        let ceiling = Subject {
            key: credential,
            policy: &self.ceiling,
        };
        self.ask(&[
            Subject {
                key,
                policy: &self.policy,
            },
            ceiling,
        ])
    }

    fn ask(&self, subjects: &[Subject<'_>]) -> bool {
        let check = Check::new(subjects[0].key, subjects, 1).expect("a cost of 1 always fits");
        let decision = self.limiter.try_decide(&check, self.clock.now());
        decision.expect("memory answers at once").is_allowed()
    }
}

/// The wall clock by the counter that the peer reads, too: so neither pays for what the other does not.
#[derive(Debug)]
struct Clock {
    counter: quanta::Clock,
    started: (Timestamp, quanta::Instant),
}

impl Clock {
    fn new() -> Self {
        let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        let counter = quanta::Clock::new();
        let started = (Timestamp::EPOCH.saturating_add(since), counter.now());
        Self { counter, started }
    }

    fn now(&self) -> Timestamp {
        let (wall, counter) = self.started;
        wall.saturating_add(self.counter.now() - counter)
    }
}

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
