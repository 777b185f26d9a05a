//! A quota alert, rendered.

use picora_core::{Amount, CalendarMonth, Dimension, Measure, Timestamp, Window};

use crate::email::{Email, EmailError};
use crate::link::Link;

mod body;
mod number;
mod words;

/// A crossed threshold, and what its mail needs to say so.
///
/// **Units**: `permille` of the limit, so 800 is 80 %; `used` and `limit` in the unit of the dimension. **Boundaries**: the mails that
/// there are: 800 and 1000 for image storage, image bandwidth, media storage, video bandwidth and documents; 1100 and 1200 for video
/// bandwidth alone (C3). **Source**: #157–#161, #216–#219, C53, C54, C57.
#[derive(Clone, Copy, Debug)]
pub struct AlertMail<'a> {
    /// What is running out.
    pub dimension: Dimension,
    /// The threshold that was crossed.
    pub permille: u16,
    /// How much was used when it was crossed.
    pub used: Amount,
    /// How much the plan allows.
    pub limit: Amount,
    /// The month of a bandwidth, and [`Window::Always`] for what is stored.
    pub window: Window,
    /// Where its reader can go.
    pub links: &'a AlertLinks,
    /// The key under which this alert is sent once.
    pub key: &'a str,
}

/// Where a reader of an alert can go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertLinks {
    /// To a larger plan.
    pub upgrade: Link,
    /// To the billing portal.
    pub billing: Link,
    /// To advice on how to use less.
    pub saving_tips: Link,
    /// To the end of the 80 % mails, by one click of this very reader. Other mails never show it.
    pub unsubscribe: Option<Link>,
}

/// Why there is no such mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AlertError {
    /// No mail was ever written for this threshold of this dimension.
    #[error(
        "there is no alert for {dimension} at {permille} permille: 800 and 1000 exist for what is stored and for bandwidth, 1100 and 1200 for media_bandwidth"
    )]
    NoSuchAlert {
        /// What was asked for.
        dimension: Dimension,
        /// And its threshold.
        permille: u16,
    },
    /// Bandwidth is a month's, and what is stored has no window.
    #[error("{0} is not counted over the window that the alert names")]
    WrongWindow(Dimension),
    /// The 80 % mail can be turned off, and must say where (#157, C58).
    #[error("an alert at 800 permille needs a link to unsubscribe")]
    NoUnsubscribe,
    /// It cannot be a mail.
    #[error(transparent)]
    Email(#[from] EmailError),
}

impl AlertMail<'_> {
    /// The mail to this address.
    ///
    /// **Errors**: [`AlertError`] when there is no such alert, or the address is none.
    pub fn render(&self, to: &str) -> Result<Email, AlertError> {
        self.check_window()?;
        let said = words::of(self.dimension, self.permille).ok_or(AlertError::NoSuchAlert {
            dimension: self.dimension,
            permille: self.permille,
        })?;
        let unsubscribe = self.unsubscribe()?;
        let paragraphs = [
            said.numbers(self),
            said.consequence.to_owned(),
            self.reset(),
        ];
        let page = body::Page {
            subject: &said.subject,
            paragraphs: paragraphs.iter().filter(|it| !it.is_empty()).collect(),
            links: self.links,
            unsubscribe,
        };
        let email = Email::new(
            self.key,
            to,
            said.subject.as_str(),
            page.text(),
            page.html(),
        )?;
        let email = email.with_tag(self.tag())?;
        Ok(match unsubscribe {
            Some(link) => email.with_unsubscribe(link.clone()),
            None => email,
        })
    }

    fn check_window(&self) -> Result<(), AlertError> {
        match (self.dimension.measure(), self.window) {
            (Measure::PerMonth, Window::Month(_))
            | (Measure::PerDay, Window::Day(_))
            | (Measure::Gauge | Measure::PerItem, Window::Always) => Ok(()),
            _ => Err(AlertError::WrongWindow(self.dimension)),
        }
    }

    /// The link that this very mail shows: the mandatory ones show none (#158, #220).
    fn unsubscribe(&self) -> Result<Option<&Link>, AlertError> {
        if self.permille > HEADS_UP {
            return Ok(None);
        }
        let link = self.links.unsubscribe.as_ref();
        link.map(Some).ok_or(AlertError::NoUnsubscribe)
    }

    /// `img_storage/80/always`, `media_bandwidth/110/2026-11`.
    fn tag(&self) -> String {
        let period = match self.window {
            Window::Always => "always".to_owned(),
            Window::Day(_) | Window::Month(_) => self.window.to_string(),
        };
        let percent = self.permille / 10;
        format!("{}/{percent}/{period}", self.dimension.meta_type())
    }

    /// When counting starts anew; empty for what is stored.
    fn reset(&self) -> String {
        let Some(end) = self.window.end() else {
            return String::new();
        };
        format!("Counting starts again at zero on {} (UTC).", date(end))
    }

    /// ` in November 2026`; empty for what is stored.
    fn month(&self) -> String {
        match self.window {
            Window::Month(month) => format!(" in {}", name(month)),
            Window::Always | Window::Day(_) => String::new(),
        }
    }
}

/// `1 December 2026`.
fn date(at: Timestamp) -> String {
    let day = &at.to_rfc3339()[8..10];
    let day = day.trim_start_matches('0');
    format!("{day} {}", name(CalendarMonth::of(at)))
}

/// `November 2026`.
fn name(month: CalendarMonth) -> String {
    let written = month.to_string();
    let (year, number) = written.split_once('-').unwrap_or((&written, ""));
    let index: Option<usize> = number.parse().ok();
    let name = index.and_then(|it| MONTHS.get(it.wrapping_sub(1)));
    name.map_or_else(|| written.clone(), |name| format!("{name} {year}"))
}

/// The one threshold whose mail can be turned off (#157, #220).
const HEADS_UP: u16 = 800;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

#[cfg(test)]
mod tests;
