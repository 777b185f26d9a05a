use super::*;
use crate::{Subject, SubjectKey};

const SECOND: i64 = 1_000_000;

/// Takes a lease 10 ms before the end of a window of a second, with an answer that comes so late; when the first check passed, and whether
/// the lease has anything for a second one.
fn taken_late(received: Duration) -> (Timestamp, bool) {
    let limit = Limit::window("second", 100, Duration::from_secs(1)).unwrap();
    let policy = Policy::new("hot", [limit]).unwrap();
    let policy = policy.leased(LeaseTerms::default()).unwrap();
    let subjects = [Subject {
        key: SubjectKey(1),
        policy: &policy,
    }];
    let check = Check::new(SubjectKey(1), &subjects, 1).unwrap();
    let call = LeaseCall {
        wanted: 50,
        sent: Duration::ZERO,
        received,
        store_now: Timestamp::from_unix_micros(SECOND - 10_000),
    };
    let mut lease = Lease::default();
    let first = lease.take(&check, vec![Record::default()], call, LeaseTerms::default());
    assert!(first.is_allowed());
    let more = matches!(lease.ask(&check, received), Asked::Decided(it) if it.is_allowed());
    (first.decided_at(), more)
}

/// A lease that has ended before its answer came is spent by nobody but the check that asked, and that one counts in the window that was
/// debited for it.
#[test]
fn an_answer_after_the_end_of_the_window_is_of_the_window_that_was_debited() {
    for late in [0, 9, 10, 11, 200, 5_000] {
        let (at, more) = taken_late(Duration::from_millis(late));
        assert!(at.unix_micros() < SECOND, "{late} ms: {at:?}");
        assert_eq!(more, late < 10, "{late} ms");
    }
}
