//! Promises about what an account is told when it comes near a limit. Ledgers under test alert at
//! [`Thresholds::standard`](crate::Thresholds::standard).

use futures::future::join_all;
use picora_core::{
    Amount, CalendarMonth, Dimension, Limit, Limits, Posting, Timestamp, Transact, Window,
};

use super::{
    ACCOUNT, NOW, adjustment, admitted, after, answer, exactly, just_before, only, posting, set,
    with_limits,
};
use crate::alert::CLOSES_AFTER;
use crate::{Adjusted, Adjustment, Alert, Ledger, LedgerIn, LedgerReports, LimitChange};

const IMAGES: Dimension = Dimension::ImgStorage;
const SERVED: Dimension = Dimension::ImgBandwidth;

/// Each level is told when it is reached, with the numbers of that step, and not again.
pub async fn tells_each_level_once<S: Ledger + LedgerReports>(store: &S) {
    set(store, &only(IMAGES, 100)).await;
    for (step, (delta, levels)) in [
        (79, vec![]),
        (1, vec![800]),
        (19, vec![800]),
        (1, vec![800, 1_000]),
        (50, vec![800, 1_000]),
    ]
    .into_iter()
    .enumerate()
    {
        post(store, &format!("step {step}"), delta, IMAGES, NOW).await;
        assert_eq!(told(store).await, levels, "after step {step}");
    }
    let first = answer(store.alerts(ACCOUNT).await)[0];
    let expected = Alert {
        account: ACCOUNT,
        dimension: IMAGES,
        permille: 800,
        window: Window::Always,
        arming: 0,
        used: Amount::from(80),
        limit: Amount::from(100),
        raised_at: NOW,
    };
    assert_eq!(first, expected);
}

/// A step that crosses several levels tells of the highest; those below it count as told.
pub async fn tells_the_highest_of_several_levels<S: Ledger + LedgerReports>(store: &S) {
    let video = Dimension::MediaBandwidth;
    set(store, &only(video, 100)).await;
    post(store, "at once", 115, video, NOW).await;
    assert_eq!(told(store).await, [1_100]);
    post(store, "more", 1, video, NOW).await;
    assert_eq!(told(store).await, [1_100]);
    post(store, "most", 4, video, NOW).await;
    assert_eq!(told(store).await, [1_100, 1_200]);
}

/// What is reserved may yet be given back, and tells nothing; committing it does.
pub async fn tells_of_what_is_used_not_of_what_is_held<S: Ledger + LedgerReports>(store: &S) {
    set(store, &only(IMAGES, 100)).await;
    let (dropped, kept) = (exactly(1, IMAGES, 100), exactly(2, IMAGES, 100));
    admitted(store, &dropped, NOW).await;
    assert_eq!(told(store).await, [0; 0], "held");
    answer(store.release(dropped.id, NOW).await);
    admitted(store, &kept, NOW).await;
    assert_eq!(told(store).await, [0; 0], "given back, and held");
    let part = [(IMAGES, Amount::from(85))];
    answer(store.commit(kept.id, &part, NOW).await);
    assert_eq!(told(store).await, [800]);
}

/// A downgrade below what is used tells at once; an upgrade arms again what is no longer reached.
pub async fn tells_when_a_limit_is_lowered_and_arms_when_it_is_raised<S>(store: &S)
where
    S: Ledger + LedgerReports,
{
    set(store, &only(IMAGES, 1_000)).await;
    post(store, "some", 100, IMAGES, NOW).await;
    assert_eq!(told(store).await, [0; 0]);
    set(store, &only(IMAGES, 100)).await;
    assert_eq!(told(store).await, [1_000], "a downgrade");
    set(store, &only(IMAGES, 100)).await;
    assert_eq!(told(store).await, [1_000], "the same limit again");
    set(store, &only(IMAGES, 1_000)).await;
    post(store, "more", 700, IMAGES, NOW).await;
    assert_eq!(told(store).await, [1_000, 800], "armed by the upgrade");
}

/// When a grant ends, whoever is over without it is told as soon as limits are refreshed.
pub async fn tells_when_a_grant_ends<S: Ledger + LedgerReports>(store: &S) {
    set(store, &only(IMAGES, 100)).await;
    let granted = Adjustment {
        until: Some(after(60)),
        ..adjustment(1, IMAGES, LimitChange::Grant(Amount::from(900)))
    };
    assert_eq!(answer(store.adjust(&granted, NOW).await), Adjusted::Done);
    post(store, "much", 500, IMAGES, NOW).await;
    answer(store.refresh(10, just_before(after(60))).await);
    assert_eq!(told(store).await, [0; 0]);
    answer(store.refresh(10, after(60)).await);
    assert_eq!(told(store).await, [1_000]);
    let alert = answer(store.alerts(ACCOUNT).await)[0];
    assert_eq!(
        (alert.used.get(), alert.limit.get(), alert.raised_at),
        (500, 100, after(60))
    );
}

