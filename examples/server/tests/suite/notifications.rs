//! Where an account is reached, which mails it wants, and the one click that ends those at 80 %.

use picora_core::{AccountId, Dimension, Limit, PlanId, SetLimits};
use picora_quota::alert::TOPIC;
use picora_server::alerts::Round;
use picora_server::unsubscribe::Unsubscriber;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};

use crate::answer::Answer;
use crate::child::Place;
use crate::world::{Account, World, gif};

const PATH: &str = "/v1/user/me/notifications";
const ADDRESS: &str = "ada@mail.example.org";

async fn patch(world: &World, by: &Account, body: &Value) -> Answer {
    Answer::to(world.request(by, Method::PATCH, PATH).json(body)).await
}

/// What the outbox says became of its messages, oldest first.
pub(crate) async fn ends(world: &World) -> Vec<(String, Option<String>)> {
    let options = SqliteConnectOptions::new().filename(world.app.config.database_file());
    let pool = SqlitePool::connect_with(options).await.unwrap();
    let ends = sqlx::query_as("SELECT state, reason FROM picora_outbox ORDER BY due_at, key");
    ends.fetch_all(&pool).await.unwrap()
}

/// As mail programs send it (RFC 8058).
pub(crate) fn one_click(request: RequestBuilder) -> RequestBuilder {
    let form = "application/x-www-form-urlencoded";
    let request = request.header("content-type", form);
    request.body("List-Unsubscribe=One-Click")
}

/// Gives an account an address, as an operator does.
pub(crate) async fn set_email(world: &World, of: &Account, email: Option<&str>) {
    let admin = world.admin().await;
    let path = format!("/v1/admin/accounts/{}/email", of.id);
    let body = json!({"email": email, "reason": "asked by phone"});
    let request = world.request(&admin, Method::PUT, &path).json(&body);
    let shown = Answer::to(request).await.data();
    assert_eq!(shown["email"], json!(email));
}

/// Allows an account this many bytes of images.
pub(crate) async fn allow(world: &World, account: AccountId, bytes: u32) {
    let limits = world.app.plans.plan(PlanId::Trial).limits;
    let images = Limit::Max(bytes.into());
    let limits = SetLimits {
        account,
        limits: limits.with(Dimension::ImgStorage, images),
        open_reservations: 32_u32.into(),
    };
    let now = picora_core::Clock::now(&*world.clock);
    world
        .app
        .media
        .store()
        .set_limits(&limits, now)
        .await
        .unwrap();
}

#[tokio::test]
async fn only_the_mails_at_80_percent_can_be_turned_off() {
    let world = World::start().await;
    let (account, other) = (world.trial().await, world.trial().await);
    let all = json!({"email": null, "quotaAlertAt80": true, "quotaAlertAt100": true, "quotaAlertAt110": true, "quotaAlertAt120": true});
    assert_eq!(world.get(&account, PATH).await.data(), all);
    assert_eq!(
        world.get(&account, "/v1/me/notifications").await.data(),
        all
    );
    for field in ["quotaAlertAt100", "quotaAlertAt110", "quotaAlertAt120"] {
        world.a_minute_passes();
        // What else is asked for is not done either.
        let body = json!({field: false, "quotaAlertAt80": false});
        let refused = patch(&world, &account, &body).await;
        assert_eq!(
            refused.error(400, "INVALID_REQUEST"),
            json!({"field": field})
        );
        let why = refused.json()["error"].as_str().unwrap().to_owned();
        assert!(why.contains("cannot be turned off"), "{why}");
        assert_eq!(
            patch(&world, &account, &json!({field: true})).await.data(),
            all
        );
    }
    for bad in [
        json!({"quotaAlertAt80": "no"}),
        json!({"quotaAlertAt90": false}),
        json!([false]),
    ] {
        patch(&world, &account, &bad)
            .await
            .error(400, "INVALID_REQUEST");
    }
    assert_eq!(patch(&world, &account, &json!({})).await.data(), all);
    for wanted in [false, false, true] {
        world.a_minute_passes();
        let changed = patch(&world, &account, &json!({"quotaAlertAt80": wanted})).await;
        assert_eq!(changed.data()["quotaAlertAt80"], wanted);
        let shown = world.get(&account, PATH).await.data();
        assert_eq!(shown, changed.data());
        assert_eq!(world.get(&other, PATH).await.data(), all);
    }
    let anonymous = Answer::to(world.anyone(Method::GET, PATH)).await;
    anonymous.error(401, "UNAUTHENTICATED");
}

#[tokio::test]
async fn operators_say_where_an_account_is_reached_and_the_audit_does_not() {
    let world = World::start().await;
    let (admin, account) = (world.admin().await, world.trial().await);
    let path = format!("/v1/admin/accounts/{}/email", account.id);
    let put = async |body: Value| {
        let request = world.request(&admin, Method::PUT, &path).json(&body);
        Answer::to(request).await
    };
    for (body, field) in [
        (json!({"email": "ada", "reason": "x"}), "email"),
        (
            json!({"email": "a@b.c\r\nBcc: d@e.f", "reason": "x"}),
            "email",
        ),
        (json!({"email": ADDRESS, "reason": " "}), "reason"),
        (json!({"reason": "x"}), "body"), // nothing is forgotten by leaving it out
        (json!({"email": ADDRESS}), "body"),
    ] {
        let meta = put(body).await.error(400, "INVALID_REQUEST");
        assert_eq!(meta["field"], field);
    }
    assert_eq!(world.get(&account, PATH).await.data()["email"], Value::Null);
    let body = json!({"email": ADDRESS, "reason": "asked by phone"});
    assert_eq!(put(body).await.data()["email"], ADDRESS);
    assert_eq!(world.get(&account, PATH).await.data()["email"], ADDRESS);
    let body = json!({"email": null, "reason": "asked to"});
    assert_eq!(put(body).await.data()["email"], Value::Null);
    let options = SqliteConnectOptions::new().filename(world.app.config.database_file());
    let pool = SqlitePool::connect_with(options).await.unwrap();
    let audit = sqlx::query_scalar::<_, String>(
        "SELECT action || '|' || reason || '|' || subject FROM picora_audit WHERE action = 'set_email' ORDER BY number",
    );
    let audit = audit.fetch_all(&pool).await.unwrap();
    let expected =
        ["asked by phone", "asked to"].map(|why| format!("set_email|{why}|{}", account.id));
    assert_eq!(audit, expected);
}

