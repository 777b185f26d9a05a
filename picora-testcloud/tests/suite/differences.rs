//! What moto is known to answer otherwise, and why the emulator does not. A row that no longer differs is to go.

use http::Method;
use picora_testcloud::{Cloud, Vendor};
use picora_testkit::Moto;

use crate::asked::{Asked, Seen, Server};
use crate::histories::{SMALLEST, Step, done};

/// A request of which the two think otherwise.
struct Row {
    /// Why ours is right, or why it makes no difference.
    why: &'static str,
    before: Vec<Step>,
    step: Step,
    ours: &'static str,
    motos: &'static str,
}

#[tokio::test]
async fn what_moto_answers_otherwise_is_written_down() {
    let (cloud, moto) = (Cloud::start(Vendor::R2), Moto::start());
    let (ours, other) = (Server::at(cloud.url()), Server::at(moto.url()));
    let made = other.ask(&Asked::new(Method::PUT, "")).await;
    assert!(made.status.is_success(), "{made:?}");
    for row in rows() {
        for step in &row.before {
            let (answers, others) = (done(&ours, step).await, done(&other, step).await);
            assert_eq!(answers, others, "before {}: {step:?}", row.why);
        }
        let answers = (done(&ours, &row.step).await, done(&other, &row.step).await);
        let told = (told(&answers.0), told(&answers.1));
        let expected = (row.ours.to_owned(), row.motos.to_owned());
        assert_eq!(told, expected, "{}: {answers:?}", row.why);
        assert_ne!(row.ours, row.motos);
    }
}

/// The statuses, each with the code of an error, or with what an object is or is called.
fn told(answers: &[Seen]) -> String {
    let mut told = Vec::new();
    for seen in answers {
        told.push(seen.status.as_u16().to_string());
        let lines = seen.body.iter().filter(|line| line.contains(": "));
        told.extend(lines.map(|line| line.trim_start_matches("Code: ").to_owned()));
        let own = seen
            .headers
            .iter()
            .filter(|(name, _)| name.starts_with("x-amz-"));
        told.extend(own.map(|(name, value)| format!("{name}: {value}")));
    }
    told.join(" ")
}

fn put(key: &str) -> Asked {
    Asked::new(Method::PUT, key)
        .header("content-type", "image/png")
        .body("0123456789")
}

fn copy(from: &str, to: &str) -> Asked {
    Asked::new(Method::PUT, to).header("-copy-source", format!("photos/{from}"))
}

fn rows() -> Vec<Row> {
    let row = |why, before: Vec<Asked>, asked, ours, motos| Row {
        why,
        before: before.into_iter().map(Step::Ask).collect(),
        step: Step::Ask(asked),
        ours,
        motos,
    };
    let other = "\"00000000000000000000000000000000\"";
    let copied = "200 ETag: 781e5e245d69b566979b86e28d23f2c7";
    vec![
        row(
            "moto does not look at the conditions of a copy; Cloudflare's page lists them",
            vec![put("a")],
            copy("a", "b").header("-copy-source-if-match", other),
            "412 PreconditionFailed",
            copied,
        ),
        row(
            "the conditions on a copy's destination are Cloudflare's own",
            vec![put("a")],
            copy("a", "b").header("cf-copy-destination-if-match", other),
            "412 PreconditionFailed",
            copied,
        ),
        row(
            "an asterisk names whatever there is (RFC 9110 §13.1.2)",
            vec![put("a")],
            Asked::new(Method::GET, "a").header("if-none-match", "*"),
            "304",
            "200",
        ),
        row(
            "Cloudflare's page has 412 for any state that does not match; Amazon has 404 when there is nothing",
            vec![],
            put("nothing").header("if-match", other),
            "412 PreconditionFailed",
            "404 NoSuchKey",
        ),
        row(
            "nobody says whether a class that stays is a change; an adapter must not depend on it",
            vec![put("a")],
            copy("a", "a").header("-storage-class", "STANDARD"),
            "400 InvalidRequest",
            copied,
        ),
        row(
            "there is no restore: the colder class is read as it is",
            vec![put("a").header("-storage-class", "STANDARD_IA")],
            Asked::new(Method::POST, "a")
                .query("restore", "")
                .body("<RestoreRequest><Days>1</Days></RestoreRequest>"),
            "501 NotImplemented",
            "403 InvalidObjectState",
        ),
        row(
            "Cloudflare has no tags, and refuses what it does not have",
            vec![],
            put("a").header("-tagging", "a=b"),
            "501 NotImplemented",
            "200",
        ),
        row(
            "Cloudflare has two classes only",
            vec![],
            put("a").header("-storage-class", "GLACIER"),
            "400 InvalidStorageClass",
            "200",
        ),
        row(
            "merging is Cloudflare's own",
            vec![
                put("a")
                    .header("-meta-owner", "me")
                    .header("-meta-sha256", "ab"),
                copy("a", "b")
                    .header("-metadata-directive", "MERGE")
                    .header("-meta-sha256", "cd"),
            ],
            Asked::new(Method::HEAD, "b"),
            "200 x-amz-meta-owner: me x-amz-meta-sha256: cd",
            "200 x-amz-meta-owner: me x-amz-meta-sha256: ab",
        ),
        row(
            "a body that is not the one of its checksum is refused; moto believes it",
            vec![],
            put("a").header("-checksum-crc64nvme", "rosUhgp5mIg="),
            "400 BadDigest",
            "200",
        ),
        row(
            "Cloudflare takes one checksum at most",
            vec![],
            put("a")
                .header("content-md5", "eB5eJF1ptWaXm4bijSPyxw==")
                .header("-checksum-crc64nvme", "rosUhgp5mIg="),
            "400 InvalidRequest",
            "200",
        ),
        row(
            "Cloudflare's metadata are 8,192 bytes at most",
            vec![],
            put("a").header("-meta-long", "x".repeat(8_189)),
            "400 MetadataTooLarge",
            "200",
        ),
        Row {
            why: "Cloudflare's parts but the last have one size",
            before: vec![],
            step: Step::Upload(
                Asked::new(Method::POST, "parts"),
                vec![vec![0; SMALLEST], vec![0; SMALLEST + 1]],
                true,
            ),
            ours: "200 200 400 InvalidPart 404",
            motos: "200 200 200 ETag: 53ce8e171c226fcd29d1e8923dd8641c-2 Key: parts 200",
        },
    ]
}
