//! Promises about telling that something has changed.

use picora_core::{
    AccountId, Amount, CalendarDay, ChangeMark, Changes, Dimension, SetLimits, Timestamp,
};

use super::{
    ACCOUNT, NOW, TTL, adjustment, adjustment_id, admitted, after, answer, denied, exactly,
    just_before, only, posting, set,
};
use crate::{Adjusted, Item, Items, Ledger, LimitChange};

const IMAGES: Dimension = Dimension::ImgStorage;

/// After every step that changes what an account uses, holds or may use, its mark is one that it never had.
pub async fn marks_every_change<S: Ledger + Changes>(store: &S) {
    let mut seen = vec![mark(store, NOW).await];
    let mut changed = async |what: &str, now: Timestamp| {
        let now = mark(store, now).await;
        assert!(!seen.contains(&now), "{what}");
        seen.push(now);
    };
    set(store, &only(IMAGES, 100)).await;
    changed("limits, and an account that comes to be", NOW).await;
    for number in 1..=3 {
        admitted(store, &exactly(number, IMAGES, 10), NOW).await;
        changed("a reservation", NOW).await;
    }
    let more = Items::new([Item::exactly(IMAGES, Amount::from(20))]).expect("small");
    answer(store.extend(exactly(1, IMAGES, 0).id, &more, NOW).await);
    changed("an extension", NOW).await;
    answer(store.commit(exactly(1, IMAGES, 0).id, &[], NOW).await);
    changed("a commit", NOW).await;
    answer(store.release(exactly(2, IMAGES, 0).id, NOW).await);
    changed("a release", NOW).await;
    answer(store.post(&posting("free", -20, IMAGES, NOW), NOW).await);
    changed("a posting", NOW).await;
    set(store, &only(IMAGES, 50)).await;
    changed("a plan change", NOW).await;
    let granted = adjustment(1, IMAGES, LimitChange::Grant(Amount::from(7)));
    assert_eq!(answer(store.adjust(&granted, NOW).await), Adjusted::Done);
    changed("a grant", NOW).await;
    assert!(answer(store.withdraw(ACCOUNT, adjustment_id(1), NOW).await));
    changed("a withdrawal", NOW).await;
    let end = after(TTL.as_secs());
    assert_eq!(answer(store.sweep(10, end).await), 1);
    changed("an expiry", end).await;
}

/// When nothing changed the mark is the same, and neither a denial nor a repetition changes anything.
pub async fn keeps_the_mark_when_nothing_changes<S: Ledger + Changes>(store: &S) {
    set(store, &only(IMAGES, 100)).await;
    admitted(store, &exactly(1, IMAGES, 60), NOW).await;
    let freed = posting("force", 5, IMAGES, NOW);
    answer(store.post(&freed, NOW).await);
    let before = mark(store, NOW).await;
    denied(store, &exactly(2, IMAGES, 60), NOW).await;
    assert_eq!(mark(store, NOW).await, before, "a denial");
    answer(store.reserve(&exactly(1, IMAGES, 60), NOW).await);
    answer(store.post(&freed, NOW).await);
    assert_eq!(mark(store, NOW).await, before, "repetitions");
    answer(store.sweep(10, NOW).await);
    answer(store.refresh(10, NOW).await);
    answer(store.usage(ACCOUNT, NOW).await);
    assert_eq!(mark(store, after(1)).await, before, "rounds of the janitor");
}

/// At midnight numbers start at zero, so the mark is another one though nobody has done anything.
pub async fn marks_a_new_day<S: Ledger + Changes>(store: &S) {
    set(store, &only(Dimension::UploadsPerDay, 100)).await;
    let midnight = CalendarDay::of(NOW).end();
    let before = mark(store, just_before(midnight)).await;
    assert_eq!(mark(store, NOW).await, before);
    assert_ne!(mark(store, midnight).await, before);
}

/// Marks come in the order of the question, and one account's changes are not another's.
pub async fn marks_each_account_by_itself<S: Ledger + Changes>(store: &S) {
    let other = AccountId::from_bytes([8; 16]);
    let unknown = AccountId::from_bytes([9; 16]);
    set(store, &only(IMAGES, 100)).await;
    let limits = SetLimits {
        account: other,
        ..only(IMAGES, 100)
    };
    set(store, &limits).await;
    admitted(store, &exactly(1, IMAGES, 1), NOW).await;
    let ask = [other, unknown, ACCOUNT, other];
    let before = answer(store.marks(&ask, NOW).await);
    assert_eq!(before.len(), 4);
    assert_eq!(before[0], before[3]);
    answer(store.commit(exactly(1, IMAGES, 0).id, &[], NOW).await);
    let after = answer(store.marks(&ask, NOW).await);
    assert_ne!(before[2], after[2], "it committed");
    assert_eq!(before[..2], after[..2], "the others did nothing");
    assert_eq!(answer(store.marks(&[], NOW).await), []);
}

async fn mark(store: &dyn Changes, now: Timestamp) -> ChangeMark {
    let marks = answer(store.marks(&[ACCOUNT], now).await);
    marks.into_iter().next().expect("a mark for each account")
}
