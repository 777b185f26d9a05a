//! A KV that refuses, fails, stalls and breaks off: a typed error each time, when to come back, and nothing lost.

use std::time::Duration;

use picora_core::StoreErrorKind::{Internal, Unavailable, Unknown};
use picora_core::{Retry, StoreErrorKind};
use picora_kv::{KvConfig, KvEcho};
use picora_quota::echo::{Echo, Marker, Slot, Snapshot};
use picora_testkit::{Miniflare, Wire};
use tokio::net::TcpSocket;

use crate::edge::{Trouble, refusal};
use crate::world::{Namespace, run, told, writer};

const HTML: &str = "<!DOCTYPE html><title>\"success\":true</title>";
const DONE: &str = r#"{"success":true,"errors":[],"messages":[],"result":{"successful_key_count":8,"unsuccessful_keys":[]}}"#;

fn answers(status: u16, retry_after: Option<&'static str>, body: impl Into<String>) -> Trouble {
    Trouble::Answers(status, retry_after, body.into())
}

/// Every operation fails like this while the trouble lasts, and tells when to come back; afterwards all is written.
async fn costs(trouble: Trouble, kind: StoreErrorKind, wait: Option<u64>) {
    let namespace = Namespace::fresh_on_runtime().await;
    let snapshot = namespace.snapshot(1, 2);
    let (account, month) = (snapshot.account, snapshot.month);
    for operation in 0..5 {
        namespace.edge.makes(trouble.clone());
        let echo = namespace.echo();
        let now = namespace.now();
        let error = match operation {
            0 => echo.publish(&[snapshot], now).await.map(|_| ()),
            1 => echo.standing(account, month, now).await.map(|_| ()),
            2 => echo.marker(now).await.map(|_| ()),
            3 => echo.mark(None, Marker::Whole(1), now).await.map(|_| ()),
            _ => echo.erase(&[account], now).await,
        };
        let error = error.expect_err(&format!("{trouble:?} at {operation}"));
        assert_eq!(
            told(&error, now),
            (kind, wait),
            "{trouble:?} at {operation}: {error}"
        );
        let again = if kind == Internal {
            Retry::Permanent
        } else {
            Retry::Temporary
        };
        assert_eq!(error.error.retry(), again);

        // Who comes before that is not let out.
        let calls = namespace.edge.came().len();
        if let Some(seconds) = wait.filter(|it| *it > 0) {
            namespace.pass(seconds - 1);
            let early = echo.marker(namespace.now()).await.unwrap_err();
            assert_eq!(told(&early, namespace.now()), (Unavailable, Some(1)));
            assert_eq!(namespace.edge.came().len(), calls);
        }
        namespace.edge.makes(Trouble::None);
        namespace.pass(61);
        if operation == 0 {
            echo.publish(&[snapshot], namespace.now()).await.unwrap();
            says(&namespace, &snapshot).await;
        } else {
            echo.marker(namespace.now()).await.unwrap();
        }
    }
    assert_eq!(namespace.edge.violations(), 0);
}

async fn says(namespace: &Namespace, snapshot: &Snapshot) {
    for slot in Slot::ALL {
        let key = picora_quota::echo::key(slot, snapshot.account, snapshot.month);
        let (value, _) = namespace.raw(&key).await.unwrap_or_else(|| panic!("{key}"));
        let told = slot.amount(snapshot).map(|it| it.get().to_string());
        assert_eq!(
            value,
            told.unwrap_or_else(|| snapshot.video_status.to_owned())
        );
    }
}

#[test]
fn somebody_who_limits_us() {
    run(async {
        costs(
            answers(429, Some("17"), refusal(971, "slow down")),
            Unavailable,
            Some(17),
        )
        .await;
        costs(answers(429, None, HTML), Unavailable, Some(300)).await;
        costs(answers(429, Some("0"), ""), Unavailable, Some(0)).await;
        // The free plan's writes are spent, at noon.
        let namespace = Namespace::fresh_on_runtime().await;
        namespace
            .edge
            .makes(answers(429, None, refusal(10048, "daily limit")));
        let publish = [namespace.snapshot(1, 2)];
        let error = namespace.echo().publish(&publish, namespace.now()).await;
        assert_eq!(
            told(&error.unwrap_err(), namespace.now()),
            (Unavailable, Some(43_200))
        );
    });
}

#[test]
fn somebody_in_trouble() {
    run(async {
        for status in [500, 502, 503, 520] {
            costs(answers(status, None, DONE), Unknown, None).await;
        }
        costs(answers(503, Some("30"), HTML), Unknown, Some(30)).await;
    });
}

#[test]
fn somebody_who_speaks_otherwise() {
    run(async {
        for body in [HTML, "", "null", "{}", &"[".repeat(50_000)] {
            costs(answers(200, None, body), Unknown, None).await;
        }
        costs(answers(307, None, DONE), Unknown, None).await;
        costs(answers(200, None, " ".repeat((1 << 20) + 1)), Unknown, None).await;
        costs(answers(200, None, refusal(10001, "no")), Unavailable, None).await;
        costs(answers(400, None, refusal(10147, "no")), Internal, None).await;
    });
}

