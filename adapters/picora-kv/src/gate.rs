//! Whether KV may be asked now.

use picora_core::Timestamp;
use picora_quota::echo::Budget;

use crate::error::Failure;

/// The budget of calls, and until when KV wants to be left alone. It waits for nobody: who comes too early is told when to come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gate {
    calls: Budget,
    closed_until: Timestamp,
}

impl Gate {
    pub(crate) const fn new(calls: Budget) -> Self {
        Self {
            calls,
            closed_until: Timestamp::EPOCH,
        }
    }

    /// Takes one call. **Errors**: from when on there is one; nothing was taken.
    pub(crate) fn pass(&mut self, now: Timestamp) -> Result<(), Failure> {
        if now < self.closed_until {
            return Err(Failure::NotYet("KV wants a pause", self.closed_until));
        }
        let spent = |ready| Failure::NotYet("the budget of calls is spent", ready);
        self.calls.take(now).map_err(spent)
    }

    /// What KV has said of when to come back holds for every later call.
    pub(crate) fn heard<T>(&mut self, outcome: &Result<T, Failure>, now: Timestamp) {
        let failure = outcome.as_ref().err();
        if let Some(until) = failure.and_then(|it| it.not_before(now)) {
            self.closed_until = until;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_777_000_000);

    fn after(seconds: u64) -> Timestamp {
        NOW.saturating_add(Duration::from_secs(seconds))
    }

    #[test]
    fn who_comes_too_early_is_told_when_and_spends_nothing() {
        let mut gate = Gate::new(Budget::new(2, Duration::from_secs(10)));
        assert!(gate.pass(NOW).is_ok() && gate.pass(NOW).is_ok());
        for _ in 0..3 {
            let until = gate.pass(NOW).unwrap_err().not_before(NOW);
            assert_eq!(until, Some(after(10)));
        }
        assert!(gate.pass(after(10)).is_ok());
        assert!(gate.pass(after(10)).is_err());
    }

    #[test]
    fn a_pause_that_kv_wants_holds_for_every_call() {
        let mut gate = Gate::new(Budget::new(9, Duration::from_secs(10)));
        let limited = Failure::Limited {
            codes: Vec::new(),
            retry_after: None,
        };
        gate.heard(&Err::<(), _>(limited), NOW);
        gate.heard(&Ok(()), NOW);
        gate.heard(&Err::<(), _>(Failure::Garbage(200)), NOW);
        let until = gate.pass(after(299)).unwrap_err().not_before(NOW);
        assert_eq!(until, Some(after(300)));
        assert!(gate.pass(after(300)).is_ok());
    }
}
