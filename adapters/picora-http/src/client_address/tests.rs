use std::net::IpAddr;

use http::{HeaderMap, HeaderValue, Request};
use proptest::collection::vec;
use proptest::prelude::*;
use tower::{Layer, ServiceExt, service_fn};

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn trusted() -> TrustedProxies {
    TrustedProxies::new(["10.0.0.0/8", "2001:db8:ffff::/48"].map(|it| it.parse().unwrap()))
}

fn headers(name: HeaderName, lines: &[&[u8]]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(&name, HeaderValue::from_bytes(line).unwrap());
    }
    headers
}

fn plain(lines: &[&str]) -> String {
    let lines: Vec<_> = lines.iter().map(|line| line.as_bytes()).collect();
    let headers = headers(X_FORWARDED_FOR, &lines);
    trusted().client(ip("10.0.0.1"), &headers).to_string()
}

fn standard(line: &str) -> String {
    let headers = headers(FORWARDED, &[line.as_bytes()]);
    let trusted = trusted().reading(ForwardedHeader::Forwarded);
    trusted.client(ip("10.0.0.1"), &headers).to_string()
}

#[test]
fn the_first_from_the_right_that_is_no_proxy_counts() {
    for (lines, client) in [
        (&[][..], "10.0.0.1"),
        (&[""], "10.0.0.1"),
        (&["203.0.113.9"], "203.0.113.9"),
        (&["1.1.1.1, 203.0.113.9"], "203.0.113.9"),
        (&["1.1.1.1,203.0.113.9 ,\t10.0.0.2,10.9.9.9"], "203.0.113.9"),
        (&["1.1.1.1", "203.0.113.9", "10.0.0.2"], "203.0.113.9"),
        (&["203.0.113.9, 10.0.0.2", ""], "203.0.113.9"),
        (&["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        (&["203.0.113.9,, ,10.0.0.2,"], "203.0.113.9"),
        (
            &["1.1.1.1, 2001:db8:1::9, 2001:db8:ffff::1"],
            "2001:db8:1::9",
        ),
        (&["::ffff:203.0.113.9, ::ffff:10.0.0.2"], "203.0.113.9"),
    ] {
        assert_eq!(plain(lines), client, "{lines:?}");
    }
}

#[test]
fn an_entry_that_is_no_address_ends_the_walk() {
    for garbage in [
        "unknown",
        "_hidden",
        "localhost",
        "256.1.1.1",
        "1.1.1",
        "01.1.1.1",
        "1.1.1.1:",
        "1.1.1.1:x",
        "1.1.1.1:+1",
        "1.1.1.1:65536",
        "1.1.1.1:_",
        "[1.1.1.1]",
        "[::1",
        "::1]",
        "[::1]x",
        "[::1]:",
        "::1%",
        "::1%a b",
        ":",
        "[]",
        "\"1.1.1.1\"",
        "1.1.1.1 2.2.2.2",
        "1.1.1.1;2.2.2.2",
        "é",
        "1.1.1.1/32",
    ] {
        let line = format!("1.1.1.1, {garbage}, 10.0.0.2");
        assert_eq!(plain(&[&line]), "10.0.0.2", "{garbage}");
    }
    let bytes = headers(X_FORWARDED_FOR, &[b"1.1.1.1, \xff\xfe"]);
    assert_eq!(trusted().client(ip("10.0.0.1"), &bytes), ip("10.0.0.1"));
}

#[test]
fn ports_brackets_and_zones_are_dropped() {
    for (entry, client) in [
        ("203.0.113.9:0", "203.0.113.9"),
        ("203.0.113.9:65535", "203.0.113.9"),
        ("[2001:db8::9]", "2001:db8::9"),
        ("[2001:db8::9]:443", "2001:db8::9"),
        ("[2001:db8::9]:_hidden", "2001:db8::9"),
        ("[::ffff:203.0.113.9]:80", "203.0.113.9"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%eth0]:80", "fe80::1"),
    ] {
        assert_eq!(plain(&[entry]), client, "{entry}");
    }
}

/// The examples of RFC 7239 §4 and §6 among them.
#[test]
fn the_standard_header_is_read_by_its_for() {
    for (line, client) in [
        ("for=\"_gazonk\"", "10.0.0.1"),
        ("For=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"),
        ("for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60"),
        ("for=192.0.2.43, for=198.51.100.17", "198.51.100.17"),
        ("for=192.0.2.43, for=unknown", "10.0.0.1"),
        ("for=192.0.2.43:47011,for=10.0.0.2", "192.0.2.43"),
        ("proto=https ; FOR = 192.0.2.43", "10.0.0.1"),
        ("proto=https; FOR=192.0.2.43", "192.0.2.43"),
        ("for=192.0.2.43;host=\"a,b;for=1.1.1.1\"", "192.0.2.43"),
        ("for=192.0.2.43, proto=https", "10.0.0.1"),
        ("for=192.0.2.43;for=192.0.2.44", "10.0.0.1"),
        ("for=\"192.0.2.4\\3\"", "10.0.0.1"),
        // The client cannot swallow what the proxy has added.
        ("for=\", for=192.0.2.43", "192.0.2.43"),
        ("for=\"1.1.1.1, for=192.0.2.43;by=\"[::1]\"", "192.0.2.43"),
        ("x=\"\\, for=192.0.2.43", "192.0.2.43"),
        ("192.0.2.43", "10.0.0.1"),
        ("for=", "10.0.0.1"),
        ("for=\"", "10.0.0.1"),
    ] {
        assert_eq!(standard(line), client, "{line}");
    }
}

#[test]
fn only_the_chosen_header_is_read() {
    let both = {
        let mut both = headers(FORWARDED, &[b"for=192.0.2.1"]);
        both.append(X_FORWARDED_FOR, HeaderValue::from_static("192.0.2.2"));
        both
    };
    let peer = ip("::ffff:10.0.0.1");
    assert_eq!(trusted().client(peer, &both), ip("192.0.2.2"));
    let standard = trusted().reading(ForwardedHeader::Forwarded);
    assert_eq!(standard.client(peer, &both), ip("192.0.2.1"));
    let nobody = TrustedProxies::default();
    assert_eq!(nobody.client(peer, &both), ip("10.0.0.1"));
}

#[test]
fn networks_are_strict() {
    for (text, says) in [
        ("10.0.0.0", "is no network"),
        ("10.0.0.0/33", "is no network"),
        ("10.0.0.0/", "is no network"),
        ("10.0.0.0/-1", "is no network"),
        (" 10.0.0.0/8", "is no network"),
        ("10.0.0.0/8 ", "is no network"),
        ("proxy/8", "is no network"),
        ("", "is no network"),
        ("10.0.0.1/8", "the network is 10.0.0.0/8"),
        ("2001:db8::1/32", "the network is 2001:db8::/32"),
        ("::ffff:10.0.0.0/104", "write it as IPv4"),
    ] {
        let error = text.parse::<Network>().unwrap_err().to_string();
        assert!(
            error.contains(says) && error.starts_with('`'),
            "{text}: {error}"
        );
    }
    for (text, inside, outside) in [
        ("10.0.0.0/8", "::ffff:10.1.2.3", "9.255.255.255"),
        ("192.0.2.1/32", "192.0.2.1", "192.0.2.2"),
        ("::1/128", "::1", "::2"),
        ("0.0.0.0/0", "255.255.255.255", "::1"),
        ("::/0", "::1", "127.0.0.1"),
    ] {
        let network: Network = text.parse().unwrap();
        assert_eq!(network.to_string(), text);
        assert!(network.contains(ip(inside)), "{text}");
        assert!(!network.contains(ip(outside)), "{text}");
    }
}

#[test]
fn a_prefix_stands_for_a_client() {
    let of = |text: &str, lengths| AddressPrefix::of(ip(text), lengths);
    let (usual, sites) = (PrefixLengths::default(), PrefixLengths::SITES);
    assert_ne!(of("192.0.2.1", usual), of("192.0.2.0", usual));
    assert_eq!(
        of("2001:db8::", usual),
        of("2001:db8::ffff:ffff:ffff:ffff", usual)
    );
    assert_ne!(of("2001:db8:0:1::", usual), of("2001:db8:0:0::", usual));
    assert_eq!(of("2001:db8:0:ff::", sites), of("2001:db8::", sites));
    assert_ne!(of("2001:db8:0:100::", sites), of("2001:db8::", sites));
    assert_eq!(
        of("192.0.2.1", usual).as_bytes(),
        [&[4, 32, 192, 0, 2, 1][..], &[0; 12]].concat()
    );
    let whole = PrefixLengths::new(32, 128).unwrap();
    assert_ne!(of("2001:db8::1", whole), of("2001:db8::2", whole));
    assert_ne!(of("c000:201::", usual), of("192.0.2.1", usual));
    for (v4, v6) in [(0, 64), (33, 64), (32, 0), (32, 129)] {
        assert_eq!(PrefixLengths::new(v4, v6), Err(PrefixError));
    }
}

#[tokio::test]
async fn the_layer_tells_the_address_and_none_without_a_peer() {
    let inner = service_fn(|request: Request<()>| async move {
        Ok::<_, std::convert::Infallible>(request.extensions().get::<ClientAddress>().copied())
    });
    let layer =
        ClientAddressLayer::new(trusted(), |extensions| extensions.get::<IpAddr>().copied());
    let ask = |peer: Option<&str>| {
        let mut request = Request::new(());
        *request.headers_mut() = headers(X_FORWARDED_FOR, &[b"203.0.113.9"]);
        if let Some(peer) = peer {
            request.extensions_mut().insert(ip(peer));
        }
        layer.layer(inner).oneshot(request)
    };
    let told = |text| Some(ClientAddress(ip(text)));
    assert_eq!(ask(Some("10.0.0.1")).await.unwrap(), told("203.0.113.9"));
    assert_eq!(ask(Some("192.0.2.1")).await.unwrap(), told("192.0.2.1"));
    assert_eq!(ask(None).await.unwrap(), None);
}

/// Bytes that a header may have, most of them those that matter.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        4 => proptest::sample::select(b"0123456789abcf.:[]%,;=\" \t\\_-".to_vec()),
        1 => proptest::sample::select((0x20..=0xff).filter(|it| *it != 0x7f).collect::<Vec<u8>>()),
    ];
    let words = proptest::sample::select(vec![
        "for=",
        "203.0.113.9",
        "10.0.0.2",
        "[2001:db8::1]:80",
        "\"",
        ", ",
        "for=\"[::1]\"",
        "unknown",
        "\\",
    ]);
    let piece = prop_oneof![
        vec(byte, 0..6),
        words.prop_map(|word| word.as_bytes().to_vec())
    ];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn either() -> impl Strategy<Value = (ForwardedHeader, HeaderName)> {
    prop_oneof![
        Just((ForwardedHeader::XForwardedFor, X_FORWARDED_FOR)),
        Just((ForwardedHeader::Forwarded, FORWARDED)),
    ]
}

proptest! {
    #[test]
    fn no_bytes_bring_it_down_and_an_untrusted_peers_never_matter(
        lines in vec(line(), 0..4), which in either(), peer: IpAddr,
    ) {
        let lines: Vec<_> = lines.iter().map(Vec::as_slice).collect();
        let headers = headers(which.1, &lines);
        let trusted = trusted().reading(which.0);
        let told = trusted.client(peer, &headers);
        prop_assert_eq!(told, told.to_canonical());
        if !trusted.trusts(peer) {
            prop_assert_eq!(told, peer.to_canonical());
        }
        let _ = trusted.client(ip("10.0.0.1"), &headers);
    }

    /// What a trusted proxy wrote of somebody else is the answer, whatever stands left of it, in the same line or before.
    #[test]
    fn nothing_further_left_changes_the_answer(
        left in vec(line(), 0..3), joined in line(), client: IpAddr, which in either(), further in 0_usize..3,
    ) {
        let trusted = trusted().reading(which.0);
        prop_assume!(!trusted.trusts(client));
        let written = |address: IpAddr| match (which.0, address) {
            (ForwardedHeader::XForwardedFor, address) => address.to_string(),
            (ForwardedHeader::Forwarded, IpAddr::V4(v4)) => format!("for={v4}"),
            (ForwardedHeader::Forwarded, IpAddr::V6(v6)) => format!("proto=https;for=\"[{v6}]:80\""),
        };
        let mut entries = vec![written(client)];
        entries.extend((0..further).map(|host| written(IpAddr::from([10, 0, 0, u8::try_from(host).unwrap()]))));
        let proxies = entries.join(", ");
        let line = [joined.as_slice(), b",", proxies.as_bytes()].concat();
        let mut lines: Vec<_> = left.iter().map(Vec::as_slice).collect();
        lines.push(&line);
        let told = trusted.client(ip("10.0.0.1"), &headers(which.1, &lines));
        prop_assert_eq!(told, client.to_canonical());
    }
}
