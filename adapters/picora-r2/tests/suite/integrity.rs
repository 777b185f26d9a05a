//! Bytes are those that were stored, or it is told.

use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use object_store::path::Path;
use object_store::{Attribute, Attributes, Error, ObjectStore, ObjectStoreExt, PutOptions};
use picora_core::Amount;
use picora_r2::answer::Answer;
use picora_r2::{ConfigError, R2Config};
use picora_storage::error::is_corrupt;
use picora_storage::{ObjectWriter, object};
use picora_testcloud::{Cloud, Fault};
use picora_tiering::{Class, Guard, Moved, Tier, TierControl};

use crate::between::listening;
use crate::world::{fresh, open, start};

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

/// object_store's client takes what is done for undone when these words stand anywhere in an answer, and answers repeat the key.
#[tokio::test]
async fn a_key_may_be_any_word() {
    for key in ["SlowDown.png", "a/InternalError"] {
        let (cloud, store) = fresh();
        let (path, copy) = (Path::from(key), Path::from(format!("{key}&copy")));
        let mut upload = store.put_multipart(&path).await.unwrap();
        upload.put_part("bytes".into()).await.unwrap();
        assert!(upload.complete().await.unwrap().e_tag.is_some());
        store.copy(&path, &copy).await.unwrap();
        let read = store.get(&copy).await.unwrap();
        assert_eq!(read.bytes().await.unwrap(), "bytes");
        let ends = cloud.operations();
        let ends = ends.iter().filter(|it| **it == "CompleteMultipartUpload");
        assert_eq!(ends.count(), 1);
    }
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

/// A byte that is not what was stored is found at the end of a whole read; what is only a part of the object cannot be checked.
#[tokio::test]
async fn a_byte_that_differs_is_told_at_the_end() {
    let (cloud, store) = fresh();
    let path = Path::from("photo");
    store.put(&path, "0123456789".into()).await.unwrap();
    let (changed, _) = listening(&cloud, Some(("0123456789", "0123456798"))).await;
    let read = changed.get(&path).await.unwrap().bytes().await;
    assert!(is_corrupt(read.as_ref().unwrap_err()), "{read:?}");
    let read = changed.get_range(&path, 0..10).await;
    assert!(is_corrupt(read.as_ref().unwrap_err()), "{read:?}"); // the whole of it, by another name
    assert_eq!(changed.get_range(&path, 2..4).await.unwrap(), "23");
    // The scrub finds it with the same eyes.
    let scrubbed = object::measure(&changed, &path).await.unwrap_err();
    assert_eq!(scrubbed.kind(), picora_core::StoreErrorKind::Corrupt);
    assert_eq!(
        store.get(&path).await.unwrap().bytes().await.unwrap(),
        "0123456789"
    );
}

/// What was put and is not what the store has of it, is told by the put.
#[tokio::test]
async fn a_put_that_arrived_otherwise_is_told() {
    let (cloud, store) = fresh();
    let path = Path::from("photo");
    store.put(&path, "9876543210".into()).await.unwrap();
    // The store answers with the digest of other bytes.
    let (wrong, _) = listening(&cloud, Some(("rosUhgp5mIg=", "rosUhgp5mIk="))).await;
    let put = wrong.put(&path, "123456789".into()).await;
    assert!(is_corrupt(put.as_ref().unwrap_err()), "{put:?}");
}

/// The same of an upload, whose parts were right each.
#[tokio::test]
async fn an_upload_that_arrived_otherwise_is_told() {
    let (cloud, _) = fresh();
    let first = vec![7_u8; 5 << 20];
    let whole = [&first[..], b"the end"].concat();
    let right = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, &whole);
    let text = |crc64: u64| &*BASE64_STANDARD.encode(crc64.to_be_bytes()).leak();
    let (wrong, _) = listening(&cloud, Some((text(right), text(right ^ 1)))).await;
    let mut upload = wrong.put_multipart(&Path::from("film")).await.unwrap();
    upload.put_part(first.into()).await.unwrap();
    upload.put_part("the end".into()).await.unwrap();
    let done = upload.complete().await;
    assert!(is_corrupt(done.as_ref().unwrap_err()), "{done:?}");
}

