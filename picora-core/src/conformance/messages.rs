//! Promises about putting messages, and about what becomes of their rows.

use std::time::Duration;

use super::{NOW, answer, just_before};
use crate::{
    AccountId, Claimed, Message, MessageKey, Outbox, OutboxIn, StoreErrorKind, Timestamp, Topic,
    Transact,
};

/// The topic of most promises.
pub const MAIL: Topic = Topic::new("mail");
/// Another one.
pub const ALERT: Topic = Topic::new("alert");
/// The account that most messages are about.
pub const ACCOUNT: AccountId = AccountId::from_bytes([7; 16]);

const LEASE: Duration = Duration::from_secs(60);

/// A mail about `ACCOUNT` under a key of its own, whose body tells the key.
#[must_use]
pub fn message(key: &str, due_at: Timestamp) -> Message {
    Message {
        key: MessageKey::new(key).expect("a key of the suite"),
        topic: MAIL,
        account: Some(ACCOUNT),
        body: format!("{{\"key\":\"{key}\"}}"),
        due_at,
    }
}

/// Puts one message in a transaction of its own; whether its key was free.
pub async fn put<T: Send, S: OutboxIn<T> + Transact<T>>(store: &S, message: &Message) -> bool {
    let mut tx = answer(store.begin().await);
    let fresh = answer(store.put_in(&mut tx, message).await);
    answer(store.finish(tx).await);
    fresh
}

/// Claims one mail for a minute and insists that there is one.
pub(super) async fn claim_one<S: Outbox>(store: &S, now: Timestamp) -> Claimed {
    let mut claimed = answer(store.claim(MAIL, 1, LEASE, now).await);
    claimed.pop().expect("a message is due")
}

/// How many mails are there to claim; they are claimed.
async fn count_due<S: Outbox>(store: &S, now: Timestamp) -> usize {
    answer(store.claim(MAIL, 100, LEASE, now).await).len()
}

/// A key is used once in its topic, and the first message stands.
pub async fn takes_a_key_once<T: Send, S>(store: &S)
where
    S: Outbox + OutboxIn<T> + Transact<T>,
{
    let first = message("welcome", NOW);
    let other_body = Message {
        body: "{}".to_owned(),
        ..first.clone()
    };
    let other_topic = Message {
        topic: ALERT,
        ..first.clone()
    };
    assert!(put(store, &first).await);
    assert!(!put(store, &other_body).await, "the key is used");
    assert!(put(store, &other_topic).await, "but not in another topic");
    let claimed = claim_one(store, NOW).await;
    assert_eq!(claimed.message, first);
    assert!(!put(store, &first).await, "the key of a claimed message");
    assert!(answer(store.done(&claimed, NOW).await));
    assert!(
        !put(store, &first).await,
        "the key of a message that was sent"
    );
    let later = NOW.saturating_add(LEASE * 2);
    assert_eq!(count_due(store, later).await, 0, "it is not sent again");
}

/// What was put in a transaction that is dropped was never put; not even the key is used.
pub async fn leaves_nothing_of_a_dropped_transaction<T: Send, S>(store: &S)
where
    S: Outbox + OutboxIn<T> + Transact<T>,
{
    let mut tx = answer(store.begin().await);
    assert!(answer(store.put_in(&mut tx, &message("a", NOW)).await));
    assert!(!answer(store.put_in(&mut tx, &message("a", NOW)).await));
    drop(tx);
    assert_eq!(count_due(store, NOW).await, 0);
    assert!(put(store, &message("a", NOW)).await, "the key is free");
    assert_eq!(count_due(store, NOW).await, 1);
}

/// What no JSON has and not every database stores is refused by all, and the transaction can go on.
pub async fn refuses_a_body_with_a_nul<T: Send, S>(store: &S)
where
    S: Outbox + OutboxIn<T> + Transact<T>,
{
    let nul = Message {
        body: "\"\0\"".to_owned(),
        ..message("nul", NOW)
    };
    let mut tx = answer(store.begin().await);
    let refused = store.put_in(&mut tx, &nul).await;
    let kind = refused.expect_err("a NUL is refused").kind();
    assert_eq!(kind, StoreErrorKind::Unsupported);
    assert!(answer(store.put_in(&mut tx, &message("nul", NOW)).await));
    answer(store.finish(tx).await);
    assert_eq!(count_due(store, NOW).await, 1);
}

