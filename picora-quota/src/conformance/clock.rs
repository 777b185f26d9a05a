//! Promises about clocks that step back.

use std::time::Duration;

use picora_core::{Amount, CalendarDay, CalendarMonth, Dimension, Limit, Limits, Window};

use super::{
    ACCOUNT, NOW, admitted, after, answer, denied, just_before, numbers, request, set, with_limits,
};
use crate::reserve::AHEAD;
use crate::{Item, Ledger, Reserve};

const DAILY: Dimension = Dimension::UploadsPerDay;
const MONTHLY: Dimension = Dimension::UploadsPerMonth;

/// When the clock steps back over midnight on the 1st, uploads go on counting into the new day and month: nothing is refused because the
/// old ones are full, and nothing of the new ones is counted twice.
pub async fn goes_on_in_the_new_window_when_the_clock_steps_back(store: &dyn Ledger) {
    uploads_allowed(store).await;
    let midnight = CalendarMonth::of(NOW).end();
    let back = midnight.saturating_sub(Duration::from_secs(3_600));
    for number in 1..=5 {
        admitted(store, &upload(number), back).await;
    }
    denied(store, &upload(6), just_before(midnight)).await;
    admitted(store, &upload(7), midnight).await;
    for number in 8..=11 {
        admitted(store, &upload(number), back).await;
    }
    for now in [back, midnight] {
        assert_eq!(numbers(store, DAILY, now).await, (0, 5), "at {now:?}");
        assert_eq!(numbers(store, MONTHLY, now).await, (0, 5), "at {now:?}");
    }
    assert_eq!(denied(store, &upload(12), back).await, [0, 5, 5, 1]);
    let usage = answer(store.usage(ACCOUNT, back).await);
    let window = |dimension| {
        let line = usage.iter().find(|line| line.dimension == dimension);
        line.map(|line| line.key.window)
    };
    let (day, month) = (CalendarDay::of(midnight), CalendarMonth::of(midnight));
    assert_eq!(window(DAILY), Some(Window::Day(day)));
    assert_eq!(window(MONTHLY), Some(Window::Month(month)));
    answer(store.commit(upload(8).id, &[], back).await);
    assert_eq!(numbers(store, DAILY, midnight).await, (1, 4));
}

/// The same while the old day and month have room left: what comes after the step back is of the new ones all the same.
pub async fn leaves_the_old_window_alone_when_the_clock_steps_back(store: &dyn Ledger) {
    uploads_allowed(store).await;
    let midnight = CalendarMonth::of(NOW).end();
    let back = midnight.saturating_sub(Duration::from_secs(3_600));
    for number in 1..=2 {
        admitted(store, &upload(number), back).await;
        answer(store.release(upload(number).id, back).await);
    }
    admitted(store, &upload(3), midnight).await;
    for number in 4..=7 {
        admitted(store, &upload(number), back).await;
    }
    assert_eq!(denied(store, &upload(8), back).await, [0, 5, 5, 1]);
    assert_eq!(numbers(store, DAILY, midnight).await, (0, 5));
}

/// A window that begins more than a day ahead was opened by a clock that was wrong, and is not the present.
pub async fn takes_no_distant_window_for_the_present(store: &dyn Ledger) {
    uploads_allowed(store).await;
    let start = CalendarDay::of(after(2 * 86_400)).start();
    for number in 1..=5 {
        admitted(store, &upload(number), start).await;
    }
    let near = start.saturating_sub(AHEAD);
    let windows = [
        (near, (0, 5), start),
        (just_before(near), (0, 0), CalendarDay::of(NOW).start()),
    ];
    for (now, expected, begins) in windows {
        assert_eq!(numbers(store, DAILY, now).await, expected);
        let usage = answer(store.usage(ACCOUNT, now).await);
        let line = usage.iter().find(|line| line.dimension == DAILY);
        assert_eq!(line.and_then(|line| line.key.window.start()), Some(begins));
    }
    let only_daily = |number| request(number, [Item::exactly(DAILY, Amount::ONE)]);
    denied(store, &only_daily(6), near).await;
    admitted(store, &only_daily(7), just_before(near)).await;
    assert_eq!(numbers(store, DAILY, NOW).await, (0, 1));
}

/// One upload, of five in a day and in a month.
fn upload(number: u64) -> Reserve {
    let items = [DAILY, MONTHLY].map(|dimension| Item::exactly(dimension, Amount::ONE));
    Reserve {
        expires_after: Duration::from_secs(3 * 3_600),
        ..request(number, items)
    }
}

async fn uploads_allowed(store: &dyn Ledger) {
    let five = Limit::Max(Amount::from(5));
    let limits = Limits::NOTHING.with(DAILY, five).with(MONTHLY, five);
    set(store, &with_limits(limits)).await;
}
