use super::*;

fn snapshot() -> Snapshot {
    let of = |n: u32| Amount::from(n);
    Snapshot {
        account: AccountId::from_bytes([0; 16]),
        epoch: 9,
        as_of: Timestamp::EPOCH,
        month: CalendarMonth::parse("2026-02").unwrap(),
        image_storage: of(1),
        video_storage: of(2),
        audio_storage: of(3),
        documents: of(4),
        image_bandwidth: of(5),
        video_bandwidth: of(6),
        audio_bandwidth: of(7),
        video_status: "degraded",
    }
}

fn status_at(before_end: Duration, status: StatusLife) -> Option<Life> {
    let snapshot = snapshot();
    let now = snapshot.month.end().saturating_sub(before_end);
    let written = entries(&snapshot, status, now);
    let status = written.into_iter().find(|it| it.slot == Slot::VideoStatus);
    status.map(|it| it.life)
}

#[test]
fn keys_values_and_lives_are_those_of_the_documents() {
    let user = "acc_00000000000000000000000000";
    let written = entries(&snapshot(), StatusLife::Leased, Timestamp::EPOCH);
    let written: Vec<_> = written
        .into_iter()
        .map(|it| (it.key, it.value, it.life))
        .collect();
    let days45 = Life::For(Duration::from_secs(45 * 86_400));
    let expected = [
        (
            format!("quota:video_status:{user}"),
            "degraded",
            Life::For(STATUS_LIFE),
        ),
        (format!("quota:img_storage:{user}"), "1", Life::Forever),
        (format!("quota:img_bandwidth:{user}:2026-02"), "5", days45),
        (format!("quota:video_storage:{user}"), "2", Life::Forever),
        (format!("quota:video_bandwidth:{user}:2026-02"), "6", days45),
        (format!("quota:audio_storage:{user}"), "3", Life::Forever),
        (format!("quota:audio_bandwidth:{user}:2026-02"), "7", days45),
        (format!("quota:doc_count:{user}"), "4", Life::Forever),
    ];
    assert_eq!(
        written,
        expected.map(|(key, value, life)| (key, value.to_owned(), life))
    );
}

#[test]
fn a_status_does_not_outlive_its_month() {
    let s = Duration::from_secs;
    assert_eq!(status_at(s(61), StatusLife::Leased), Some(Life::For(s(60))));
    assert_eq!(status_at(s(59), StatusLife::Leased), Some(Life::For(s(59))));
    let last = Duration::from_millis(1);
    assert_eq!(status_at(last, StatusLife::Leased), Some(Life::For(last)));
    assert_eq!(
        status_at(Duration::from_micros(999), StatusLife::Leased),
        None
    );
    assert_eq!(status_at(Duration::ZERO, StatusLife::Flips), None);
    let end = Some(Life::Until(snapshot().month.end()));
    assert_eq!(status_at(s(1), StatusLife::Flips), end);
}

#[test]
fn the_largest_amount_is_written_in_full() {
    let most = Snapshot {
        documents: Amount::MAX,
        ..snapshot()
    };
    let written = entries(&most, StatusLife::Flips, Timestamp::EPOCH);
    assert_eq!(written[7].value, "4611686018427387904");
}
