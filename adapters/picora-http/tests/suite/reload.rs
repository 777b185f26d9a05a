//! Budgets that change while they serve.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::Request;
use picora_http::{Charges, Live, TierBudgets, TierOverride};
use picora_ratelimit::{SubjectHasher, Tier, Tiers};

use crate::world::{World, passed, principal, request, send};

fn budgets(tiers: Tiers) -> TierBudgets {
    TierBudgets::new(tiers, SubjectHasher::new([7; 16])).unwrap()
}

fn reading(limit: u64, burst: u64) -> Tiers {
    Tiers::standard()
        .with_tier(Tier::Read, limit, burst)
        .unwrap()
}

#[tokio::test]
async fn a_change_keeps_what_was_used_and_holds_from_the_next_request_on() {
    let world = World::new();
    let live = Arc::new(Live::new(budgets(reading(20, 20))));
    let read = world.charging(live.for_tier(Tier::Read));
    assert_eq!(passed(&read, principal(1, 1), 8).await, 8);
    let told = async || {
        send(&read, request(principal(1, 1)))
            .await
            .triplet()
            .unwrap()
    };
    live.replace(budgets(reading(30, 30)));
    assert_eq!(told().await[..2], [30, 21], "9 of 30 are used");
    live.replace(budgets(reading(10, 10)));
    assert_eq!(told().await[..2], [10, 0], "10 of 10 are used");
    assert_eq!(passed(&read, principal(1, 1), 3).await, 0);
    live.replace(budgets(reading(12, 12)));
    assert_eq!(passed(&read, principal(1, 1), 9).await, 2, "two more of 12");
    assert_eq!(
        passed(&read, principal(2, 2), 99).await,
        12,
        "who is new has all"
    );
}

#[tokio::test]
async fn an_account_can_have_more_or_others() {
    let factor = TierOverride::Factor(NonZeroU32::new(5).unwrap());
    let own = TierOverride::Tiers(Box::new(reading(4, 4)));
    let with = |budgets: TierBudgets| {
        let with = budgets.with_override(principal(1, 1).account, factor.clone());
        with.and_then(|it| it.with_override(principal(2, 1).account, own.clone()))
            .unwrap()
    };
    let world = World::new();
    let live = Arc::new(Live::new(budgets(Tiers::standard())));
    let read = world.charging(live.for_tier(Tier::Read));
    assert_eq!(passed(&read, principal(1, 1), 10).await, 10);
    live.replace(with(budgets(Tiers::standard())));
    assert_eq!(
        passed(&read, principal(1, 1), 199).await,
        100,
        "of 5 × 30, a third is used as before"
    );
    let mut admin = principal(2, 2);
    admin.admin = true;
    assert_eq!(
        passed(&read, admin, 99).await,
        4,
        "an override is the account's, admin or not"
    );
    assert_eq!(
        passed(&read, principal(3, 3), 99).await,
        30,
        "others have what they had"
    );
    let odd = TierOverride::Factor(NonZeroU32::new(7).unwrap());
    let refused = budgets(Tiers::standard()).with_override(principal(1, 1).account, odd);
    assert!(refused.is_err(), "100 ms do not divide by 7");
}

/// The tier's policy and the ceiling of a request come from one generation, however often it changes meanwhile.
#[test]
fn nobody_sees_half_a_change() {
    let generation = |n| {
        let tiers = reading(60 * n, n).with_ceiling(60 * n).unwrap();
        budgets(tiers)
    };
    let live = Arc::new(Live::new(generation(1)));
    let (charges, stop) = (live.for_tier(Tier::Read), AtomicBool::new(false));
    let (mut parts, ()) = Request::new(()).into_parts();
    parts.extensions.insert(principal(1, 1));
    let seen = std::thread::scope(|scope| {
        let readers = [(); 2].map(|()| {
            scope.spawn(|| {
                let mut seen = [0_u32; 3];
                while !stop.load(Ordering::Relaxed) {
                    let charge = charges.charge(&parts).unwrap();
                    let of = |at: usize| {
                        charge.policies[charge.payers[at].policy].limits()[0]
                            .rule()
                            .most()
                    };
                    assert_eq!(of(0), of(1));
                    seen[usize::try_from(of(0) / 60).unwrap()] += 1;
                }
                seen
            })
        });
        for turn in 0..5_000 {
            live.replace(generation(turn % 2 + 1));
        }
        stop.store(true, Ordering::Relaxed);
        readers.map(|reader| reader.join().unwrap())
    });
    let both = seen.iter().any(|seen| seen[1] > 0 && seen[2] > 0);
    assert!(both, "the readers saw the change: {seen:?}");
}
