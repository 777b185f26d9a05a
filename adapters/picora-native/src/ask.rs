//! What is asked for.

use bytes::Bytes;
use http::Method;

use crate::line::Sending;

/// A request before it is signed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ask {
    pub(crate) method: Method,
    /// Empty for the bucket itself.
    pub(crate) key: String,
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
    /// Whether doing it twice is the same as doing it once.
    pub(crate) repeatable: bool,
    /// Whether the vendor takes only so many of its kind in a second.
    pub(crate) rationed: bool,
    /// Whether the store joins parts or copies, which takes its time.
    pub(crate) joins: bool,
}

impl Ask {
    pub(crate) fn new(method: Method, key: impl Into<String>) -> Self {
        Self {
            repeatable: matches!(method, Method::GET | Method::HEAD | Method::DELETE),
            method,
            key: key.into(),
            ..Self::default()
        }
    }

    pub(crate) const fn sending(&self) -> Sending {
        Sending {
            bytes: self.body.len(),
            repeatable: self.repeatable,
            rationed: self.rationed,
            joins: self.joins,
        }
    }

    pub(crate) fn asking(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    pub(crate) fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}
