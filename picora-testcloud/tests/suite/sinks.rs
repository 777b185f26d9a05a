//! A store that keeps digests only answers as one that keeps bytes, to whom has a seed.

use http::Method;
use picora_testcloud::checksum::Algorithm;
use picora_testcloud::generated::pieces;
use picora_testcloud::{Cloud, Vendor};

use crate::asked::{Asked, Seen, Server};

const SEED: u64 = 7;
const PART: u64 = 5 << 20;

fn bytes(length: u64) -> Vec<u8> {
    pieces(SEED, 0..length).flatten().collect()
}

fn crc64(bytes: &[u8]) -> String {
    Algorithm::Crc64Nvme.text_of(bytes)
}

fn put(length: u64, checksum: &str) -> Asked {
    let put = Asked::new(Method::PUT, "a").body(bytes(length));
    let put = put.header("-meta-seed", SEED.to_string());
    put.header("-checksum-crc64nvme", checksum)
}

/// Both, which have seen nothing yet.
struct Both(
    Server,
    Server,
    #[expect(dead_code, reason = "they listen as long as they are")] [Cloud; 2],
);

impl Both {
    fn start() -> Self {
        let clouds = [Cloud::sink(Vendor::R2), Cloud::start(Vendor::R2)];
        let [sink, cloud] = clouds.each_ref().map(|it| Server::at(it.url()));
        Self(sink, cloud, clouds)
    }

    /// What both answer.
    async fn ask(&self, asked: &Asked) -> Seen {
        let (sink, cloud) = (self.0.ask(asked).await, self.1.ask(asked).await);
        assert_eq!(sink, cloud, "{asked:?}");
        cloud
    }
}

/// A body of fewer than 1,000 bytes is signed with its digest, others are not.
#[tokio::test]
async fn what_is_put_is_told_alike() {
    for length in [10, 999, 70_000] {
        let both = Both::start();
        let whole = put(length, &crc64(&bytes(length)));
        assert_eq!(both.ask(&whole).await.status, 200);
        for asks in ["", "ENABLED"] {
            for method in [Method::HEAD, Method::GET] {
                let read = Asked::new(method, "a").header("-checksum-mode", asks);
                let seen = both.ask(&read).await;
                let told = seen.headers.contains_key("x-amz-checksum-crc64nvme");
                assert_eq!(told, asks == "ENABLED", "{seen:?}");
            }
        }
        let wrong = put(length, &crc64(b"others"));
        assert_eq!(both.ask(&wrong).await.body, ["Code: BadDigest"]);
        let none = put(length, "many");
        assert_eq!(both.ask(&none).await.body, ["Code: InvalidDigest"]);
    }
}

/// The digest that is signed is that of the body, also where it is made as the body comes.
#[tokio::test]
async fn a_body_is_the_one_that_was_signed() {
    let Both(sink, ..) = &Both::start();
    let asked = Asked::new(Method::PUT, "a").body("0123456789");
    let (status, ..) = sink.raw(&asked).await;
    assert_eq!(status, 200);
    let mut other = sink.signed(&asked);
    *other.body_mut() = bytes::Bytes::from("012345678X").into();
    let (status, _, body) = sink.send(other).await.unwrap();
    assert_eq!(status, 400);
    let said = String::from_utf8_lossy(&body).into_owned();
    assert!(said.contains("XAmzContentSHA256Mismatch"), "{said}");
}

#[tokio::test]
async fn an_upload_in_parts_is_told_alike() {
    let both = Both::start();
    let begun = Asked::new(Method::POST, "film").query("uploads", "");
    let begun = begun.header("-meta-seed", SEED.to_string());
    let begun = begun.header("-checksum-algorithm", "CRC64NVME");
    assert_eq!(both.ask(&begun).await.status, 200);

    let whole = bytes(2 * PART + 3);
    let mut listed = Vec::new();
    for (number, part) in (1..).zip(whole.chunks(usize::try_from(PART).unwrap())) {
        let sent = of_upload(Method::PUT).query("partNumber", number.to_string());
        let wrong = sent.clone().body(part.to_vec());
        let wrong = wrong.header("-checksum-crc64nvme", crc64(b"others"));
        assert_eq!(both.ask(&wrong).await.body, ["Code: BadDigest"]);
        let sent = sent.body(part.to_vec());
        let sent = both
            .ask(&sent.header("-checksum-crc64nvme", crc64(part)))
            .await;
        listed.push((number, sent.headers["etag"].clone(), crc64(part)));
    }
    let named = |listed: &[(u32, String, String)]| {
        let parts = listed.iter().map(|(number, etag, crc64)| {
            format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag><ChecksumCRC64NVME>{crc64}</ChecksumCRC64NVME></Part>")
        });
        let parts: String = parts.collect();
        format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>")
    };
    let complete = of_upload(Method::POST);
    let mut others = listed.clone();
    others[1].2 = crc64(b"others");
    // The last part is smaller than all others, so it is no part in between.
    let unequal = [listed[0].clone(), listed[2].clone()];
    for (document, whole, code) in [
        (named(&others), &whole[..], "InvalidPart"),
        (named(&listed), &b"others"[..], "BadDigest"),
        (named(&unequal), &whole[..], "BadDigest"),
        (
            "<CompleteMultipartUpload/>".to_owned(),
            &whole[..],
            "MalformedXML",
        ),
    ] {
        let wrong = complete.clone().body(document);
        let wrong = wrong.header("-checksum-crc64nvme", crc64(whole));
        assert_eq!(both.ask(&wrong).await.body, [format!("Code: {code}")]);
    }
    let done = complete.body(named(&listed));
    let done = done.header("-checksum-crc64nvme", crc64(&whole));
    assert_eq!(both.ask(&done).await.status, 200);
    let head = Asked::new(Method::HEAD, "film").header("-checksum-mode", "ENABLED");
    let head = both.ask(&head).await;
    assert_eq!(head.headers["x-amz-checksum-crc64nvme"], crc64(&whole));
    let range = Asked::new(Method::GET, "film").header("range", "bytes=5242870-5242889");
    assert_eq!(both.ask(&range).await.status, 206);
}

/// Of the first upload that began.
fn of_upload(method: Method) -> Asked {
    Asked::new(method, "film").query("uploadId", format!("{:032X}", 1))
}
