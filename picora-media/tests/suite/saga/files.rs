//! Images, videos and audio files: what is stored, what is charged, and what is refused with which numbers.

use futures::StreamExt;
use picora_core::{Amount, Dimension, MediaKind};
use picora_media::{BodyError, NewUpload, UploadError, Uploaded};
use picora_quota::Counter;
use picora_storage::Measured;

use super::audit::{assert_clean, stored};
use super::host::{Host, POLICY, STORAGE_BYTES, UPLOADS_PER_DAY};
use super::requests::{chunked, created, denied, image, live, new, png, scripted};
use super::sagas::poll;

const LIMIT: usize = STORAGE_BYTES as usize;

#[test]
fn an_image_is_measured_not_believed() {
    for (length, bound_bytes) in [
        (9, None),                   // shorter than what is looked at
        (4_096, None),               // exactly what is looked at
        (6_000, Some(6_000)),        // as announced
        (6_000, Some(6_050)),        // less than announced: the form around it
        (6_000, Some(1_000)),        // more than announced
        (6_000, Some(0)),            // nothing announced
        (LIMIT, None),               // all that there is, in doubling steps
        (LIMIT, Some(LIMIT as u64)), // all that there is, at once
    ] {
        let (host, bytes) = (Host::new(), png(length));
        let known = NewUpload {
            bound_bytes,
            file_name: Some("../cat.gif".to_owned()),
            ..image()
        };
        let asset = created(host.upload(known, chunked(&bytes, 1_000)));
        let measured = Measured::of(&bytes);
        assert_eq!(
            (asset.bytes, asset.sha256),
            (measured.bytes.get(), measured.sha256)
        );
        assert_eq!(asset.content_type, "image/png");
        assert_eq!(stored(&host), [asset]);
        assert_eq!(host.usage(Dimension::ImgStorage), (length as u64, 0));
        assert_eq!(host.usage(Dimension::UploadsPerDay), (1, 0));
        assert_clean(&host, &length);
    }
}

/// What is held while a file of unknown length comes: the first step, then twice as much whenever it does not do.
#[test]
fn a_reservation_grows_in_doubling_steps() {
    let host = Host::new();
    let (sender, body) = live();
    let mut upload = Box::pin(host.media.upload(image(), body));
    let bytes = png(LIMIT);
    let mut held_after = |range: std::ops::Range<usize>| {
        sender.unbounded_send(bytes.slice(range)).unwrap();
        for _ in 0..3 {
            assert!(poll(upload.as_mut()).is_pending());
            host.sagas.step();
        }
        host.usage(Dimension::ImgStorage).1
    };
    assert_eq!(held_after(0..5_000), 5_000);
    assert_eq!(held_after(5_000..5_001), 10_000);
    assert_eq!(held_after(5_001..10_000), 10_000);
    assert_eq!(held_after(10_000..10_001), 20_000);
    assert_eq!(held_after(10_001..41_000), 41_000); // twice as much is not enough
    assert_eq!(held_after(41_000..41_001), LIMIT as u64); // twice as much is not there
    assert_eq!(held_after(41_001..LIMIT), LIMIT as u64);
    drop(sender);
    created(host.run(upload));
    assert_eq!(host.usage(Dimension::ImgStorage), (LIMIT as u64, 0));
}

#[test]
fn two_equal_images_are_two() {
    let host = Host::new();
    let first = created(host.upload(image(), chunked(&png(5_000), 999)));
    let second = created(host.upload(image(), chunked(&png(5_000), 1_001)));
    assert_ne!(first.id, second.id);
    assert_eq!(first.sha256, second.sha256);
    assert_eq!(host.usage(Dimension::ImgStorage), (10_000, 0));
    assert_clean(&host, &"two");
}