#[test]
fn answers_that_break_off_or_come_too_late() {
    run(async {
        costs(Trouble::CutsTheAnswer, Unknown, None).await;
        let namespace = Namespace::fresh_on_runtime().await;
        namespace
            .edge
            .makes(Trouble::IsSlow(Duration::from_secs(15)));
        let impatient = namespace.config().with_deadline(Duration::from_secs(5));
        let echo = KvEcho::new(impatient, writer()).unwrap();
        let snapshot = namespace.snapshot(1, 2);
        let error = echo
            .publish(&[snapshot], namespace.now())
            .await
            .unwrap_err();
        assert_eq!(told(&error, namespace.now()), (Unknown, None));
        assert!(error.to_string().contains("in time"), "{error}");
        namespace.edge.makes(Trouble::None);
        // The first one may have been done: the second one is not sent in the same second.
        let error = echo
            .publish(&[snapshot], namespace.now())
            .await
            .unwrap_err();
        assert_eq!(told(&error, namespace.now()), (Unavailable, Some(1)));
        // On a busy machine a connection that the slow answer left behind may close just as it is used: unknown again, and tried again.
        let mut lost = 0;
        let published = loop {
            namespace.pass(1);
            match echo.publish(&[snapshot], namespace.now()).await {
                Ok(published) => break published,
                Err(error) => {
                    lost += 1;
                    assert!(
                        told(&error, namespace.now()).0 == Unknown && lost < 4,
                        "{error}"
                    );
                }
            }
        };
        assert_eq!(published.written, 8, "nobody knows what stands");
        assert_eq!(namespace.edge.violations(), 0);
    });
}

#[test]
fn half_a_publication_is_told_and_the_other_half_follows() {
    run(async {
        let namespace = Namespace::fresh_on_runtime().await;
        let echo = namespace.echo();
        namespace.edge.makes(Trouble::WritesHalf);
        let both = [namespace.snapshot(1, 2), namespace.snapshot(2, 2)];
        let error = echo.publish(&both, namespace.now()).await.unwrap_err();
        assert_eq!(told(&error, namespace.now()), (Unavailable, None));
        assert!(
            error.to_string().contains("8 keys were not written"),
            "{error}"
        );
        // Statuses go before everything else.
        for it in &both {
            let key = format!("quota:video_status:{}", it.account);
            assert!(namespace.raw(&key).await.is_some());
        }
        namespace.edge.makes(Trouble::None);
        namespace.pass(1);
        let rest = echo.publish(&both, namespace.now()).await.unwrap();
        assert_eq!((rest.written, rest.unchanged), (8, 8));
        for it in &both {
            says(&namespace, it).await;
        }
    });
}

#[test]
fn nobody_there_and_wires_that_lose_what_they_carry() {
    run(async {
        let namespace = Namespace::fresh_on_runtime().await;
        let snapshot = namespace.snapshot(1, 2);
        // Bound and not listening: nobody else can get the port meanwhile.
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let port = socket.local_addr().unwrap().port();
        let echo = KvEcho::new(namespace.at(port), writer()).unwrap();
        let error = echo
            .publish(&[snapshot], namespace.now())
            .await
            .unwrap_err();
        assert_eq!(told(&error, namespace.now()), (Unavailable, None));

        let wire = Wire::to(namespace.edge.port());
        let config = namespace
            .at(wire.port())
            .with_deadline(Duration::from_secs(2));
        let echo = KvEcho::new(config, writer()).unwrap();
        for trouble in [Wire::black_hole, Wire::lose_answers, Wire::refuse] {
            trouble(&wire);
            let error = echo
                .publish(&[snapshot], namespace.now())
                .await
                .unwrap_err();
            assert_eq!(told(&error, namespace.now()), (Unknown, None));
            namespace.pass(1);
        }
        wire.answer_garbage("SSH-2.0-OpenSSH_9.2\r\n");
        let error = echo
            .publish(&[snapshot], namespace.now())
            .await
            .unwrap_err();
        assert_eq!(told(&error, namespace.now()), (Unknown, None));
        wire.pass();
        namespace.pass(1);
        let echo = KvEcho::new(namespace.at(wire.port()), writer()).unwrap(); // with more patience
        echo.publish(&[snapshot], namespace.now()).await.unwrap();
        says(&namespace, &snapshot).await;
    });
}

/// By the dialect itself: another token, one that may only read, another account, another namespace.
#[test]
fn who_may_not_write_there() {
    run(async {
        let namespace = Namespace::fresh_on_runtime().await;
        let base = Miniflare::shared().base();
        let snapshot = namespace.snapshot(1, 2);
        let now = namespace.now();
        let (account, id) = (Miniflare::ACCOUNT, namespace.id.as_str());
        let nowhere = "f".repeat(32);
        for (account, id, token, status) in [
            (account, id, "picora-test-token-of-others", 401),
            (account, id, Miniflare::READ_ONLY_TOKEN, 403),
            (nowhere.as_str(), id, Miniflare::TOKEN, 404),
            (account, nowhere.as_str(), Miniflare::TOKEN, 404),
        ] {
            let config = KvConfig::new(account, id, token.to_owned().into()).unwrap();
            let echo = KvEcho::new(config.at(&base).unwrap(), writer()).unwrap();
            let error = echo.publish(&[snapshot], now).await.unwrap_err();
            assert_eq!(told(&error, now), (Internal, Some(60)), "{status}");
            assert!(
                error
                    .to_string()
                    .contains(&format!("status {status}, code")),
                "{error}"
            );
        }
        let token = Miniflare::READ_ONLY_TOKEN.to_owned().into();
        let config = KvConfig::new(account, id, token).unwrap();
        let echo = KvEcho::new(config.at(&base).unwrap(), writer()).unwrap();
        assert_eq!(echo.marker(now).await.unwrap(), None, "it may read");
        assert!(!format!("{echo:?}").contains("picora-test-token"));
    });
}
