//! A region that is not the bucket's.

use object_store::ObjectStoreExt;
use object_store::path::Path;
use picora_storage::{Examine, Trouble};

use crate::world::{fresh, open};

/// The signature names it, and the vendor says so in a sentence; what counts is its number of the case.
#[tokio::test]
async fn a_wrong_region_is_called_by_its_name() {
    let (cloud, _) = fresh();
    let store = open(&cloud, |config| config.region = "cn-shanghai".to_owned());
    let error = store.get(&Path::from("photo")).await.unwrap_err();
    assert!(error.to_string().contains("cn-hangzhou"), "{error}");
    let trouble = store.examine().await.unwrap_err();
    let Trouble::Region { region, cause, .. } = &trouble else {
        panic!("{trouble:?}");
    };
    assert_eq!(region, "cn-shanghai");
    assert!(cause.contains("cn-hangzhou"), "{cause}");
}

/// What has no body says it, too.
#[tokio::test]
async fn a_refusal_without_a_body_is_read_from_its_header() {
    let (cloud, _) = fresh();
    let store = open(&cloud, |config| config.bucket = "nobodys".to_owned());
    let path = Path::from("photo");
    let error = store.head(&path).await.unwrap_err();
    assert!(
        matches!(error, object_store::Error::Generic { .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("NoSuchBucket"), "{error}");
    let probed = picora_tiering::TierControl::probe(&store, &path).await;
    assert!(probed.is_err(), "{probed:?}");
    let trouble = store.examine().await.unwrap_err();
    assert!(
        matches!(trouble, Trouble::NoSuchBucket { .. }),
        "{trouble:?}"
    );
}
