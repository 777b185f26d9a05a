//! Promises about how usage went.

use std::time::Duration;

use picora_core::{CalendarDay, Dimension, Limit, Limits, Timestamp};

use super::{ACCOUNT, NOW, TTL, admitted, after, answer, exactly, posting, set, with_limits};
use crate::{Counter, Grain, HistoryQuery, Ledger, LedgerReports};

const IMAGES: Dimension = Dimension::ImgStorage;
const SERVED: Dimension = Dimension::ImgBandwidth;

/// `(start, moved, level)` of one stretch.
type Point = (Timestamp, i64, u64);

/// Each hour, day and month has what moved in it and what the number was at its end; where nothing moved there is nothing.
pub async fn tells_hours_days_and_months<S: Ledger + LedgerReports>(store: &S) {
    limits(store).await;
    let next_day = CalendarDay::of(NOW).end();
    let next_month = Grain::Month.start(after(20 * DAY));
    let moves = [
        ("a", 50, NOW),
        ("b", -20, after(600)),
        ("c", 5, after(2 * HOUR)),
        ("d", 7, next_day),
        ("e", -2, next_month),
    ];
    for (key, delta, at) in moves {
        answer(store.post(&posting(key, delta, IMAGES, at), at).await);
    }
    let hour = Grain::Hour.start(NOW);
    let later = Grain::Hour.start(after(2 * HOUR));
    let hours = [
        (hour, 30, 30),
        (later, 5, 35),
        (next_day, 7, 42),
        (next_month, -2, 40),
    ];
    let all = (NOW, next_month.saturating_add(Duration::from_micros(1)));
    assert_eq!(history(store, IMAGES, Grain::Hour, all).await, hours);
    let today = CalendarDay::of(NOW).start();
    let days = [(today, 35, 35), (next_day, 7, 42), (next_month, -2, 40)];
    assert_eq!(history(store, IMAGES, Grain::Day, all).await, days);
    let months = [(Grain::Month.start(NOW), 42, 42), (next_month, -2, 40)];
    assert_eq!(history(store, IMAGES, Grain::Month, all).await, months);
    // A span's start is taken to the start of its stretch; its end is exclusive.
    let span = (after(600), next_month);
    assert_eq!(history(store, IMAGES, Grain::Hour, span).await, hours[..3]);
    let span = (after(HOUR), next_day);
    assert_eq!(history(store, IMAGES, Grain::Hour, span).await, hours[1..2]);
    assert_eq!(history(store, IMAGES, Grain::Day, span).await, days[..1]);
    assert_eq!(
        history(store, SERVED, Grain::Day, all).await,
        [],
        "another dimension did not move"
    );
}

/// What is reported a day late counts for the hour in which it happened.
pub async fn counts_a_late_fact_for_its_own_hour<S: Ledger + LedgerReports>(store: &S) {
    limits(store).await;
    let early = posting("early", 40, SERVED, NOW);
    answer(store.post(&early, NOW).await);
    let late = posting("late", 2, SERVED, NOW);
    answer(store.post(&late, after(DAY)).await);
    let later = posting("later", 3, SERVED, after(HOUR));
    answer(store.post(&later, after(DAY)).await);
    let span = (NOW, after(2 * DAY));
    let hour = Grain::Hour.start(NOW);
    assert_eq!(
        history(store, SERVED, Grain::Hour, span).await,
        [(hour, 42, 42), (Grain::Hour.start(after(HOUR)), 3, 45)]
    );
    let month = [(Grain::Month.start(NOW), 45, 45)];
    assert_eq!(history(store, SERVED, Grain::Month, span).await, month);
}

/// An upload that begins before midnight and ends after it counts for the last hour of the day in which it began.
pub async fn counts_a_late_commit_for_the_day_of_its_reservation<S>(store: &S)
where
    S: Ledger + LedgerReports,
{
    limits(store).await;
    let midnight = CalendarDay::of(NOW).end();
    let upload = exactly(1, Dimension::UploadsPerDay, 1);
    admitted(store, &upload, midnight.saturating_sub(TTL / 2)).await;
    answer(store.commit(upload.id, &[], midnight).await);
    let span = (NOW, after(2 * DAY));
    let last = midnight.saturating_sub(Duration::from_secs(HOUR));
    assert_eq!(
        history(store, Dimension::UploadsPerDay, Grain::Hour, span).await,
        [(last, 1, 1)]
    );
}

