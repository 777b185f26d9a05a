//! Which window the header triplet describes (requirement C60).

use std::cmp::Ordering;

use crate::{Exceeded, Report};

/// The position of the window to show; none when there is no window.
pub(crate) fn choose(reports: &[Report]) -> Option<usize> {
    violated_window(reports)
        .or_else(|| window_beside_the_burst(reports))
        .or_else(|| scarcest(reports, |_| true))
}

/// The violated window with the longest wait; the first of equals.
fn violated_window(reports: &[Report]) -> Option<usize> {
    longest_wait(reports, |report| report.rule.is_window())
}

/// The scarcest window of the policy whose burst denies longest.
fn window_beside_the_burst(reports: &[Report]) -> Option<usize> {
    let burst = longest_wait(reports, |_| true)?;
    scarcest(reports, |report| report.subject == reports[burst].subject)
}

fn longest_wait(reports: &[Report], among: impl Fn(&Report) -> bool) -> Option<usize> {
    let violated = |report: &Report| !report.wait.is_zero() && among(report);
    first_minimum(reports, violated, |a, b| b.wait.cmp(&a.wait))
}

/// The window with the smallest `remaining / limit`; the first of equals.
fn scarcest(reports: &[Report], among: impl Fn(&Report) -> bool) -> Option<usize> {
    let window = |report: &Report| report.rule.is_window() && among(report);
    first_minimum(reports, window, |a, b| {
        // a/A < b/B as a·B < b·A, without a fraction
        let cross = |x: &Report, y: &Report| u128::from(x.remaining) * u128::from(y.rule.most());
        cross(a, b).cmp(&cross(b, a))
    })
}

fn first_minimum(
    reports: &[Report],
    among: impl Fn(&Report) -> bool,
    order: impl Fn(&Report, &Report) -> Ordering,
) -> Option<usize> {
    let in_force = |report: &Report| report.exceeded != Exceeded::Shadow;
    let candidates = reports
        .iter()
        .enumerate()
        .filter(|(_, report)| in_force(report) && among(report));
    let first = candidates.min_by(|(_, a), (_, b)| order(a, b)); // `min_by` answers the first of equals
    first.map(|(at, _)| at)
}

#[cfg(test)]
mod tests;
