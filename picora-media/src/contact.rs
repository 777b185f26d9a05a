//! How an account is reached by mail, and which mails it wants.

use std::fmt;

use async_trait::async_trait;
use picora_core::{AccountId, StoreError};

use crate::account::AuditEntry;
use crate::media::{Media, retrying};

/// An e-mail address that mail can be sent to. `Debug` does not show it; nothing prints it by accident.
///
/// **Boundaries**: one `@`; before it 1 to 64 ASCII letters, digits and ``.!#$%&'*+/=?^_`{|}~-`` with no dot at an end or beside another;
/// after it labels of 1 to 63 letters, digits and inner hyphens with dots between, at least two of them; at most 254 bytes in all. Quoted
/// names, address literals and addresses beyond ASCII are not taken: few mail servers take them. A domain of other letters is given as
/// `xn--…`. **Errors**: [`EmailAddressError`]. Whether it is the account's own is for whoever sets it to know.
/// **Source**: RFC 5321 §4.1.2 and §4.5.3.1.
///
/// ```
/// use picora_media::EmailAddress;
/// let address = EmailAddress::new("ada+picora@example.org").unwrap();
/// assert_eq!(address.as_str(), "ada+picora@example.org");
/// assert_eq!(format!("{address:?}"), "EmailAddress(…)");
/// assert!(EmailAddress::new("Ada <ada@example.org>").is_err());
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct EmailAddress(String);

/// The text is no address that mail can be sent to. It is not quoted, for it may be somebody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an e-mail address is like `name@example.org`, in plain ASCII and at most 254 characters long"
)]
pub struct EmailAddressError;

impl EmailAddress {
    /// A forward path has 256 octets, of which two are its brackets.
    pub const LONGEST: usize = 254;

    /// Takes an address. **Errors**: [`EmailAddressError`] when mail cannot be sent there.
    pub fn new(text: impl Into<String>) -> Result<Self, EmailAddressError> {
        let text = text.into();
        let parts = text.split_once('@');
        let (local, domain) = parts.ok_or(EmailAddressError)?;
        let fits = text.len() <= Self::LONGEST && is_local(local) && is_domain(domain);
        fits.then_some(Self(text)).ok_or(EmailAddressError)
    }

    /// The address as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmailAddress(…)")
    }
}

fn is_local(local: &str) -> bool {
    let plain = |it: u8| it.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-".contains(&it);
    let atom = |atom: &str| !atom.is_empty() && atom.bytes().all(plain);
    local.len() <= 64 && local.split('.').all(atom)
}

fn is_domain(domain: &str) -> bool {
    let plain = |it: u8| it.is_ascii_alphanumeric() || it == b'-';
    let label = |label: &str| {
        let bounded = (1..=63).contains(&label.len());
        bounded && label.bytes().all(plain) && !label.starts_with('-') && !label.ends_with('-')
    };
    domain.contains('.') && domain.split('.').all(label)
}

/// What is known of how to reach an account. **Source**: #157, #220, C58.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// Where; `None` until an operator has said.
    pub email: Option<EmailAddress>,
    /// Whether it wants to be told at 80 % of a limit. What is told at and above 100 % cannot be turned off.
    pub early_notices: bool,
}

impl Contact {
    /// Of a new account: nowhere, and everything.
    pub const NEW: Self = Self {
        email: None,
        early_notices: true,
    };
}

/// Reads about how accounts are reached.
#[async_trait]
pub trait Contacts: Send + Sync {
    /// How an account is reached; `None` when there is no such account.
    async fn contact(&self, account: AccountId) -> Result<Option<Contact>, StoreError>;
}

/// Writes about how accounts are reached, in a caller's transaction. A contact is erased with its account, and comes to be with it as
/// [`Contact::NEW`].
#[async_trait]
pub trait ContactsIn<T: Send + ?Sized>: Send + Sync {
    /// Sets or forgets the address of an account; `false` when there is no such account.
    async fn set_email_in(
        &self,
        tx: &mut T,
        account: AccountId,
        email: Option<&EmailAddress>,
    ) -> Result<bool, StoreError>;

    /// Says whether an account wants to be told at 80 %; `false` when there is no such account.
    async fn set_early_notices_in(
        &self,
        tx: &mut T,
        account: AccountId,
        wanted: bool,
    ) -> Result<bool, StoreError>;
}

impl<T: Send + 'static> Media<T> {
    /// Sets or forgets where an account is reached. `false` when there is none, and then nothing is written.
    ///
    /// The audit says that it was done, by whom and why; never the address.
    pub async fn change_email(
        &self,
        account: AccountId,
        email: Option<&EmailAddress>,
        audit: &AuditEntry,
    ) -> Result<bool, StoreError> {
        retrying!(self.try_change_email(account, email, audit))
    }

    /// Turns the mails at 80 % on or off (#220). `false` when there is no such account. Repeating it changes nothing.
    pub async fn want_early_notices(
        &self,
        account: AccountId,
        wanted: bool,
    ) -> Result<bool, StoreError> {
        retrying!(self.try_want_early_notices(account, wanted))
    }

    async fn try_change_email(
        &self,
        account: AccountId,
        email: Option<&EmailAddress>,
        audit: &AuditEntry,
    ) -> Result<bool, StoreError> {
        let mut tx = self.store.begin().await?;
        if !self.store.set_email_in(&mut tx, account, email).await? {
            return Ok(false);
        }
        self.store.audit_in(&mut tx, audit).await?;
        self.store.finish(tx).await?;
        Ok(true)
    }

    async fn try_want_early_notices(
        &self,
        account: AccountId,
        wanted: bool,
    ) -> Result<bool, StoreError> {
        let mut tx = self.store.begin().await?;
        let set = self.store.set_early_notices_in(&mut tx, account, wanted);
        if !set.await? {
            return Ok(false);
        }
        self.store.finish(tx).await?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_name_at_one_domain() {
        let longest_name = format!("{}@example.org", "x".repeat(64));
        let longest_label = format!("a@{}.org", "x".repeat(63));
        for good in [
            "a@b.c",
            "Ada.Lovelace+x@mail.example.org",
            "o'neil@xn--bcher-kva.example",
            "1@2-3.example",
            &longest_name,
            &longest_label,
        ] {
            assert!(EmailAddress::new(good).is_ok(), "{good}");
        }
        let long_name = format!("{}@example.org", "x".repeat(65));
        let long_label = format!("a@{}.org", "x".repeat(64));
        let long = format!("a@{}org", "b.".repeat(125));
        assert_eq!(long.len(), EmailAddress::LONGEST + 1);
        assert!(EmailAddress::new(format!("a@{}or", "b.".repeat(125))).is_ok());
        for bad in [
            "",
            "@",
            "a",
            "a@",
            "@b.c",
            "a@b",
            "a@b.",
            "a@.b",
            "a@b..c",
            "a@-b.c",
            "a@b-.c",
            ".a@b.c",
            "a.@b.c",
            "a..b@b.c",
            "a b@b.c",
            "a@b.c ",
            "a@b@c.d",
            "a@b.c,d@e.f",
            "A <a@b.c>",
            "\"a\"@b.c",
            "a@[127.0.0.1]",
            "a@b.c\r\nBcc: d@e.f",
            "jürgen@example.org",
            "a@bücher.example",
            &long_name,
            &long_label,
            &long,
        ] {
            assert_eq!(EmailAddress::new(bad), Err(EmailAddressError), "{bad:?}");
        }
    }
}
