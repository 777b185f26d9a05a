//! An address that a mail links to.

use std::fmt;
use std::net::IpAddr;

use http::Uri;

/// An absolute `https` address, fit for a header, a text and an attribute of HTML.
///
/// **Boundaries**: at most 900 bytes, so that `List-Unsubscribe` stays on one line of SMTP's 998; `http` only to a loopback address, for
/// development. **Errors**: [`LinkError`]. `Debug` shows the host alone, for the rest may hold an account's token.
///
/// ```
/// use picora_mail::Link;
/// assert!(Link::new("https://picora.example/u?t=1&k=2").is_ok());
/// assert!(Link::new("http://picora.example/u").is_err());
/// assert!(Link::new("https://picora.example/\r\nBcc: x").is_err());
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Link(String);

/// The text is no address that a mail may link to. It is not quoted, for it may hold a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a link of a mail must be an absolute https address of at most {LONGEST} plain characters, without a user name (http only to a loopback address)"
)]
pub struct LinkError;

impl Link {
    /// Takes an address. **Errors**: [`LinkError`] when it is none, or not encrypted.
    pub fn new(address: impl Into<String>) -> Result<Self, LinkError> {
        let address = address.into();
        let plain = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte);
        if address.len() > LONGEST || !address.bytes().all(plain) {
            return Err(LinkError);
        }
        let uri: Uri = address.parse().map_err(|_| LinkError)?;
        let authority = uri.authority().ok_or(LinkError)?;
        let encrypted = uri.scheme_str() == Some("https");
        let nearby = uri.scheme_str() == Some("http") && is_loopback(authority.host());
        if !(encrypted || nearby) || authority.as_str().contains('@') {
            return Err(LinkError);
        }
        Ok(Self(address))
    }

    /// The address as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// By number alone: a name may lead anywhere.
pub(crate) fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    address.parse().is_ok_and(|it: IpAddr| it.is_loopback())
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let uri: Option<Uri> = self.0.parse().ok();
        let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
        write!(f, "Link({host}…)")
    }
}

const LONGEST: usize = 900;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_encrypted_plain_and_absolute() {
        for good in [
            "https://a.example",
            "https://a.example:8443/x?y=1&z='2'#part",
            "http://127.0.0.1:1/x",
            "http://[::1]/x",
        ] {
            assert!(Link::new(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "/upgrade",
            "a.example",
            "http://a.example",
            "http://localhost",
            "http://127.0.0.1.a.example",
            "javascript:alert(1)",
            "ftp://127.0.0.1",
            "https://u:p@a.example",
            "https://a.example/ x",
            "https://a.example/\r\nBcc:x",
            "https://a.example/>",
            "https://a.example/\"",
            "https://a.example/ü",
        ] {
            assert!(Link::new(bad).is_err(), "{bad}");
        }
        let long = format!("https://a.example/{}", "x".repeat(LONGEST - 18));
        assert!(Link::new(long.as_str()).is_ok());
        assert!(Link::new(long + "x").is_err());
    }

    #[test]
    fn a_token_does_not_print() {
        let link = Link::new("https://a.example/u?token=abc").unwrap();
        assert_eq!(format!("{link:?}"), "Link(a.example…)");
    }
}
