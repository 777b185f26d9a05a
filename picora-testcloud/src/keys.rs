//! Whose signatures count.

use std::time::Duration;

use picora_core::Timestamp;
use picora_sign::Credentials;
use secrecy::ExposeSecret;

use crate::Cloud;

/// The keys of the account, and the temporary ones that it has handed out.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    temporary: Vec<(Credentials, Timestamp)>,
}

/// Why nobody signs with this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// There is no such key; a temporary one without its token is none.
    Key,
    /// The token is not the key's.
    Token,
    /// The key was temporary, and its time is over.
    Expired,
}

impl Keys {
    /// Hands out a key that ends.
    pub(crate) fn lend(&mut self, now: Timestamp, lasts: Duration) -> Credentials {
        let number = self.temporary.len() + 1;
        let credentials = Credentials::new(format!("STS.Example{number}"), format!("lent{number}"))
            .with_token(format!("CAISexample{number}"));
        let until = now.saturating_add(lasts);
        self.temporary.push((credentials.clone(), until));
        credentials
    }

    /// Who signs with this key and this token.
    pub(crate) fn owner(
        &self,
        id: &str,
        token: Option<&str>,
        now: Timestamp,
    ) -> Result<Credentials, Unknown> {
        let own = Cloud::credentials();
        if id == own.access_key_id {
            return token.map_or(Ok(own), |_| Err(Unknown::Token));
        }
        let mut temporary = self.temporary.iter();
        let lent = temporary.find(|(credentials, _)| credentials.access_key_id == id);
        let ((credentials, until), token) = lent.zip(token).ok_or(Unknown::Key)?;
        let its = credentials.token.as_ref().map(ExposeSecret::expose_secret);
        match its {
            Some(its) if its == token && now < *until => Ok(credentials.clone()),
            Some(its) if its == token => Err(Unknown::Expired),
            _ => Err(Unknown::Token),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_was_lent_counts_with_its_token_until_its_end() {
        let (mut keys, start) = (Keys::default(), Timestamp::from_unix_seconds(0));
        let lent = keys.lend(start, Duration::from_secs(900));
        let (id, at) = (lent.access_key_id.as_str(), Timestamp::from_unix_seconds);
        let token = Some("CAISexample1");
        assert!(keys.owner(id, token, at(899)).is_ok());
        assert_eq!(
            keys.owner(id, token, at(900)).unwrap_err(),
            Unknown::Expired
        );
        assert_eq!(keys.owner(id, None, at(0)).unwrap_err(), Unknown::Key);
        assert_eq!(
            keys.owner(id, Some("x"), at(0)).unwrap_err(),
            Unknown::Token
        );
        let own = Cloud::credentials().access_key_id;
        assert!(keys.owner(&own, None, at(0)).is_ok());
        assert_eq!(keys.owner(&own, token, at(0)).unwrap_err(), Unknown::Token);
        assert_eq!(keys.owner("nobody", None, at(0)).unwrap_err(), Unknown::Key);
    }
}
