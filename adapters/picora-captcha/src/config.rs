//! What is wrong with a configuration.

use picora_https::EndpointError;

/// A configuration that cannot be used; one sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub(crate) String);

impl From<EndpointError> for ConfigError {
    fn from(error: EndpointError) -> Self {
        Self(format!("the captcha provider cannot be asked: {error}"))
    }
}

/// Answers have some hundred bytes.
pub(crate) const LONGEST_ANSWER: usize = 64 << 10;
