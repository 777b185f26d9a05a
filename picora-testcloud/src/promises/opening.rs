//! How a store is opened that is not as it should be.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use picora_core::Clock;
use picora_sign::Credentials;

use crate::{Cloud, CloudClock};

/// How an adapter shall be opened before a cloud, in the words that all vendors share.
#[derive(Clone)]
pub struct Opening {
    /// The server, such as `http://127.0.0.1:4711`; it need not be the cloud's.
    pub endpoint: String,
    /// Who asks.
    pub credentials: Credentials,
    /// What the adapter takes for the time.
    pub clock: Arc<dyn Clock>,
    /// How long nothing may come.
    pub read_timeout: Duration,
    /// How long one call may take in all.
    pub budget: Duration,
}

impl Opening {
    /// As it should be.
    #[must_use]
    pub fn of(cloud: &Cloud) -> Self {
        Self {
            clock: Arc::new(cloud.clock()),
            ..Self::at(&cloud.url())
        }
    }

    /// As it should be before a cloud in another process, by this machine's clock.
    #[must_use]
    pub fn at(url: &str) -> Self {
        Self {
            endpoint: url.to_owned(),
            credentials: Cloud::credentials(),
            clock: Arc::new(CloudClock::default()),
            // Digests of large parts take long without optimisation.
            read_timeout: Duration::from_secs(20),
            budget: Duration::from_secs(60),
        }
    }
}

impl fmt::Debug for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Opening").field(&self.endpoint).finish()
    }
}
