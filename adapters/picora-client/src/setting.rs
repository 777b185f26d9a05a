//! Where the server is, who asks, and how patient the client is.

use std::fmt;
use std::time::Duration;

use http::HeaderValue;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use crate::backoff::Rule;
use crate::error::SettingError;

/// The address of a host. One that could hold a secret is refused, so that it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerUrl(Url);

/// An API key. It is wiped from memory when it is dropped, and never printed.
///
/// ```
/// use picora_client::ApiKey;
/// let key = ApiKey::new("sk_live_secret\n")?; // as it stands in a file
/// assert!(!format!("{key:?}").contains("secret"));
/// assert!(ApiKey::new("two words").is_err());
/// # Ok::<(), picora_client::SettingError>(())
/// ```
#[derive(Clone)]
pub struct ApiKey(SecretString);

/// How patient a client is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// When a request is repeated.
    pub retry: Rule,
    /// How long a connection may take to come about.
    pub connect_within: Duration,
    /// How long a whole answer may take; of an upload, how long nothing may move before or after its bytes.
    pub answer_within: Duration,
}

impl ServerUrl {
    /// Takes `https://…` or `http://…`, with or without a path.
    ///
    /// **Errors**: [`SettingError::Url`], [`SettingError::UrlParts`]; neither shows the text.
    pub fn new(text: &str) -> Result<Self, SettingError> {
        let url = Url::parse(text.trim()).map_err(|_| SettingError::Url)?;
        if !["http", "https"].contains(&url.scheme()) || url.host_str().is_none() {
            return Err(SettingError::Url);
        }
        let secret = !url.username().is_empty() || url.password().is_some();
        if secret || url.query().is_some() || url.fragment().is_some() {
            return Err(SettingError::UrlParts);
        }
        Ok(Self(url))
    }

    /// The address of a path below it; each segment is escaped, so that none can lead elsewhere.
    pub(crate) fn at(&self, segments: &[&str]) -> Url {
        let mut url = self.0.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

impl ApiKey {
    /// Takes a key; space around it, such as a file's last newline, is left out.
    ///
    /// **Errors**: [`SettingError::Key`], which does not show it.
    pub fn new(text: &str) -> Result<Self, SettingError> {
        let text = text.trim();
        let sendable = text.bytes().all(|byte| byte.is_ascii_graphic());
        if text.is_empty() || text.len() > LONGEST_KEY || !sendable {
            return Err(SettingError::Key);
        }
        Ok(Self(SecretString::from(text)))
    }

    /// The header `Authorization`, marked so that no log shows it.
    pub(crate) fn header(&self) -> Result<HeaderValue, SettingError> {
        let text = SecretString::from(format!("Bearer {}", self.0.expose_secret()));
        let mut value =
            HeaderValue::from_str(text.expose_secret()).map_err(|_| SettingError::Key)?;
        value.set_sensitive(true);
        Ok(value)
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            retry: Rule::default(),
            connect_within: Duration::from_secs(10),
            answer_within: Duration::from_secs(60),
        }
    }
}

const LONGEST_KEY: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_could_hold_a_secret_is_refused_and_not_shown() {
        for (text, error) in [
            ("https://user:secret@media.example", SettingError::UrlParts),
            ("https://secret@media.example", SettingError::UrlParts),
            ("https://media.example/?key=secret", SettingError::UrlParts),
            ("https://media.example/#secret", SettingError::UrlParts),
            ("ftp://media.example", SettingError::Url),
            ("media.example", SettingError::Url),
            ("", SettingError::Url),
            ("data:secret", SettingError::Url),
        ] {
            let told = ServerUrl::new(text).expect_err(text);
            assert_eq!(told, error, "{text}");
            assert!(!told.to_string().contains("secret"));
        }
    }

    #[test]
    fn a_segment_stays_a_segment() {
        for base in ["http://a", "http://a/"] {
            let url = ServerUrl::new(base).unwrap().at(&["v1", "../x?y#z/%\0"]);
            assert_eq!(url.as_str(), "http://a/v1/..%2Fx%3Fy%23z%2F%25%00");
        }
        let below = ServerUrl::new("https://a/picora/").unwrap();
        assert_eq!(below.at(&["v1"]).as_str(), "https://a/picora/v1");
        assert_eq!(below.to_string(), "https://a/picora");
    }

    #[test]
    fn a_key_is_never_shown() {
        for text in ["", " ", "a b", "ü", "a\nb", "a\0b", &"k".repeat(513)] {
            assert_eq!(ApiKey::new(text).unwrap_err(), SettingError::Key);
        }
        let key = ApiKey::new(" sk_live_secret\r\n").unwrap();
        let header = key.header().unwrap();
        assert_eq!(header, "Bearer sk_live_secret");
        assert!(!format!("{key:?} {header:?}").contains("secret"));
    }
}
