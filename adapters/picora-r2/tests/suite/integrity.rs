//! Bytes are those that were stored, or it is told.

use object_store::path::Path;
use object_store::{Attribute, Attributes, ObjectStore, ObjectStoreExt, PutOptions};
use picora_r2::answer::Answer;
use picora_tiering::{Class, Tier, TierControl};

use crate::world::fresh;

/// What the store keeps is what was sent, also of an upload in parts, and a probe tells it.
#[tokio::test]
async fn a_put_is_kept_with_its_digest() {
    let (_cloud, store) = fresh();
    let path = Path::from("photo");
    store.put(&path, "123456789".into()).await.unwrap();
    let check = 0xae8b_1486_0a79_9888; // the check value of CRC-64/NVME
    let found = store.probe(&path).await.unwrap().unwrap();
    assert_eq!(found.crc64, Some(check));

    let mut upload = store.put_multipart(&Path::from("film")).await.unwrap();
    let first = vec![7_u8; 5 << 20];
    upload.put_part(first.clone().into()).await.unwrap();
    upload.put_part("the end".into()).await.unwrap();
    upload.complete().await.unwrap();
    let whole = [&first[..], b"the end"].concat();
    let found = store.probe(&Path::from("film")).await.unwrap().unwrap();
    assert_eq!(
        found.crc64,
        Some(crc_fast::checksum(
            crc_fast::CrcAlgorithm::Crc64Nvme,
            &whole
        ))
    );
    let read = store.get(&Path::from("film")).await.unwrap();
    assert_eq!(read.bytes().await.unwrap(), whole);
}

/// The class is an attribute unless it is the one that everything has, and the answer's headers are at hand.
#[tokio::test]
async fn a_class_is_put_and_told() {
    let (_cloud, store) = fresh();
    let path = Path::from("photo");
    let attributes: Attributes = [(Attribute::StorageClass, "STANDARD_IA")]
        .into_iter()
        .collect();
    let options = PutOptions::from(attributes);
    store
        .put_opts(&path, "bytes".into(), options)
        .await
        .unwrap();
    let found = store.get(&path).await.unwrap();
    let class = found.attributes.get(&Attribute::StorageClass);
    assert_eq!(class.map(AsRef::as_ref), Some("STANDARD_IA"));
    let answer = found.extensions.get::<Answer>().unwrap();
    assert_eq!(answer.class(), Class::Tier(Tier::Archive));
    let present = store.probe(&path).await.unwrap().unwrap();
    assert_eq!(present.class, Class::Tier(Tier::Archive));

    store.put(&path, "bytes".into()).await.unwrap();
    let found = store.get(&path).await.unwrap();
    assert_eq!(found.attributes.get(&Attribute::StorageClass), None);
}
