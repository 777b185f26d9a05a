//! Whether somebody who asks too often is a person: the port to a captcha's provider, and how hard its question is.
//!
//! A solved captcha lifts no limit (C41): it is one more condition, and the limits are decided as before.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use picora_core::{StoreError, Timestamp};

/// Asks the provider about the token that a client's widget was given.
///
/// **Errors**: [`StoreError`] when the provider gave no verdict: it is down, slow, speaks garbage, or does not accept our secret. That is
/// never a pass; who goes on without a verdict decides so where it can be seen. After `Unknown` the token may be spent; the same request
/// under the same idempotency key may be sent again to a provider that knows such keys. Whatever the *client* can bring about is a
/// [`CaptchaOutcome::Refused`], so that nobody fakes an outage. **Source**: rows #16–#18, C41, C42.
#[async_trait]
pub trait CaptchaVerifier: Send + Sync + fmt::Debug {
    /// Verifies one token, which is spent by it.
    async fn verify(&self, request: &CaptchaRequest<'_>) -> Result<CaptchaOutcome, StoreError>;
}

/// One attempt to show that somebody is a person.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CaptchaRequest<'a> {
    /// What the widget gave the client, as it came.
    pub token: &'a str,
    /// The client's address, if it is known, for providers that compare it.
    pub remote: Option<IpAddr>,
    /// What was asked of the client. A token for an easier question does not answer a harder one.
    pub level: CaptchaLevel,
    /// 16 random bytes that name the attempt; the same for each repetition of it.
    pub idempotency_key: [u8; 16],
}

impl fmt::Debug for CaptchaRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whoever reads the token before the provider has seen it could spend it.
        write!(
            f,
            "CaptchaRequest({:?}, token of {} bytes)",
            self.level,
            self.token.len()
        )
    }
}

/// What the provider says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaptchaOutcome {
    /// A person, as far as it can tell.
    Passed,
    /// Not shown to be one.
    Refused {
        /// Why; for the log and the choice of words, since a client learns no more than that it must try again.
        reason: CaptchaRefusal,
    },
}

/// Why a token does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CaptchaRefusal {
    /// It was solved for another site, action, scene or level.
    Elsewhere,
    /// The provider takes the client for a machine, or the answer for wrong.
    Failed,
    /// The provider limits this client's attempts.
    Limited,
    /// It is not what the provider's widget makes.
    Malformed,
    /// There is none.
    Missing,
    /// It is too old or was verified before; some providers do not say which.
    Stale,
}

/// How hard the question is. Levels are ordered; a client is told the number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CaptchaLevel {
    /// 0: nothing is asked.
    #[default]
    None,
    /// 1: the provider decides whether the client must do something.
    Managed,
    /// 2: the client must do something.
    Interactive,
    /// 3: as 2, and not before a wait is over.
    CoolDown,
}

/// What a client shows: providers know no difficulty, only widgets of different kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CaptchaWidget {
    /// The provider decides whether the client must do something.
    Managed,
    /// The client must do something.
    Interactive,
}

impl CaptchaLevel {
    /// All levels, the easiest first.
    pub const ALL: [Self; 4] = [Self::None, Self::Managed, Self::Interactive, Self::CoolDown];

    /// The number on the wire, 0 to 3.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Managed => 1,
            Self::Interactive => 2,
            Self::CoolDown => 3,
        }
    }

    /// The widget that a client shows; none at level 0.
    ///
    /// A verifier that is asked at level 0 all the same looks at the token as at level 1.
    #[must_use]
    pub const fn widget(self) -> Option<CaptchaWidget> {
        match self {
            Self::None => None,
            Self::Managed => Some(CaptchaWidget::Managed),
            Self::Interactive | Self::CoolDown => Some(CaptchaWidget::Interactive),
        }
    }
}

/// The failed verifications of one client, from which the level follows.
///
/// **Boundaries**: none is [`Managed`](CaptchaLevel::Managed), one is [`Interactive`](CaptchaLevel::Interactive), more are
/// [`CoolDown`](CaptchaLevel::CoolDown) with a wait of 60 s that doubles with each further one, up to an hour; the wait is over at
/// its last microsecond. Two hours after the last failure all are forgotten. A clock that goes back forgets nothing. **Source**: row #18
/// asks for harder and for decay; the numbers are ours.
///
/// ```
/// use picora_core::Timestamp;
/// use picora_ratelimit::captcha::{CaptchaLevel, Failures};
/// use std::time::Duration;
/// let now = Timestamp::from_unix_seconds(1_777_000_000);
/// let twice = Failures::NONE.and_one(now).and_one(now);
/// assert_eq!(twice.level(now), CaptchaLevel::CoolDown);
/// assert_eq!(twice.wait(now), Duration::from_secs(60));
/// assert_eq!(twice.and_one(now).wait(now), Duration::from_secs(120));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failures {
    count: u32,
    last: Timestamp,
}

