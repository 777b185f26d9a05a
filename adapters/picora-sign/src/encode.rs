//! Percent-encoding as all vendors have it: letters, digits and `-_.~` stay, all other bytes become `%XX`.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

const EVERYTHING: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

const BUT_SLASHES: &AsciiSet = &EVERYTHING.remove(b'/');

/// A name or a value of a query or header.
///
/// ```
/// assert_eq!(picora_sign::encode::component("a/b c+猫"), "a%2Fb%20c%2B%E7%8C%AB");
/// ```
#[must_use]
pub fn component(text: &str) -> String {
    utf8_percent_encode(text, EVERYTHING).to_string()
}

/// A path: its slashes stay.
///
/// ```
/// assert_eq!(picora_sign::encode::path("/a/b c%2F"), "/a/b%20c%252F");
/// ```
#[must_use]
pub fn path(text: &str) -> String {
    utf8_percent_encode(text, BUT_SLASHES).to_string()
}

/// A query as it is sent and signed by OSS: in the order given, a value that is empty left out with its `=`.
///
/// ```
/// assert_eq!(picora_sign::encode::query(&[("restore", ""), ("a b", "/")]), "restore&a%20b=%2F");
/// ```
#[must_use]
pub fn query(pairs: &[(&str, &str)]) -> String {
    let pairs = pairs.iter().map(|(name, value)| {
        if value.is_empty() {
            component(name)
        } else {
            format!("{}={}", component(name), component(value))
        }
    });
    pairs.collect::<Vec<_>>().join("&")
}
