//! Documents: the same bytes are the same document, whoever of two is first.

use bytes::Bytes;
use picora_core::{Dimension, MediaKind};
use picora_media::{Asset, NewUpload, UploadError, Uploaded};
use picora_quota::{Counter, Shortfall};

use super::audit::{assert_clean, stored};
use super::host::{Host, OTHER};
use super::requests::{asset_of, chunked, created, denied, new};
use super::sagas::poll;

fn put(host: &Host, text: &str) -> Result<Uploaded, UploadError> {
    host.upload(
        new(MediaKind::Document),
        chunked(&Bytes::copy_from_slice(text.as_bytes()), 10),
    )
}

fn already_there(answer: Result<Uploaded, UploadError>) -> Asset {
    match answer {
        Ok(Uploaded::AlreadyThere(asset)) => asset,
        other => panic!("should have been there: {other:?}"),
    }
}

fn only_told(told: &picora_quota::Denial, dimension: Dimension) -> Shortfall {
    assert_eq!(told.others, []);
    assert_eq!(told.strictest.counter, Counter::Dimension(dimension));
    told.strictest
}

#[test]
fn the_same_document_again_is_the_first_and_costs_nothing() {
    let host = Host::new();
    let first = created(put(&host, "# One"));
    assert_eq!(first.content_type, "text/markdown");
    assert_eq!(already_there(put(&host, "# One")), first);
    assert_eq!(host.usage(Dimension::DocCount), (1, 0));
    assert_eq!(host.usage(Dimension::UploadsPerDay), (1, 0));
    let others = NewUpload {
        account: OTHER,
        ..new(MediaKind::Document)
    };
    let others = created(host.upload(others, chunked(&"# One".into(), 2)));
    assert_ne!(others.id, first.id);
    assert_clean(&host, &"two of two");
}

#[test]
fn a_full_account_may_still_send_what_it_stores_already() {
    let host = Host::new();
    let first = created(put(&host, "1"));
    created(put(&host, "2"));
    created(put(&host, "3"));
    let told = denied(put(&host, "4"));
    let told = only_told(&told, Dimension::DocCount);
    assert_eq!(
        (told.used.get(), told.requested.get(), told.limit.get()),
        (3, 1, 3)
    );
    assert_eq!(already_there(put(&host, "1")), first);
    assert_clean(&host, &"full");
}

/// Both have looked, neither was there: the index decides, the loser gives everything back and answers the winner's.
#[test]
fn of_two_that_race_one_wins_and_both_answer_it() {
    let text = Bytes::from("# One");
    let mut lost = 0;
    for head_start in 0..40 {
        let host = Host::new();
        host.hesitate();
        let begin = || {
            Box::pin(
                host.media
                    .upload(new(MediaKind::Document), chunked(&text, 2)),
            )
        };
        let (mut first, mut second) = (begin(), begin());
        assert!(poll(first.as_mut()).is_pending());
        (0..head_start).for_each(|_| host.sagas.step());
        assert!(poll(second.as_mut()).is_pending());
        let finds_it = stored(&host).len() == 1;
        host.sagas.run();
        let answers = [host.run(first).unwrap(), host.run(second).unwrap()];
        let winners: Vec<_> = answers
            .iter()
            .filter(|one| matches!(one, Uploaded::Created(_)))
            .collect();
        assert_eq!(winners.len(), 1, "{answers:?}");
        let ids = answers.map(|answer| asset_of(answer).id);
        assert_eq!(ids[0], ids[1]);
        assert_eq!(host.usage(Dimension::DocCount), (1, 0));
        assert_eq!(host.usage(Dimension::UploadsPerDay), (1, 0));
        assert_clean(&host, &head_start); // at once
        lost += usize::from(!finds_it);
    }
    assert!(lost > 10, "only {lost} of these were races");
}

#[test]
fn a_document_has_a_size_and_so_many_images() {
    let host = Host::new();
    created(put(&host, &"x".repeat(1_000)));
    let told = denied(put(&host, &"x".repeat(1_001)));
    let told = only_told(&told, Dimension::DocMaxFile);
    assert_eq!((told.requested.get(), told.limit.get()), (1_001, 1_000));
    created(put(&host, "![](1) ![](2)"));
    let told = denied(put(&host, "![](1) ![](2) <img src=3>"));
    let told = only_told(&told, Dimension::DocMaxImagesPerDoc);
    assert_eq!((told.requested.get(), told.limit.get()), (3, 2));
    assert_eq!(host.usage(Dimension::UploadsPerDay), (2, 0));
    assert_clean(&host, &"two");
}

#[test]
fn what_is_no_document_is_refused_before_anything_is_charged() {
    let host = Host::new();
    let upload = |bytes: &'static [u8]| {
        host.upload(
            new(MediaKind::Document),
            chunked(&Bytes::from_static(bytes), 2),
        )
    };
    assert!(matches!(upload(b""), Err(UploadError::Empty)));
    assert!(matches!(upload(b"a\0b"), Err(UploadError::WrongKind)));
    assert!(matches!(upload(b"caf\xe9"), Err(UploadError::WrongKind)));
    let answer = put(&host, &"x".repeat(5_001));
    assert!(
        matches!(answer, Err(UploadError::TooLarge { most_bytes: 5_000 })),
        "{answer:?}"
    );
    assert_eq!(host.store.calls(), [] as [&str; 0]);
    created(put(&host, "Gr\u{fc}\u{df}e")); // a character across two chunks
}

#[test]
fn a_removed_document_may_come_again() {
    let host = Host::new();
    let first = created(put(&host, "# One"));
    host.remove(first.id).unwrap();
    let second = created(put(&host, "# One"));
    assert_ne!(first.id, second.id);
    assert_clean(&host, &"again");
}
