//! One thing that the script is asked.

use std::fmt::Write as _;

use picora_core::Timestamp;
use picora_ratelimit::{CalendarUnit, Check, Exceeded, Policy, Rule, SubjectKey};

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Decide,
    Peek,
    Refund {
        charged_at: Timestamp,
    },
    Reset,
    /// As much of the cost as there is room for, and at least so much.
    Lease {
        least: u64,
    },
}

/// A question with the keys and the policies of its subjects.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) operation: Operation,
    pub(crate) solved: bool,
    pub(crate) cost: u64,
    /// Of the check's home: items of one home are in one slot of a cluster.
    pub(crate) home: SubjectKey,
    pub(crate) subjects: Vec<(String, Vec<u8>)>,
    /// The test's own clock, where there is one.
    pub(crate) now: Option<Timestamp>,
}

impl Item {
    pub(crate) fn of(check: &Check<'_>, operation: Operation, prefix: &str) -> Self {
        let subjects = check.subjects();
        let home = check.home();
        Self {
            operation,
            solved: check.is_solved(),
            cost: check.cost(),
            home,
            subjects: subjects
                .map(|it| (key(prefix, home, it.key), policy(it.policy)))
                .collect(),
            now: None,
        }
    }

    pub(crate) fn reset(home: SubjectKey, subject: SubjectKey, prefix: &str) -> Self {
        Self {
            operation: Operation::Reset,
            solved: false,
            cost: 0,
            home,
            subjects: vec![(key(prefix, home, subject), Vec::new())],
            now: None,
        }
    }

    /// Whether it decides on bursts and windows that deny, and nothing else.
    pub(crate) fn is_plain(&self) -> bool {
        let plain = |limit: &[u8]| matches!(limit, [1 | 2, 1, ..]);
        let policies = self.subjects.iter().map(|(_, policy)| policy);
        let mut limits = policies.flat_map(|policy| policy.chunks(LIMIT_BYTES));
        self.operation == Operation::Decide && limits.all(plain)
    }

    /// The item as the script reads it, with its subjects' keys and policies by their positions.
    pub(crate) fn write(&self, bytes: &mut Vec<u8>, positions: impl Iterator<Item = (u16, u16)>) {
        let (operation, number) = match self.operation {
            Operation::Decide => (1, 0),
            Operation::Peek => (2, 0),
            Operation::Refund { charged_at } => (3, charged_at.unix_micros().cast_unsigned()),
            Operation::Reset => (4, 0),
            Operation::Lease { least } => (5, least),
        };
        bytes.extend([operation, u8::from(self.solved)]);
        bytes.extend(self.cost.to_le_bytes());
        bytes.extend(number.to_le_bytes());
        bytes.push(u8::try_from(self.subjects.len()).unwrap_or(u8::MAX));
        for (key, policy) in positions {
            bytes.extend(key.to_le_bytes());
            bytes.extend(policy.to_le_bytes());
        }
    }
}

fn key(prefix: &str, home: SubjectKey, subject: SubjectKey) -> String {
    let mut key = String::with_capacity(prefix.len() + 68);
    let _ = write!(key, "{prefix}:{{{home}}}:{subject}"); // a string never fails
    key
}

fn policy(policy: &Policy) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(policy.limits().len() * LIMIT_BYTES);
    for limit in policy.limits() {
        let micros =
            |length: std::time::Duration| u64::try_from(length.as_micros()).unwrap_or(u64::MAX);
        let (kind, a, b) = match limit.rule() {
            Rule::Gcra(rule) => (1, micros(rule.interval()), rule.burst()),
            Rule::Window(rule) => (2, micros(rule.length()), rule.limit()),
            Rule::Calendar(rule) => {
                let unit = match rule.unit() {
                    CalendarUnit::Day => 0,
                    CalendarUnit::Month => 1,
                };
                (3, unit, rule.limit())
            }
            Rule::Rolling(rule) => (4, micros(rule.length()), rule.limit()),
            _ => (0, 0, 0), // a kind that the scripts do not know has no room: nothing passes, and the replay finds out
        };
        let exceeded = match limit.exceeded() {
            Exceeded::Deny => 1,
            Exceeded::Challenge => 2,
            Exceeded::Shadow => 3,
        };
        bytes.extend([kind, exceeded]);
        bytes.extend(a.to_le_bytes());
        bytes.extend(b.to_le_bytes());
    }
    bytes
}

/// Kind, what it does without room, and two numbers.
const LIMIT_BYTES: usize = 18;
