//! What lies in Redis.

use std::time::Duration;

use picora_core::{StoreErrorKind, Timestamp};
use picora_ratelimit::{Limit, Limiter, Policy, SubjectHasher};
use picora_redis::RedisLimiter;
use picora_testkit::Redis;

use crate::world::{config, one, policy, runtime, subject};

/// Every key has a time to live that covers what its record says, and no raw id is in any.
#[test]
fn keys_live_as_long_as_they_say_something() {
    let redis = Redis::start();
    runtime().block_on(async {
        let limiter = RedisLimiter::single(&redis.url(), config()).unwrap();
        let hasher = SubjectHasher::new([7; 16]);
        let day = Policy::new(
            "d",
            [Limit::rolling("day", 3, Duration::from_secs(86_400)).unwrap()],
        );
        let (minute, day) = (policy(60, 5), day.unwrap());
        for (name, policy) in [("someone@example.org", &minute), ("a:{b}\0c", &day)] {
            let subjects = subject(hasher.key("address", name.as_bytes()).0, policy);
            let check = one(&subjects);
            for _ in 0..5 {
                limiter.decide(&check, Timestamp::EPOCH).await.unwrap();
            }
            limiter
                .refund(&check, Timestamp::EPOCH, Timestamp::EPOCH)
                .await
                .unwrap();
            limiter.peek(&check, Timestamp::EPOCH).await.unwrap();
        }
    });
    let keys = redis.command(&["KEYS", "*"]);
    let keys: Vec<&str> = keys.lines().collect();
    assert_eq!(keys.len(), 2, "{keys:?}");
    for key in keys {
        assert!(!key.contains("example") && !key.contains('\0'), "{key}");
        let left: i64 = redis.command(&["PTTL", key]).trim().parse().unwrap();
        assert!((1..=86_402_000).contains(&left), "{key} lives {left} ms");
    }
}

/// A Redis that has lost the script is given it again, and nobody notices.
#[test]
fn a_flushed_script_is_sent_again() {
    let redis = Redis::start();
    runtime().block_on(async {
        let limiter = RedisLimiter::single(&redis.url(), config()).unwrap();
        let policy = policy(100, 100);
        let subjects = subject(1, &policy);
        for round in 1..=10_u64 {
            redis.command(&["SCRIPT", "FLUSH"]);
            let decision = limiter
                .decide(&one(&subjects), Timestamp::EPOCH)
                .await
                .unwrap();
            let left = decision.reports().next().unwrap().remaining;
            assert_eq!(left, 100 - round, "charged once");
        }
    });
}

/// A key that somebody else has written: a typed error for its subject, nothing charged, nobody else hindered; a reset mends it.
#[test]
fn garbage_under_a_key_is_told_and_can_be_reset() {
    let redis = Redis::start();
    runtime().block_on(async {
        let mut config = config();
        config.prefix = "g".to_owned();
        let limiter = RedisLimiter::single(&redis.url(), config).unwrap();
        let policy = policy(100, 100);
        let (bad, good) = (subject(1, &policy), subject(2, &policy));
        let key = format!("g:{{{0:032x}}}:{0:032x}", 1);
        for garbage in ["garbage", "\u{1}\u{9}x", "\u{1}"] {
            redis.command(&["SET", &key, garbage]);
            let (bad, good) = (one(&bad), one(&good));
            let both = tokio::join!(
                limiter.decide(&bad, Timestamp::EPOCH),
                limiter.decide(&good, Timestamp::EPOCH)
            );
            let error = both.0.unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{error}");
            assert!(both.1.unwrap().is_allowed());
            assert_eq!(redis.command(&["GET", &key]).trim(), garbage.trim());
        }
        // Several in one call: the first does not make the record whole for those behind it.
        redis.command(&["SET", &key, "garbage"]);
        let check = one(&bad);
        let ask = || limiter.decide(&check, Timestamp::EPOCH);
        let answers = tokio::join!(ask(), ask(), ask(), ask());
        for answer in [answers.0, answers.1, answers.2, answers.3] {
            assert_eq!(answer.unwrap_err().kind(), StoreErrorKind::Corrupt);
        }
        assert_eq!(redis.command(&["GET", &key]).trim(), "garbage");
        let home = one(&bad).home();
        limiter.reset(home, home, Timestamp::EPOCH).await.unwrap();
        let after = limiter.decide(&one(&bad), Timestamp::EPOCH).await.unwrap();
        assert!(after.is_allowed());
    });
}
