//! Buckets that a server cannot work with: it says which thing is wrong in one sentence, and shows no secret.

use std::net::TcpListener;
use std::process::Output;
use std::time::Duration;

use picora_testcloud::{Cloud, Fault, Vendor};
use serde_json::Value;

use crate::child::Place;
use crate::sky::Sky;
use crate::start::gives_up;

/// Serving, looking and the doctor tell the same.
fn all_tell(place: &Place, kind: &str, names: &[&str]) {
    gives_up(place, &[], names);
    let checked = place.run(&["storage", "check"]);
    let told = without_secret(&checked);
    assert_eq!(checked.status.code(), Some(1), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
    let json = place.run(&["storage", "check", "--json"]);
    let told = without_secret(&json);
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(
        (json.status.code(), &told["trouble"]["kind"]),
        (Some(1), &kind.into())
    );
    place.account(picora_core::PlanId::Trial); // so that there is a database
    let doctor = place.run(&["doctor", "--json"]);
    let doctors = without_secret(&doctor);
    assert_eq!(doctor.status.code(), Some(1), "{doctors}");
    for told in [&without_secret(&checked), &told.to_string(), &doctors] {
        for name in names {
            assert!(told.contains(name), "{name}: {told}");
        }
    }
}

fn without_secret(output: &Output) -> String {
    let told = [&output.stdout[..], &output.stderr].concat();
    let told = String::from_utf8(told).unwrap();
    for secret in [Cloud::SECRET, "hush", "s3cr3t"] {
        assert!(!told.contains(secret), "{told}");
    }
    told
}

fn place(sky: &Sky, instead: &[(&str, &str)]) -> Place {
    Place::new(&sky.lines(instead))
}

#[test]
fn another_secret_or_a_key_that_nobody_knows() {
    for vendor in [Vendor::Cos, Vendor::Oss, Vendor::R2] {
        let sky = Sky::of(vendor);
        let key = Cloud::credentials().access_key_id;
        let wrong = place(&sky, &[("secret", "\"hush\"")]);
        all_tell(
            &wrong,
            "credentials",
            &[&key, "check the key and its secret"],
        );
        let unknown = place(
            &sky,
            &[("access_key_id", "\"nobody\""), ("secret", "\"hush\"")],
        );
        all_tell(&unknown, "credentials", &["nobody"]);
    }
}

#[test]
fn a_bucket_that_is_not_there_and_one_that_is_elsewhere() {
    let sky = Sky::of(Vendor::Oss);
    let missing = place(&sky, &[("bucket", "\"pictures\"")]);
    all_tell(
        &missing,
        "no_such_bucket",
        &["there is no bucket pictures", "127.0.0.1"],
    );
    let elsewhere = place(&sky, &[("region", "\"cn-shanghai\"")]);
    let names = [
        "photos",
        "cn-shanghai",
        "cn-hangzhou",
        "name the bucket's region",
    ];
    all_tell(&elsewhere, "region", &names);
}

#[test]
fn a_clock_that_is_twenty_minutes_off() {
    for vendor in [Vendor::Cos, Vendor::Oss, Vendor::R2] {
        let sky = Sky::of(vendor);
        sky.cloud.clock().advance(Duration::from_secs(20 * 60));
        all_tell(&place(&sky, &[]), "clock", &["clock", "synchronise it"]);
    }
}

#[test]
fn nobody_there() {
    let sky = Sky::of(Vendor::Oss);
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let endpoint = format!("\"http://{address}\"");
    let nobody = place(&sky, &[("endpoint", &endpoint)]);
    all_tell(
        &nobody,
        "unreachable",
        &[&address, "cannot be reached", "check the endpoint"],
    );
}

#[test]
fn a_right_that_is_missing() {
    let sky = Sky::of(Vendor::Oss);
    for (request, verb) in [
        ("PutObject", "write"),
        ("GetObject", "read"),
        ("DeleteObject", "remove"),
        ("ListObjectsV2", "list"),
    ] {
        for _ in 0..4 {
            sky.cloud
                .faults()
                .script(request, Fault::Deny(403, "AccessDenied"));
        }
        let names = [
            &format!("may not {verb} in the bucket photos"),
            "grant it that right",
        ];
        all_tell(&place(&sky, &[]), "permission", &names);
    }
}

/// Somebody who takes connections and says nothing must not keep a server from saying so, nor from being stopped.
#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_does_not_answer() {
    let sky = Sky::of(Vendor::Oss);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("\"http://{}\"", silent.local_addr().unwrap());
    let place = place(&sky, &[("endpoint", &endpoint)]);
    let mut process = tokio::process::Command::from(place.command())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let (asking, _) = tokio::task::spawn_blocking(move || silent.accept().unwrap())
        .await
        .unwrap();
    let id = process.id().unwrap().to_string();
    let sent = std::process::Command::new("kill")
        .args(["-TERM", &id])
        .status();
    assert!(sent.unwrap().success());
    let ended = tokio::time::timeout(Duration::from_secs(10), process.wait());
    let ended = ended
        .await
        .expect("it does not wait for the store")
        .unwrap();
    assert!(ended.success(), "{ended}");
    drop(asking);
}