impl Failures {
    /// Somebody who has not failed.
    pub const NONE: Self = Self {
        count: 0,
        last: Timestamp::EPOCH,
    };

    /// After one more refusal. An outage is none.
    #[must_use]
    pub fn and_one(self, now: Timestamp) -> Self {
        let count = self.remembered(now).saturating_add(1);
        Self { count, last: now }
    }

    /// What is asked of the client when a captcha is required.
    #[must_use]
    pub fn level(self, now: Timestamp) -> CaptchaLevel {
        match self.remembered(now) {
            0 => CaptchaLevel::Managed,
            1 => CaptchaLevel::Interactive,
            _ => CaptchaLevel::CoolDown,
        }
    }

    /// How long the next attempt must wait; zero below level 3.
    #[must_use]
    pub fn wait(self, now: Timestamp) -> Duration {
        let Some(doublings) = self.remembered(now).checked_sub(2) else {
            return Duration::ZERO;
        };
        let wait = FIRST_WAIT.saturating_mul(1 << doublings.min(16));
        wait.min(LONGEST_WAIT)
            .saturating_sub(now.saturating_since(self.last))
    }

    fn remembered(self, now: Timestamp) -> u32 {
        if now.saturating_since(self.last) < FORGOTTEN_AFTER {
            self.count
        } else {
            0
        }
    }
}

/// Long enough that a script gains nothing, short enough that a person comes back.
const FIRST_WAIT: Duration = Duration::from_secs(60);

/// The window of the requests that make a captcha required (row #16).
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

/// Longer than the longest wait, so that waiting alone makes nothing easier.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(7_200);

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_unix_seconds(1_777_000_000);

    fn after(failures: u32) -> Failures {
        (0..failures).fold(Failures::NONE, |so_far, _| so_far.and_one(START))
    }

    #[test]
    fn each_failure_makes_it_harder_up_to_an_hour() {
        let told: Vec<_> = (0..10)
            .map(|count| {
                (
                    after(count).level(START).number(),
                    after(count).wait(START).as_secs(),
                )
            })
            .collect();
        let waits = [60, 120, 240, 480, 960, 1_920, 3_600, 3_600];
        let mut expected = vec![(1, 0), (2, 0)];
        expected.extend(waits.map(|wait| (3, wait)));
        assert_eq!(told, expected);
        let many = Failures {
            count: u32::MAX,
            last: START,
        };
        assert_eq!(many.and_one(START).wait(START), LONGEST_WAIT);
    }

    #[test]
    fn the_wait_and_the_memory_end_to_the_microsecond() {
        let (micro, failed) = (Duration::from_micros(1), after(3));
        let over = START.saturating_add(Duration::from_secs(120));
        assert_eq!(failed.wait(over.saturating_sub(micro)), micro);
        assert_eq!(failed.wait(over), Duration::ZERO);
        assert_eq!(
            failed.level(over),
            CaptchaLevel::CoolDown,
            "waiting alone makes it no easier"
        );
        let forgotten = START.saturating_add(FORGOTTEN_AFTER);
        assert_eq!(
            failed.level(forgotten.saturating_sub(micro)),
            CaptchaLevel::CoolDown
        );
        assert_eq!(failed.level(forgotten), CaptchaLevel::Managed);
        assert_eq!(
            failed.and_one(forgotten).level(forgotten),
            CaptchaLevel::Interactive
        );
        let back = START.saturating_sub(Duration::from_secs(86_400));
        assert_eq!(
            failed.wait(back),
            Duration::from_secs(120),
            "a step back adds nothing"
        );
    }

    #[test]
    fn levels_are_numbered_in_order_and_name_their_widgets() {
        assert_eq!(CaptchaLevel::ALL.map(CaptchaLevel::number), [0, 1, 2, 3]);
        assert!(CaptchaLevel::ALL.is_sorted());
        let (managed, interactive) = (CaptchaWidget::Managed, CaptchaWidget::Interactive);
        let widgets = [None, Some(managed), Some(interactive), Some(interactive)];
        assert_eq!(CaptchaLevel::ALL.map(CaptchaLevel::widget), widgets);
    }

    #[test]
    fn a_request_does_not_print_its_token() {
        let request = CaptchaRequest {
            token: "a-token",
            remote: None,
            level: CaptchaLevel::Managed,
            idempotency_key: [7; 16],
        };
        assert!(!format!("{request:?}").contains("a-token"));
    }
}