/// A read that breaks off goes on where it broke off, and is checked as one.
#[tokio::test]
async fn a_read_that_breaks_off_is_read_on() {
    let (cloud, store) = fresh();
    let path = Path::from("photo");
    store.put(&path, "0123456789".into()).await.unwrap();
    let (listened, asked) = listening(&cloud, None).await;
    cloud.faults().script("GetObject", Fault::Truncated(4));
    let read = listened.get(&path).await.unwrap().bytes().await;
    assert_eq!(read.unwrap(), "0123456789");
    let asked = asked.lock().unwrap();
    assert_eq!(asked.matches("GET /photos/photo ").count(), 2);
    assert_eq!(asked.matches("range: bytes=4-9").count(), 1);
}

/// A body of any size streams in parts of one size, as the vendor wants them, and is one object with one digest.
#[tokio::test]
async fn a_body_streams_in_equal_parts() {
    let (cloud, store) = fresh();
    let path = Path::from("film");
    let mut writer = ObjectWriter::new(&store, path.clone());
    for number in 0..170_u32 {
        let piece = vec![number.to_le_bytes()[0]; 100_003];
        writer.write(piece.into()).await.unwrap();
    }
    let written = writer.finish().await.unwrap();
    assert_eq!(written.bytes, Amount::from(170 * 100_003));
    assert_eq!(object::measure(&store, &path).await.unwrap(), Some(written));
    assert!(store.probe(&path).await.unwrap().unwrap().crc64.is_some());
    let parts = cloud.operations();
    assert_eq!(parts.iter().filter(|it| **it == "UploadPart").count(), 3);
    assert_eq!(cloud.surprises(), Vec::<String>::new());
}

/// The guard is sent twice, for R2 looks at the source and at the destination at different times. An object that is in the class already
/// is no refusal.
#[tokio::test]
async fn a_move_is_guarded_at_both_ends_and_may_change_nothing() {
    let (cloud, store) = fresh();
    let path = Path::from("photo");
    store.put(&path, "0123456789".into()).await.unwrap();
    let (store, asked) = listening(&cloud, None).await;
    for _ in 0..2 {
        let seen = store.probe(&path).await.unwrap().unwrap();
        let guard = Guard {
            etag: seen.etag.clone().unwrap(),
            size: seen.size,
        };
        let moved = store.set_tier(&path, Tier::Archive, &guard, &seen.headers);
        assert_eq!(moved.await.unwrap(), Moved::Done);
        let asked = std::mem::take(&mut *asked.lock().unwrap());
        for name in ["x-amz-copy-source-if-match", "cf-copy-destination-if-match"] {
            let sent = format!("{name}: {}\r\n", guard.etag);
            assert!(asked.contains(&sent), "{asked}");
        }
        assert!(
            asked.contains("x-amz-storage-class: STANDARD_IA"),
            "{asked}"
        );
    }
    assert_eq!(cloud.surprises(), Vec::<String>::new());
}

/// Whatever is named, it is an answer, and nothing is sent.
#[tokio::test]
async fn what_is_no_header_is_refused_before_it_is_sent() {
    let (cloud, store) = fresh();
    let path = Path::from("photo");
    for (name, value) in [
        (Attribute::ContentType, "image/png\r\nx-amz-acl: public"),
        (Attribute::Metadata("a b".into()), "x"),
        (Attribute::Metadata("a".into()), "\0"),
    ] {
        let attributes: Attributes = [(name, value)].into_iter().collect();
        let options = PutOptions::from(attributes.clone());
        let put = store.put_opts(&path, "bytes".into(), options).await;
        assert!(matches!(put, Err(Error::Generic { .. })), "{put:?}");
        let begun = store.put_multipart_opts(&path, attributes.into()).await;
        assert!(matches!(begun, Err(Error::Generic { .. })));
    }
    let version = object_store::UpdateVersion {
        e_tag: Some("\n".to_owned()),
        version: None,
    };
    let options = PutOptions::from(object_store::PutMode::Update(version));
    assert!(
        store
            .put_opts(&path, "bytes".into(), options)
            .await
            .is_err()
    );
    for options in [
        object_store::GetOptions::new().with_if_match(Some("\n")),
        object_store::GetOptions::new().with_if_none_match(Some("\n")),
    ] {
        assert!(store.get_opts(&path, options).await.is_err());
    }
    assert_eq!(cloud.operations(), Vec::<&str>::new());
}

