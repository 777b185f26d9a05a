//! What is answered.

use std::ops::Range;

use bytes::Bytes;
use http::StatusCode;

/// An answer before it is sent.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers, with their names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Bytes,
    /// Instead of it, a range of the bytes of a seed.
    pub generated: Option<(u64, Range<u64>)>,
}

impl Answer {
    /// Without a body.
    #[must_use]
    pub fn empty(status: StatusCode) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Bytes::new(),
            generated: None,
        }
    }

    /// With a document.
    #[must_use]
    pub fn xml(status: StatusCode, text: String) -> Self {
        let mut answer = Self::empty(status).with("content-type", "application/xml");
        answer.body = text.into();
        answer
    }

    /// With one more header.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

/// A refusal by the vendor's code.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The status that belongs to it.
    pub status: u16,
    /// The vendor's word for it.
    pub code: &'static str,
    /// In a sentence.
    pub message: String,
    /// The vendor's number of the very case.
    pub case: &'static str,
}

impl Refusal {
    /// A refusal.
    #[must_use]
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            case: "0000-00000000",
        }
    }

    /// With the vendor's number of the very case.
    #[must_use]
    pub const fn numbered(mut self, case: &'static str) -> Self {
        self.case = case;
        self
    }
}
