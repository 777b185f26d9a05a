//! A gigabyte through a client whose memory stays flat. The store is another process, which keeps digests only, and so is the client, so
//! that what each of them takes at most can be read.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};

use bytes::Bytes;
use futures::TryStreamExt;
use futures::stream::{FuturesUnordered, StreamExt};
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, MultipartUpload, ObjectStoreExt, PutMultipartOptions, PutPayload,
    UploadPart,
};

use super::Store;
use crate::digests::{Digesting, Digests};
use crate::generated::pieces;
use crate::serve::{Orders, peak_kib, serve};

/// Starts both processes: this program again with this test alone, which sees by its environment which of them it is.
///
/// `module` is that of the test, whose name is this function's.
pub fn a_gigabyte_goes_through_flat_memory<S: Store>(
    module: &str,
    vendor: &str,
    at: impl Fn(&str) -> S,
) {
    if let Ok(orders) = std::env::var(ORDERS) {
        let orders = Orders::read(orders.split(' ').map(str::to_owned)).unwrap();
        return serve(orders).unwrap();
    }
    if let Ok(url) = std::env::var(AT) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build().unwrap();
        return runtime.block_on(send(at(&url), vendor));
    }
    let module = module.split_once("::").map_or(module, |(_, rest)| rest);
    let test = format!("{module}::a_gigabyte_goes_through_flat_memory");
    let orders = format!("{vendor} --sink --faults 1 40");
    let mut store = again(&test, ORDERS, &orders);
    let mut lines = BufReader::new(store.stdout.take().unwrap());
    let url = line(&mut lines, "http://");
    let mut client = again(&test, AT, &format!("http://{url}"));
    let mut said = String::new();
    let mut output = client.stdout.take().unwrap();
    output.read_to_string(&mut said).unwrap();
    assert!(client.wait().unwrap().success(), "{said}");
    println!("the client says {said}");

    drop(store.stdin.take());
    let faults = line(&mut lines, "faults ");
    assert!(faults.contains("UploadPart"), "{faults}");
    assert_eq!(line(&mut lines, "surprises "), "");
    let peak = line(&mut lines, "peak ");
    let peak: u64 = peak.trim_end_matches(" KiB").parse().unwrap();
    println!("the store had {peak} KiB at most, and faults of {faults}");
    assert!(peak < FLAT_KIB, "{peak}");
    assert!(store.wait().unwrap().success());
}

/// The client's process: an upload in parts, a few at a time, and a read of the whole.
async fn send<S: Store>(store: S, vendor: &str) {
    let path = Path::from("film");
    let mut upload = begun(&store, &path).await;
    let (mut sending, mut parts) = (FuturesUnordered::<UploadPart>::new(), Vec::new());
    let mut whole = Digesting::default();
    for start in (0..SIZE).step_by(PART) {
        if sending.len() == AT_ONCE {
            sending.next().await.unwrap().unwrap();
        }
        let part: Vec<Bytes> = pieces(SEED, start..start + PART as u64).collect();
        let mut digesting = Digesting::default();
        for piece in &part {
            digesting.update(piece);
        }
        parts.push(digesting.end());
        sending.push(upload.put_part(PutPayload::from_iter(part)));
    }
    while let Some(sent) = sending.next().await {
        sent.unwrap();
    }
    drop(sending);
    let sent = Digests::joined(&parts);
    let crc64 = digest(vendor, &sent);
    complete(&store, &path, upload.as_mut(), crc64).await;
    let present = store.probe(&path).await.unwrap().unwrap();
    assert_eq!(present.size.get(), SIZE);
    assert_eq!(present.crc64, Some(crc64));
    let name = format!("\"{}-{}\"", crate::object::hex(&sent.md5), parts.len());
    assert!(name.eq_ignore_ascii_case(&present.etag.unwrap()));

    // A read that breaks off says so, and is begun again.
    let mut read = None;
    for _ in 0..10 {
        let Ok(found) = store.get(&path).await else {
            continue;
        };
        let mut stream = found.into_stream();
        let (mut length, mut end) = (0, Ok(()));
        while let Some(piece) = stream.try_next().await.unwrap_or_else(|error| {
            end = Err(error);
            None
        }) {
            length += piece.len() as u64;
            whole.update(&piece);
        }
        match end {
            Ok(()) => {
                read = Some(length);
                break;
            }
            Err(_) => whole = Digesting::default(),
        }
    }
    assert_eq!(read, Some(SIZE));
    assert_eq!(digest(vendor, &whole.end()), crc64);
    let peak = peak_kib().unwrap();
    println!("\nthe client had {peak} KiB at most");
    assert!(peak < FLAT_KIB, "{peak}");
}

/// Which of the digests the vendor tells.
fn digest(vendor: &str, digests: &Digests) -> u64 {
    match vendor {
        "r2" => digests.crc64_nvme,
        _ => digests.crc64,
    }
}

async fn begun<S: Store>(store: &S, path: &Path) -> Box<dyn MultipartUpload> {
    let seed = (Attribute::Metadata("seed".into()), SEED.to_string());
    let options = PutMultipartOptions {
        attributes: Attributes::from_iter([seed]),
        ..PutMultipartOptions::default()
    };
    for _ in 0..10 {
        if let Ok(upload) = store.put_multipart_opts(path, options.clone()).await {
            return upload;
        }
    }
    panic!("no upload begins");
}

/// What is unknown is settled by a look.
async fn complete<S: Store>(store: &S, path: &Path, upload: &mut dyn MultipartUpload, crc64: u64) {
    for _ in 0..10 {
        let completed = upload.complete().await;
        let there = store.probe(path).await;
        let there = there.is_ok_and(|it| it.is_some_and(|it| it.crc64 == Some(crc64)));
        if completed.is_ok() || there {
            return;
        }
    }
    panic!("the upload is never complete");
}

/// This program again, with one of its tests.
fn again(test: &str, name: &str, value: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", test])
        .env(name, value)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The rest of the next line that begins so.
fn line(lines: &mut BufReader<ChildStdout>, start: &str) -> String {
    loop {
        let mut text = String::new();
        assert!(lines.read_line(&mut text).unwrap() > 0, "no line {start}");
        if let Some(rest) = text.strip_prefix(start) {
            return rest.trim().to_owned();
        }
    }
}

const ORDERS: &str = "PICORA_TESTCLOUD_ORDERS";
const AT: &str = "PICORA_TESTCLOUD_AT";
const SEED: u64 = 7;
const SIZE: u64 = 1 << 30;
const PART: usize = 8 << 20;
const AT_ONCE: usize = 3;
/// A client that kept what it sends would need eight times as much.
const FLAT_KIB: u64 = 128 << 10;