/// Rolling facts up makes hours into days and days into months, in portions too, and changes no day and no month that is kept. Doing it
/// again does nothing; a fact that comes later than that is added.
pub async fn rolls_up_without_changing_days_and_months<S: Ledger + LedgerReports>(store: &S) {
    limits(store).await;
    let midnight = CalendarDay::of(NOW).end();
    for number in 0..9_u32 {
        let at = midnight.saturating_add(Duration::from_secs(HOUR) * 13 * number);
        for dimension in [IMAGES, SERVED] {
            let key = format!("{number} {dimension}");
            let delta = 10 - i64::from(number);
            answer(store.post(&posting(&key, delta, dimension, at), at).await);
        }
    }
    let (days, months) = both(store).await;
    assert!(days[0].len() == 5 && months[0].len() == 1, "{days:?}");
    assert_eq!(answer(store.roll_up(100, after(30 * DAY)).await), 0);
    let rolled = roll_all(store, after(45 * DAY)).await;
    assert_eq!(rolled, 18, "every hour");
    assert_eq!(both(store).await, (days, months.clone()), "hours are days");
    let hours = history(store, IMAGES, Grain::Hour, SPAN).await;
    assert!(
        hours
            .iter()
            .all(|(start, ..)| Grain::Day.start(*start) == *start)
    );

    let late = posting("late", 5, SERVED, midnight);
    answer(store.post(&late, after(45 * DAY)).await);
    let (days, months) = both(store).await;
    assert_eq!(months[1][0].1, 54 + 5);
    assert_eq!(roll_all(store, after(45 * DAY)).await, 1);
    assert_eq!(both(store).await, (days, months.clone()), "a late fact");

    assert_eq!(roll_all(store, after(450 * DAY)).await, 10, "every day");
    assert_eq!(both(store).await.1, months, "days are months");
    assert_eq!(history(store, IMAGES, Grain::Day, SPAN).await, []);
    assert_eq!(roll_all(store, after(4_000 * DAY)).await, 0);
}

/// Rolls up in small portions until nothing is left; answers how many.
async fn roll_all(store: &dyn LedgerReports, now: Timestamp) -> u32 {
    let mut all = 0;
    loop {
        match answer(store.roll_up(4, now).await) {
            0 => return all,
            some => all += some,
        }
    }
}

/// The days and the months of both dimensions.
async fn both(store: &dyn LedgerReports) -> (Vec<Vec<Point>>, Vec<Vec<Point>>) {
    let (mut days, mut months) = (Vec::new(), Vec::new());
    for dimension in [IMAGES, SERVED] {
        days.push(history(store, dimension, Grain::Day, SPAN).await);
        months.push(history(store, dimension, Grain::Month, SPAN).await);
    }
    (days, months)
}

async fn history(
    store: &dyn LedgerReports,
    dimension: Dimension,
    grain: Grain,
    (from, until): (Timestamp, Timestamp),
) -> Vec<Point> {
    let query = HistoryQuery {
        counters: vec![Counter::Dimension(dimension)],
        from,
        until,
        grain,
    };
    let points = answer(store.history(ACCOUNT, &query).await);
    points
        .iter()
        .map(|point| (point.start, point.moved, point.level.get()))
        .collect()
}

async fn limits(store: &dyn Ledger) {
    let all = |limits: Limits, dimension| limits.with(dimension, Limit::Unlimited);
    let limits = Dimension::ALL.into_iter().fold(Limits::NOTHING, all);
    set(store, &with_limits(limits)).await;
}

/// All that the promises move, in.
const SPAN: (Timestamp, Timestamp) = (
    NOW,
    Timestamp::from_unix_seconds(1_795_255_200 + 20 * 86_400),
);

const HOUR: u64 = 3_600;
const DAY: u64 = 86_400;
