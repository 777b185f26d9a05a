//! Promises about leases.

use std::time::Duration;

use super::{NOW, answer, just_before};
use crate::{Holder, Lease, LeaseName, Leases, LeasesIn, Timestamp, Transact};

/// The lease of most promises.
pub const JOB: LeaseName = LeaseName::new("job");
/// One holder.
pub const ONE: Holder = Holder::from_bytes([1; 16]);
/// Another one.
pub const OTHER: Holder = Holder::from_bytes([2; 16]);

const MINUTE: Duration = Duration::from_secs(60);

/// Acquires the job for a minute and insists on getting it.
pub async fn acquired<S: Leases>(store: &S, holder: Holder, now: Timestamp) -> Lease {
    let lease = answer(store.acquire(JOB, holder, MINUTE, now).await);
    lease.expect("the lease is free")
}

/// Insists on not getting the job.
async fn refused<S: Leases>(store: &S, holder: Holder, now: Timestamp) {
    let lease = answer(store.acquire(JOB, holder, MINUTE, now).await);
    assert_eq!(lease, None, "another holds it");
}

/// Asks the guard in a transaction of its own.
async fn guarded<T: Send, S>(store: &S, lease: &Lease, now: Timestamp) -> bool
where
    S: LeasesIn<T> + Transact<T>,
{
    let mut tx = answer(store.begin().await);
    let ours = answer(store.guard_in(&mut tx, lease, now).await);
    answer(store.finish(tx).await);
    ours
}

/// Nobody else gets it until its end, and then the next one does.
pub async fn has_one_holder_until_the_end<S: Leases>(store: &S) {
    let lease = acquired(store, ONE, NOW).await;
    assert_eq!((lease.name, lease.holder), (JOB, ONE));
    assert_eq!(lease.until, NOW.saturating_add(MINUTE));
    for at in [NOW, just_before(lease.until), Timestamp::EPOCH] {
        refused(store, OTHER, at).await;
    }
    let next = acquired(store, OTHER, lease.until).await;
    assert_eq!(next.holder, OTHER);
    refused(store, ONE, lease.until).await;
}

/// Each time that it is taken, by whomever, the fence is later.
pub async fn grows_the_fence_with_each_holder<S: Leases>(store: &S) {
    let mut now = NOW;
    let mut last = 0;
    for holder in [ONE, OTHER, OTHER, ONE] {
        let lease = acquired(store, holder, now).await;
        assert!(lease.fence > last, "{} after {last}", lease.fence);
        (now, last) = (lease.until, lease.fence);
    }
}

/// While it runs, its holder gets it again under the same fence: the answer may have been lost.
pub async fn answers_its_holder_again<S: Leases>(store: &S) {
    let lease = acquired(store, ONE, NOW).await;
    let later = NOW.saturating_add(MINUTE / 2);
    let again = acquired(store, ONE, later).await;
    assert_eq!(again.fence, lease.fence);
    assert_eq!(again.until, later.saturating_add(MINUTE));
}

/// It is renewed up to its end, not at it, and never by who lost it.
pub async fn renews_while_it_runs<S: Leases>(store: &S) {
    let lease = acquired(store, ONE, NOW).await;
    let at = just_before(lease.until);
    let renewed = answer(store.renew(&lease, MINUTE, at).await).expect("it runs");
    assert_eq!(renewed.fence, lease.fence);
    assert_eq!(renewed.until, at.saturating_add(MINUTE));
    refused(store, OTHER, lease.until).await;
    let over = answer(store.renew(&renewed, MINUTE, renewed.until).await);
    assert_eq!(over, None, "it is over");
    let taken = acquired(store, OTHER, renewed.until).await;
    let stale = answer(store.renew(&renewed, MINUTE, NOW).await);
    assert_eq!(stale, None, "it is another's, whatever our clock says");
    refused(store, ONE, just_before(taken.until)).await;
}

/// To renew by a clock that stepped back does not end a lease earlier than was promised.
pub async fn a_clock_that_steps_back_takes_nothing<S: Leases>(store: &S) {
    let lease = acquired(store, ONE, NOW).await;
    let before = NOW.saturating_sub(MINUTE * 10);
    let renewed = answer(store.renew(&lease, MINUTE, before).await).expect("it runs");
    assert_eq!(renewed.until, lease.until);
    assert_eq!(acquired(store, ONE, before).await.until, lease.until);
    refused(store, OTHER, just_before(lease.until)).await;
}

/// What is given back is free at once, for every clock; who lost it gives back nothing.
pub async fn gives_back_at_once<S: Leases>(store: &S) {
    let lease = acquired(store, ONE, NOW).await;
    assert!(answer(store.give_back(&lease).await));
    let earlier = NOW.saturating_sub(MINUTE);
    let over = answer(store.renew(&lease, MINUTE, earlier).await);
    assert_eq!(over, None, "it was given back");
    let taken = acquired(store, OTHER, earlier).await;
    assert!(taken.fence > lease.fence);
    assert!(!answer(store.give_back(&lease).await), "it is another's");
    refused(store, ONE, earlier).await;
}

/// The guard says yes to the holder until the stored end, and to nobody else.
pub async fn guards_while_it_is_ours<T: Send, S>(store: &S)
where
    S: Leases + LeasesIn<T> + Transact<T>,
{
    let never = Lease {
        name: JOB,
        holder: ONE,
        fence: 1,
        until: Timestamp::MAX,
    };
    assert!(!guarded(store, &never, NOW).await, "nobody ever took it");
    let lease = acquired(store, ONE, NOW).await;
    assert!(guarded(store, &lease, just_before(lease.until)).await);
    assert!(!guarded(store, &lease, lease.until).await, "it is over");
    let renewed = answer(store.renew(&lease, MINUTE * 2, NOW).await).expect("it runs");
    assert!(guarded(store, &lease, lease.until).await, "it was renewed");
    let stolen = Lease {
        holder: OTHER,
        ..lease
    };
    assert!(!guarded(store, &stolen, NOW).await, "it is another's");
    let taken = acquired(store, OTHER, renewed.until).await;
    assert!(!guarded(store, &renewed, NOW).await, "it was taken");
    assert!(guarded(store, &taken, renewed.until).await);
    assert!(answer(store.give_back(&taken).await));
    assert!(!guarded(store, &taken, NOW).await, "it was given back");
}

/// Leases of different names know nothing of one another.
pub async fn keeps_names_apart<S: Leases>(store: &S) {
    let lease = acquired(store, ONE, NOW).await;
    let second = LeaseName::new("second job");
    let other = answer(store.acquire(second, OTHER, MINUTE, NOW).await);
    assert!(answer(store.give_back(&other.expect("it is free")).await));
    assert!(answer(store.renew(&lease, MINUTE, NOW).await).is_some());
}
