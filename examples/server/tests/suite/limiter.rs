//! What an operator decides about the limiter: forms of the headers, the draft's fields, and life without its store.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use picora_core::{StoreError, StoreErrorKind, Timestamp};
use picora_http::TierBudgets;
use picora_ratelimit::{Check, Decision, Limiter, SubjectKey, Tier, Tiers};
use picora_server::config::{DraftVersion, ResetForm, WhenGone};
use reqwest::Method;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::world::{Account, World, gif};

async fn wanting_problems(world: &World, by: &Account, path: &str) -> Answer {
    let request = world.request(by, Method::GET, path);
    Answer::to(request.header("accept", "application/problem+json")).await
}

/// C8: the reset as a delta; the draft's fields beside both families, and a browser may read them.
#[tokio::test]
async fn an_operator_chooses_the_form_of_the_headers() {
    let world = World::with(|config| {
        config.rate_limits.reset = ResetForm::Delta;
        config.rate_limits.draft = DraftVersion::V11;
    })
    .await;
    let account = world.trial().await;
    world.clock.advance(Duration::from_millis(17_500));
    let request = world.request(&account, Method::GET, "/v1/images");
    let answer = Answer::to(request.header("origin", "https://elsewhere.example")).await;
    assert_eq!(answer.triplet(), Some([600, 599, 43]));
    let policies = r#""read";q=600;w=60, "ceiling";q=5000;w=3600"#;
    assert_eq!(answer.header("ratelimit-policy"), policies);
    let left = r#""read";r=599;t=43, "ceiling";r=4999;t=3583"#;
    assert_eq!(answer.header("ratelimit"), left);
    let exposed = answer.header("access-control-expose-headers");
    for name in ["ratelimit", "ratelimit-policy", "ratelimit-limit"] {
        assert!(exposed.split(',').any(|it| it.trim() == name), "{exposed}");
    }
    for _ in 0..29 {
        world.get(&account, "/v1/images").await;
    }
    let refused = world.get(&account, "/v1/images").await;
    refused.error(429, "RATE_LIMITED");
    assert_eq!(refused.number("retry-after"), 1);
    let left = r#""read";r=570, "ceiling";r=4970"#;
    assert_eq!(refused.header("ratelimit"), left, "no t is later than 1 s");
    let account = account.id.to_string();
    let fields = refused.header("ratelimit").to_owned() + refused.header("ratelimit-policy");
    assert!(
        !fields.contains(&account) && !fields.contains("pk="),
        "no id leaks"
    );
}

#[tokio::test]
async fn by_default_the_draft_is_not_followed() {
    let world = World::start().await;
    let account = world.trial().await;
    let request = world.request(&account, Method::GET, "/v1/images");
    let answer = request.header("origin", "https://elsewhere.example").send();
    let answer = answer.await.unwrap();
    for name in ["ratelimit", "ratelimit-policy"] {
        assert!(!answer.headers().contains_key(name), "{name}");
    }
    let exposed = answer.headers()["access-control-expose-headers"].to_str();
    assert!(!exposed.unwrap().contains("ratelimit-policy"));
}

/// RFC 9457 for who asks; the documents' bodies for all others.
#[tokio::test]
async fn errors_are_problems_for_who_wants_them() {
    let world = World::start().await;
    let account = world.trial().await;
    let unknown = wanting_problems(&world, &account, "/v1/images/unknown").await;
    assert_eq!(unknown.header("content-type"), "application/problem+json");
    let body: Value = unknown.json();
    let wanted = json!({"type": "about:blank", "title": "Not Found", "status": 404, "detail": "Not found", "code": "NOT_FOUND",
        "meta": {}, "requestId": unknown.header("x-request-id")});
    assert_eq!(body, wanted);
    for _ in 0..29 {
        world.get(&account, "/v1/images").await;
    }
    let refused = wanting_problems(&world, &account, "/v1/images").await;
    assert_eq!((refused.status, refused.number("retry-after")), (429, 1));
    assert_eq!(refused.header("content-type"), "application/problem+json");
    assert_eq!(refused.header("cache-control"), "no-store");
    let body: Value = refused.json();
    assert_eq!(body["violated-policies"], json!(["read:burst"]));
    assert_eq!(body["meta"], json!({"retryAfterSec": 1}));
    assert!(refused.triplet().is_some());
    let plain = world.get(&account, "/v1/images").await;
    plain.error(429, "RATE_LIMITED");
    assert_eq!(plain.header("content-type"), "application/json");
    let stranger = world.anyone(Method::GET, "/v1/images");
    let stranger = Answer::to(stranger.header("accept", "application/problem+json")).await;
    assert_eq!(stranger.status, 401);
    assert_eq!(stranger.header("content-type"), "application/problem+json");
}

