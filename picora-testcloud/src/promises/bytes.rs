//! Bytes: what object_store's own suite does not ask.

use bytes::Bytes;
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, Error, GetOptions, GetRange, ObjectStoreExt, PutMode, PutOptions,
    PutPayload,
};

use super::Store;
use crate::Cloud;

pub async fn keys_and_headers_of_all_kinds_come_back<S: Store>(fresh: impl Fn() -> (Cloud, S)) {
    let (_cloud, store) = fresh();
    for key in ["a b+c", "100%/x", "猫/é.png", "~-_.'()&=;", "a%2Fb"] {
        let attributes: Attributes = [
            (Attribute::ContentType, "text/markdown; charset=utf-8"),
            (Attribute::CacheControl, "max-age=60, public"),
            (Attribute::Metadata("sha256".into()), "a/b+c=="),
        ]
        .into_iter()
        .collect();
        let options = PutOptions {
            attributes: attributes.clone(),
            ..PutOptions::default()
        };
        let path = Path::from(key);
        store
            .put_opts(&path, PutPayload::from("text"), options)
            .await
            .unwrap();
        let found = store.get(&path).await.unwrap();
        for (name, value) in &attributes {
            assert_eq!(found.attributes.get(name), Some(value), "{key}");
        }
        assert_eq!(found.bytes().await.unwrap(), Bytes::from("text"));
    }
}

pub async fn a_second_create_is_refused<S: Store>(fresh: impl Fn() -> (Cloud, S)) {
    let (_cloud, store) = fresh();
    let path = Path::from("once");
    let create = || PutOptions::from(PutMode::Create);
    store
        .put_opts(&path, "first".into(), create())
        .await
        .unwrap();
    let second = store.put_opts(&path, "second".into(), create()).await;
    assert!(
        matches!(second, Err(Error::AlreadyExists { .. })),
        "{second:?}"
    );
}

/// A reader asks for more than there is when it does not know how much there is: it gets what there is.
pub async fn a_range_is_cut_to_its_object<S: Store>(fresh: impl Fn() -> (Cloud, S)) {
    let (cloud, store) = fresh();
    let (path, bytes) = (Path::from("photo"), Bytes::from(vec![7; 1_000]));
    store.put(&path, bytes.clone().into()).await.unwrap();
    for (range, wanted) in [
        (GetRange::Bounded(0..65_536), 0..1_000),
        (GetRange::Bounded(999..1_001), 999..1_000),
        (GetRange::Suffix(2_000), 0..1_000),
        (GetRange::Suffix(1_000), 0..1_000),
        (GetRange::Suffix(3), 997..1_000),
        (GetRange::Offset(999), 999..1_000),
    ] {
        let options = GetOptions::default().with_range(Some(range.clone()));
        let found = store.get_opts(&path, options).await;
        let found = found.unwrap_or_else(|error| panic!("{range}: {error}"));
        assert_eq!(
            (found.range.clone(), found.meta.size),
            (wanted.clone(), 1_000)
        );
        assert_eq!(found.bytes().await.unwrap(), vec![7; wanted.count()]);
    }
    for range in [
        GetRange::Offset(1_000),
        GetRange::Offset(65_536),
        GetRange::Bounded(1_000..1_001),
    ] {
        let options = GetOptions::default().with_range(Some(range.clone()));
        let found = store.get_opts(&path, options).await;
        assert!(
            matches!(found, Err(Error::Generic { .. })),
            "{range}: {found:?}"
        );
    }
    assert_eq!(cloud.surprises(), Vec::<String>::new());
}

/// What a store has not is not left out in silence.
pub async fn a_version_that_cannot_be_had_is_refused<S: Store>(fresh: impl Fn() -> (Cloud, S)) {
    let (_cloud, store) = fresh();
    let path = Path::from("photo");
    store.put(&path, "bytes".into()).await.unwrap();
    let options = GetOptions::default().with_version(Some("1".to_owned()));
    let found = store.get_opts(&path, options).await;
    assert!(found.is_err(), "{found:?}");
}
