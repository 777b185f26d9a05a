//! Who sends a mail.

use std::fmt;

use async_trait::async_trait;

use crate::email::Email;
use crate::error::MailError;

/// Sends mails, one at a time and at least once.
///
/// A mail that is sent again carries the same `Message-ID`, by which mailboxes recognise a repeat; nothing else prevents one.
#[async_trait]
pub trait Mailer: Send + Sync + fmt::Debug {
    /// Sends the mail, and returns when a server has taken it over.
    ///
    /// **Errors**: [`MailError`]. After [`Unknown`](crate::MailErrorKind::Unknown) the mail may have been taken; after every other kind
    /// it was not.
    async fn send(&self, email: &Email) -> Result<(), MailError>;
}
