//! Bytes: what object_store's own suite does not ask.

use bytes::Bytes;
use object_store::path::Path;
use object_store::{Attribute, Attributes, Error, ObjectStoreExt, PutMode, PutOptions, PutPayload};

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