/// Open messages count by when they were due first, strictly before; claims and postponements do not hide them.
pub async fn counts_what_is_unsent<T: Send, S>(store: &S)
where
    S: Outbox + OutboxIn<T> + Transact<T>,
{
    for key in ["done", "given up", "postponed", "claimed"] {
        put(store, &message(key, NOW)).await;
    }
    let after = Timestamp::from_unix_micros(NOW.unix_micros() + 1);
    assert_eq!(answer(store.unsent(MAIL, NOW).await), 0, "due at NOW");
    assert_eq!(answer(store.unsent(MAIL, after).await), 4);
    assert_eq!(answer(store.unsent(ALERT, after).await), 0);
    let much_later = NOW.saturating_add(LEASE * 60);
    for claimed in answer(store.claim(MAIL, 9, LEASE, NOW).await) {
        let taken = match claimed.message.key.as_str() {
            "done" => store.done(&claimed, NOW).await,
            "given up" => store.give_up(&claimed, "no such address", NOW).await,
            "postponed" => store.postpone(&claimed, much_later, "busy", NOW).await,
            _ => Ok(true),
        };
        assert!(answer(taken));
    }
    assert_eq!(answer(store.unsent(MAIL, after).await), 2);
}

/// Only what ended before the instant is pruned, each once and no more than asked for; its key stays used.
pub async fn prunes_what_is_long_done_but_no_key<T: Send, S>(store: &S)
where
    S: Outbox + OutboxIn<T> + Transact<T>,
{
    for key in ["a", "b", "c"] {
        put(store, &message(key, NOW)).await;
    }
    let claimed = answer(store.claim(MAIL, 2, LEASE, NOW).await);
    assert!(answer(store.done(&claimed[0], NOW).await));
    assert!(answer(store.give_up(&claimed[1], "gone", NOW).await));
    assert_eq!(answer(store.prune(9, NOW).await), 0, "they ended at NOW");
    let after = Timestamp::from_unix_micros(NOW.unix_micros() + 1);
    assert_eq!(answer(store.prune(0, after).await), 0);
    assert_eq!(answer(store.prune(1, after).await), 1);
    assert_eq!(answer(store.prune(9, Timestamp::MAX).await), 1);
    assert_eq!(answer(store.prune(9, Timestamp::MAX).await), 0, "once");
    for key in ["a", "b", "c"] {
        assert!(!put(store, &message(key, NOW)).await, "{key} stays used");
    }
    assert_eq!(count_due(store, NOW).await, 1, "what is open is not pruned");
}

/// With an account goes what was not sent, also what is claimed; keys stay used, and others' messages stay.
pub async fn erases_an_account<T: Send, S>(store: &S)
where
    S: Outbox + OutboxIn<T> + Transact<T>,
{
    let tombstone = AccountId::from_bytes([9; 16]);
    let of = |key, account| Message {
        account,
        ..message(key, NOW)
    };
    put(store, &message("0 claimed", NOW)).await;
    let claimed = claim_one(store, NOW).await;
    put(store, &message("1 open", NOW)).await;
    put(store, &of("2 other", Some(AccountId::from_bytes([8; 16])))).await;
    put(store, &of("3 nobody", None)).await;
    let mut tx = answer(store.begin().await);
    answer(store.erase_in(&mut tx, ACCOUNT, tombstone).await);
    answer(store.finish(tx).await);
    assert!(!answer(store.done(&claimed, NOW).await), "it is gone");
    for key in ["0 claimed", "1 open"] {
        assert!(!put(store, &message(key, NOW)).await, "{key} stays used");
    }
    let later = NOW.saturating_add(LEASE);
    assert_eq!(answer(store.unsent(MAIL, later).await), 2);
    let left = answer(store.claim(MAIL, 9, LEASE, later).await);
    let keys: Vec<_> = left.iter().map(|it| it.message.key.as_str()).collect();
    assert_eq!(keys, ["2 other", "3 nobody"]);
    assert_eq!(
        answer(store.prune(9, just_before(Timestamp::MAX)).await),
        0,
        "of what is erased no body is left to prune"
    );
}
