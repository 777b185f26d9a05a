//! Where the namespace is, and how much may be asked of it.

use std::fmt;
use std::time::Duration;

use picora_https::{Endpoint, EndpointError};
use picora_quota::echo::{Budget, Pace};
use reqwest::Url;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

/// A namespace of Workers KV, a token that may write there, and the bounds of asking.
///
/// ```
/// use picora_kv::KvConfig;
///
/// let token = "an-api-token".to_owned().into();
/// let config = KvConfig::new("023e105f4ecef8ad9ca31a8372d0c353", "0f2ac74b498b48028cb68387c421e279", token)?.status_only();
/// assert!(!format!("{config:?}").contains("an-api-token"));
/// # Ok::<(), picora_kv::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct KvConfig {
    account: String,
    namespace: String,
    token: SecretString,
    base: Endpoint,
    pub(crate) staleness: Duration,
    pub(crate) calls: Budget,
    pub(crate) counters: bool,
    pub(crate) most_remembered: usize,
}

/// A configuration that cannot be used; one sentence, without the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(String);

impl KvConfig {
    /// A namespace of an account, by the ids that the dashboard shows, and an API token with "Workers KV Storage: Edit" on it.
    ///
    /// **Boundaries**: ids are letters, digits, `-` and `_`, at most 64, so that they cannot lead elsewhere. **Errors**: [`ConfigError`].
    pub fn new(account: &str, namespace: &str, token: SecretString) -> Result<Self, ConfigError> {
        for (name, id) in [("account", account), ("namespace", namespace)] {
            let plain = |it: u8| it.is_ascii_alphanumeric() || it == b'-' || it == b'_';
            if id.is_empty() || id.len() > 64 || !id.bytes().all(plain) {
                return Err(ConfigError(format!("`{id}` is no id of a KV {name}")));
            }
        }
        header(&token)?;
        Ok(Self {
            account: account.to_owned(),
            namespace: namespace.to_owned(),
            token,
            base: Endpoint::new(CLOUDFLARE)?.with_deadline(DEADLINE),
            staleness: STALENESS,
            calls: Budget::new(CALLS_AT_ONCE, CALL_EVERY),
            counters: true,
            most_remembered: MOST_REMEMBERED,
        })
    }

    /// The same at another address, up to `/client/v4`: a gateway's.
    ///
    /// **Boundaries**: `https`; `http` only to this machine's loopback by number, since the token travels there. **Errors**: [`ConfigError`].
    pub fn at(mut self, base: &str) -> Result<Self, ConfigError> {
        self.base = Endpoint::new(base)?.with_deadline(self.base.deadline());
        Ok(self)
    }

    /// The same with this deadline for each call, to the last byte of its answer; 10 s. Nobody waits for an echo.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.base = self.base.with_deadline(deadline);
        self
    }

    /// The same where a write is seen everywhere only after so long; 120 s (C6).
    ///
    /// KV says "60 seconds or more", and readers that ask with a longer `cacheTtl` (60 s when they say nothing, at least 30 s) see as much
    /// older values. For so long this echo also takes its own mark for what stands, whatever a lagging place answers.
    #[must_use]
    pub const fn with_staleness(mut self, staleness: Duration) -> Self {
        self.staleness = staleness;
        self
    }

    /// The same with another budget of calls, reads and writes alike. By default under 1,000 in any 5 minutes: Cloudflare counts 1,200, over
    /// everything that the token's user asks of its API, and answers nobody for 5 minutes after that.
    #[must_use]
    pub const fn with_calls(mut self, calls: Budget) -> Self {
        self.calls = calls;
        self
    }

    /// The same, but only the status of videos is published, when it flips. Every key that is written is billed, and the free plan has a
    /// thousand a day: enough for the flips of some ten thousand accounts, and for the numbers of a few.
    #[must_use]
    pub const fn status_only(mut self) -> Self {
        self.counters = false;
        self
    }

    /// The same, remembering at most so many accounts, some 200 bytes each; 100,000. What is forgotten is written once more than needed,
    /// and no longer guarded against an older snapshot.
    #[must_use]
    pub const fn with_most_remembered(mut self, most: usize) -> Self {
        self.most_remembered = most;
        self
    }

    /// What an [`Echoer`](picora_quota::Echoer) may ask of this echo: a publication each 15 s, four at once; a look each 60 s; 5 s of pause.
    ///
    /// Readers see nothing sooner than KV's own minute, and each key that is written costs; so changes of a quarter minute go together.
    #[must_use]
    pub fn pace(&self) -> Pace {
        Pace {
            budget: Budget::new(4, Duration::from_secs(15)),
            look_every: Duration::from_secs(60),
            pause: Duration::from_secs(5),
            ..Pace::default()
        }
    }

    /// The address of something in the namespace.
    pub(crate) fn url(&self, what: &[&str]) -> Url {
        let mut url = self.base.url().clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["accounts", &self.account]);
            path.extend(["storage", "kv", "namespaces", &self.namespace]);
            path.extend(what);
        }
        url
    }

    /// What stands in each request's `Authorization`; marked, that no client prints it.
    pub(crate) fn authorization(&self) -> Result<HeaderValue, ConfigError> {
        header(&self.token)
    }

    /// A client for it.
    pub(crate) fn client(&self) -> Result<reqwest::Client, ConfigError> {
        Ok(self.base.client()?)
    }

    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }
}

