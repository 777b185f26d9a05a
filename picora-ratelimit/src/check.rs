//! What a limiter is asked.

use crate::{CheckError, Subject, SubjectKey, frame};

/// A cost, and the set of subjects that must all have room for it.
///
/// **Units**: the cost counts in the units of the limits, 1 for one request. The home is the key under which a shared store keeps the
/// subjects together (an account's fingerprint): a subject's record lives at its home, and the same key under another home is another
/// record. **Boundaries**: a subject that is named twice counts once. The order of first mention is the order of reports; put the tier
/// first, because ties in what headers show go to it. **Errors**: [`CheckError`].
///
/// ```
/// use picora_ratelimit::{Check, CheckError, Subject, SubjectKey, Tier, Tiers};
/// let tiers = Tiers::standard();
/// let home = SubjectKey(1);
/// let subjects = [Subject { key: home, policy: tiers.of(Tier::Read) }, Subject { key: SubjectKey(2), policy: tiers.ceiling() }];
/// assert!(Check::new(home, &subjects, 1).is_ok());
/// assert_eq!(Check::new(home, &subjects, 0).unwrap_err(), CheckError::ZeroCost);
/// assert!(matches!(Check::new(home, &subjects, 31), Err(CheckError::CostAboveLimit { most: 30, .. })));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Check<'a> {
    home: SubjectKey,
    subjects: &'a [Subject<'a>],
    cost: u64,
    solved: bool,
}

impl<'a> Check<'a> {
    /// A check that some wait can make pass.
    ///
    /// # Errors
    /// [`CheckError`]: no subject or more than 64, no cost, a cost that can never pass, or one subject under two policies.
    pub fn new(
        home: SubjectKey,
        subjects: &'a [Subject<'a>],
        cost: u64,
    ) -> Result<Self, CheckError> {
        if subjects.is_empty() {
            return Err(CheckError::NoSubject);
        }
        if subjects.len() > MOST_SUBJECTS {
            let given = subjects.len();
            return Err(CheckError::TooManySubjects { given });
        }
        if cost == 0 {
            return Err(CheckError::ZeroCost);
        }
        for (at, subject) in subjects.iter().enumerate() {
            fits(subject, cost)?;
            one_policy(&subjects[..at], subject)?;
        }
        Ok(Self {
            home,
            subjects,
            cost,
            solved: false,
        })
    }

    /// The same check by someone who has proved what a challenge asks: limits that [challenge](crate::Exceeded::Challenge) count it and let
    /// it pass. All others hold as before (C41).
    #[must_use]
    pub const fn solved(self) -> Self {
        Self {
            solved: true,
            ..self
        }
    }

    /// Whether a challenge has been met.
    #[must_use]
    pub const fn is_solved(&self) -> bool {
        self.solved
    }

    /// Where the records of all its subjects live.
    #[must_use]
    pub const fn home(&self) -> SubjectKey {
        self.home
    }

    /// What is asked of each subject.
    #[must_use]
    pub const fn cost(&self) -> u64 {
        self.cost
    }

    /// Its subjects, each once, in the order of first mention.
    pub fn subjects(&self) -> impl Iterator<Item = &'a Subject<'a>> + '_ {
        frame::subjects(self.subjects)
    }

    /// The same check at another cost, which its limits have been seen to have room for.
    pub(crate) const fn costing(&self, cost: u64) -> Self {
        Self { cost, ..*self }
    }

    /// How its subjects are leased, if all are: the strictest terms of each, for a burst is shortened by its own policy's life alone.
    #[must_use]
    pub fn lease(&self) -> Option<crate::LeaseTerms> {
        let mut terms = self.subjects.iter().map(|it| it.policy.lease());
        let first = terms.next()??;
        terms.try_fold(first, |all, it| Some(all.and(it?)))
    }

    /// Its subjects as they were given.
    pub(crate) const fn all(&self) -> &'a [Subject<'a>] {
        self.subjects
    }
}

fn fits(subject: &Subject<'_>, cost: u64) -> Result<(), CheckError> {
    if cost <= subject.policy.most() {
        return Ok(());
    }
    let mut limits = subject.policy.limits().iter();
    let strictest = limits.find(|limit| limit.rule().most() == subject.policy.most());
    strictest.map_or(Ok(()), |limit| {
        Err(CheckError::CostAboveLimit {
            policy: subject.policy.name(),
            limit: limit.name(),
            cost,
            most: limit.rule().most(),
        })
    })
}

fn one_policy(earlier: &[Subject<'_>], subject: &Subject<'_>) -> Result<(), CheckError> {
    let mut same_key = earlier.iter().filter(|other| other.key == subject.key);
    match same_key.find(|other| other.policy != subject.policy) {
        Some(other) => Err(CheckError::TwoPolicies {
            first: other.policy.name(),
            second: subject.policy.name(),
        }),
        None => Ok(()),
    }
}

/// A shared store counts the subjects of a check in one byte.
const MOST_SUBJECTS: usize = 64;
