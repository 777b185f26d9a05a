//! The circuit breaker's openings, each told once.

use std::time::Duration;

use picora_core::Timestamp;

/// Whether the breaker stands open, and whether the operators know. It decides over no mail: the global limit does.
///
/// **Boundaries**: the first refusal opens it. It is closed once a whole window has passed since its latest refusal; a refusal after
/// that opens it anew. While mails beyond the limit keep coming, places fall free one by one and are taken at once: without the quiet
/// window each of them would be an opening. A clock that goes back opens nothing. **Errors**: none. **Source**: row #15.
///
/// ```
/// use picora_core::Timestamp;
/// use picora_ratelimit::code_mail::Breaker;
/// use std::time::Duration;
/// let (mut breaker, window) = (Breaker::default(), Duration::from_secs(60));
/// let at = |second: i64| Timestamp::from_unix_seconds(1_777_000_000 + second);
/// assert!(breaker.refused(at(0), window).is_some());
/// assert!(breaker.refused(at(59), window).is_none(), "it is open already");
/// assert!(breaker.refused(at(119), window).is_some(), "it was quiet for a window");
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Breaker {
    latest: Option<Episode>,
}

/// The time from an opening to its latest refusal.
#[derive(Clone, Copy, Debug)]
struct Episode {
    opening: BreakerOpening,
    last_refusal: Timestamp,
    notice: Notice,
}

/// How far the operators' message has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Notice {
    Due,
    UnderWay,
    Accepted,
}

/// One opening of the circuit breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerOpening {
    /// When: the clock of the limiter's store.
    pub at: Timestamp,
}

impl BreakerOpening {
    /// The key under which an outbox keeps one message for each opening, however many processes tell of it: the minute of the opening.
    ///
    /// **Boundaries**: processes whose first refusals lie on both sides of a minute's end make two keys.
    ///
    /// ```
    /// use picora_core::Timestamp;
    /// use picora_ratelimit::code_mail::BreakerOpening;
    /// let at = Timestamp::from_unix_seconds(1_777_000_000); // 03:06:40
    /// assert_eq!(BreakerOpening { at }.key(), "code-mail-breaker:2026-04-24T03:06Z");
    /// ```
    #[must_use]
    pub fn key(&self) -> String {
        let text = self.at.to_rfc3339();
        let minute = text.get(..MINUTE_DIGITS).unwrap_or(&text);
        format!("code-mail-breaker:{minute}Z")
    }
}

impl Breaker {
    /// Takes notice of a refusal; answers the opening if this is one, to be counted once.
    pub fn refused(&mut self, now: Timestamp, window: Duration) -> Option<BreakerOpening> {
        if let Some(episode) = &mut self.latest
            && now.saturating_since(episode.last_refusal) < window
        {
            episode.last_refusal = now;
            return None;
        }
        let opening = BreakerOpening { at: now };
        self.latest = Some(Episode {
            opening,
            last_refusal: now,
            notice: Notice::Due,
        });
        Some(opening)
    }

    /// The opening of which the operators have to be told, handed out to one caller: he says what became of it by
    /// [`settle`](Self::settle).
    pub fn claim(&mut self) -> Option<BreakerOpening> {
        let episode = self.latest.as_mut()?;
        if episode.notice != Notice::Due {
            return None;
        }
        episode.notice = Notice::UnderWay;
        Some(episode.opening)
    }

    /// Whether the message that was claimed has been accepted; if not, the next refusal claims it again.
    pub fn settle(&mut self, opening: BreakerOpening, accepted: bool) {
        let episode = self.latest.as_mut();
        if let Some(episode) = episode.filter(|episode| episode.opening == opening) {
            episode.notice = if accepted {
                Notice::Accepted
            } else {
                Notice::Due
            };
        }
    }
}

/// `2026-04-24T03:06`.
const MINUTE_DIGITS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(60);

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_unix_micros(1_777_000_000_000_000 + micros)
    }

    #[test]
    fn it_closes_after_a_quiet_window_to_the_microsecond() {
        let mut breaker = Breaker::default();
        let opens: Vec<_> = [0, 59_999_999, 119_999_998, 179_999_998, 179_999_999, 0]
            .map(|micros| breaker.refused(at(micros), WINDOW).is_some())
            .into();
        assert_eq!(opens, [true, false, false, true, false, false]);
    }

    #[test]
    fn a_message_is_claimed_by_one_until_it_is_accepted() {
        let mut breaker = Breaker::default();
        assert_eq!(breaker.claim(), None);
        let first = breaker.refused(at(0), WINDOW).unwrap();
        assert_eq!(breaker.claim(), Some(first));
        assert_eq!(breaker.claim(), None);
        breaker.settle(first, false);
        assert_eq!(breaker.claim(), Some(first));
        breaker.settle(first, true);
        assert_eq!(breaker.claim(), None);
        let second = breaker.refused(at(60_000_000), WINDOW).unwrap();
        breaker.settle(first, true); // late, and about another one
        assert_eq!(breaker.claim(), Some(second));
    }
}