/// What goes up and down around a level tells once; five points lower it is armed again.
pub async fn arms_a_level_five_points_below_it<S: Ledger + LedgerReports>(store: &S) {
    set(store, &only(IMAGES, 100)).await;
    for (step, (delta, levels)) in [
        (100, vec![1_000]),
        (-5, vec![1_000]),
        (5, vec![1_000]),
        (-6, vec![1_000]),
        (6, vec![1_000, 1_000]),
        (-26, vec![1_000, 1_000]),
        (6, vec![1_000, 1_000, 800]),
    ]
    .into_iter()
    .enumerate()
    {
        post(store, &format!("step {step}"), delta, IMAGES, NOW).await;
        assert_eq!(told(store).await, levels, "after step {step}");
    }
    let alerts = answer(store.alerts(ACCOUNT).await);
    let mut keys: Vec<_> = alerts.iter().map(Alert::key).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 3, "each has a name of its own");
}

/// A new month tells anew of the same levels, and a window's level does not fall with corrections.
pub async fn tells_anew_in_a_new_window<S: Ledger + LedgerReports>(store: &S) {
    set(store, &only(SERVED, 100)).await;
    let next = CalendarMonth::of(NOW).end();
    for (key, delta, at) in [
        ("november", 85, NOW),
        ("less", -60, NOW),
        ("again", 60, NOW),
        ("december", 79, next),
        ("more", 1, next),
    ] {
        post(store, key, delta, SERVED, at).await;
    }
    let windows: Vec<_> = answer(store.alerts(ACCOUNT).await)
        .iter()
        .map(|alert| (alert.permille, alert.window))
        .collect();
    let month = |at| (800, Window::Month(CalendarMonth::of(at)));
    assert_eq!(windows, [month(NOW), month(next)]);
}

/// The logs of a window's last hour come an hour later and still tell; two hours after its end nothing does.
pub async fn tells_of_a_window_until_two_hours_after_it<S: Ledger + LedgerReports>(store: &S) {
    let video = Dimension::MediaBandwidth;
    let limits = Limits::NOTHING
        .with(SERVED, Limit::Max(Amount::from(100)))
        .with(video, Limit::Max(Amount::from(100)));
    set(store, &with_limits(limits)).await;
    let end = CalendarMonth::of(NOW).end();
    let (last, closed) = (just_before(end), end.saturating_add(CLOSES_AFTER));
    let late = |key, dimension| posting(key, 100, dimension, last);
    answer(store.post(&late("late", SERVED), just_before(closed)).await);
    assert_eq!(told(store).await, [1_000]);
    answer(store.post(&late("too late", video), closed).await);
    assert_eq!(told(store).await, [1_000]);
}

/// There is no level of what has no limit, nor of what nobody has used.
pub async fn never_tells_of_what_is_unlimited<S: Ledger + LedgerReports>(store: &S) {
    let unlimited = with_limits(Limits::NOTHING.with(IMAGES, Limit::Unlimited));
    set(store, &unlimited).await;
    let most = Amount::MAX.to_i64();
    post(store, "all", most, IMAGES, NOW).await;
    assert_eq!(told(store).await, [0; 0]);
    post(store, "none", -most, IMAGES, NOW).await;
    set(store, &with_limits(Limits::NOTHING)).await;
    assert_eq!(told(store).await, [0; 0], "nothing is used");
}

/// A hundred crossings at once tell of each level once.
pub async fn tells_once_under_concurrency<S: Ledger + LedgerReports>(store: &S) {
    set(store, &only(IMAGES, 100)).await;
    let postings: Vec<Posting> = (0..100)
        .map(|number| posting(&format!("number {number}"), 1, IMAGES, NOW))
        .collect();
    for answered in join_all(postings.iter().map(|one| store.post(one, NOW))).await {
        answer(answered);
    }
    assert_eq!(told(store).await, [800, 1_000]);
}

/// A step that was undone has told nobody.
pub async fn tells_nothing_of_a_dropped_transaction<T: Send, S>(store: &S)
where
    S: Ledger + LedgerReports + LedgerIn<T> + Transact<T>,
{
    set(store, &only(IMAGES, 100)).await;
    let much = posting("much", 90, IMAGES, NOW);
    let mut tx = answer(store.begin().await);
    answer(store.post_in(&mut tx, &much, NOW).await);
    drop(tx);
    assert_eq!(told(store).await, [0; 0]);
    let mut tx = answer(store.begin().await);
    answer(store.post_in(&mut tx, &much, NOW).await);
    answer(store.finish(tx).await);
    assert_eq!(told(store).await, [800]);
}

async fn post(store: &dyn Ledger, key: &str, delta: i64, dimension: Dimension, at: Timestamp) {
    answer(store.post(&posting(key, delta, dimension, at), at).await);
}

/// The levels that were told of, the oldest first.
async fn told(store: &dyn LedgerReports) -> Vec<u16> {
    let alerts = answer(store.alerts(ACCOUNT).await);
    alerts.iter().map(|alert| alert.permille).collect()
}
