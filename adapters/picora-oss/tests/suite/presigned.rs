//! Addresses that anybody may use for a while, by both versions of signatures.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use object_store::ObjectStoreExt;
use object_store::path::Path;

use crate::world::{fresh, old};

const BODY: &str = "0123456789";
const MINUTE: Duration = Duration::from_secs(60);

/// The status and what comes after the headers.
fn ask(method: &str, url: &str, body: &str) -> (u16, String) {
    let (host, target) = url
        .strip_prefix("http://")
        .unwrap()
        .split_once('/')
        .unwrap();
    let mut wire = TcpStream::connect(host).unwrap();
    let length = body.len();
    write!(
        wire,
        "{method} /{target} HTTP/1.1\r\nhost: {host}\r\ncontent-type: image/png\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    wire.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

#[tokio::test]
async fn a_stranger_may_do_what_an_address_says_until_it_expires() {
    for (cloud, store) in [fresh(), old()] {
        let path = Path::from("a photo/猫.png");
        let png = [("content-type", "image/png")];
        let put = store.presigned("PUT", &path, &[], &png, MINUTE);
        assert_eq!(ask("PUT", &put, BODY).0, 200);
        let stored = store.get(&path).await.unwrap().bytes().await.unwrap();
        assert_eq!(stored, BODY);

        let named = [("response-content-type", "text/plain; charset=utf-8")];
        let get = store.presigned("GET", &path, &named, &png, MINUTE);
        assert_eq!(ask("GET", &get, ""), (200, BODY.to_owned()));
        assert_eq!(ask("DELETE", &get, "").0, 403);
        assert_eq!(ask("GET", &get.replace("plain", "html"), "").0, 403);
        cloud.clock().advance(2 * MINUTE);
        assert_eq!(ask("GET", &get, "").0, 403);
        assert_eq!(cloud.surprises(), Vec::<String>::new());
    }
}
