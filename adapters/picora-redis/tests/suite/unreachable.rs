//! What needs no server: one that is not there.

use std::time::Duration;

use picora_core::{StoreErrorKind, Timestamp};
use picora_ratelimit::{Check, Limiter, Subject, SubjectKey, Tier, Tiers};
use picora_redis::{BreakerConfig, RedisConfig, RedisLimiter};

#[tokio::test]
async fn a_url_that_is_none_is_refused_without_its_password() {
    let error = RedisLimiter::single("http://user:secret@localhost", RedisConfig::default());
    let text = error.unwrap_err().to_string();
    assert!(
        text.contains("redis could not be reached at this URL"),
        "{text}"
    );
    assert!(!text.contains("secret"), "{text}");
}

#[tokio::test]
async fn nobody_there_is_unavailable_and_then_the_breaker_answers_at_once() {
    let config = RedisConfig {
        breaker: BreakerConfig {
            failures: 3,
            open_for: Duration::from_secs(3_600),
        },
        ..RedisConfig::default()
    };
    // Nobody listens on port 1 of loopback.
    let limiter = RedisLimiter::single("redis://127.0.0.1:1", config).unwrap();
    let tiers = Tiers::standard();
    let subjects = [Subject {
        key: SubjectKey(1),
        policy: tiers.of(Tier::Read),
    }];
    let check = Check::new(SubjectKey(1), &subjects, 1).unwrap();
    for round in 0..6 {
        assert!(limiter.try_decide(&check, Timestamp::EPOCH).is_none());
        let error = limiter.decide(&check, Timestamp::EPOCH).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        let open = error.to_string().contains("breaker is open");
        assert_eq!(open, round >= 3, "{error}");
    }
}
