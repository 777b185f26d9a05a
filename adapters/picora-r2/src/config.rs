//! Where a bucket is, and how long is waited.

use std::time::Duration;

use picora_native::{ConfigError, config};
use picora_sign::Credentials;
use url::Url;

/// A bucket of an account, and who asks.
#[derive(Clone, Debug)]
pub struct R2Config {
    /// The address of the account's stores: `https://<account>.r2.cloudflarestorage.com`, with the jurisdiction before `r2` where there is
    /// one. The bucket stands in the path of every request.
    pub endpoint: Url,
    /// The bucket's name.
    pub bucket: String,
    /// The key that signs.
    pub credentials: Credentials,
    /// How long is waited for a connection.
    pub connect_timeout: Duration,
    /// How long nothing may come: an answer after its request, or the next bytes of an object.
    pub read_timeout: Duration,
    /// How long one request may take in all, before the last failure is told: every try, every pause, and the answer but for an object's
    /// bytes. What a request sends has a second more for each 128 KiB; copies and ends of uploads have ten minutes more while the store says
    /// that it works on them. A call may be several requests, each with a budget.
    pub budget: Duration,
    /// How often a request is sent at most.
    pub attempts: u32,
}

impl R2Config {
    /// A bucket at the address of its account, with deadlines that suit media.
    ///
    /// **Errors**: [`ConfigError`] for an address that is none, or is neither HTTPS nor on this machine, and for a bucket that cannot be.
    ///
    /// ```
    /// use picora_r2::R2Config;
    /// use picora_sign::Credentials;
    /// let at = |endpoint| R2Config::new(endpoint, "photos", Credentials::new("AK", "SK"));
    /// assert!(at("https://0123456789abcdef0123456789abcdef.eu.r2.cloudflarestorage.com").is_ok());
    /// assert!(at("https://0123456789abcdef0123456789abcdef.r2.cloudflarestorage.com/photos").is_err()); // the bucket is named apart
    /// assert!(at("http://media.example.com").is_err());
    /// assert!(R2Config::new("https://example.com", "../photos", Credentials::new("AK", "SK")).is_err());
    /// ```
    pub fn new(
        endpoint: &str,
        bucket: &str,
        credentials: Credentials,
    ) -> Result<Self, ConfigError> {
        let config = Self {
            endpoint: config::address(endpoint)?,
            bucket: bucket.to_owned(),
            credentials,
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(20),
            budget: Duration::from_secs(60),
            attempts: 4,
        };
        config.verified()
    }

    /// As it is, if requests can be made of it: its parts may have been set by anybody.
    pub(crate) fn verified(self) -> Result<Self, ConfigError> {
        config::address(self.endpoint.as_str())?;
        config::bucket(&self.bucket)?;
        Ok(self)
    }
}

/// R2 has one region for all; so signatures name it.
pub(crate) const REGION: &str = "auto";
