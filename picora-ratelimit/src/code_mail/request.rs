//! Who wants a code by mail.

use std::fmt;
use std::net::IpAddr;

use super::CodeMailAddress;

/// One request for a mail with a code.
///
/// **Units**: `client` is the part of the client's address that stands for one subscriber, as bytes of any length (picora-http's
/// `AddressPrefix`: IPv6 by its /64). **Boundaries**: an empty token is none.
#[derive(Clone, Copy)]
pub struct CodeMailRequest<'a> {
    /// Where the code would go.
    pub address: &'a CodeMailAddress,
    /// Who asks.
    pub client: &'a [u8],
    /// What the code is for; told to metrics, and no part of any budget.
    pub purpose: CodeMailPurpose,
    /// What the captcha's widget gave the client.
    pub token: Option<&'a str>,
    /// The client's whole address, for captcha providers that compare it.
    pub remote: Option<IpAddr>,
}

impl fmt::Debug for CodeMailRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither the address, nor the client, nor a token that could still be spent.
        let token = self.token.map_or(0, str::len);
        write!(
            f,
            "CodeMailRequest({:?}, token of {token} bytes)",
            self.purpose
        )
    }
}

/// The mails that carry a code. One limiter holds for all of them; alerts and receipts are none of them.
///
/// **Source**: row #9.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CodeMailPurpose {
    /// A one-time password for login.
    OtpLogin,
    /// A forgotten password.
    PasswordReset,
    /// A new account.
    Registration,
}

impl CodeMailPurpose {
    /// Every purpose.
    pub const ALL: [Self; 3] = [Self::OtpLogin, Self::PasswordReset, Self::Registration];

    /// Its name in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OtpLogin => "otp_login",
            Self::PasswordReset => "password_reset",
            Self::Registration => "registration",
        }
    }
}