#[test]
fn one_byte_too_many_stops_the_stream_and_tells_the_numbers() {
    let host = Host::new();
    created(host.upload(image(), chunked(&png(10_000), 5_000)));
    let denial = denied(host.upload(image(), chunked(&png(LIMIT - 10_000 + 1), 1_000)));
    assert_eq!(denial.others, []);
    let told = denial.strictest;
    assert_eq!(told.counter, Counter::Dimension(Dimension::ImgStorage));
    assert_eq!((told.used.get(), told.limit.get()), (10_000, LIMIT as u64));
    assert_eq!((told.reserved.get(), told.requested.get()), (50_000, 1)); // its own: it held all that there was, and needed one more
    assert_eq!(told.resets_at, None);
    assert_eq!(host.usage(Dimension::UploadsPerDay), (1, 0));
    assert_clean(&host, &"one byte too many");
    created(host.upload(image(), chunked(&png(LIMIT - 10_000), 1_000)));
}

#[test]
fn a_stream_without_end_is_read_no_further_than_the_limit() {
    let host = Host::new();
    let endless = futures::stream::repeat(png(4_096)).map(Ok).boxed();
    denied(host.upload(image(), endless));
    assert_clean(&host, &"no end");
}

/// The form around a file counts in its announced length, so a little more than what remains is tried with what remains.
#[test]
fn a_bound_that_misses_by_the_slack_is_tried_with_what_remains() {
    let (limit, slack) = (LIMIT as u64, POLICY.slack_bytes);
    let with_bound = |bound| NewUpload {
        bound_bytes: Some(bound),
        ..image()
    };
    let host = Host::new();
    created(host.upload(with_bound(limit + slack), chunked(&png(LIMIT), 4_096)));
    let host = Host::new();
    denied(host.upload(with_bound(limit + slack), chunked(&png(LIMIT + 1), 4_096)));
    assert_clean(&host, &"denied in the stream");
    let (sender, body) = live();
    sender.unbounded_send(png(4_096)).unwrap();
    let denial = denied(host.upload(with_bound(limit + slack + 1), body)); // at once: nothing more ever comes
    assert_eq!(denial.strictest.requested, Amount::saturating(limit + 1));
    assert_clean(&host, &"denied at once");
}

#[test]
fn uploads_of_a_day_are_counted_until_midnight() {
    let host = Host::new();
    for _ in 0..UPLOADS_PER_DAY {
        created(host.upload(image(), chunked(&png(100), 100)));
    }
    let told = denied(host.upload(image(), chunked(&png(100), 100))).strictest;
    assert_eq!(told.counter, Counter::Dimension(Dimension::UploadsPerDay));
    assert_eq!((told.used.get(), told.limit.get()), (30, 30));
    let midnight = told.resets_at.expect("a day ends");
    host.clock.set(midnight);
    created(host.upload(image(), chunked(&png(100), 100)));
    assert_clean(&host, &"a day");
}

#[test]
fn no_more_uploads_are_under_way_than_the_plan_says() {
    let host = Host::new();
    let mut under_way: Vec<_> = (0..super::host::OPEN_RESERVATIONS)
        .map(|_| {
            let (sender, body) = live();
            sender.unbounded_send(png(4_096)).unwrap();
            let mut upload = Box::pin(host.media.upload(image(), body));
            (0..3).for_each(|_| {
                assert!(poll(upload.as_mut()).is_pending());
                host.sagas.step();
            });
            (sender, upload)
        })
        .collect();
    let told = denied(host.run_beside(host.media.upload(image(), chunked(&png(9), 9)))).strictest;
    assert_eq!(told.counter, Counter::OpenReservations);
    under_way.truncate(3); // one goes away
    host.sagas.step();
    created(host.run_beside(host.media.upload(image(), chunked(&png(9), 9))));
    drop(under_way);
    host.sagas.run();
    assert_clean(&host, &"all gone");
}