/// What is served may have other letters than English ones.
#[tokio::test]
async fn a_file_name_in_another_script_comes_back() {
    let (_cloud, store) = fresh();
    let path = Path::from("photo");
    let name = "inline; filename=\"猫.png\"";
    let attributes: Attributes = [(Attribute::ContentDisposition, name)]
        .into_iter()
        .collect();
    let options = PutOptions::from(attributes.clone());
    store
        .put_opts(&path, "bytes".into(), options)
        .await
        .unwrap();
    let found = store.get(&path).await.unwrap();
    let served = found.attributes.get(&Attribute::ContentDisposition);
    assert_eq!(served.map(AsRef::as_ref), Some(name));
}

/// An upload of nothing is an object without bytes, and one that is given up twice is given up.
#[tokio::test]
async fn uploads_end_as_they_are_told() {
    let (cloud, store) = fresh();
    let path = Path::from("film");
    let mut empty = store.put_multipart(&path).await.unwrap();
    empty.complete().await.unwrap();
    assert_eq!(store.head(&path).await.unwrap().size, 0);
    let mut upload = store.put_multipart(&Path::from("other")).await.unwrap();
    upload.put_part("bytes".into()).await.unwrap();
    upload.abort().await.unwrap();
    upload.abort().await.unwrap();
    let none = store.head(&Path::from("other")).await;
    assert!(matches!(none, Err(Error::NotFound { .. })), "{none:?}");
    assert_eq!(cloud.surprises(), Vec::<String>::new());
}

/// The parts that are set by hand are looked at, too: of no configuration comes a request for somebody else.
#[test]
fn what_cannot_be_a_bucket_is_not_opened() {
    let (cloud, _) = fresh();
    for name in [
        "",
        "a b",
        "../photos",
        "photos/",
        ".",
        "-",
        "Photos",
        "猫",
        "a?b",
    ] {
        let mut config = R2Config::new(&cloud.url(), "photos", Cloud::credentials()).unwrap();
        config.bucket = name.to_owned();
        let opened = picora_r2::open(config, Arc::new(cloud.clock()));
        assert_eq!(opened.unwrap_err(), ConfigError::Bucket(name.to_owned()));
    }
    let mut config = R2Config::new(&cloud.url(), "photos", Cloud::credentials()).unwrap();
    config.endpoint.set_path("/elsewhere");
    let opened = picora_r2::open(config, Arc::new(cloud.clock()));
    assert!(matches!(opened, Err(ConfigError::Endpoint(_))));
}

/// A bucket that is not there says nothing about its objects, also where an answer has no body to say it: the mover would take them for lost.
#[tokio::test]
async fn of_another_bucket_nothing_is_missing() {
    let cloud = start();
    let store = open(&cloud, |config| config.bucket = "pictures".to_owned());
    let path = Path::from("photo");
    for error in [
        store.head(&path).await.unwrap_err(),
        store.get(&path).await.unwrap_err(),
    ] {
        assert!(matches!(error, Error::Generic { .. }), "{error:?}");
        assert!(error.to_string().contains("NoSuchBucket"), "{error}");
    }
    let probed = store.probe(&path).await.unwrap_err();
    assert_eq!(probed.kind(), picora_core::StoreErrorKind::Internal);
}
