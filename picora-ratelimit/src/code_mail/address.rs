//! The address as a limiter sees it.

use std::fmt;

/// An e-mail address in the one spelling under which it is limited. The mail itself goes to what the caller was given.
///
/// What is done, and no more: both parts are lower-cased (Unicode), because mail hosts seldom tell `Bob` from `bob` and a limit that does
/// would be one for each spelling; dots at the domain's end are dropped. Tags (`bob+a@…`) and dots in the local part stay: whether they
/// matter is each host's own business. A domain in Unicode and the same one in ASCII (`xn--…`) are two: who accepts both converts first.
///
/// **Units**: UTF-8, at most [`CodeMailAddress::LONGEST`] bytes as given. **Boundaries**: the last `@` separates; NUL, spaces and
/// separators are borne, for only a keyed fingerprint of the whole is ever stored. **Errors**: [`CodeMailAddressError`]. This is no check
/// that mail can be sent there. **Source**: row #9; RFC 5321 §2.3.11 and §4.5.3.1.3.
///
/// ```
/// use picora_ratelimit::code_mail::CodeMailAddress;
/// let of = |text| CodeMailAddress::new(text);
/// assert_eq!(of("Bob@Example.COM."), of("bob@example.com"));
/// assert_ne!(of("bob+a@example.com"), of("bob@example.com"));
/// assert!(of("bob").is_err());
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CodeMailAddress(String);

impl CodeMailAddress {
    /// A forward path has 256 octets, of which two are its brackets.
    pub const LONGEST: usize = 254;

    /// The address in its one spelling.
    ///
    /// # Errors
    /// [`CodeMailAddressError`] when it is too long, or has no local part or no domain.
    pub fn new(text: &str) -> Result<Self, CodeMailAddressError> {
        if text.len() > Self::LONGEST {
            return Err(CodeMailAddressError::TooLong);
        }
        let parts = text.rsplit_once('@');
        let (local, domain) = parts.ok_or(CodeMailAddressError::Incomplete)?;
        let domain = domain.trim_end_matches('.');
        if local.is_empty() || domain.is_empty() {
            return Err(CodeMailAddressError::Incomplete);
        }
        Ok(Self(format!("{local}@{domain}").to_lowercase()))
    }

    /// The bytes of which the fingerprint is made.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for CodeMailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeMailAddress(..)") // somebody's address is not for logs
    }
}

/// Why a text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodeMailAddressError {
    /// No local part, or no domain.
    #[error("an e-mail address has a name and a domain with an @ between them")]
    Incomplete,
    /// Longer than a forward path can be.
    #[error("an e-mail address has at most 254 bytes")]
    TooLong,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_address_are_one_and_others_are_not() {
        let of = |text: &str| CodeMailAddress::new(text).unwrap();
        for same in ["BOB@EXAMPLE.COM", "bob@example.com.", "Bob@Example.com.."] {
            assert_eq!(of(same), of("bob@example.com"), "{same}");
        }
        assert_eq!(of("BJÖRN@BÜCHER.DE"), of("björn@bücher.de"));
        for other in [
            "bob+a@example.com",
            "b.ob@example.com",
            "bob@a@example.com",
            "bob\0@example.com",
            " bob@example.com",
        ] {
            assert_ne!(of(other), of("bob@example.com"), "{other:?}");
        }
    }

    #[test]
    fn what_is_no_address_is_told() {
        for text in ["", "@", "bob", "bob@", "@example.com", "bob@.", "bob@..."] {
            assert_eq!(
                CodeMailAddress::new(text),
                Err(CodeMailAddressError::Incomplete),
                "{text:?}"
            );
        }
        let longest = format!("{}@example.com", "x".repeat(242));
        assert_eq!(longest.len(), CodeMailAddress::LONGEST);
        assert!(CodeMailAddress::new(&longest).is_ok());
        assert_eq!(
            CodeMailAddress::new(&format!("x{longest}")),
            Err(CodeMailAddressError::TooLong)
        );
    }

    #[test]
    fn it_does_not_print() {
        let said = format!("{:?}", CodeMailAddress::new("bob@example.com"));
        assert!(!said.contains("bob"), "{said}");
    }
}
