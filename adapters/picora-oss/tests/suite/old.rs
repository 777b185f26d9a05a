//! What sends every kind of request, signed by the first version, which only old buckets take.

use object_store::path::Path;
use object_store::{Error, ObjectStoreExt};
use picora_sign::Credentials;
use picora_testcloud::Cloud;

use crate::world::{fresh, old, open};

picora_testcloud::store_promises! { @own crate::world::old;
    bytes: keys_and_headers_of_all_kinds_come_back, a_second_create_is_refused;
    tiers: ten_moves_keep_every_header_and_every_byte, an_archived_object_is_read_as_the_caps_say;
}
picora_testcloud::store_promises! { @object_store crate::world::old;
    put_get_delete_list(), list_with_delimiter(), copy_if_not_exists(), multipart_out_of_order()
}

#[tokio::test]
async fn only_an_old_bucket_takes_the_first_version_of_signatures() {
    let (cloud, _) = fresh();
    let path = Path::from("photo");
    let first = |config: &mut picora_native::NativeConfig| config.first_signature = true;
    let refused = open(&cloud, first).put(&path, "x".into()).await;
    assert!(refused.is_err());

    let (cloud, store) = old();
    store.put(&path, "x".into()).await.unwrap();
    let newer = open(&cloud, |_| {}).get(&path).await.unwrap();
    assert_eq!(newer.bytes().await.unwrap(), "x");
    let known = Cloud::credentials().access_key_id;
    for (credentials, word) in [
        (Credentials::new(&known, "hush"), "SignatureDoesNotMatch"),
        (Credentials::new("nobody", "hush"), "InvalidAccessKeyId"),
        (
            Cloud::credentials().with_token("over"),
            "InvalidSecurityToken",
        ),
    ] {
        let store = open(&cloud, |config| {
            config.credentials = credentials.clone();
            first(config);
        });
        let error = store.get(&path).await.unwrap_err();
        assert!(matches!(error, Error::PermissionDenied { .. }), "{error:?}");
        assert!(error.to_string().contains(word), "{error}");
    }
    assert_eq!(cloud.surprises(), Vec::<String>::new());
}
