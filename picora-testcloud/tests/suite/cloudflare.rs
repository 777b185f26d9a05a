//! What of Cloudflare's dialect no client says by itself: clocks that are wrong, bodies that are others, and what is lost on the way.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method};
use object_store::aws::{AmazonS3, AmazonS3Builder, Checksum, S3ConditionalPut, S3CopyIfNotExists};
use object_store::client::HttpRequest;
use object_store::integration;
use picora_testcloud::{Cloud, Fault, Vendor, xml};
use secrecy::ExposeSecret;

use crate::asked::{Asked, Server};

fn put(key: &str) -> Asked {
    Asked::new(Method::PUT, key).body("0123456789")
}

fn read(key: &str) -> Asked {
    Asked::new(Method::GET, key)
}

fn moved(key: &str) -> Asked {
    let copy = Asked::new(Method::PUT, key).header("-copy-source", format!("photos/{key}"));
    copy.header("-storage-class", "STANDARD_IA")
}

fn cloud() -> (Cloud, Server) {
    let cloud = Cloud::start(Vendor::R2);
    let server = Server::at(cloud.url());
    (cloud, server)
}

/// The status and the code of an answer.
async fn refused(server: &Server, request: HttpRequest) -> (u16, String) {
    let (status, _, body) = server.send(request).await.unwrap();
    (status.as_u16(), code(&body))
}

fn code(body: &Bytes) -> String {
    let texts = xml::texts(body).unwrap_or_default();
    let code = texts.into_iter().find(|(path, _)| path == "Error/Code");
    code.map(|(_, text)| text).unwrap_or_default()
}

#[tokio::test]
async fn a_signature_holds_for_a_quarter_of_an_hour() {
    let (cloud, server) = cloud();
    cloud.clock().advance(Duration::from_secs(14 * 60 + 50));
    let request = server.signed(&put("a"));
    assert_eq!(refused(&server, request).await, (200, String::new()));
    cloud.clock().advance(Duration::from_secs(11));
    let request = server.signed(&put("a"));
    let late = (403, "RequestTimeTooSkewed".to_owned());
    assert_eq!(refused(&server, request).await, late);
}

#[tokio::test]
async fn a_body_is_the_one_that_was_signed() {
    let (_cloud, server) = cloud();
    let with = |name: &'static str, value: Option<&'static str>| {
        let mut request = server.signed(&put("a"));
        match value {
            Some(value) => drop(
                request
                    .headers_mut()
                    .insert(name, HeaderValue::from_static(value)),
            ),
            None => drop(request.headers_mut().remove(name)),
        }
        request
    };
    let mut other = server.signed(&put("a"));
    *other.body_mut() = Bytes::from("012345678X").into();
    for (request, status, code) in [
        (other, 400, "XAmzContentSHA256Mismatch"),
        (
            with("x-amz-content-sha256", Some("UNSIGNED-PAYLOAD")),
            403,
            "SignatureDoesNotMatch",
        ),
        (with("x-amz-content-sha256", None), 400, "InvalidRequest"),
        (with("x-amz-date", None), 400, "InvalidRequest"),
        (with("authorization", None), 400, "InvalidArgument"),
        (
            with("authorization", Some("AWS4-HMAC-SHA256 Credential=a")),
            400,
            "AuthorizationHeaderMalformed",
        ),
        (with("authorization", Some("AWS a:b")), 401, "Unauthorized"),
    ] {
        assert_eq!(refused(&server, request).await, (status, code.to_owned()));
    }
    let (status, ..) = server.raw(&read("a")).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn bodies_in_signed_chunks_are_not_taken() {
    for payload in [
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    ] {
        let call = crate::signed::Case::generated(1)
            .signed()
            .await
            .call()
            .unwrap();
        let refusal = picora_testcloud::sigv4::is_signed_body(payload, &call).unwrap_err();
        assert_eq!((refusal.status, refusal.code), (501, "NotImplemented"));
    }
}

#[tokio::test]
async fn what_is_scripted_goes_wrong_as_with_the_others() {
    let (cloud, server) = cloud();
    assert_eq!(server.raw(&put("a")).await.0, 200);
    let class = async || {
        let (_, headers, _) = server.raw(&Asked::new(Method::HEAD, "a")).await;
        headers
            .get("x-amz-storage-class")
            .map(|it| it.to_str().unwrap().to_owned())
    };
    cloud.faults().script("CopyObject", Fault::ErrorInside);
    let (status, _, body) = server.raw(&moved("a")).await;
    assert_eq!(
        (status.as_u16(), code(&body)),
        (200, "InternalError".to_owned())
    );
    for (status, expected) in [
        (429, "TooManyRequests"),
        (500, "InternalError"),
        (503, "ServiceUnavailable"),
    ] {
        cloud.faults().script("CopyObject", Fault::Refuse(status));
        let answer = refused(&server, server.signed(&moved("a"))).await;
        assert_eq!(answer, (status, expected.to_owned()));
    }
    cloud.faults().script("CopyObject", Fault::Drop);
    assert!(server.send(server.signed(&moved("a"))).await.is_none());
    assert_eq!(class().await, None);
    cloud.faults().script("CopyObject", Fault::DoneAndDropped);
    assert!(server.send(server.signed(&moved("a"))).await.is_none());
    assert_eq!(class().await.as_deref(), Some("STANDARD_IA"));
    cloud.faults().script("GetObject", Fault::Truncated(4));
    assert!(server.send(server.signed(&read("a"))).await.is_none());
}

#[tokio::test]
async fn a_completion_with_an_error_inside_completes_nothing() {
    let (cloud, server) = cloud();
    let (_, _, begun) = server
        .raw(&Asked::new(Method::POST, "a").query("uploads", ""))
        .await;
    let texts = xml::texts(&begun).unwrap();
    let id = &texts
        .iter()
        .find(|(path, _)| path.ends_with("/UploadId"))
        .unwrap()
        .1;
    let part = put("a").query("partNumber", "1").query("uploadId", id);
    let (_, headers, _) = server.raw(&part).await;
    let tag = headers["etag"].to_str().unwrap();
    let document = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{tag}</ETag></Part></CompleteMultipartUpload>"
    );
    let complete = Asked::new(Method::POST, "a")
        .query("uploadId", id)
        .body(document);
    cloud
        .faults()
        .script("CompleteMultipartUpload", Fault::ErrorInside);
    let (status, _, body) = server.raw(&complete).await;
    assert_eq!(
        (status.as_u16(), code(&body)),
        (200, "InternalError".to_owned())
    );
    assert_eq!(server.raw(&read("a")).await.0, 404);
    assert_eq!(server.raw(&complete).await.0, 200);
    assert_eq!(server.raw(&read("a")).await.2, "0123456789");
}

