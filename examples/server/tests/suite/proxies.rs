//! Behind proxies: whose address counts when credentials fail.

use std::net::IpAddr;

use picora_server::config::{Config, TrustedHeader};
use reqwest::Client;

use crate::answer::Answer;
use crate::child::Place;
use crate::world::World;

/// One client of the server: a proxy or not, by its address on the loopback.
fn from(address: [u8; 4]) -> Client {
    let client = Client::builder().local_address(IpAddr::from(address));
    client.no_proxy().build().unwrap()
}

const PROXY: [u8; 4] = [127, 0, 0, 2];
const ANYBODY: [u8; 4] = [127, 0, 0, 3];

async fn world(change: impl FnOnce(&mut Config)) -> World {
    World::with(|config| {
        config.rate_limits.failed_credentials_per_minute = 2;
        config.trusted_proxies = vec!["127.0.0.2/32".to_owned(), "10.0.0.0/8".to_owned()];
        change(config);
    })
    .await
}

/// The status of a request without a credential, with these values of one header.
async fn fails(world: &World, client: &Client, name: &str, values: &[&str]) -> u16 {
    let mut request = client.get(world.url("/v1/auth/verify"));
    for value in values {
        request = request.header(name, *value);
    }
    Answer::to(request).await.status
}

#[tokio::test]
async fn whoever_is_no_proxy_cannot_be_somebody_else() {
    let world = world(|_| {}).await;
    let (anybody, proxy) = (from(ANYBODY), from(PROXY));
    let mut statuses = Vec::new();
    for invented in ["203.0.113.1", "203.0.113.2", "203.0.113.3, 10.0.0.1"] {
        statuses.push(fails(&world, &anybody, "X-Forwarded-For", &[invented]).await);
    }
    assert_eq!(statuses, [401, 401, 429]);
    // Nor is anything spent in somebody else's name.
    let real = fails(&world, &proxy, "X-Forwarded-For", &["203.0.113.1"]).await;
    assert_eq!(real, 401);
}

#[tokio::test]
async fn without_configuration_nobody_is_a_proxy() {
    let world = world(|config| config.trusted_proxies.clear()).await;
    let proxy = from(PROXY);
    let mut statuses = Vec::new();
    for client in ["203.0.113.1", "203.0.113.2", "203.0.113.3"] {
        statuses.push(fails(&world, &proxy, "X-Forwarded-For", &[client]).await);
    }
    assert_eq!(statuses, [401, 401, 429]);
}

#[tokio::test]
async fn a_proxys_clients_have_budgets_of_their_own() {
    let world = world(|_| {}).await;
    let proxy = from(PROXY);
    for (values, status) in [
        (&["203.0.113.1"][..], 401),
        (&["203.0.113.1, 10.0.0.9"], 401),
        (&["203.0.113.1:4711"], 429),
        (&["203.0.113.2"], 401),
        // What the client put in front changes nothing, in the same line or before.
        (&["203.0.113.9, 203.0.113.1"], 429),
        (&["\"", "203.0.113.1"], 429),
        (&["203.0.113.9", "203.0.113.2"], 401),
        (&["203.0.113.9", "203.0.113.2"], 429),
        // Who hides his client speaks for himself.
        (&["203.0.113.5, unknown"], 401),
        (&[], 401),
        (&["203.0.113.5, _hidden"], 429),
    ] {
        let told = fails(&world, &proxy, "X-Forwarded-For", values).await;
        assert_eq!(told, status, "{values:?}");
    }
    // The other header is a client's own text here.
    let told = fails(&world, &proxy, "Forwarded", &["for=203.0.113.77"]).await;
    assert_eq!(told, 429);
}

#[tokio::test]
async fn the_standard_header_counts_where_it_is_chosen() {
    let world = world(|config| config.trusted_header = TrustedHeader::Forwarded).await;
    let proxy = from(PROXY);
    for (value, status) in [
        ("for=\"[2001:db8::1]:80\";proto=https", 401),
        ("for=\", for=\"[2001:db8::1]:81\"", 401),
        ("for=1.1.1.1, for=\"[2001:db8::1]\"", 429),
        ("for=192.0.2.1", 401),
    ] {
        assert_eq!(
            fails(&world, &proxy, "Forwarded", &[value]).await,
            status,
            "{value}"
        );
    }
}

#[tokio::test]
async fn one_subscriber_has_one_budget_however_many_addresses() {
    let usual = world(|_| {}).await;
    let sites = world(|config| config.rate_limits.ipv6_prefix_bits = 56).await;
    let proxy = from(PROXY);
    for (client, by_64, by_56) in [
        ("2001:db8:0:1::1", 401, 401),
        ("2001:db8:0:1:ffff::2", 401, 401),
        ("2001:db8:0:1:0:1:2:3", 429, 429),
        ("2001:db8:0:2::1", 401, 429),
        ("2001:db8:0:100::1", 401, 401),
    ] {
        let told = fails(&usual, &proxy, "X-Forwarded-For", &[client]).await;
        assert_eq!(told, by_64, "{client}");
        let told = fails(&sites, &proxy, "X-Forwarded-For", &[client]).await;
        assert_eq!(told, by_56, "{client}");
    }
}

#[test]
fn a_configuration_is_checked_by_its_networks() {
    let check = |lines: &str| Place::new(lines).run(&["config", "check"]);
    let good =
        check("trusted_proxies = [\"10.0.0.0/8\", \"fd00::/8\"]\ntrusted_header = \"forwarded\"\n");
    assert!(good.status.success(), "{good:?}");
    for (network, says) in [
        ("10.0.0.1/8", "the network is 10.0.0.0/8"),
        ("10.0.0.1", "write an address and a prefix length"),
        ("::ffff:10.0.0.0/104", "write it as IPv4"),
    ] {
        let bad = check(&format!("trusted_proxies = [\"{network}\"]\n"));
        let said = String::from_utf8_lossy(&bad.stderr);
        assert_eq!(bad.status.code(), Some(2), "{said}");
        let names = said.contains("`trusted_proxies`") && said.contains(network);
        assert!(names && said.contains(says), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    let place = Place::new("");
    let mut command = place.command();
    command.args(["config", "print"]);
    let printed = command
        .env("PICORA__TRUSTED_PROXIES", "10.0.0.0/8,fd00::/8")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&printed.stdout);
    assert!(
        text.contains("10.0.0.0/8") && text.contains("fd00::/8"),
        "{printed:?}"
    );
}
