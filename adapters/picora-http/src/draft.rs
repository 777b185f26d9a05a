//! The two fields of the IETF's draft, which list every limit under its name.

use std::fmt::Write as _;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use picora_ratelimit::{CalendarUnit, Decision, Exceeded, Report, Rule};
use smallvec::SmallVec;

use crate::headers::{seconds_of, seconds_up};

/// Which text of draft-ietf-httpapi-ratelimit-headers the fields `RateLimit-Policy` and `RateLimit` follow.
///
/// Both versions write `"read";q=600;w=60` and `"read";r=599;t=42`, Lists of Strings with parameters (RFC 9651). They differ in what `t`
/// means, and so in what a rolling limit can truly say. Drafts before 08 had other fields, and a version after 11 may rename these:
/// hence the enum, and off by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Draft {
    /// Version 10: `t` is the time until *additional* quota is there. A rolling limit that has room leaves it out, because the first
    /// unit comes back earlier than the last, and only the last one's time is known.
    V10,
    /// Version 11: `t` is the *effective window*, in which a client can use no more than `r`. A rolling limit that has room says when
    /// its log has run out.
    V11,
}

/// `RateLimit-Policy` and `RateLimit` of one decision.
///
/// They list the windows, days, months and rolling limits that are in force, in the order of the check. A burst is no quota in a window and
/// is not listed. The name is the policy's when one limit of it is listed, as in `"read"`, else `"policy:limit"`; when two subjects have
/// policies of one name, the second's end in `#2`. A partition key (`pk`) is left out: it would be an id.
///
/// **Units**: cost units, cut off at the 15 digits of an RFC 9651 Integer; seconds, rounded up. A month has no `w`, because months differ.
/// **Boundaries**: a denial tells `t` for the violated limits alone, so that `Retry-After` is never earlier than any `t`. **Source**: the
/// draft, §3, §4 and §6.
///
/// ```
/// use http::HeaderMap;
/// use picora_core::Timestamp;
/// use picora_http::{Draft, DraftHeaders};
/// use picora_ratelimit::{Check, Limiter, MemoryLimiter, Subject, SubjectKey, Tier, Tiers};
///
/// let tiers = Tiers::standard();
/// let subjects = [Subject { key: SubjectKey(1), policy: tiers.of(Tier::Read) }];
/// let check = Check::new(SubjectKey(1), &subjects, 1)?;
/// let now = Timestamp::from_unix_seconds(1_777_000_000);
/// let decision = MemoryLimiter::new().try_decide(&check, now).expect("memory answers at once");
///
/// let mut headers = HeaderMap::new();
/// DraftHeaders::of(&decision, Draft::V11).expect("a window is listed").write(&mut headers);
/// assert_eq!(headers["RateLimit-Policy"], r#""read";q=600;w=60"#);
/// assert_eq!(headers["RateLimit"], r#""read";r=599;t=20"#);
/// # Ok::<(), picora_ratelimit::CheckError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftHeaders {
    policy: HeaderValue,
    limit: HeaderValue,
}

/// What a browser of another origin must be let read beside [`EXPOSED_HEADERS`](crate::EXPOSED_HEADERS) when a [`Draft`] is followed.
pub static DRAFT_HEADERS: [HeaderName; 2] = [RATELIMIT_POLICY, RATELIMIT];

impl DraftHeaders {
    /// The fields of a decision; none when no limit is listed.
    #[must_use]
    pub fn of(decision: &Decision<'_>, draft: Draft) -> Option<Self> {
        let reports: Reports = decision.reports().filter(in_force).collect();
        let (mut policies, mut limits) = (String::new(), String::new());
        for (at, report) in reports.iter().enumerate().filter(|(_, it)| is_listed(it)) {
            let name = name(&reports, at);
            let separator = if policies.is_empty() { "" } else { ", " };
            let quota = integer(report.rule.most());
            let _ = write!(policies, "{separator}\"{name}\";q={quota}");
            if let Some(seconds) = window(report.rule) {
                let _ = write!(policies, ";w={seconds}");
            }
            let _ = write!(
                limits,
                "{separator}\"{name}\";r={}",
                integer(report.remaining)
            );
            if let Some(seconds) = effective(report, decision, draft) {
                let _ = write!(limits, ";t={seconds}");
            }
        }
        Some(Self {
            policy: value(policies)?,
            limit: value(limits)?,
        })
    }

    /// Writes both fields, in place of any that are there.
    pub fn write(&self, headers: &mut HeaderMap) {
        headers.insert(RATELIMIT_POLICY, self.policy.clone());
        headers.insert(RATELIMIT, self.limit.clone());
    }
}

/// The names of the limits that denied, as the draft's `violated-policies` has them: a burst is always `policy:limit`.
pub(crate) fn violated(decision: &Decision<'_>) -> Vec<String> {
    let reports: Reports = decision.reports().filter(in_force).collect();
    let violated = reports
        .iter()
        .enumerate()
        .filter(|(_, it)| !it.wait.is_zero());
    violated.map(|(at, _)| name(&reports, at)).collect()
}

fn in_force(report: &Report) -> bool {
    report.exceeded != Exceeded::Shadow
}

fn is_listed(report: &Report) -> bool {
    !matches!(report.rule, Rule::Gcra(_))
}

/// A name that no other limit of the decision has. `:` and `#` occur in no name of ours.
fn name(reports: &[Report], at: usize) -> String {
    let report = &reports[at];
    let of_policy = |other: &&Report| other.policy == report.policy;
    let listed = reports.iter().filter(of_policy).filter(|it| is_listed(it));
    let mut name = report.policy.to_string();
    if !is_listed(report) || listed.count() > 1 {
        let _ = write!(name, ":{}", report.limit);
    }
    let earlier = reports[..at].iter().filter(of_policy);
    let same = earlier.filter(|other| other.limit == report.limit).count();
    if same > 0 {
        let _ = write!(name, "#{}", same + 1);
    }
    name
}

/// The length of a window that has always the same, in seconds.
fn window(rule: Rule) -> Option<u64> {
    match rule {
        Rule::Window(rule) => Some(integer(seconds_of(rule.length()))),
        Rule::Rolling(rule) => Some(integer(seconds_of(rule.length()))),
        Rule::Calendar(rule) if rule.unit() == CalendarUnit::Day => Some(DAY.as_secs()),
        _ => None,
    }
}

/// What `t` says of a limit; nothing where it would be untrue or later than `Retry-After`.
fn effective(report: &Report, decision: &Decision<'_>, draft: Draft) -> Option<u64> {
    if !decision.is_allowed() {
        let violated = !report.wait.is_zero();
        return violated.then(|| integer(seconds_of(report.wait)));
    }
    if draft == Draft::V10 && matches!(report.rule, Rule::Rolling(_)) {
        return None;
    }
    Some(integer(seconds_up(report.reset, decision.decided_at())))
}

/// As large as an Integer of RFC 9651 §3.3.1 can be.
fn integer(number: u64) -> u64 {
    number.min(999_999_999_999_999)
}

/// A List that is not empty; all its characters are visible ASCII.
fn value(text: String) -> Option<HeaderValue> {
    if text.is_empty() {
        return None;
    }
    HeaderValue::try_from(text).ok()
}

/// The product's tiers with their ceiling have three.
type Reports = SmallVec<[Report; 4]>;

const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
const DAY: Duration = Duration::from_secs(86_400);

#[cfg(test)]
mod tests;
