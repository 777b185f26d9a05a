//! Bytes: object_store's own suite, and what it does not ask.

use bytes::Bytes;
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, DynObjectStore, Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions,
    PutPayload, integration,
};

use crate::world::fresh;

/// Each of object_store's own promises, on an empty bucket.
macro_rules! promises {
    ($($promise:ident($($more:expr),*);)+) => {$(
        #[tokio::test]
        async fn $promise() {
            let (cloud, store) = fresh();
            let bytes: &DynObjectStore = &store;
            integration::$promise(bytes $(, $more)*).await;
            assert_eq!(cloud.surprises(), Vec::<String>::new());
        }
    )+};
}

promises! {
    put_get_delete_list();
    put_get_attributes();
    get_opts();
    put_opts(false);
    stream_get();
    list_uses_directories_correctly();
    list_with_delimiter();
    list_with_offset_exclusivity();
    rename_and_copy();
    copy_if_not_exists();
    copy_rename_nonexistent_object();
    multipart_race_condition(true);
    multipart_out_of_order();
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let (_cloud, store) = fresh();
    let missing = integration::get_nonexistent_object(&store, None).await;
    assert!(matches!(missing, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn keys_and_headers_of_all_kinds_come_back() {
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

#[tokio::test]
async fn a_second_create_is_refused() {
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
