//! Conditions on what is there.

use crate::call::Call;
use crate::object::Object;

/// The four of HTTP, each under a vendor's prefix or under none.
pub(super) struct Conditions<'c> {
    call: &'c Call,
    prefix: &'c str,
}

/// What the conditions say of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// All hold.
    Hold,
    /// It is not the one that is meant.
    Differs,
    /// It is the one that is known already.
    Known,
}

impl<'c> Conditions<'c> {
    pub(super) const fn of(call: &'c Call, prefix: &'c str) -> Self {
        Self { call, prefix }
    }

    /// A tag counts more than a time of the same kind (RFC 9110 §13.2.2).
    pub(super) fn of_object(&self, object: Option<&Object>) -> Said {
        let modified = object.map(|it| it.modified.unix_seconds());
        let differs = match self.header("if-match") {
            Some(names) => !object.is_some_and(|it| is_named(it, names)),
            None => match self.date("if-unmodified-since") {
                Some(date) => modified.is_none_or(|it| it > date),
                None => false,
            },
        };
        let known = match self.header("if-none-match") {
            Some(names) => object.is_some_and(|it| is_named(it, names)),
            None => match self.date("if-modified-since") {
                Some(date) => modified.is_some_and(|it| it <= date),
                None => false,
            },
        };
        match (differs, known) {
            (true, _) => Said::Differs,
            (false, true) => Said::Known,
            (false, false) => Said::Hold,
        }
    }

    fn header(&self, name: &str) -> Option<&'c str> {
        self.call.header(&format!("{}{name}", self.prefix))
    }

    /// In seconds since 1970; a date that is none counts for nothing, as RFC 9110 has it.
    fn date(&self, name: &str) -> Option<i64> {
        let at = httpdate::parse_http_date(self.header(name)?).ok()?;
        let at = at.duration_since(std::time::SystemTime::UNIX_EPOCH).ok()?;
        i64::try_from(at.as_secs()).ok()
    }
}

fn is_named(object: &Object, names: &str) -> bool {
    names
        .split(',')
        .map(str::trim)
        .any(|name| name == "*" || name.trim_matches('"') == object.etag.trim_matches('"'))
}
