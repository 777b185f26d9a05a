//! Mails with codes, with both providers behind the captcha.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use picora_captcha::{Turnstile, TurnstileVerifier};
use picora_core::{Clock, ManualClock, SeededEntropy, StoreError, StoreErrorKind, Timestamp};
use picora_ratelimit::captcha::CaptchaVerifier;
use picora_ratelimit::code_mail::{
    BreakerOpening, Captcha, CodeMail, CodeMailAddress, CodeMailAnswer, CodeMailEvent,
    CodeMailObserver, CodeMailPolicies, CodeMailPorts, CodeMailPurpose, CodeMailRequest,
    OperatorNotices,
};
use picora_ratelimit::{MemoryLimiter, SubjectHasher};

use crate::aliyun;
use crate::fake::Fake;

/// Nobody who listens.
#[derive(Debug)]
struct Deaf;

impl CodeMailObserver for Deaf {
    fn observe(&self, _: CodeMailEvent) {}
}

#[async_trait]
impl OperatorNotices for Deaf {
    async fn breaker_opened(&self, _: &BreakerOpening) -> Result<(), StoreError> {
        Ok(())
    }
}

struct World {
    service: CodeMail,
    clock: ManualClock,
}

impl World {
    /// A client that has asked three times.
    async fn busy(verifier: Arc<dyn CaptchaVerifier>) -> Self {
        let ports = CodeMailPorts {
            limiter: Arc::new(MemoryLimiter::new()),
            notices: Arc::new(Deaf),
            observer: Arc::new(Deaf),
        };
        let hasher = SubjectHasher::new([42; 16]);
        let captcha = Captcha::new(verifier, Arc::new(SeededEntropy::new(1)));
        let service = CodeMail::new(ports, CodeMailPolicies::standard(), &hasher);
        let world = Self {
            service: service.with_captcha(captcha),
            clock: ManualClock::at(Timestamp::from_unix_seconds(1_777_000_000)),
        };
        for nth in 0..3 {
            assert_eq!(world.ask(nth, None).await.unwrap(), "sent");
        }
        world
    }

    async fn ask(&self, nth: usize, token: Option<&str>) -> Result<String, StoreError> {
        let address = CodeMailAddress::new(&format!("u{nth}@example.com")).unwrap();
        let request = CodeMailRequest {
            address: &address,
            client: b"203.0.113.9",
            purpose: CodeMailPurpose::Registration,
            token,
            remote: Some("203.0.113.9".parse().unwrap()),
        };
        let answer = self.service.admit(&request, self.clock.now()).await?;
        Ok(match answer {
            CodeMailAnswer::Send(_) => "sent".to_owned(),
            CodeMailAnswer::CaptchaRequired { level, retry_after } => {
                format!("level {} after {} s", level.number(), retry_after.as_secs())
            }
            CodeMailAnswer::Refused(refusal) => format!("refused by {}", refusal.cause.name()),
        })
    }
}

fn turnstile(fake: &Fake) -> Arc<dyn CaptchaVerifier> {
    let config = Turnstile::new("easy".into(), "hard".into())
        .with_hostnames(["picora.me"])
        .with_action("email_code")
        .at(fake.endpoint("/turnstile/v0/siteverify"));
    Arc::new(TurnstileVerifier::new(config).unwrap())
}

/// The same story with both providers: `easy` tokens count at level 1, `hard` ones above.
async fn story(fake: &Fake, verifier: Arc<dyn CaptchaVerifier>) {
    let world = World::busy(verifier).await;
    let rows: &[(usize, Option<&str>, &str, usize)] = &[
        // (address, token, answer, calls so far)
        (3, None, "level 1 after 0 s", 0),
        (3, Some("easy-1"), "sent", 1),
        (3, Some("easy-2"), "refused by address", 2), // solved, and no limit lifted
        (4, Some("easy-1"), "level 2 after 0 s", 3),  // spent before
        (4, Some("easy-3"), "level 3 after 60 s", 4), // an easy one does not answer the hard question
        (4, Some("hard-1"), "level 3 after 60 s", 4), // too early to be looked at
    ];
    for (nth, token, answer, calls) in rows {
        assert_eq!(world.ask(*nth, *token).await.unwrap(), *answer, "{token:?}");
        assert_eq!(fake.came().len(), *calls, "{token:?}");
    }
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(world.ask(4, Some("hard-1")).await.unwrap(), "sent");
}

#[tokio::test]
async fn turnstile_overseas() {
    let fake = Fake::turnstile().await;
    story(&fake, turnstile(&fake)).await;
    let asked = &fake.came()[4].body;
    assert!(
        asked.contains(r#""secret":"hard""#) && asked.contains(r#""remoteip":"203.0.113.9""#),
        "{asked}"
    );
}

#[tokio::test]
async fn aliyun_in_mainland_china() {
    let fake = Fake::aliyun().await;
    story(
        &fake,
        Arc::new(aliyun::verifier(fake.endpoint(""), "LTAItest")),
    )
    .await;
    assert_eq!(
        fake.came()[4].body,
        "CaptchaVerifyParam=hard-1&SceneId=hard"
    );
}

#[tokio::test]
async fn a_provider_that_does_not_take_our_key_lets_nobody_pass() {
    let fake = Fake::aliyun().await;
    let verifier = aliyun::verifier(fake.endpoint(""), "LTAIother");
    let world = World::busy(Arc::new(verifier)).await;
    let error = world.ask(3, Some("easy-1")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Internal);
    assert_eq!(
        world.ask(3, None).await.unwrap(),
        "level 1 after 0 s",
        "no failure of the client's"
    );
}