fn header(token: &SecretString) -> Result<HeaderValue, ConfigError> {
    let token = token.expose_secret();
    let printable = !token.is_empty() && token.bytes().all(|it| it.is_ascii_graphic());
    let header = HeaderValue::try_from(format!("Bearer {token}")).ok();
    let mut header = header
        .filter(|_| printable)
        .ok_or_else(|| ConfigError("the KV token cannot stand in a header".to_owned()))?;
    header.set_sensitive(true);
    Ok(header)
}

impl From<EndpointError> for ConfigError {
    fn from(error: EndpointError) -> Self {
        Self(format!("KV cannot be asked: {error}"))
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

const CLOUDFLARE: &str = "https://api.cloudflare.com/client/v4";
const DEADLINE: Duration = Duration::from_secs(10);
const STALENESS: Duration = Duration::from_secs(120);
/// With one each third of a second after it: 999 in 5 minutes, so that others who use the token's user have room, too.
const CALLS_AT_ONCE: u32 = 100;
const CALL_EVERY: Duration = Duration::from_millis(334);
const MOST_REMEMBERED: usize = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn config(account: &str, token: &str) -> Result<KvConfig, ConfigError> {
        KvConfig::new(account, "namespace", token.to_owned().into())
    }

    #[test]
    fn ids_and_tokens_lead_nowhere_else() {
        for account in ["", "a/b", "a?b", "..", "a b", "ä", &"a".repeat(65)] {
            assert!(config(account, "t").is_err(), "{account}");
        }
        for token in ["", "a b", "a\nb", "ä"] {
            let error = config("a", token).unwrap_err();
            assert_eq!(error.to_string(), "the KV token cannot stand in a header");
        }
        let good = config("a-_9", "secret-token").unwrap();
        assert_eq!(
            good.url(&["bulk", "get"]).as_str(),
            "https://api.cloudflare.com/client/v4/accounts/a-_9/storage/kv/namespaces/namespace/bulk/get"
        );
        let header = good.authorization().unwrap();
        let shown = format!("{good:?} {header:?}");
        assert!(!shown.contains("secret-token"), "{shown}");
    }

    #[test]
    fn the_token_travels_encrypted_or_not_at_all() {
        let at = |base: &str| config("a", "t").unwrap().at(base);
        for good in [
            "https://a.example/x/",
            "http://127.0.0.1:1",
            "http://[::1]:1/c",
        ] {
            assert!(at(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "a.example",
            "http://a.example",
            "http://localhost:1",
            "ftp://127.0.0.1",
            "https://u:hidden@a.example",
            "https://a.example?x",
            "https://a.example#x",
        ] {
            let error = at(bad).unwrap_err().to_string();
            assert!(!error.contains("hidden"), "{error}");
        }
    }

    #[test]
    fn five_minutes_have_fewer_than_a_thousand_calls() {
        let mut budget = config("a", "t").unwrap().calls;
        let (mut now, mut taken) = (picora_core::Timestamp::from_unix_seconds(1_777_000_000), 0);
        let end = now.saturating_add(Duration::from_secs(300));
        while now <= end {
            match budget.take(now) {
                Ok(()) => taken += 1,
                Err(ready) => now = ready,
            }
        }
        assert!((900..1_000).contains(&taken), "{taken}");
    }
}