/// What is refused for what it is has cost nothing, and no store was asked.
#[test]
fn what_is_not_wanted_is_refused_before_anything_is_charged() {
    let host = Host::new();
    let no_video = NewUpload {
        video: false,
        ..new(MediaKind::Video)
    };
    let (_sender, unread) = live(); // nothing ever comes: it is not even read
    let answer = host.upload(no_video, unread);
    assert!(
        matches!(answer, Err(UploadError::PlanForbids)),
        "{answer:?}"
    );
    for empty in [scripted(Vec::new()), scripted(vec![Ok("".into())])] {
        let answer = host.upload(image(), empty);
        assert!(matches!(answer, Err(UploadError::Empty)), "{answer:?}");
    }
    for kind in [MediaKind::Video, MediaKind::Audio] {
        let answer = host.upload(new(kind), chunked(&png(9_000), 4_096));
        assert!(matches!(answer, Err(UploadError::WrongKind)), "{answer:?}");
    }
    let answer = host.upload(image(), chunked(&"<svg onload=alert(1)>".into(), 4));
    assert!(matches!(answer, Err(UploadError::WrongKind)), "{answer:?}");
    let bound_bytes = Some(POLICY.largest_file_bytes + POLICY.slack_bytes + 1);
    let announced = NewUpload {
        bound_bytes,
        ..image()
    };
    let answer = host.upload(announced, chunked(&png(9_000), 4_096));
    assert!(
        matches!(
            answer,
            Err(UploadError::TooLarge {
                most_bytes: 100_000
            })
        ),
        "{answer:?}"
    );
    assert_eq!(host.store.calls(), [] as [&str; 0]);
    assert_eq!(host.objects.calls(), 0);
}

#[test]
fn audio_and_video_share_a_pool_that_images_do_not() {
    let host = Host::new();
    let mut wav = b"RIFF\0\0\0\0WAVEfmt ".to_vec();
    wav.resize(LIMIT - 5_000, 0);
    created(host.upload(new(MediaKind::Audio), chunked(&wav.into(), 4_096)));
    let mut mp4 = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom".to_vec();
    mp4.resize(5_001, 0);
    let told = denied(host.upload(new(MediaKind::Video), chunked(&mp4.clone().into(), 4_096)));
    assert_eq!(
        told.strictest.counter,
        Counter::Dimension(Dimension::MediaStorage)
    );
    mp4.pop();
    created(host.upload(new(MediaKind::Video), chunked(&mp4.into(), 4_096)));
    created(host.upload(image(), chunked(&png(LIMIT), 4_096)));
    assert_clean(&host, &"all full");
}

#[test]
fn no_plan_makes_a_file_larger_than_the_server_takes() {
    let host = Host::new();
    host.set_limits(
        super::host::OWNER,
        super::host::limits().with(Dimension::ImgStorage, picora_core::Limit::Unlimited),
    );
    let most = usize::try_from(POLICY.largest_file_bytes).unwrap();
    created(host.upload(image(), chunked(&png(most), 4_096)));
    let answer = host.upload(image(), chunked(&png(most + 1), 4_096));
    assert!(
        matches!(answer, Err(UploadError::TooLarge { .. })),
        "{answer:?}"
    );
    assert_clean(&host, &"too large");
}

#[test]
fn a_body_that_breaks_off_leaves_nothing() {
    for whole in [100, 4_096, 12_000] {
        for why in [
            BodyError::Gone,
            BodyError::TimedOut,
            BodyError::Malformed("no end".to_owned()),
        ] {
            let host = Host::new();
            let body = scripted(vec![Ok(png(whole)), Err(why.clone())]);
            let answer = host.upload(image(), body);
            assert!(
                matches!(&answer, Err(UploadError::Body(told)) if *told == why),
                "{answer:?}"
            );
            assert_clean(&host, &whole);
        }
    }
}

/// What is settled is stored, also when its caller is gone by then.
#[test]
fn a_caller_who_goes_away_after_the_last_byte_has_stored_it() {
    let host = Host::new();
    let (sender, body) = live();
    sender.unbounded_send(png(5_000)).unwrap();
    let mut upload = Box::pin(host.media.upload(image(), body));
    assert!(poll(upload.as_mut()).is_pending());
    host.sagas.step();
    drop(sender);
    host.sagas.step();
    drop(upload);
    host.sagas.run();
    assert_eq!(stored(&host).len(), 1);
    assert_clean(&host, &"gone late");
}

#[test]
fn a_runtime_that_drops_sagas_is_told_as_gone() {
    let host = Host::new();
    let (_sender, body) = live();
    let mut upload = Box::pin(host.media.upload(image(), body));
    assert!(poll(upload.as_mut()).is_pending());
    host.sagas.crash();
    let answer: Result<Uploaded, _> = host.run(upload);
    assert!(
        matches!(answer, Err(UploadError::Body(BodyError::Gone))),
        "{answer:?}"
    );
}