#[tokio::test]
async fn bounds_are_those_of_the_vendors_page() {
    let (_cloud, server) = cloud();
    let long = |bytes: usize| "k".repeat(bytes);
    for (asked, answer) in [
        (put(&long(1_024)), (200, "")),
        (put(&long(1_025)), (400, "InvalidObjectName")),
        (put("a").header("-meta-long", long(8_188)), (200, "")),
        (
            put("a").header("-meta-long", long(8_189)),
            (400, "MetadataTooLarge"),
        ),
        (
            put("a").header("-meta-name", "猫"),
            (400, "InvalidArgument"),
        ),
    ] {
        let (status, code) = answer;
        let found = refused(&server, server.signed(&asked)).await;
        assert_eq!(found, (status, code.to_owned()));
    }
}

fn official(cloud: &Cloud) -> AmazonS3 {
    let credentials = Cloud::credentials();
    AmazonS3Builder::new()
        .with_endpoint(cloud.url())
        .with_allow_http(true)
        .with_bucket_name("photos")
        .with_region(Vendor::R2.region())
        .with_access_key_id(&credentials.access_key_id)
        .with_secret_access_key(credentials.secret.expose_secret())
        .with_checksum_algorithm(Checksum::CRC64NVME)
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_copy_if_not_exists(S3CopyIfNotExists::Header(
            "cf-copy-destination-if-none-match".to_owned(),
            "*".to_owned(),
        ))
        .with_disable_tagging(true)
        .build()
        .unwrap()
}

/// The client that our adapter is made of, set up as for this vendor, goes through its own suite.
mod object_stores_own_suite {
    use super::*;

    macro_rules! promises {
        ($($promise:ident($($more:expr),*)),+ $(,)?) => {$(
            #[tokio::test]
            async fn $promise() {
                let cloud = Cloud::start(Vendor::R2);
                integration::$promise(&official(&cloud) $(, $more)*).await;
                assert_eq!(cloud.surprises(), Vec::<String>::new());
            }
        )+};
    }

    promises! {
        put_get_delete_list(), put_get_attributes(), get_opts(), put_opts(true), stream_get(), list_uses_directories_correctly(),
        list_with_delimiter(), list_with_offset_exclusivity(), rename_and_copy(), copy_if_not_exists(), copy_rename_nonexistent_object(),
        multipart_race_condition(true), multipart_out_of_order(),
    }
}
