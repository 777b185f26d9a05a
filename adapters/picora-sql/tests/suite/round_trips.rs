//! How often a step goes to the database and waits for its answer.

use std::time::Duration;

use picora_core::{Amount, Dimension, Limit, Limits, Tally};
use picora_quota::conformance::{NOW, request, with_limits};
use picora_quota::{Item, Ledger, Reserve, Reserved};
use picora_sql::SqlStore;

use crate::proxy::Proxy;
use crate::world::{fresh_url, postgres, runtime};

/// An upload as the media host reserves it: bytes of a pool with its audio beside them, both windows of uploads, and a limit of single
/// items.
fn upload(number: u64) -> Reserve {
    let one = |dimension| Item::exactly(dimension, Amount::ONE);
    Reserve {
        tally: Some(Tally::AudioStorage),
        ..request(
            number,
            [
                Item::exactly(Dimension::MediaStorage, Amount::from(10)),
                one(Dimension::UploadsPerDay),
                one(Dimension::UploadsPerMonth),
                one(Dimension::DocMaxFile),
            ],
        )
    }
}

fn one_dimension(number: u64) -> Reserve {
    let bytes = Item::exactly(Dimension::ImgStorage, Amount::from(10));
    request(number, [bytes])
}

/// A store whose trips are counted, with room for everything.
async fn counted() -> (Proxy, SqlStore) {
    let url = fresh_url();
    let proxy = Proxy::to(&url).await;
    let plenty = Limit::Max(Amount::from(1_000));
    let limits = Dimension::ALL.iter();
    let limits = limits.fold(Limits::NOTHING, |all, dimension| {
        all.with(*dimension, plenty)
    });
    postgres(&url)
        .await
        .set_limits(&with_limits(limits), NOW)
        .await
        .unwrap();
    let store = SqlStore::postgres(proxy.url()).await.unwrap();
    (proxy, store)
}

/// The trips of a reserve that is admitted, when its cells are there and the connection knows its statement: the least of several, because
/// on a busy machine a connection may rest so long in between that it is asked whether it lives.
async fn trips(request: impl Fn(u64) -> Reserve) -> usize {
    let (proxy, store) = counted().await;
    let mut trips = Vec::new();
    for number in 0..10 {
        proxy.take_trips();
        let answer = store.reserve(&request(number), NOW).await.unwrap();
        assert!(matches!(answer, Reserved::Admitted(_)), "{answer:?}");
        trips.push(proxy.take_trips());
        tokio::time::sleep(Duration::from_millis(50)).await; // the pool has its connection back
    }
    assert!(trips[0] > 5, "the first makes its cells: {trips:?}");
    trips.into_iter().min().unwrap()
}

#[test]
fn a_reserve_of_one_dimension_is_one_round_trip() {
    runtime().block_on(async { assert_eq!(trips(one_dimension).await, 1) });
}

#[test]
fn a_reserve_of_several_is_one_round_trip_too() {
    runtime().block_on(async { assert_eq!(trips(upload).await, 1) });
}
