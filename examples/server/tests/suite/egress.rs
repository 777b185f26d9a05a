//! What is counted of what is served.

use std::time::Duration;

use picora_server::egress;
use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::answer::Answer;
use crate::delivery::{image, url};
use crate::world::{Account, World, gif};

async fn sent(world: &World, of: &Account) -> u64 {
    egress::fold(&world.app).await;
    let usage = world.usage(of).await;
    assert_eq!(usage["video"]["bandwidth"]["used"], 0);
    usage["image"]["bandwidth"]["used"].as_u64().unwrap()
}

#[tokio::test]
async fn the_bytes_that_left_are_counted_and_no_others() {
    let world = World::start().await;
    let account = world.trial().await;
    let stored = image(&world, &account, gif(30_000), true).await;
    let get = |method: Method, headers: &[(&'static str, &str)]| {
        let request = world.anyone(method, url(&stored));
        let with = |request: reqwest::RequestBuilder, (name, value): &(&'static str, &str)| {
            request.header(*name, *value)
        };
        Answer::to(headers.iter().fold(request, with))
    };
    get(Method::GET, &[]).await;
    assert_eq!(sent(&world, &account).await, 30_000);
    get(Method::GET, &[("Range", "bytes=0-99")]).await;
    assert_eq!(sent(&world, &account).await, 30_100);
    get(Method::HEAD, &[]).await;
    get(Method::GET, &[("If-None-Match", "*")]).await;
    assert_eq!(sent(&world, &account).await, 30_100);
    let document = world.upload(&account, "/v1/docs", b"# text".to_vec()).await;
    let shown = Answer::to(world.anyone(Method::GET, url(&document.json()["data"]))).await;
    assert_eq!(shown.header("content-type"), "text/markdown; charset=utf-8");
    assert_eq!(
        sent(&world, &account).await,
        30_100,
        "documents count for nothing"
    );
    let stranger = world.trial().await;
    Answer::to(world.request(&stranger, Method::GET, url(&stored))).await;
    assert_eq!(sent(&world, &stranger).await, 0, "the owner pays");
    assert_eq!(sent(&world, &account).await, 60_100);
    world
        .delete(
            &account,
            format!("/v1/images/{}", stored["id"].as_str().unwrap()),
        )
        .await;
    assert_eq!(
        sent(&world, &account).await,
        60_100,
        "what was sent stays sent"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_who_leaves_is_counted_for_what_he_took() {
    let world = World::start().await;
    let account = world.trial().await;
    let bytes = 40 << 20;
    let stored = image(&world, &account, gif(bytes), true).await;
    let path = url(&stored).split_once("/media/").unwrap().1;
    let mut stream = tokio::net::TcpStream::connect(world.address).await.unwrap();
    let request = format!("GET /media/{path} HTTP/1.1\r\nHost: a\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut taken = vec![0; 300_000];
    stream.read_exact(&mut taken).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    drop(stream);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let counted = sent(&world, &account).await;
    assert!(counted >= 299_000, "{counted}");
    assert!(
        counted < bytes as u64 / 2,
        "{counted}: beside it only what the system's buffers hold"
    );
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(sent(&world, &account).await, counted);
}
