//! Promises about overrides and grants.

use picora_core::{AccountId, Amount, Dimension, Limit, Limits, StoreErrorKind};

use super::{
    NOW, adjustment, adjustment_id, admitted, after, answer, cell, denied, exactly, just_before,
    numbers, only, set, with_limits,
};
use crate::{Adjusted, Adjustment, Extended, Item, Items, Ledger, LedgerReports, LimitChange};

const IMAGES: Dimension = Dimension::ImgStorage;

/// A grant counts from its first microsecond and not at its end, though nobody refreshes limits.
pub async fn grants_to_the_microsecond(store: &dyn Ledger) {
    set(store, &only(IMAGES, 100)).await;
    let (from, until) = (after(3_600), after(7_200));
    let granted = Adjustment {
        from,
        until: Some(until),
        ..adjustment(1, IMAGES, grant(50))
    };
    assert_eq!(answer(store.adjust(&granted, NOW).await), Adjusted::Done);
    let moments = [
        (just_before(from), 100),
        (from, 150),
        (just_before(until), 150),
        (until, 100),
    ];
    for (number, (moment, limit)) in (0..).step_by(2).zip(moments) {
        let above = exactly(number, IMAGES, limit + 1);
        let numbers = denied(store, &above, moment).await;
        assert_eq!(numbers, [0, 0, u64::from(limit), u64::from(limit) + 1]);
        let within = exactly(number + 1, IMAGES, limit);
        admitted(store, &within, moment).await;
        answer(store.release(within.id, moment).await);
    }
}

/// Of several overrides the one that began last counts; when it ends, the one before it does again, and then the plan.
pub async fn takes_the_latest_override(store: &dyn Ledger) {
    set(store, &only(IMAGES, 100)).await;
    let first = Adjustment {
        until: Some(after(300)),
        ..adjustment(2, IMAGES, instead(10))
    };
    let second = Adjustment {
        from: after(100),
        until: Some(after(200)),
        ..adjustment(1, IMAGES, instead(20))
    };
    for one in [&second, &first] {
        assert_eq!(answer(store.adjust(one, NOW).await), Adjusted::Done);
    }
    for (number, seconds, limit) in [(1, 0, 10), (2, 100, 20), (3, 200, 10), (4, 300, 100)] {
        let asked = exactly(number, IMAGES, 101);
        assert_eq!(
            denied(store, &asked, after(seconds)).await,
            [0, 0, limit, 101],
            "after {seconds} s"
        );
    }
}

/// All grants that count are added, to an override where there is one; what is overridden to be unlimited stays so.
pub async fn adds_grants_to_overrides(store: &dyn Ledger) {
    set(store, &only(IMAGES, 100)).await;
    let changes = [grant(5), instead(10), grant(3)];
    for (number, change) in (1..).zip(changes) {
        let one = adjustment(number, IMAGES, change);
        assert_eq!(answer(store.adjust(&one, NOW).await), Adjusted::Done);
    }
    assert_eq!(
        denied(store, &exactly(1, IMAGES, 19), NOW).await,
        [0, 0, 18, 19]
    );
    admitted(store, &exactly(2, IMAGES, 18), NOW).await;
    assert_eq!(
        denied(store, &exactly(3, Dimension::DocCount, 1), NOW).await,
        [0, 0, 0, 1],
        "another dimension is not touched"
    );
    let unlimited = LimitChange::Override(Limit::Unlimited);
    let unlimited = Adjustment {
        from: after(1),
        ..adjustment(9, IMAGES, unlimited)
    };
    assert_eq!(answer(store.adjust(&unlimited, NOW).await), Adjusted::Done);
    admitted(store, &exactly(4, IMAGES, u32::MAX), after(1)).await;
}

