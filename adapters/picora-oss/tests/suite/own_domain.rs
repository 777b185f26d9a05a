//! A domain of one's own, which the vendor demands of new buckets on the mainland: no bucket stands in the host nor in the path, and it is signed
//! nevertheless.

use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use picora_tiering::{Guard, Moved, Tier, TierControl};

use crate::world::{fresh, open};

#[tokio::test]
async fn a_bucket_behind_its_own_domain_does_all_that_others_do() {
    let (cloud, by_path) = fresh();
    let domain = format!("http://localhost:{}", cloud.port());
    let store = open(&cloud, |config| {
        config.endpoint = domain.parse().unwrap();
        config.bucket_in_path = false;
    });
    let (photo, copy) = (Path::from("猫/a+b %2F"), Path::from("copy"));
    store.put(&photo, PutPayload::from("cat")).await.unwrap();
    let bytes = by_path.get(&photo).await.unwrap().bytes().await.unwrap();
    assert_eq!(bytes, "cat");

    store.copy(&photo, &copy).await.unwrap();
    assert_eq!(store.get_range(&copy, 1..3).await.unwrap(), "at");
    let seen = store.probe(&copy).await.unwrap().unwrap();
    let guard = Guard {
        etag: seen.etag.clone().unwrap(),
        size: seen.size,
    };
    let moved = store.set_tier(&copy, Tier::Archive, &guard, &seen.headers);
    assert_eq!(moved.await.unwrap(), Moved::Done);
    assert_eq!(
        store.list_with_delimiter(None).await.unwrap().objects.len(),
        1
    );
    assert_eq!(cloud.surprises(), Vec::<String>::new());
}
