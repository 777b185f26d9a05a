use proptest::prelude::*;

use super::*;

fn check(text: &str, seconds: i64) {
    let at = Timestamp::from_unix_seconds(seconds);
    assert_eq!(
        format!("{} {}", CalendarDay::of(at), CalendarMonth::of(at)),
        text,
        "at {seconds}"
    );
}

#[test]
fn boundaries_of_days_and_months() {
    check("1970-01-01 1970-01", 0);
    check("2024-02-29 2024-02", 1_709_251_199); // last second of a leap day
    check("2024-03-01 2024-03", 1_709_251_200);
    check("2026-12-31 2026-12", 1_798_761_599);
    check("2027-01-01 2027-01", 1_798_761_600);
    check("9999-12-31 9999-12", i64::MAX);
}

#[test]
fn only_the_one_spelling_is_read() {
    for text in [
        "2026-4",
        "2026-004",
        "+026-04",
        "2026-13",
        "2026-00",
        "1969-12",
        "2026-04-",
        "26-04",
        "２０２６-04",
        "2026-02-30",
    ] {
        assert_eq!(Window::parse(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn windows_partition_time(micros in 0..=Timestamp::MAX.unix_micros() - 40 * 86_400_000_000) {
        let at = Timestamp::from_unix_micros(micros);
        let (day, month) = (CalendarDay::of(at), CalendarMonth::of(at));
        prop_assert!(day.start() <= at && at < day.end());
        prop_assert!(month.start() <= at && at < month.end());
        prop_assert_eq!(CalendarDay::of(day.end()).start(), day.end());
        prop_assert_eq!(CalendarMonth::of(month.end()).start(), month.end());
        prop_assert_eq!(Window::parse(&day.to_string()), Some(Window::Day(day)));
        prop_assert_eq!(Window::parse(&month.to_string()), Some(Window::Month(month)));
    }
}
