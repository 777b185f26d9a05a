//! Seconds per phase.

use crate::shell::{Failure, Outcome};
use std::fmt;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What ran, for how long, and how it ended.
#[derive(Debug)]
pub struct Phases {
    started: Instant,
    ended: Vec<Ended>,
}

#[derive(Debug)]
struct Ended {
    name: &'static str,
    took: Duration,
    outcome: Outcome,
    how: How,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    InTurn,
    Beside,
    NotAtAll,
}

impl Phases {
    /// Starts the clock.
    #[must_use]
    pub fn start() -> Self {
        Self {
            started: Instant::now(),
            ended: Vec::new(),
        }
    }

    /// Runs one phase; whether it succeeded.
    pub fn run(&mut self, name: &'static str, phase: impl FnOnce() -> Outcome) -> bool {
        println!("\n== {name}");
        let ended = timed(name, How::InTurn, phase);
        self.take(ended)
    }

    /// Waits for a phase that ran beside the others; whether it succeeded.
    pub fn join(&mut self, beside: Beside) -> bool {
        let Beside { name, thread } = beside;
        let ended = thread.join().unwrap_or_else(|_| Ended {
            name,
            took: Duration::ZERO,
            outcome: Err(Failure("panicked".into())),
            how: How::Beside,
        });
        self.take(ended)
    }

    /// Notes a phase that could not even start.
    pub fn refuse(&mut self, name: &'static str, why: &str) {
        let outcome = Err(Failure(format!("not run: {why}")));
        let took = Duration::ZERO;
        self.ended.push(Ended {
            name,
            took,
            outcome,
            how: How::NotAtAll,
        });
    }

    /// Prints the table; a failure that names the phases that failed.
    pub fn finish(self) -> Outcome {
        println!("\n{self}");
        let failed: Vec<_> = self.ended.iter().filter(|it| it.outcome.is_err()).collect();
        for it in &failed {
            let Err(why) = &it.outcome else { continue };
            eprintln!("{}: {why}", it.name);
        }
        if failed.is_empty() {
            return Ok(());
        }
        let names: Vec<_> = failed.iter().map(|it| it.name).collect();
        Err(Failure(format!("failed: {}", names.join(", "))))
    }

    fn take(&mut self, ended: Ended) -> bool {
        let succeeded = ended.outcome.is_ok();
        if let Err(why) = &ended.outcome {
            eprintln!("== {} FAILED: {why}", ended.name);
        }
        self.ended.push(ended);
        succeeded
    }
}

/// A phase in a thread of its own.
#[derive(Debug)]
pub struct Beside {
    name: &'static str,
    thread: JoinHandle<Ended>,
}

impl Beside {
    /// Starts the phase; it should print nothing, for others print meanwhile.
    pub fn start(name: &'static str, phase: impl FnOnce() -> Outcome + Send + 'static) -> Self {
        let thread = std::thread::spawn(move || timed(name, How::Beside, phase));
        Self { name, thread }
    }
}

fn timed(name: &'static str, how: How, phase: impl FnOnce() -> Outcome) -> Ended {
    let started = Instant::now();
    let outcome = phase();
    let took = started.elapsed();
    Ended {
        name,
        took,
        outcome,
        how,
    }
}

impl fmt::Display for Phases {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{:<20} {:>8}  outcome", "phase", "seconds")?;
        for it in &self.ended {
            let outcome = match (&it.outcome, it.how) {
                (_, How::NotAtAll) => "not run",
                (Ok(()), How::InTurn) => "ok",
                (Ok(()), How::Beside) => "ok (beside the others)",
                (Err(_), _) => "FAILED",
            };
            let seconds = it.took.as_secs_f64();
            writeln!(out, "{:<20} {seconds:>8.1}  {outcome}", it.name)?;
        }
        let total = self.started.elapsed().as_secs_f64();
        write!(out, "{:<20} {total:>8.1}", "total")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failure_fails_the_whole_and_is_named() {
        let mut phases = Phases::start();
        assert!(phases.run("good", || Ok(())));
        assert!(!phases.run("bad", || Err(Failure("because".into()))));
        phases.refuse("late", "bad failed");
        let table = phases.to_string();
        assert_eq!(table.lines().count(), 5, "{table}");
        assert_eq!(phases.finish(), Err(Failure("failed: bad, late".into())));
    }

    #[test]
    fn a_phase_beside_counts_like_any_other_even_when_it_panics() {
        let mut phases = Phases::start();
        assert!(phases.join(Beside::start("good", || Ok(()))));
        assert!(!phases.join(Beside::start("bad", || panic!("on purpose"))));
        assert!(phases.finish().is_err());
    }
}
