//! A second verifier, that of s3s, thinks of every generated request as the emulator does, and of everything that is changed in one.

use http::header::CONTENT_LENGTH;
use http::{Extensions, HeaderMap, Method, Uri};
use http_body_util::BodyExt;
use s3s::auth::SimpleAuth;
use s3s::route::S3Route;
use s3s::service::S3ServiceBuilder;
use s3s::{Body, S3, S3Request, S3Response, S3Result};

use crate::signed::{Case, Sent};
use crate::tampered::{is_taken, tampered};

/// Does nothing.
struct Store;

impl S3 for Store {}

/// Where every request ends whose signature holds.
struct Taken;

#[async_trait::async_trait]
impl S3Route for Taken {
    fn is_match(&self, _: &Method, _: &Uri, _: &HeaderMap, _: &mut Extensions) -> bool {
        true
    }

    async fn call(&self, request: S3Request<Body>) -> S3Result<S3Response<Body>> {
        // A body is checked where it is read.
        match request.input.collect().await {
            Ok(_) => Ok(S3Response::new(Body::empty())),
            Err(_) => Err(s3s::s3_error!(BadDigest)),
        }
    }
}

async fn takes(sent: &Sent, case: &Case) -> bool {
    let mut builder = S3ServiceBuilder::new(Store);
    builder.set_auth(SimpleAuth::from_single(&*case.id, &*case.secret));
    builder.set_route(Taken);
    let mut request = http::Request::new(Body::from(sent.body.clone()));
    *request.method_mut() = sent.method.clone();
    *request.uri_mut() = sent.uri.clone();
    *request.headers_mut() = sent.headers.clone();
    let length = sent.body.len().into();
    request.headers_mut().insert(CONTENT_LENGTH, length);
    let answer = builder.build().call(request).await.unwrap();
    answer.status().is_success()
}

/// What the emulator refuses though its signature holds.
const STRICTER: [&str; 1] = ["a header of the vendor's"];

#[tokio::test]
async fn a_second_verifier_thinks_the_same_of_every_request() {
    let (mut taken, mut refused) = (0, 0);
    for seed in 0..400 {
        let case = Case::generated(seed);
        let sent = case.signed().await;
        assert!(takes(&sent, &case).await, "{case:?} is {sent:?}");
        taken += 1;
        for (what, other) in tampered(&case, &sent) {
            let (ours, theirs) = (is_taken(&other, &case.secret), takes(&other, &case).await);
            if STRICTER.contains(&&*what) {
                assert!(theirs && !ours, "{what} of {case:?}");
            } else {
                assert_eq!(ours, theirs, "{what} of {case:?} is {other:?}");
            }
            refused += 1;
        }
    }
    assert!(taken == 400 && refused > 6_000, "{taken}, {refused}");
}
