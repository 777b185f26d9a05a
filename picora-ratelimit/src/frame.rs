//! A check laid over what is stored of its subjects, at one instant: the workbench of the rule.

use picora_core::Timestamp;

use crate::decision::Lines;
use crate::rolling::{Log, View};
use crate::{Cell, Check, Decision, Exceeded, Limit, Policy, Record, Rule, Subject, Verdict};

/// What the rule reads of one subject, however a store keeps it.
pub(crate) trait Stored {
    /// The state of the nth limit that is not rolling.
    fn cell(&self, nth: usize) -> Cell;
    /// What passed lately.
    fn log(&self) -> Option<&Log>;
}

impl Stored for &Record {
    fn cell(&self, nth: usize) -> Cell {
        self.cells().get(nth).copied().unwrap_or_default()
    }
    fn log(&self) -> Option<&Log> {
        Some(Record::log(self))
    }
}

/// Every limit of every subject, settled at `now`.
#[derive(Debug)]
pub(crate) struct Frame<'a> {
    decision: Decision<'a>,
    /// The logs of the subjects that have rolling limits, by the subject's position.
    logs: Vec<(usize, Log)>,
    rolling_waits: Vec<i64>,
    writes: bool,
}

impl<'a> Frame<'a> {
    /// Lays the check over the records, in the order of [`Check::subjects`], and reads the verdict.
    #[inline]
    pub(crate) fn settle<S: Stored>(
        check: &Check<'a>,
        stored: impl Fn(usize, &Subject<'_>) -> Option<S>,
        now: Timestamp,
    ) -> Self {
        let mut frame = Self {
            decision: Decision {
                subjects: check.all(),
                cost: check.cost(),
                decided_at: now,
                lines: Lines::new(),
                rolling_waits: None,
                verdict: Verdict::Allow,
                shadow_denied: false,
                held: 0,
            },
            logs: Vec::new(),
            rolling_waits: Vec::new(),
            writes: false,
        };
        for (at, subject) in check.subjects().enumerate() {
            let stored = stored(at, subject);
            frame.lay(at, subject.policy, stored.as_ref(), check.is_solved());
        }
        if !frame.rolling_waits.is_empty() {
            let waits = std::mem::take(&mut frame.rolling_waits);
            frame.decision.rolling_waits = Some(waits.into_boxed_slice());
        }
        frame
    }

    #[inline]
    fn lay<S: Stored>(&mut self, at: usize, policy: &Policy, stored: Option<&S>, solved: bool) {
        let (cost, now) = (self.decision.cost, self.decision.decided_at);
        let has_log = policy.reach().is_some();
        if has_log {
            self.lay_log(at, policy, stored.and_then(Stored::log));
        }
        let mut nth = 0;
        for limit in policy.limits() {
            let rule = limit.rule_ref();
            let (cell, wait) = if let (true, Rule::Rolling(rule)) = (has_log, rule) {
                let view = rule.view(&self.logs[self.logs.len() - 1].1, cost, now);
                self.rolling_waits.push(view.wait);
                (of_view(view), view.wait)
            } else {
                let stored = stored.map_or(Cell::NONE, |stored| stored.cell(nth));
                nth += 1;
                let cell = rule.settle(stored, now);
                // Drawn back from further ahead than the rule can lead: worth a write even on a denial, or it would be drawn back
                // afresh at each reading, and deny until the clock has caught up.
                self.writes |= cell.instant() < stored.instant() && cell.kind() == stored.kind();
                (cell, rule.wait(cell, cost, now))
            };
            if wait > 0 {
                self.exceed(limit.exceeded(), solved);
            }
            self.decision.lines.push(cell);
        }
    }

    fn lay_log(&mut self, at: usize, policy: &Policy, stored: Option<&Log>) {
        if let Some(reach) = policy.reach() {
            let (log, healed) = Log::settle(stored, reach, self.decision.decided_at);
            self.writes |= healed;
            self.logs.push((at, log));
        }
    }

    const fn exceed(&mut self, exceeded: Exceeded, solved: bool) {
        let decision = &mut self.decision;
        match (exceeded, decision.verdict) {
            (Exceeded::Deny, _) => decision.verdict = Verdict::Deny,
            (Exceeded::Challenge, Verdict::Allow) if !solved => {
                decision.verdict = Verdict::Challenge;
            }
            (Exceeded::Challenge, _) => {}
            (Exceeded::Shadow, _) => decision.shadow_denied = true,
        }
    }

    /// Charges what the verdict charges: all limits, those that challenge, or none.
    #[inline]
    pub(crate) fn charge(&mut self) {
        if self.decision.verdict == Verdict::Deny {
            return;
        }
        let mut first = 0;
        for (at, subject) in subjects(self.decision.subjects).enumerate() {
            let next = first + subject.policy.limits().len();
            self.charge_cells(subject.policy.limits(), first);
            if subject.policy.reach().is_some() {
                self.charge_log(at, subject.policy, first);
            }
            first = next;
        }
    }

    #[inline]
    fn charge_cells(&mut self, limits: &[Limit], first: usize) {
        let (cost, now) = (self.decision.cost, self.decision.decided_at);
        for (cell, limit) in self.decision.lines[first..].iter_mut().zip(limits) {
            let rule = limit.rule_ref();
            if charges(limit.exceeded(), self.decision.verdict, || {
                rule.wait(*cell, cost, now) <= 0
            }) {
                *cell = rule.charged(*cell, cost, now);
                self.writes = true;
            }
        }
    }

    /// A log remembers what passed; for its limits that challenge, what was asked. All its limits then read it again.
    fn charge_log(&mut self, at: usize, policy: &Policy, first: usize) {
        let (cost, now) = (self.decision.cost, self.decision.decided_at);
        let rolling = |limit: &&Limit| matches!(limit.rule(), Rule::Rolling(_));
        let mut limits = policy.limits().iter().filter(rolling);
        let verdict = self.decision.verdict;
        let remembers = limits.any(|limit| charges(limit.exceeded(), verdict, || true));
        let log = self.logs.iter_mut().find(|(of, _)| *of == at);
        let (true, Some((_, log)), Some(reach)) = (remembers, log, policy.reach()) else {
            return;
        };
        log.push(cost, reach, now);
        for (cell, limit) in self.decision.lines[first..].iter_mut().zip(policy.limits()) {
            if let Rule::Rolling(rule) = limit.rule() {
                *cell = of_view(rule.view(log, cost, now));
            }
        }
    }

    /// Takes a charge back from all limits.
    pub(crate) fn take_back(&mut self, charged_at: Timestamp) {
        let (cost, now) = (self.decision.cost, self.decision.decided_at);
        let limits = subjects(self.decision.subjects).flat_map(|it| it.policy.limits());
        for (cell, limit) in self.decision.lines.iter_mut().zip(limits) {
            *cell = limit.rule().refunded(*cell, cost, charged_at, now);
        }
        for (_, log) in &mut self.logs {
            log.take_back(cost, charged_at);
        }
    }

    /// What the limits say.
    pub(crate) const fn verdict(&self) -> Verdict {
        self.decision.verdict
    }

    /// The answer as it stands.
    pub(crate) const fn decision(&self) -> &Decision<'a> {
        &self.decision
    }

