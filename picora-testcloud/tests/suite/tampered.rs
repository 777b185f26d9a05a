//! Whatever is changed on the way, the signature is no longer that of the request.

use http::{HeaderName, HeaderValue, Method};
use picora_testcloud::sigv4::{self, Seal};

use crate::signed::{Case, Sent};

/// Whether the emulator takes it.
pub(crate) fn is_taken(sent: &Sent, secret: &str) -> bool {
    let Some(call) = sent.call() else {
        return false;
    };
    let Ok(seal) = Seal::of(&call) else {
        return false;
    };
    let expected = seal.expected(&call, secret);
    expected.is_ok_and(|it| it == seal.signature)
        && sigv4::is_signed_body(&seal.payload, &call).is_ok()
}

/// One change of everything that is signed, by its name.
pub(crate) fn tampered(case: &Case, sent: &Sent) -> Vec<(String, Sent)> {
    let mut all = Vec::new();
    let mut change = |what: &str, change: &dyn Fn(&mut Sent)| {
        let mut other = sent.clone();
        change(&mut other);
        all.push((what.to_owned(), other));
    };
    let uri = |sent: &mut Sent, from: &str, to: &str| {
        let text = sent.uri.to_string();
        assert!(text.contains(from), "{text} has no {from}");
        sent.uri = text.replacen(from, to, 1).parse().unwrap();
    };
    change("method", &|it| {
        it.method = if it.method == Method::GET {
            Method::PUT
        } else {
            Method::GET
        };
    });
    change("path", &|it| uri(it, "/photos/", "/photos/y"));
    change("bucket", &|it| uri(it, "/photos/", "/videos/"));
    change("query added", &|it| {
        let sign = if it.uri.query().is_some() { '&' } else { '?' };
        it.uri = format!("{}{sign}x-id=GetObject", it.uri).parse().unwrap();
    });
    if let Some((name, _)) = case.query.first() {
        let name = format!("{}=", picora_sign::encode::component(name));
        change("query value", &|it| uri(it, &name, &format!("{name}0")));
        change("query name", &|it| uri(it, &name, &format!("0{name}")));
    }
    change("host", &|it| {
        drop(
            it.headers
                .insert("host", HeaderValue::from_static("127.0.0.1:9001")),
        )
    });
    for (name, _) in &case.headers {
        let name: HeaderName = name.parse().unwrap();
        change(name.as_str(), &|it| {
            drop(
                it.headers
                    .insert(&name, HeaderValue::from_static("another")),
            )
        });
        change(&format!("no {name}"), &|it| drop(it.headers.remove(&name)));
    }
    change("a header of the vendor's", &|it| {
        let value = HeaderValue::from_static("STANDARD_IA");
        it.headers.append("x-amz-unsigned", value);
    });
    if case.expires.is_some() {
        change("life", &|it| uri(it, "X-Amz-Expires=", "X-Amz-Expires=1"));
        change("list of headers", &|it| {
            uri(it, "SignedHeaders=", "SignedHeaders=accept%3B")
        });
        change("region", &|it| {
            uri(it, &format!("%2F{}%2F", case.region), "%2Felsewhere%2F")
        });
        return all;
    }
    if case.whole {
        change("body", &|it| it.body = [&it.body[..], b"0"].concat().into());
    }
    change("said digest", &|it| {
        drop(
            it.headers
                .insert("x-amz-content-sha256", HeaderValue::from_static("UNSIGNED")),
        )
    });
    let mut replaced = |what: &str, from: &str, to: &str| {
        change(what, &|it| {
            let text = it.headers["authorization"].to_str().unwrap();
            assert!(text.contains(from), "{text} has no {from}");
            let text = text.replacen(from, to, 1);
            it.headers.insert("authorization", text.parse().unwrap());
        });
    };
    replaced("region", &format!("/{}/", case.region), "/elsewhere/");
    replaced("service", "/s3/", "/sts/");
    replaced("list of headers", "host;", "");
    replaced("signature", "Signature=", "Signature=0");
    all
}

#[tokio::test]
async fn nothing_that_is_signed_can_be_changed() {
    let mut changes = 0;
    for seed in 0..400 {
        let case = Case::generated(seed);
        let sent = case.signed().await;
        assert!(is_taken(&sent, &case.secret), "{case:?} is {sent:?}");
        assert!(!is_taken(&sent, "another"), "{case:?} by another secret");
        for (what, other) in tampered(&case, &sent) {
            assert!(!is_taken(&other, &case.secret), "{what} of {case:?}");
            changes += 1;
        }
    }
    assert!(changes > 6_000, "{changes}");
}

/// What is signed by its own rules, and not by those of the scheme.
#[tokio::test]
async fn a_signature_over_too_little_is_refused() {
    let mut tried = 0;
    for seed in 0..400 {
        let case = Case::generated(seed);
        let sent = case.signed().await;
        let call = sent.call().unwrap();
        let seal = Seal::of(&call).unwrap();
        let without = |name: &str| {
            seal.signed
                .iter()
                .filter(|it| *it != name)
                .cloned()
                .collect()
        };
        let mut lists: Vec<Vec<String>> = vec![without("host")];
        let mut vendors = seal.signed.iter().filter(|it| it.starts_with("x-amz-"));
        lists.extend(vendors.next_back().map(|name| without(name)));
        if seal.signed.len() > 1 {
            lists.push(seal.signed.iter().rev().cloned().collect());
            lists.push(seal.signed.iter().map(|it| it.to_uppercase()).collect());
        }
        for signed in lists {
            assert!(!is_taken(
                &forged(&case, &sent, &seal, signed),
                &case.secret
            ));
            tried += 1;
        }
        let same = forged(&case, &sent, &seal, seal.signed.clone());
        assert!(is_taken(&same, &case.secret), "{same:?}");
    }
    assert!(tried > 1_200, "{tried}");
}

/// The request with another list of signed headers, signed by who has the secret.
fn forged(case: &Case, sent: &Sent, seal: &Seal, signed: Vec<String>) -> Sent {
    let (mut forged, old, new) = (sent.clone(), seal.signed.join(";"), signed.join(";"));
    let mut seal = Seal {
        signed,
        ..seal.clone()
    };
    if case.expires.is_some() {
        let list = |list: &str| format!("SignedHeaders={}", picora_sign::encode::component(list));
        let listed = sent.uri.to_string().replace(&list(&old), &list(&new));
        forged.uri = listed.parse().unwrap();
    }
    let was = seal.signature.clone();
    seal.signature = seal
        .expected(&forged.call().unwrap(), &case.secret)
        .unwrap();
    if case.expires.is_some() {
        let resigned = forged.uri.to_string().replace(&was, &seal.signature);
        forged.uri = resigned.parse().unwrap();
    } else {
        let text = forged.headers["authorization"].to_str().unwrap();
        let text = text.replace(
            &format!("SignedHeaders={old},"),
            &format!("SignedHeaders={new},"),
        );
        let text = text.replace(&was, &seal.signature);
        forged
            .headers
            .insert("authorization", text.parse().unwrap());
    }
    forged
}