/// A withdrawn grant counts no more at the same instant; one that has not begun never will; there is nothing to withdraw twice.
pub async fn withdraws_at_once(store: &dyn Ledger) {
    set(store, &only(IMAGES, 100)).await;
    let later = Adjustment {
        from: after(60),
        ..adjustment(2, IMAGES, grant(7))
    };
    for one in [&adjustment(1, IMAGES, grant(50)), &later] {
        assert_eq!(answer(store.adjust(one, NOW).await), Adjusted::Done);
    }
    admitted(store, &exactly(1, IMAGES, 101), NOW).await;
    let account = later.account;
    let stranger = AccountId::from_bytes([9; 16]);
    for (of, number, ends) in [
        (stranger, 1, false),
        (account, 1, true),
        (account, 1, false),
        (account, 2, true),
        (account, 3, false),
    ] {
        let ended = store.withdraw(of, adjustment_id(number), NOW).await;
        assert_eq!(answer(ended), ends, "adjustment {number} of {of}");
    }
    assert_eq!(
        denied(store, &exactly(2, IMAGES, 1), NOW).await,
        [0, 101, 100, 1]
    );
    assert_eq!(
        denied(store, &exactly(3, IMAGES, 1), after(60)).await,
        [0, 101, 100, 1]
    );
}

/// Adding it again changes nothing, also after it was withdrawn; another one under its id is refused.
pub async fn adds_an_adjustment_once(store: &dyn Ledger) {
    set(store, &only(IMAGES, 100)).await;
    let granted = adjustment(1, IMAGES, grant(50));
    let answers = [Adjusted::Done, Adjusted::Repeated, Adjusted::Repeated];
    for expected in answers {
        assert_eq!(answer(store.adjust(&granted, NOW).await), expected);
    }
    let others = [
        adjustment(1, IMAGES, grant(51)),
        adjustment(1, Dimension::DocCount, grant(50)),
        adjustment(1, IMAGES, instead(50)),
        Adjustment {
            account: AccountId::from_bytes([9; 16]),
            ..granted.clone()
        },
    ];
    for other in &others {
        let answered = answer(store.adjust(other, NOW).await);
        assert_eq!(answered, Adjusted::IdReused, "{other:?}");
    }
    assert_eq!(cell(store, IMAGES, NOW).await.limit, max(150));
    assert!(answer(
        store.withdraw(granted.account, granted.id, NOW).await
    ));
    assert_eq!(
        answer(store.adjust(&granted, NOW).await),
        Adjusted::Repeated
    );
    assert_eq!(cell(store, IMAGES, NOW).await.limit, max(100));
}

/// What would end before it begins, or as it does, is no adjustment.
pub async fn refuses_malformed_adjustments<S: Ledger + LedgerReports>(store: &S) {
    set(store, &only(IMAGES, 100)).await;
    for until in [NOW, just_before(NOW)] {
        let malformed = Adjustment {
            until: Some(until),
            ..adjustment(1, IMAGES, grant(50))
        };
        let answered = answer(store.adjust(&malformed, NOW).await);
        assert_eq!(answered, Adjusted::Malformed);
    }
    assert_eq!(answer(store.adjustments(super::ACCOUNT).await), []);
    let sound = adjustment(1, IMAGES, grant(50));
    assert_eq!(
        answer(store.adjust(&sound, NOW).await),
        Adjusted::Done,
        "a refused one uses no id"
    );
    assert_eq!(answer(store.adjustments(super::ACCOUNT).await), [sound]);
}

/// A plan change replaces the plan's limits only.
pub async fn keeps_adjustments_when_a_plan_changes(store: &dyn Ledger) {
    set(store, &only(IMAGES, 100)).await;
    let counted = adjustment(2, Dimension::DocCount, instead(7));
    for one in [&adjustment(1, IMAGES, grant(50)), &counted] {
        assert_eq!(answer(store.adjust(one, NOW).await), Adjusted::Done);
    }
    set(store, &only(IMAGES, 200)).await;
    assert_eq!(
        denied(store, &exactly(1, IMAGES, 251), NOW).await,
        [0, 0, 250, 251]
    );
    assert_eq!(cell(store, Dimension::DocCount, NOW).await.limit, max(7));
}