#[tokio::test]
async fn the_command_line_sets_addresses_too() {
    let place = Place::new("");
    let create = |email: &str| place.run(&["account", "create", "--json", "--email", email]);
    let refused = create("ada");
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(
        said.contains("name@example.org") && said.lines().count() == 1,
        "{said}"
    );
    let account = Account::of_json(&create(ADDRESS));
    let id = account.id.to_string();
    let nobody = AccountId::from_bytes([7; 16]).to_string();
    assert!(
        !place
            .run(&["account", "email", &nobody, ADDRESS])
            .status
            .success()
    );
    let server = place.serve().await;
    let email = async || server.get(&account, PATH).await.data()["email"].clone();
    assert_eq!(email().await, ADDRESS);
    for (arguments, expected) in [
        (vec!["account", "email", &id], Value::Null),
        (
            vec!["account", "email", &id, "b@example.org"],
            json!("b@example.org"),
        ),
    ] {
        assert!(server.place.run(&arguments).status.success());
        assert_eq!(email().await, expected);
    }
}

#[tokio::test]
async fn one_click_ends_the_early_notices_and_a_look_does_not() {
    let world = World::start().await;
    let (account, other) = (world.trial().await, world.trial().await);
    let link = world.app.unsubscriber.path(account.id);
    let wanted = async |of: &Account| world.get(of, PATH).await.data()["quotaAlertAt80"].clone();
    for method in [Method::GET, Method::HEAD, Method::GET] {
        let page = Answer::to(world.anyone(method, &link)).await;
        assert_eq!(page.status, 200);
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(page.header("cache-control"), "no-store");
        assert_eq!(page.header("referrer-policy"), "no-referrer");
        assert_eq!(wanted(&account).await, true, "scanners of mails look, too");
    }
    let page = Answer::to(world.anyone(Method::GET, &link)).await;
    let html = String::from_utf8(page.bytes.to_vec()).unwrap();
    assert!(html.contains("<form method=\"post\">") && html.contains("<html lang=\"en\">"));
    let (path, signature) = link.split_once("&signature=").unwrap();
    let others = world.app.unsubscriber.path(other.id);
    let (others, _) = others.split_once("&signature=").unwrap();
    for bad in [
        format!("{others}&signature={signature}"),
        format!("{path}&signature={}", "0".repeat(64)),
        format!("{path}&signature={}", &signature[..63]),
        path.to_owned(),
        format!("/unsubscribe?signature={signature}"),
        format!("{link}&signature={signature}"),
        "/unsubscribe".to_owned(),
        "/unsubscribe?account=%ff&signature=%00".to_owned(),
    ] {
        for method in [Method::GET, Method::POST] {
            let page = Answer::to(world.anyone(method, &bad)).await;
            assert_eq!(page.status, 404, "{bad}");
            assert!(!String::from_utf8_lossy(&page.bytes).contains(&account.id.to_string()));
        }
    }
    assert_eq!(wanted(&account).await, true);
    for _ in 0..2 {
        let clicked = one_click(world.anyone(Method::POST, &link));
        assert_eq!(Answer::to(clicked).await.status, 200);
        assert_eq!(wanted(&account).await, false);
    }
    assert_eq!(wanted(&other).await, true);
    let gone = world.app.unsubscriber.path(AccountId::from_bytes([7; 16]));
    let clicked = Answer::to(world.anyone(Method::POST, &gone)).await;
    assert_eq!(clicked.status, 200, "nobody is mailed there");
    let again = Unsubscriber::new(&world.app.signer);
    assert_eq!(again.path(account.id), link);
}

/// Without a mail server an alert waits until it is old news, and costs an hourly look.
#[tokio::test]
async fn without_a_mail_server_alerts_wait_until_they_are_old_news() {
    let world = World::start().await;
    let account = world.trial().await;
    set_email(&world, &account, Some(ADDRESS)).await;
    allow(&world, account.id, 1_000).await;
    world
        .upload(&account, "/v1/images", gif(800))
        .await
        .success(201);
    let work = async || world.app.alerts.work(|| false).await.unwrap();
    let waits = Round {
        put_off: 1,
        ..Round::default()
    };
    let hour = std::time::Duration::from_secs(60 * 60);
    for _ in 0..72 {
        assert_eq!(work().await, waits);
        assert_eq!(work().await, Round::default(), "not twice in an hour");
        world.clock.advance(hour);
    }
    let dropped = Round {
        dropped: 1,
        ..Round::default()
    };
    assert_eq!(work().await, dropped);
    let end = ("given_up".to_owned(), Some("it is old news".to_owned()));
    assert_eq!(ends(&world).await, [end]);
    let now = picora_core::Clock::now(&*world.clock);
    assert_eq!(world.app.outbox.unsent(TOPIC, now).await.unwrap(), 0);
}
