//! Where a provider is reached.

use std::fmt;
use std::time::Duration;

use reqwest::Url;
use reqwest::redirect::Policy;

/// The address of a provider's endpoint, and how long its answer may take.
///
/// **Boundaries**: `https`; `http` only to this machine's loopback by number, since secrets travel there. No credentials, query or fragment.
#[derive(Clone, Debug)]
pub struct Endpoint {
    pub(crate) url: Url,
    pub(crate) deadline: Duration,
}

/// A configuration that cannot be used; one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(pub(crate) String);

impl Endpoint {
    /// An endpoint with a deadline of 5 s. **Errors**: [`ConfigError`] names the address.
    pub fn new(address: &str) -> Result<Self, ConfigError> {
        let says =
            |problem: &str| ConfigError(format!("the captcha's address `{address}` {problem}"));
        let url: Url = address.parse().map_err(|_| says("is no URL"))?;
        let secure = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
        if !secure {
            return Err(says(
                "must start with https:// (or http:// and a loopback address)",
            ));
        }
        let bare = url.username().is_empty() && url.password().is_none();
        if !bare || url.query().is_some() || url.fragment().is_some() {
            return Err(says("must have no credentials, query or fragment"));
        }
        Ok(Self {
            url,
            deadline: DEADLINE,
        })
    }

    /// The same with this deadline, from the first byte of the connection to the last of the answer.
    #[must_use]
    pub const fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Host and port, as a request's `Host` has them.
    pub(crate) fn authority(&self) -> &str {
        self.url.authority()
    }

    /// A client for it: no redirects, which would carry secrets elsewhere.
    pub(crate) fn client(&self) -> Result<reqwest::Client, ConfigError> {
        let mut client = reqwest::Client::builder()
            .timeout(self.deadline)
            .redirect(Policy::none());
        if is_loopback(&self.url) {
            client = client.no_proxy();
        }
        let fault =
            |error: reqwest::Error| ConfigError(format!("no HTTPS client can be made: {error}"));
        client.build().map_err(fault)
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    address
        .parse()
        .is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

/// Somebody is waiting with a form; a verdict that takes longer is none.
const DEADLINE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_travel_encrypted_or_not_at_all() {
        for good in [
            "https://a.example",
            "http://127.0.0.1:1/x",
            "http://[::1]:8443",
        ] {
            assert!(Endpoint::new(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "a.example",
            "http://a.example",
            "http://localhost:1",
            "http://127.0.0.1.a.example",
            "ftp://127.0.0.1",
            "http://10.0.0.1",
            "https://u:p@a.example",
            "https://a.example?x",
            "https://a.example#x",
            "http://u@127.0.0.1",
        ] {
            assert!(Endpoint::new(bad).is_err(), "{bad}");
        }
    }
}
