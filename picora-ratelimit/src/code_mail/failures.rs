//! Who has failed captchas lately.

use std::collections::HashMap;

use picora_core::Timestamp;

use crate::SubjectKey;
use crate::captcha::Failures;

/// The failed verifications of many clients, in bounded memory.
///
/// Two generations of at most half the bound each: a failure is written into the young one, and when that is full the old one is dropped
/// and the young one becomes old. Who fails again moves along; forgotten is who has not failed while half the bound of others did. What a
/// number of failures means, and when they are forgotten by themselves, is the rule of [`Failures`].
///
/// **Units**: clients; 48 bytes and the map's own for each. **Boundaries**: a bound below 2 is taken as 2. **Errors**: none. **Source**:
/// row #18.
///
/// ```
/// use picora_core::Timestamp;
/// use picora_ratelimit::SubjectKey;
/// use picora_ratelimit::captcha::CaptchaLevel;
/// use picora_ratelimit::code_mail::CaptchaFailures;
/// let now = Timestamp::from_unix_seconds(1_777_000_000);
/// let mut failures = CaptchaFailures::at_most(1_000);
/// failures.add(SubjectKey(1), now);
/// assert_eq!(failures.of(SubjectKey(1)).level(now), CaptchaLevel::Interactive);
/// assert_eq!(failures.of(SubjectKey(2)).level(now), CaptchaLevel::Managed);
/// ```
#[derive(Clone, Debug)]
pub struct CaptchaFailures {
    young: HashMap<SubjectKey, Failures>,
    old: HashMap<SubjectKey, Failures>,
    half: usize,
}

impl CaptchaFailures {
    /// Nobody has failed, and at most so many clients are remembered.
    #[must_use]
    pub fn at_most(clients: usize) -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            half: (clients / 2).max(1),
        }
    }

    /// What a client has failed so far.
    #[must_use]
    pub fn of(&self, client: SubjectKey) -> Failures {
        let known = self.young.get(&client).or_else(|| self.old.get(&client));
        known.copied().unwrap_or(Failures::NONE)
    }

    /// Remembers one more failure, and answers all of them.
    pub fn add(&mut self, client: SubjectKey, now: Timestamp) -> Failures {
        let failures = self.of(client).and_one(now);
        self.old.remove(&client);
        if self.young.len() >= self.half && !self.young.contains_key(&client) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(client, failures);
        failures
    }

    /// How many clients it remembers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// Whether nobody is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::captcha::CaptchaLevel;

    const START: Timestamp = Timestamp::from_unix_seconds(1_777_000_000);

    #[test]
    fn strangers_are_bounded_and_who_goes_on_failing_stays() {
        let mut failures = CaptchaFailures::at_most(100);
        for stranger in 1..10_000 {
            failures.add(SubjectKey(stranger), START);
            if stranger % 40 == 0 {
                failures.add(SubjectKey(0), START);
            }
            assert!(failures.len() <= 100);
        }
        assert_eq!(
            failures.of(SubjectKey(0)).level(START),
            CaptchaLevel::CoolDown
        );
        assert_eq!(failures.of(SubjectKey(1)), Failures::NONE);
        assert_eq!(
            failures.of(SubjectKey(9_999)).level(START),
            CaptchaLevel::Interactive
        );
    }

    #[test]
    fn the_least_bound_remembers_somebody() {
        let mut failures = CaptchaFailures::at_most(0);
        failures.add(SubjectKey(1), START);
        failures.add(SubjectKey(1), START);
        assert_eq!(
            failures.of(SubjectKey(1)).level(START),
            CaptchaLevel::CoolDown
        );
    }
}
