//! One line of the result.

use serde::Serialize;
use std::fmt;

/// Two measurements and what their ratio should be.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    /// `suite/work`.
    pub(crate) row: &'static str,
    /// What Picora took or did.
    pub(crate) ours: f64,
    /// What the peer did with the same work, or the budget.
    pub(crate) peer: f64,
    /// The unit of both.
    pub(crate) unit: &'static str,
    /// `ours / peer`; for a budget `peer / ours`.
    pub(crate) ratio: f64,
    /// What the ratio must keep, such as `>= 3`.
    pub(crate) goal: String,
    /// Whether it does.
    pub(crate) holds: bool,
}

/// A bound on the ratio.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    /// More is better, as with operations per second.
    AtLeast(f64),
    /// Less is better, as with bytes.
    AtMost(f64),
}

impl Row {
    /// Ours against a peer's.
    pub(crate) fn against(
        row: &'static str,
        (ours, peer): (f64, f64),
        unit: &'static str,
        goal: Goal,
    ) -> Self {
        let ratio = ours / peer;
        let (goal, holds) = match goal {
            Goal::AtLeast(least) => (format!(">= {least}"), ratio >= least),
            Goal::AtMost(most) => (format!("<= {most}"), ratio <= most),
        };
        Self {
            row,
            ours,
            peer,
            unit,
            ratio,
            goal,
            holds,
        }
    }

    /// Ours against what it may cost: the ratio is the budget's part of ours, and at least 1.
    pub(crate) fn within(row: &'static str, ours: f64, budget: f64, unit: &'static str) -> Self {
        let ratio = budget / ours;
        Self {
            row,
            ours,
            peer: budget,
            unit,
            ratio,
            goal: ">= 1".to_owned(),
            holds: ratio >= 1.0,
        }
    }

    /// As the contract of `cargo xtask bench --json` has it.
    pub(crate) fn to_json(&self) -> String {
        let rounded = Self {
            ours: significant(self.ours),
            peer: significant(self.peer),
            ratio: significant(self.ratio),
            ..self.clone()
        };
        serde_json::to_string(&rounded).expect("numbers and texts have JSON")
    }
}

/// The table's first line.
pub(crate) const HEADING: &str = "row                                    ours         peer  unit           ratio     goal  holds";

impl fmt::Display for Row {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let holds = if self.holds { "yes" } else { "NO" };
        let Self {
            row,
            ours,
            peer,
            unit,
            ratio,
            goal,
            ..
        } = self;
        write!(
            out,
            "{row:<30} {ours:>12.0} {peer:>12.0}  {unit:<12} {ratio:>7.2} {goal:>8}  {holds}"
        )
    }
}

/// Four significant digits: more would pretend.
fn significant(value: f64) -> f64 {
    format!("{value:.3e}")
        .parse()
        .expect("what Rust prints it reads")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_holds_at_its_bound() {
        let row = |ours, goal| Row::against("a/b", (ours, 2.0), "x/s", goal);
        assert!(row(6.0, Goal::AtLeast(3.0)).holds && !row(5.9, Goal::AtLeast(3.0)).holds);
        assert!(row(1.0, Goal::AtMost(0.5)).holds && !row(1.1, Goal::AtMost(0.5)).holds);
    }

    #[test]
    fn json_is_one_line_with_the_promised_names() {
        let row = Row::against("a/b", (123_456.0, 100_000.0), "x/s", Goal::AtLeast(3.0));
        let expected = r#"{"row":"a/b","ours":123500.0,"peer":100000.0,"unit":"x/s","ratio":1.235,"goal":">= 3","holds":false}"#;
        assert_eq!(row.to_json(), expected);
    }
}
