//! Row #54: whoever uploads more than a minute allows is told to wait, waits, and gets everything stored.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use picora_client::backoff::Rule;
use picora_client::{ApiKey, Error, ListQuery, Options, Picora, Resource, ServerUrl, Upload};
use picora_core::{MediaKind, PlanId};
use tokio::time::Instant;

use crate::child::Child;
use crate::load::hex_sha256;
use crate::world::Account;

/// The real server with its own limits in a soak, and with faster ones in the ordinary test.
#[tokio::test(flavor = "multi_thread")]
async fn more_uploads_than_a_minute_has_are_all_stored_once() {
    let soak = std::env::var_os("PICORA_SOAK").is_some();
    let (count, per_minute, config) = match soak {
        true => (61_u32, 60, ""),
        false => (
            12,
            240,
            "[rate_limits]\nupload = { per_minute = 240, burst = 5 }\n",
        ),
    };
    let server = Child::start(config).await;
    let folder = tempfile::tempdir().unwrap();
    let (hasty, patient) = (server.account(PlanId::Pro), server.account(PlanId::Pro));

    let without = uploads(
        &client(&server, &hasty, Rule::never()),
        folder.path(),
        count,
    )
    .await;
    let refused = without.iter().filter_map(|it| it.as_ref().err());
    let refused = refused
        .map(|it| assert!(it.is_rate_limit(), "{it}"))
        .count();
    assert!(
        refused >= count as usize / 4,
        "{refused} of {count} were refused"
    );

    let start = Instant::now();
    let client = client(&server, &patient, Rule::default());
    let stored = uploads(&client, folder.path(), count).await;
    let took = start.elapsed();
    let stored: Vec<_> = stored.into_iter().map(Result::unwrap).collect();
    let least = Duration::from_secs(60) * (count - 5) / per_minute;
    assert!(took >= least, "{took:?} is less than {least:?}");
    let expected: BTreeSet<_> = (0..count).map(|number| hex_sha256(&gif(number))).collect();
    let listed: Vec<Resource> = client
        .list_all(MediaKind::Image, ListQuery::default())
        .try_collect()
        .await
        .unwrap();
    for resources in [&stored, &listed] {
        let sent: BTreeSet<_> = resources.iter().map(|it| it.sha256.clone()).collect();
        assert_eq!((resources.len(), &sent), (count as usize, &expected));
    }
    let usage = client.usage().await.unwrap();
    assert_eq!(usage.uploads.day.used, u64::from(count));
    let bytes: u64 = listed.iter().map(|it| it.bytes).sum();
    assert_eq!(usage.image.storage.used, bytes);
    println!("{count} uploads in {took:?}; without waiting {refused} of them were refused");
}

/// Eight at once, each of its own file.
async fn uploads(client: &Picora, folder: &Path, count: u32) -> Vec<Result<Resource, Error>> {
    let each = (0..count).map(|number| {
        let path = folder.join(format!("{number}.gif"));
        std::fs::write(&path, gif(number)).unwrap();
        let client = client.clone();
        async move { client.upload(&Upload::new(path, MediaKind::Image)).await }
    });
    futures::stream::iter(each)
        .buffer_unordered(8)
        .collect()
        .await
}

fn client(server: &Child, by: &Account, retry: Rule) -> Picora {
    let (url, key) = (
        ServerUrl::new(&server.url).unwrap(),
        ApiKey::new(&by.secret).unwrap(),
    );
    Picora::with(
        url,
        &key,
        Options {
            retry,
            ..Options::default()
        },
    )
    .unwrap()
}

fn gif(number: u32) -> Vec<u8> {
    format!("GIF89a {number}").into_bytes()
}
