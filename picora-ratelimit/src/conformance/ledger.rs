//! What was admitted, written down for a judge who trusts nobody.

use std::collections::HashMap;

use picora_core::Timestamp;

use crate::{Decision, Limit, Rule, SubjectKey};

/// One admission: by whom it was decided, when by the store's clock, to whom, how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spend {
    /// By the store's clock, in microseconds since 1970.
    pub at: i64,
    /// Who was charged.
    pub subject: SubjectKey,
    /// How much.
    pub cost: u64,
    /// Which process decided.
    pub instance: u32,
}

impl Spend {
    /// The admission of a decision to each of its subjects; none of one that did not pass.
    pub fn of<'d>(decision: &'d Decision<'_>, instance: u32) -> impl Iterator<Item = Self> + 'd {
        let subjects = crate::frame::subjects(decision.subjects);
        let allowed = subjects.filter(|_| decision.is_allowed());
        allowed.map(move |subject| Self {
            at: decision.decided_at().unix_micros(),
            subject: subject.key,
            cost: 1,
            instance,
        })
    }

    /// As a line of text, and back.
    #[must_use]
    pub fn to_line(self) -> String {
        let Self {
            at,
            subject,
            cost,
            instance,
        } = self;
        format!("{at} {subject} {cost} {instance}")
    }

    /// Reads a line that [`to_line`](Self::to_line) wrote.
    #[must_use]
    pub fn from_line(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        Some(Self {
            at: words.next()?.parse().ok()?,
            subject: SubjectKey(u128::from_str_radix(words.next()?, 16).ok()?),
            cost: words.next()?.parse().ok()?,
            instance: words.next()?.parse().ok()?,
        })
    }
}

/// By how many units a limit was exceeded, by the worst of all its windows, or of all closed spans: zero, if the limiter keeps its word.
///
/// Windows and days are counted one by one. Of a burst every closed span `[s, t]` is judged: what passed in it, times the interval, is at
/// most the burst times the interval and `t - s`. Of a rolling limit every half-open span of its length.
#[must_use]
pub fn over_admitted(limit: &Limit, spends: &[Spend]) -> u64 {
    let mut of: HashMap<SubjectKey, Vec<Spend>> = HashMap::new();
    for spend in spends {
        of.entry(spend.subject).or_default().push(*spend);
    }
    let worst = of.into_values().map(|mut spends| {
        spends.sort_by_key(|spend| spend.at);
        of_one(limit.rule(), &spends)
    });
    worst.max().unwrap_or(0)
}

fn of_one(rule: Rule, spends: &[Spend]) -> u64 {
    match rule {
        Rule::Window(window) => {
            let length = i64::try_from(window.length().as_micros()).unwrap_or(i64::MAX);
            by_page(window.limit(), spends, |at| at / length)
        }
        Rule::Calendar(calendar) => by_page(calendar.limit(), spends, |at| {
            let cell = calendar.settle(crate::Cell::NONE, Timestamp::from_unix_micros(at));
            cell.instant()
        }),
        Rule::Gcra(gcra) => {
            let interval = gcra.interval().as_micros();
            let burst = u128::from(gcra.burst()) * interval;
            let (mut level, mut last, mut over) = (0_u128, i64::MIN, 0);
            for spend in spends {
                let passed = u128::try_from(spend.at.saturating_sub(last)).unwrap_or(0);
                level = level.saturating_sub(passed) + u128::from(spend.cost) * interval;
                last = spend.at;
                over = over.max(level.saturating_sub(burst).div_ceil(interval));
            }
            u64::try_from(over).unwrap_or(u64::MAX)
        }
        Rule::Rolling(rolling) => {
            let length = i64::try_from(rolling.length().as_micros()).unwrap_or(i64::MAX);
            let span = |last: &Spend| {
                let within = spends
                    .iter()
                    .filter(|it| it.at <= last.at && it.at > last.at - length);
                within.map(|it| it.cost).sum::<u64>()
            };
            let most = spends.iter().map(span).max().unwrap_or(0);
            most.saturating_sub(rolling.limit())
        }
    }
}

fn by_page(limit: u64, spends: &[Spend], page: impl Fn(i64) -> i64) -> u64 {
    let mut pages: HashMap<i64, u64> = HashMap::new();
    for spend in spends {
        *pages.entry(page(spend.at)).or_default() += spend.cost;
    }
    let most = pages.into_values().max().unwrap_or(0);
    most.saturating_sub(limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn spends(at: &[i64]) -> Vec<Spend> {
        let spend = |at: &i64| Spend {
            at: *at,
            subject: SubjectKey(1),
            cost: 1,
            instance: 0,
        };
        at.iter().map(spend).collect()
    }

    #[test]
    fn the_judge_finds_one_too_many_of_each_kind() {
        let micros = Duration::from_micros;
        let window = Limit::window("w", 2, micros(10)).unwrap();
        assert_eq!(over_admitted(&window, &spends(&[0, 9, 10, 19])), 0);
        assert_eq!(over_admitted(&window, &spends(&[10, 15, 19])), 1);
        let burst = Limit::gcra("b", 1, micros(10), 2).unwrap();
        assert_eq!(over_admitted(&burst, &spends(&[0, 0, 10, 20])), 0);
        assert_eq!(over_admitted(&burst, &spends(&[0, 0, 9])), 1);
        let rolling = Limit::rolling("r", 2, micros(10)).unwrap();
        assert_eq!(over_admitted(&rolling, &spends(&[0, 5, 10, 15])), 0);
        assert_eq!(over_admitted(&rolling, &spends(&[0, 5, 9])), 1);
        let day = Limit::daily("d", 1).unwrap();
        assert_eq!(over_admitted(&day, &spends(&[0, 86_400_000_000])), 0);
        assert_eq!(over_admitted(&day, &spends(&[0, 86_399_999_999])), 1);
        let line = spends(&[7])[0];
        assert_eq!(Spend::from_line(&line.to_line()), Some(line));
    }
}
