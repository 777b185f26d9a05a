//! Who signs.

use secrecy::SecretString;

/// An access key, with the token that a temporary one comes with. Neither secret nor token is ever printed.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The name of the key, which everybody may see.
    pub access_key_id: String,
    /// Its secret.
    pub secret: SecretString,
    /// The token of a temporary key (STS).
    pub token: Option<SecretString>,
}

impl Credentials {
    /// A key that does not end.
    pub fn new(access_key_id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self {
            access_key_id: access_key_id.into(),
            secret: secret.into().into(),
            token: None,
        }
    }

    /// A temporary key with its token.
    #[must_use]
    pub fn with_token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into().into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_secret_nor_token_is_printed() {
        let printed = format!("{:?}", Credentials::new("AK", "hush").with_token("quiet"));
        assert!(printed.contains("AK") && !printed.contains("hush") && !printed.contains("quiet"));
    }
}
