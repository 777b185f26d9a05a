//! moto.

use crate::leftovers::assert_gone;
use picora_testkit::Moto;
use std::io::{Read, Write};
use std::net::TcpStream;

fn asked(moto: &Moto, request: &str) -> String {
    let address = moto.url().replace("http://", "");
    let mut wire = TcpStream::connect(address).unwrap();
    let request = format!(
        "{request} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    wire.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    wire.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn it_has_buckets_of_its_own_and_leaves_nothing_behind() {
    let (moto, other) = (Moto::start(), Moto::start());
    assert!(asked(&moto, "PUT /photos").starts_with("HTTP/1.1 200 "));
    assert!(asked(&moto, "GET /photos").contains("<Name>photos</Name>"));
    assert!(asked(&other, "GET /photos").contains("<Code>NoSuchBucket</Code>"));
    let left = (moto.id().unwrap(), moto.folder().to_owned());
    drop(moto);
    assert_gone(left.0, &left.1);
}
