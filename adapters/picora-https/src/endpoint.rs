//! Where a vendor is reached.

use std::net::IpAddr;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Url};

/// The address of a vendor's endpoint, and how long its answer may take.
///
/// **Boundaries**: `https`; `http` only to this machine's loopback by number, since secrets travel there. No credentials, query or fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    url: Url,
    deadline: Duration,
}

/// An address that nothing may be sent to. None of these quotes one that may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// It is no URL.
    #[error("the address `{0}` is no URL")]
    Unreadable(String),
    /// Everybody on the way could read and change what is sent.
    #[error("the address `{0}` must start with https:// (or http:// and a loopback address)")]
    Plain(String),
    /// There is more than where to go.
    #[error("the address must have no credentials, query or fragment")]
    More,
    /// This machine cannot speak HTTPS.
    #[error("no HTTPS client can be made: {0}")]
    Client(String),
}

impl Endpoint {
    /// An endpoint with a deadline of 5 s. **Errors**: [`EndpointError`]; nothing is sent.
    pub fn new(address: &str) -> Result<Self, EndpointError> {
        // Whether it holds a password can only be told of what reads; so what does not read shows nothing behind an `@`.
        let shown = || {
            address
                .rsplit_once('@')
                .map_or(address, |(_, host)| host)
                .to_owned()
        };
        let url: Url = address
            .parse()
            .map_err(|_| EndpointError::Unreadable(shown()))?;
        let bare = url.username().is_empty() && url.password().is_none();
        if !bare || url.query().is_some() || url.fragment().is_some() {
            return Err(EndpointError::More);
        }
        if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(&url)) {
            return Err(EndpointError::Plain(address.to_owned()));
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

    /// How long an answer may take.
    #[must_use]
    pub const fn deadline(&self) -> Duration {
        self.deadline
    }

    /// The address.
    #[must_use]
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// Host and port, as a request's `Host` has them.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.url.authority()
    }

    /// A client for it: with its deadline, without redirects, and past any proxy when it is on this machine.
    ///
    /// **Errors**: [`EndpointError::Client`].
    pub fn client(&self) -> Result<Client, EndpointError> {
        let mut client = Client::builder()
            .timeout(self.deadline)
            .redirect(Policy::none());
        if is_loopback(&self.url) {
            client = client.no_proxy();
        }
        client
            .build()
            .map_err(|error| EndpointError::Client(error.to_string()))
    }
}

/// By number alone: a name may lead anywhere.
fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    address
        .parse()
        .is_ok_and(|address: IpAddr| address.is_loopback())
}

/// Somebody may be waiting.
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

    #[test]
    fn no_sentence_quotes_a_password() {
        for address in [
            "https://u:hush@a.example",
            "http://u:hush@a.example",
            "://u:hush@a b",
            "https://a.example?key=hush",
        ] {
            let told = Endpoint::new(address).unwrap_err().to_string();
            assert!(!told.contains("hush"), "{told}");
        }
    }
}