/// Without its store: readers get this process's part, whoever changes something is refused, and an operator may decide otherwise.
#[tokio::test]
async fn each_tier_lives_without_its_store_as_configured() {
    let replicas = NonZeroU32::new(3).unwrap();
    let gone = |app: &mut picora_server::app::App| app.limiter = Arc::new(Gone);
    let change =
        |config: &mut picora_server::config::Config| config.rate_limits.replicas = replicas;
    let world = World::assembled(change, gone).await;
    let account = world.trial().await;
    for left in (190..200).rev() {
        let answer = world.get(&account, "/v1/images").await;
        assert_eq!(answer.status, 200);
        assert_eq!(
            answer.triplet().unwrap()[..2],
            [200, left],
            "a third of 600"
        );
    }
    let refused = world.get(&account, "/v1/images").await;
    refused.error(429, "RATE_LIMITED");
    assert_eq!(
        refused.triplet().unwrap()[..2],
        [200, 190],
        "a burst of 30 / 3"
    );
    assert_eq!(refused.number("retry-after"), 1);
    for answer in [
        world.upload(&account, "/v1/images", gif(10)).await,
        world.delete(&account, "/v1/images/unknown").await,
    ] {
        answer.error(503, "UNAVAILABLE");
        assert_eq!((answer.number("retry-after"), answer.triplet()), (1, None));
    }

    let open = World::assembled(
        |config| {
            config.rate_limits.fail.upload = WhenGone::Open;
            config.rate_limits.fail.read = WhenGone::Closed;
        },
        gone,
    )
    .await;
    let account = open.trial().await;
    open.get(&account, "/v1/images")
        .await
        .error(503, "UNAVAILABLE");
    for _ in 0..7 {
        let answer = open.upload(&account, "/v1/images", gif(10)).await;
        assert!(
            answer.status < 300 && answer.triplet().is_none(),
            "{answer:?}"
        );
    }
}

/// The command prints every key with what counts, also those that the environment sets.
#[test]
fn the_command_prints_what_counts() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_picora-server"));
    command.args(["config", "print"]).current_dir(folder.path());
    command.env("PICORA__RATE_LIMITS__DRAFT", "v11");
    command.env("PICORA__RATE_LIMITS__REPLICAS", "4");
    command.env("PICORA__RATE_LIMITS__FAIL__UPLOAD", "open");
    let output = command.output().unwrap();
    let printed: toml::Value = toml::from_str(&String::from_utf8(output.stdout).unwrap()).unwrap();
    let limits = &printed["rate_limits"];
    let text = |value: &toml::Value| value.as_str().unwrap().to_owned();
    assert_eq!(
        (text(&limits["reset"]), text(&limits["draft"])),
        ("epoch".to_owned(), "v11".to_owned())
    );
    assert_eq!(limits["replicas"].as_integer(), Some(4));
    let tiers = ["read", "upload", "mutation"].map(|tier| text(&limits["fail"][tier]));
    assert_eq!(tiers, ["local", "open", "closed"]);
}

/// Budgets change under a server that runs, and what was used stays used.
#[tokio::test]
async fn budgets_are_replaced_while_it_serves() {
    let world = World::start().await;
    let account = world.trial().await;
    for _ in 0..5 {
        world.get(&account, "/v1/images").await;
    }
    let tighter = Tiers::standard().with_tier(Tier::Read, 60, 6).unwrap();
    let tighter = TierBudgets::new(tighter, world.app.hasher.clone()).unwrap();
    world.app.budgets.replace(tighter);
    let answer = world.get(&account, "/v1/images").await;
    assert_eq!(answer.triplet().unwrap()[..2], [60, 54]);
}

/// A limiter whose store is gone.
#[derive(Debug)]
struct Gone;

fn gone(operation: &'static str) -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, "redis", operation)
}

#[async_trait]
impl Limiter for Gone {
    fn try_decide<'a>(&self, _: &Check<'a>, _: Timestamp) -> Option<Decision<'a>> {
        None
    }
    async fn decide<'a>(&self, _: &Check<'a>, _: Timestamp) -> Result<Decision<'a>, StoreError> {
        Err(gone("decide"))
    }
    async fn peek<'a>(&self, _: &Check<'a>, _: Timestamp) -> Result<Decision<'a>, StoreError> {
        Err(gone("peek"))
    }
    async fn refund(&self, _: &Check<'_>, _: Timestamp, _: Timestamp) -> Result<(), StoreError> {
        Err(gone("refund"))
    }
    async fn reset(&self, _: SubjectKey, _: SubjectKey, _: Timestamp) -> Result<(), StoreError> {
        Err(gone("reset"))
    }
}