    /// Whether anything has changed that a store has to write.
    pub(crate) const fn writes(&self) -> bool {
        self.writes
    }

    /// Hands each subject to be stored, with the cells of its limits that are not rolling, in order, and its log.
    #[inline]
    pub(crate) fn for_each(&self, mut store: impl FnMut(&Subject<'a>, Cells<'_>, Option<&Log>)) {
        let mut first = 0;
        for (at, subject) in subjects(self.decision.subjects).enumerate() {
            let limits = subject.policy.limits();
            let lines = &self.decision.lines[first..];
            first += limits.len();
            let log = self.logs.iter().find(|(of, _)| *of == at);
            store(subject, Cells { limits, lines }, log.map(|(_, log)| log));
        }
    }

    /// The new records, in the order of [`Check::subjects`].
    pub(crate) fn records(&self) -> Vec<Record> {
        let mut records = Vec::new();
        self.for_each(|_, cells, log| {
            let record = Record::new(cells.iter().collect());
            records.push(record.with_log(log.cloned().unwrap_or_default()));
        });
        records
    }

    /// The answer.
    #[inline]
    pub(crate) fn into_decision(self) -> Decision<'a> {
        self.decision
    }
}

/// The state of a subject's limits, to be stored.
pub(crate) struct Cells<'f> {
    limits: &'f [Limit],
    lines: &'f [Cell],
}

impl Cells<'_> {
    /// The cells of those that are not rolling, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Cell> + '_ {
        let all = self.limits.iter().zip(self.lines);
        let kept = all.filter(|(limit, _)| !matches!(limit.rule_ref(), Rule::Rolling(_)));
        kept.map(|(_, cell)| *cell)
    }
}

/// Each subject once, in the order of first mention.
#[inline]
pub(crate) fn subjects<'a>(all: &'a [Subject<'a>]) -> impl Iterator<Item = &'a Subject<'a>> {
    let one = all.len() == 1;
    let is_new = move |(at, subject): &(usize, &Subject<'_>)| {
        one || !all[..*at].iter().any(|it| it.key == subject.key)
    };
    all.iter()
        .enumerate()
        .filter(is_new)
        .map(|(_, subject)| subject)
}

/// Whether a verdict charges a limit. A shadow limit is charged only while it has room: in force, it would have denied.
#[inline]
fn charges(exceeded: Exceeded, verdict: Verdict, has_room: impl FnOnce() -> bool) -> bool {
    match exceeded {
        Exceeded::Deny => verdict == Verdict::Allow,
        Exceeded::Challenge => true,
        Exceeded::Shadow => verdict == Verdict::Allow && has_room(),
    }
}

/// A rolling limit among the lines: when its span is empty again, and what counts in it. It is never stored.
const fn of_view(view: View) -> Cell {
    Cell::window(view.reset, view.used)
}