/// A limit that would be above 2^62 with its grants, today or on any day to come, is refused and changes nothing.
pub async fn refuses_limits_above_the_range<S: Ledger + LedgerReports>(store: &S) {
    let plan = with_limits(Limits::NOTHING.with(IMAGES, Limit::Max(Amount::MAX)));
    set(store, &plan).await;
    let today = adjustment(1, IMAGES, grant(1));
    let some_day = Adjustment {
        from: after(86_400),
        until: Some(after(86_401)),
        ..today.clone()
    };
    for one in [&today, &some_day] {
        let refused = store.adjust(one, NOW).await;
        let kind = refused.expect_err("2^62 is the most").kind();
        assert_eq!(kind, StoreErrorKind::OutOfRange);
    }
    assert_eq!(answer(store.adjustments(super::ACCOUNT).await), []);
    set(store, &only(IMAGES, 100)).await;
    assert_eq!(answer(store.adjust(&some_day, NOW).await), Adjusted::Done);
    let refused = store.set_limits(&plan, NOW).await;
    let kind = refused.expect_err("2^62 is the most").kind();
    assert_eq!(kind, StoreErrorKind::OutOfRange);
    assert_eq!(cell(store, IMAGES, NOW).await.limit, max(100));
    admitted(store, &exactly(1, IMAGES, 101), after(86_400)).await;
}

/// A reservation grows by the limit of the moment: what was granted for an hour is not there after it, though nobody refreshes limits.
pub async fn grows_by_the_limit_of_the_moment(store: &dyn Ledger) {
    set(store, &only(IMAGES, 100)).await;
    let granted = Adjustment {
        until: Some(after(60)),
        ..adjustment(1, IMAGES, grant(50))
    };
    assert_eq!(answer(store.adjust(&granted, NOW).await), Adjusted::Done);
    let held = admitted(store, &exactly(1, IMAGES, 90), NOW).await;
    let to = |total: u32| Items::new([Item::exactly(IMAGES, Amount::from(total))]);
    let (within, above) = (to(120).expect("small"), to(121).expect("small"));
    let early = store.extend(held.id, &within, just_before(after(60))).await;
    assert!(matches!(answer(early), Extended::Grown(_)));
    let late = store.extend(held.id, &above, after(60)).await;
    assert!(matches!(answer(late), Extended::Denied(_)));
}

/// Usage shows the limit that counts when it is asked for, whether or not anybody has refreshed it; refreshing does so once.
pub async fn shows_the_limit_of_the_moment(store: &dyn Ledger) {
    set(store, &only(IMAGES, 100)).await;
    admitted(store, &exactly(1, IMAGES, 30), NOW).await;
    let (from, until) = (after(60), after(120));
    let granted = Adjustment {
        from,
        until: Some(until),
        ..adjustment(1, IMAGES, grant(50))
    };
    assert_eq!(answer(store.adjust(&granted, NOW).await), Adjusted::Done);
    let moments = [
        (just_before(from), 100),
        (from, 150),
        (just_before(until), 150),
        (until, 100),
    ];
    for (moment, limit) in moments {
        assert_eq!(cell(store, IMAGES, moment).await.limit, max(limit));
    }
    for (moment, due, limit) in [(just_before(from), 0, 100), (from, 1, 150), (until, 1, 100)] {
        assert_eq!(answer(store.refresh(10, moment).await), due);
        assert_eq!(answer(store.refresh(10, moment).await), 0);
        assert_eq!(cell(store, IMAGES, moment).await.limit, max(limit));
    }
    assert_eq!(numbers(store, IMAGES, until).await, (0, 30));
}

fn grant(amount: u32) -> LimitChange {
    LimitChange::Grant(Amount::from(amount))
}

fn instead(amount: u32) -> LimitChange {
    LimitChange::Override(max(amount))
}

fn max(amount: u32) -> Limit {
    Limit::Max(Amount::from(amount))
}
