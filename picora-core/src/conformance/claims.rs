//! Promises about claiming messages, and about saying what became of them.

use std::time::Duration;

use super::messages::{ALERT, MAIL, claim_one, message, put};
use super::{NOW, answer, just_before};
use crate::{Claimed, Message, Outbox, OutboxIn, Timestamp, Transact};

const LEASE: Duration = Duration::from_secs(60);

fn seconds_later(seconds: u64) -> Timestamp {
    NOW.saturating_add(Duration::from_secs(seconds))
}

fn keys(claimed: &[Claimed]) -> Vec<&str> {
    let keys = claimed.iter().map(|it| it.message.key.as_str());
    keys.collect()
}

/// Due from its instant on, not a microsecond earlier; the oldest first, then by key; of one topic, and no more than asked for.
pub async fn hands_out_what_is_due_and_the_oldest_first<T: Send, S>(store: &S)
where
    S: Outbox + OutboxIn<T> + Transact<T>,
{
    put(store, &message("c", seconds_later(1))).await;
    put(store, &message("b", seconds_later(2))).await;
    put(store, &message("a", seconds_later(2))).await;
    put(store, &message("first", seconds_later(3))).await;
    let alert = Message {
        topic: ALERT,
        ..message("alert", NOW)
    };
    put(store, &alert).await;
    let early = just_before(seconds_later(1));
    assert!(answer(store.claim(MAIL, 9, LEASE, early).await).is_empty());
    let at = seconds_later(2);
    assert!(answer(store.claim(MAIL, 0, LEASE, at).await).is_empty());
    let claimed = answer(store.claim(MAIL, 2, LEASE, at).await);
    assert_eq!(keys(&claimed), ["c", "a"]);
    let claimed = answer(store.claim(MAIL, 9, LEASE, seconds_later(3)).await);
    assert_eq!(keys(&claimed), ["b", "first"]);
    let claimed = answer(store.claim(ALERT, 9, LEASE, NOW).await);
    assert_eq!(claimed.len(), 1);
    assert_eq!(claimed[0].message, alert);
}

/// A claimed message is nobody else's until the claim runs out, for clocks that stepped back too; then it is tried once more.
pub async fn claims_exclude_one_another_until_they_run_out<T: Send, S>(store: &S)
where
    S: Outbox + OutboxIn<T> + Transact<T>,
{
    put(store, &message("a", NOW)).await;
    let first = claim_one(store, NOW).await;
    assert_eq!(first.attempt, 1);
    let end = NOW.saturating_add(LEASE);
    for too_early in [NOW, just_before(end), Timestamp::EPOCH] {
        let more = answer(store.claim(MAIL, 9, LEASE, too_early).await);
        assert!(more.is_empty(), "it is claimed");
    }
    let second = claim_one(store, end).await;
    assert_eq!((second.attempt, &second.message), (2, &first.message));
    assert!(second.fence > first.fence);
}

/// Who lost his claim to another changes nothing by whatever he says.
pub async fn a_stale_claim_changes_nothing<T: Send, S>(store: &S)
where
    S: Outbox + OutboxIn<T> + Transact<T>,
{
    put(store, &message("a", NOW)).await;
    let stale = claim_one(store, NOW).await;
    let end = NOW.saturating_add(LEASE);
    let living = claim_one(store, end).await;
    assert!(!answer(store.done(&stale, end).await));
    assert!(!answer(store.postpone(&stale, NOW, "late", end).await));
    assert!(!answer(store.give_up(&stale, "late", end).await));
    let none = answer(store.claim(MAIL, 9, LEASE, end).await);
    assert!(none.is_empty(), "the living claim stands");
    assert!(answer(store.done(&living, end).await));
}

/// A claim that ran out is ours until another takes the message.
pub async fn takes_a_late_done_while_nobody_else_claimed<T: Send, S>(store: &S)
where
    S: Outbox + OutboxIn<T> + Transact<T>,
{
    put(store, &message("a", NOW)).await;
    let claimed = claim_one(store, NOW).await;
    let late = NOW.saturating_add(LEASE * 3);
    assert!(answer(store.done(&claimed, late).await));
    assert!(answer(store.claim(MAIL, 9, LEASE, late).await).is_empty());
}

/// What is done or given up is over: it is not handed out again, and no second word counts.
pub async fn ends_once<T: Send, S>(store: &S)
where
    S: Outbox + OutboxIn<T> + Transact<T>,
{
    put(store, &message("a", NOW)).await;
    put(store, &message("b", NOW)).await;
    let claimed = answer(store.claim(MAIL, 9, LEASE, NOW).await);
    assert!(answer(store.done(&claimed[0], NOW).await));
    assert!(answer(store.give_up(&claimed[1], "550\0no", NOW).await));
    for ended in &claimed {
        assert!(!answer(store.done(ended, NOW).await));
        assert!(!answer(store.postpone(ended, NOW, "again", NOW).await));
        assert!(!answer(store.give_up(ended, "again", NOW).await));
    }
    let later = NOW.saturating_add(LEASE * 2);
    assert!(answer(store.claim(MAIL, 9, LEASE, later).await).is_empty());
}

/// A postponed message is due again at its instant, also before the claim would have run out, and that claim is over.
pub async fn postpones<T: Send, S>(store: &S)
where
    S: Outbox + OutboxIn<T> + Transact<T>,
{
    put(store, &message("a", NOW)).await;
    let first = claim_one(store, NOW).await;
    let until = seconds_later(30);
    let long = "a\0long answer ".repeat(100);
    assert!(answer(store.postpone(&first, until, &long, NOW).await));
    assert!(!answer(store.done(&first, NOW).await), "the claim is over");
    let early = answer(store.claim(MAIL, 9, LEASE, just_before(until)).await);
    assert!(early.is_empty());
    let second = claim_one(store, until).await;
    assert_eq!(second.attempt, 2);
    assert_eq!(second.message, first.message, "due when it was due first");
    assert!(second.fence > first.fence);
    assert!(answer(store.done(&second, until).await));
}
