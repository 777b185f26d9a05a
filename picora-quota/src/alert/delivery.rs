//! What becomes of an alert that is to be told: the rule of whoever sends it.

use std::time::Duration;

use picora_core::Timestamp;

use super::Alert;

/// How long alerts are worth telling, and when a failed attempt is repeated.
///
/// **Units**: spans of time. The n-th failed attempt is followed by a pause of `first_pause` · 2^(n-1), at most `longest_pause`.
///
/// ```
/// use picora_core::Timestamp;
/// use picora_quota::alert::{Attempted, Next, Telling};
/// use std::time::Duration;
/// let (telling, now) = (Telling::default(), Timestamp::from_unix_seconds(1_777_000_000));
/// let later = |seconds| Next::Again(now.saturating_add(Duration::from_secs(seconds)));
/// assert_eq!(telling.after(Attempted::NotSent, 1, now), later(60));
/// assert_eq!(telling.after(Attempted::PerhapsSent, 3, now), later(240));
/// assert_eq!(telling.after(Attempted::Refused, 1, now), Next::Never);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Telling {
    /// From this age on an alert is old news.
    pub stale_after: Duration,
    /// After the first failed attempt.
    pub first_pause: Duration,
    /// After many.
    pub longest_pause: Duration,
}

impl Default for Telling {
    /// Three days, so that a weekend without a mail server loses nothing; a minute; an hour.
    fn default() -> Self {
        Self {
            stale_after: Duration::from_secs(3 * 24 * 60 * 60),
            first_pause: Duration::from_secs(60),
            longest_pause: Duration::from_secs(60 * 60),
        }
    }
}

/// What is known of who is to be told. Where he is reached is nobody's business here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reader {
    /// Whether there is an address.
    pub reachable: bool,
    /// Whether he wants to be told below the limit.
    pub early_notices: bool,
}

/// Whether an alert is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Tell,
    /// It never is.
    Drop(Dropped),
}

/// Why an alert is never told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dropped {
    /// The account is gone.
    NoAccount,
    /// It is old news.
    Stale,
    /// Its reader does not want those below the limit (#220).
    OptedOut,
    /// Nobody has said where he is reached.
    NoAddress,
}

impl Dropped {
    /// A sentence that names nobody.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NoAccount => "the account is gone",
            Self::Stale => "it is old news",
            Self::OptedOut => "its reader has opted out of early notices",
            Self::NoAddress => "the account has no e-mail address",
        }
    }
}

/// How an attempt to tell an alert went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempted {
    /// It is told.
    Sent,
    /// It was not sent, and a later attempt may succeed.
    NotSent,
    /// Nobody knows. A repeat may tell it twice, under one name; none at all may never tell it: so it is repeated.
    PerhapsSent,
    /// It is refused for good.
    Refused,
}

/// What follows an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing; it is done.
    Done,
    /// Another attempt, from then on.
    Again(Timestamp),
    /// Nothing, ever.
    Never,
}

impl Telling {
    /// Whether an alert is told, as its reader is known now.
    ///
    /// **Boundaries**: stale from `raised_at + stale_after` on; a clock that stepped back makes nothing stale. Below the limit is what
    /// [`Alert::is_optional`] says. **Errors**: none; several reasons at once give the first in the order of [`Dropped`].
    /// **Source**: #157, #158, #220, C58.
    #[must_use]
    pub fn judge(&self, alert: &Alert, reader: Option<Reader>, now: Timestamp) -> Verdict {
        let Some(reader) = reader else {
            return Verdict::Drop(Dropped::NoAccount);
        };
        if self.stale_at(alert) <= now {
            return Verdict::Drop(Dropped::Stale);
        }
        if alert.is_optional() && !reader.early_notices {
            return Verdict::Drop(Dropped::OptedOut);
        }
        if !reader.reachable {
            return Verdict::Drop(Dropped::NoAddress);
        }
        Verdict::Tell
    }

    /// What follows an attempt, the how-manieth it was, from 1.
    #[must_use]
    pub fn after(&self, attempted: Attempted, attempt: u32, now: Timestamp) -> Next {
        match attempted {
            Attempted::Sent => Next::Done,
            Attempted::Refused => Next::Never,
            Attempted::NotSent | Attempted::PerhapsSent => {
                let doublings = attempt.saturating_sub(1).min(31);
                let pause = self.first_pause.saturating_mul(1 << doublings);
                Next::Again(now.saturating_add(pause.min(self.longest_pause)))
            }
        }
    }

    /// From when on an alert is old news.
    #[must_use]
    pub fn stale_at(&self, alert: &Alert) -> Timestamp {
        alert.raised_at.saturating_add(self.stale_after)
    }
}

#[cfg(test)]
mod tests {
    use picora_core::{AccountId, Amount, Dimension, Window};

    use super::*;

    const RAISED: Timestamp = Timestamp::from_unix_seconds(1_795_255_200);

    const fn alert(permille: u16) -> Alert {
        Alert {
            account: AccountId::from_bytes([1; 16]),
            dimension: Dimension::ImgStorage,
            permille,
            window: Window::Always,
            arming: 0,
            used: Amount::ONE,
            limit: Amount::ONE,
            raised_at: RAISED,
        }
    }

    fn judge(permille: u16, reachable: bool, early_notices: bool) -> Verdict {
        let reader = Reader {
            reachable,
            early_notices,
        };
        Telling::default().judge(&alert(permille), Some(reader), RAISED)
    }

    #[test]
    fn an_opt_out_silences_what_is_below_the_limit_and_nothing_else() {
        for permille in [800, 999] {
            assert_eq!(judge(permille, true, true), Verdict::Tell);
            let silent = Verdict::Drop(Dropped::OptedOut);
            assert_eq!(judge(permille, true, false), silent);
        }
        for permille in [1_000, 1_100, 1_200] {
            assert_eq!(judge(permille, true, false), Verdict::Tell);
        }
        let unreachable = Verdict::Drop(Dropped::NoAddress);
        assert_eq!(judge(1_000, false, true), unreachable);
        let gone = Telling::default().judge(&alert(1_000), None, RAISED);
        assert_eq!(gone, Verdict::Drop(Dropped::NoAccount));
    }

    #[test]
    fn old_news_is_not_told() {
        let telling = Telling::default();
        let reader = Some(Reader {
            reachable: true,
            early_notices: true,
        });
        let stale = telling.stale_at(&alert(1_000));
        let moment = Duration::from_micros(1);
        let judge = |now| telling.judge(&alert(1_000), reader, now);
        assert_eq!(judge(stale.saturating_sub(moment)), Verdict::Tell);
        assert_eq!(judge(stale), Verdict::Drop(Dropped::Stale));
        assert_eq!(judge(RAISED.saturating_sub(moment)), Verdict::Tell);
    }

    #[test]
    fn pauses_double_up_to_an_hour() {
        let telling = Telling::default();
        for (attempt, minutes) in [(0, 1), (1, 1), (2, 2), (6, 32), (7, 60), (u32::MAX, 60)] {
            let until = RAISED.saturating_add(Duration::from_secs(minutes * 60));
            let next = telling.after(Attempted::NotSent, attempt, RAISED);
            assert_eq!(next, Next::Again(until), "{attempt}");
        }
        assert_eq!(telling.after(Attempted::Sent, 9, RAISED), Next::Done);
        assert_eq!(telling.after(Attempted::Refused, 9, RAISED), Next::Never);
    }
}
