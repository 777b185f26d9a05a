//! Promises about steps in a caller's transaction.

use picora_core::{
    AccountId, Amount, Dimension, Posting, PostingKey, PostingReason, SetLimits, Transact,
};

use super::{ACCOUNT, NOW, admitted, answer, exactly, numbers, only, set};
use crate::{Ledger, LedgerIn, Posted, Reserved};

const IMAGES: Dimension = Dimension::ImgStorage;
const OTHER: AccountId = AccountId::from_bytes([8; 16]);

/// What was written in a transaction that is dropped was never written.
pub async fn leaves_nothing_of_a_dropped_transaction<T: Send, S>(store: &S)
where
    S: Ledger + LedgerIn<T> + Transact<T>,
{
    set(store, &only(IMAGES, 100)).await;
    let request = exactly(1, IMAGES, 60);
    let mut tx = answer(store.begin().await);
    assert!(matches!(
        answer(store.reserve_in(&mut tx, &request, NOW).await),
        Reserved::Admitted(_)
    ));
    drop(tx);
    assert_eq!(numbers(store, IMAGES, NOW).await, (0, 0));
    let mut tx = answer(store.begin().await);
    answer(store.reserve_in(&mut tx, &request, NOW).await);
    answer(store.commit_in(&mut tx, request.id, &[], NOW).await);
    answer(store.finish(tx).await);
    assert_eq!(numbers(store, IMAGES, NOW).await, (60, 0));
}

/// Two accounts in one transaction move together.
pub async fn moves_two_accounts_in_one_transaction<T: Send, S>(store: &S)
where
    S: Ledger + LedgerIn<T> + Transact<T>,
{
    let limits = only(IMAGES, 100);
    set(store, &limits).await;
    set(
        store,
        &SetLimits {
            account: OTHER,
            ..limits
        },
    )
    .await;
    let give = |account, key, delta| Posting {
        key: PostingKey::new("move", &key),
        account,
        dimension: IMAGES,
        tally: None,
        delta,
        reason: PostingReason::Force,
        happened_at: NOW,
    };
    answer(store.post(&give(ACCOUNT, "start", 30), NOW).await);
    let mut tx = answer(store.begin().await);
    answer(
        store
            .post_in(&mut tx, &give(ACCOUNT, "from", -30), NOW)
            .await,
    );
    let moved = answer(store.post_in(&mut tx, &give(OTHER, "to", 30), NOW).await);
    assert!(matches!(moved, Posted::Done { after, .. } if after.used == Amount::from(30)));
    answer(store.finish(tx).await);
    assert_eq!(numbers(store, IMAGES, NOW).await, (0, 0));
    let other = answer(store.usage(OTHER, NOW).await);
    assert!(
        other
            .iter()
            .any(|line| line.dimension == IMAGES && line.cell.used == Amount::from(30))
    );
}

/// Of an erased account nothing is left but the keys that name its resources.
pub async fn erases_an_account<T: Send, S>(store: &S)
where
    S: Ledger + LedgerIn<T> + Transact<T>,
{
    set(store, &only(IMAGES, 100)).await;
    set(
        store,
        &SetLimits {
            account: OTHER,
            ..only(IMAGES, 100)
        },
    )
    .await;
    let request = exactly(1, IMAGES, 60);
    admitted(store, &request, NOW).await;
    let mut tx = answer(store.begin().await);
    answer(
        store
            .erase_in(&mut tx, ACCOUNT, AccountId::from_bytes([9; 16]))
            .await,
    );
    answer(store.finish(tx).await);
    assert_eq!(numbers(store, IMAGES, NOW).await, (0, 0));
    assert_eq!(answer(store.reservation(request.id).await), None);
    let kept = answer(store.usage(OTHER, NOW).await);
    assert!(
        kept.iter()
            .any(|line| line.cell.limit.max() == Some(Amount::from(100))),
        "another account is untouched"
    );
}
