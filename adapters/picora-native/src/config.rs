//! Where a bucket is, and how long is waited.

use std::time::Duration;

use picora_sign::Credentials;
use url::Url;

use crate::patience::{JOINING, Waits};

/// A bucket at its address, where it lies, and who asks.
#[derive(Clone, Debug)]
pub struct NativeConfig {
    /// The address of the bucket: the vendor's, with the bucket in its host, or a domain of one's own.
    pub endpoint: Url,
    /// The bucket's name.
    pub bucket: String,
    /// The region of the bucket, such as `cn-hangzhou`.
    pub region: String,
    /// The key that signs.
    pub credentials: Credentials,
    /// Whether the bucket stands in the path instead of the host, as emulators on loopback have it; no vendor takes it so.
    pub bucket_in_path: bool,
    /// Whether requests are signed by the vendor's first version of signatures, where it has a newer one: for the old buckets of OSS behind
    /// something that knows no other. Others refuse it.
    pub first_signature: bool,
    /// How long is waited for a connection.
    pub connect_timeout: Duration,
    /// How long nothing may come: an answer after its request, or the next bytes of an object.
    pub read_timeout: Duration,
    /// How long one request may take in all, before the last failure is told: every try, every pause, and the answer but for an object's bytes.
    /// What a request sends has a second more for each 128 KiB. A call may be several requests, each with a budget: pages of a list, or the
    /// look at what is there after a lost create.
    pub budget: Duration,
    /// How long a store may join the parts of an upload, or copy, once it has begun to answer: vendors say 200 at once, and then send
    /// spaces, none later than [`read_timeout`](Self::read_timeout) after the one before, until they have ended. It comes on top of the budget.
    pub joining: Duration,
    /// How often a request is sent at most.
    pub attempts: u32,
}

/// What is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// It is no address of a server.
    #[error(
        "`{0}` is not the address of a store, which is https://, a host, and nothing behind it"
    )]
    Endpoint(String),
    /// A bucket's name becomes part of addresses.
    #[error("`{0}` is not the name of a bucket, which is of small letters, digits, `-` and `.`")]
    Bucket(String),
    /// Without TLS, everybody on the way could read and change what is sent.
    #[error("`{0}` is not https, and not on this machine")]
    Plain(String),
    /// The client for HTTP cannot be made.
    #[error("no HTTPS client can be made: {0}")]
    Client(String),
}

impl NativeConfig {
    pub(crate) const fn waits(&self) -> Waits {
        Waits {
            connect_timeout: self.connect_timeout,
            read_timeout: self.read_timeout,
            budget: self.budget,
            joining: self.joining,
            attempts: self.attempts,
        }
    }

    /// As it is, if requests can be made of it: its parts may have been set by anybody.
    pub(crate) fn verified(self) -> Result<Self, ConfigError> {
        address(self.endpoint.as_str())?;
        bucket(&self.bucket)?;
        Ok(self)
    }

    /// A bucket at its address, with deadlines that suit media.
    ///
    /// **Errors**: [`ConfigError`] for an address that is none, or is neither HTTPS nor on this machine.
    ///
    /// ```
    /// use picora_native::NativeConfig;
    /// use picora_sign::Credentials;
    /// let at = |endpoint| NativeConfig::new(endpoint, "photos", "cn-hangzhou", Credentials::new("AK", "SK"));
    /// assert!(at("https://media.example.com").is_ok());
    /// assert!(at("http://media.example.com").is_err());
    /// ```
    pub fn new(
        endpoint: &str,
        bucket: &str,
        region: &str,
        credentials: Credentials,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            endpoint: address(endpoint)?,
            bucket: bucket.to_owned(),
            region: region.to_owned(),
            credentials,
            bucket_in_path: false,
            first_signature: false,
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(20),
            budget: Duration::from_secs(60),
            joining: JOINING,
            attempts: 4,
        })
    }
}

/// Reads the address of a store: a host behind HTTPS, or on this machine, and nothing behind it.
///
/// **Errors**: [`ConfigError::Endpoint`] and [`ConfigError::Plain`].
///
/// ```
/// use picora_native::config::address;
/// assert!(address("https://media.example.com").is_ok() && address("http://127.0.0.1:9000").is_ok());
/// assert!(address("http://media.example.com").is_err() && address("https://media.example.com/photos").is_err());
/// ```
pub fn address(text: &str) -> Result<Url, ConfigError> {
    let shown = || match text.rsplit_once('@') {
        Some((_, host)) => format!("…@{host}"), // a password may stand before it
        None => text.to_owned(),
    };
    let unreadable = || ConfigError::Endpoint(shown());
    let url: Url = text.parse().map_err(|_| unreadable())?;
    let host = url.host().ok_or_else(unreadable)?;
    let more = url.path() != "/" || url.query().is_some() || url.fragment().is_some();
    let named = !url.username().is_empty() || url.password().is_some();
    if !matches!(url.scheme(), "http" | "https") || more || named {
        return Err(unreadable());
    }
    let near = match host {
        url::Host::Ipv4(address) => address.is_loopback(),
        url::Host::Ipv6(address) => address.is_loopback(),
        url::Host::Domain(name) => name == "localhost",
    };
    if url.scheme() != "https" && !near {
        return Err(ConfigError::Plain(shown()));
    }
    Ok(url)
}

/// Whether a bucket may have this name: small letters, digits, `-` and `.`, the first and the last a letter or a digit.
///
/// **Errors**: [`ConfigError::Bucket`].
///
/// ```
/// use picora_native::config::bucket;
/// assert!(bucket("photos-1250000000").is_ok() && bucket("../photos").is_err());
/// ```
pub fn bucket(name: &str) -> Result<(), ConfigError> {
    let plain = |it: &u8| it.is_ascii_lowercase() || it.is_ascii_digit();
    let bytes = name.as_bytes();
    let named = bytes
        .iter()
        .all(|it| plain(it) || matches!(it, b'-' | b'.'))
        && bytes.first().is_some_and(plain)
        && bytes.last().is_some_and(plain);
    if named {
        Ok(())
    } else {
        Err(ConfigError::Bucket(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> NativeConfig {
        let key = Credentials::new("AK", "SK");
        NativeConfig::new("https://example.com", "photos", "somewhere", key).unwrap()
    }

    #[test]
    fn what_was_set_by_hand_is_looked_at() {
        assert!(config().verified().is_ok());
        let mut plain = config();
        plain.endpoint = "http://example.com".parse().unwrap();
        assert!(matches!(plain.verified(), Err(ConfigError::Plain(_))));
        for name in [
            "",
            "../photos",
            "Photos",
            "pho/tos",
            "photos?x",
            ".photos",
            "photos-",
        ] {
            let mut odd = config();
            odd.bucket = name.to_owned();
            assert_eq!(
                odd.verified().unwrap_err(),
                ConfigError::Bucket(name.to_owned())
            );
        }
    }

    #[test]
    fn an_address_is_of_nobody_and_tells_no_password() {
        for text in [
            "https://ann:hidden@example.com",
            "http://ann:hidden@example.com",
            "https://ann:hidden@",
            "https://ann@example.com",
            "https://example.com/#part",
        ] {
            let error = address(text).unwrap_err();
            assert!(
                !format!("{error} {error:?}").contains("hidden"),
                "{error:?}"
            );
        }
    }
}
