//! The mailer over SMTP.
//!
//! lettre's connection is driven step by step and not through its transport: that one cannot say whether a connection broke before or
//! after the mail was handed over, which is the difference between "not sent" and "perhaps sent"; and bounds the connecting alone.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lettre::Address;
use picora_core::Clock;
use tokio::time::timeout;

use crate::config::{ConfigError, SmtpConfig};
use crate::email::Email;
use crate::error::{MailError, MailErrorKind};
use crate::mailer::Mailer;

mod connection;
mod idle;
mod message;

use connection::{Connection, Connector};
use idle::Idle;

/// Sends mails through one SMTP server, over connections that are used again.
///
/// **State**: dropping the future of [`send`](Mailer::send) closes its connection; as after a lost answer, the mail may have been accepted.
///
/// ```no_run
/// use std::sync::Arc;
/// use picora_core::{ManualClock, Timestamp};
/// use picora_mail::{SmtpConfig, SmtpMailer, Tls};
///
/// let config = SmtpConfig::new("smtp.example.org", 465, Tls::Implicit, "Picora <no-reply@example.org>")?
///     .with_credentials("picora", "password".to_owned().into());
/// let clock = Arc::new(ManualClock::at(Timestamp::EPOCH)); // a server's own clock
/// let mailer = SmtpMailer::new(config, clock)?;
/// # Ok::<(), picora_mail::ConfigError>(())
/// ```
pub struct SmtpMailer {
    config: SmtpConfig,
    connector: Connector,
    clock: Arc<dyn Clock>,
    idle: Idle,
}

impl SmtpMailer {
    /// A mailer that dates mails by this clock. It connects with the first mail.
    ///
    /// **Errors**: [`ConfigError`] when TLS cannot be set up.
    pub fn new(config: SmtpConfig, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let connector = Connector::new(&config)?;
        let idle = Idle::new(config.idle_connections, config.idle_for);
        Ok(Self {
            config,
            connector,
            clock,
            idle,
        })
    }

    /// Hands the mail over on this connection, which stays usable after an answer, whatever it was.
    async fn deliver(
        &self,
        connection: &mut Connection,
        to: &Address,
        message: &[u8],
    ) -> Result<(), MailError> {
        let lost = MailErrorKind::Unreachable;
        let addressed = connection.address(&self.config.from.email, to);
        within(
            self.config.step_timeout,
            "address the mail",
            lost,
            addressed,
        )
        .await?;
        let lost = MailErrorKind::Unknown;
        let handed_over = connection.hand_over(message);
        within(
            self.config.answer_timeout,
            "hand over the mail",
            lost,
            handed_over,
        )
        .await
    }

    async fn connection(&self) -> Result<Connection, MailError> {
        while let Some(mut idle) = self.idle.take() {
            if timeout(self.config.step_timeout, idle.reset()).await == Ok(true) {
                return Ok(idle);
            }
        }
        let lost = MailErrorKind::Unreachable;
        let connecting = self.connector.connect();
        within(self.config.step_timeout, "connect", lost, connecting).await
    }
}

/// What it comes to, or what is lost when it does not come in time.
async fn within<T>(
    bound: Duration,
    step: &'static str,
    lost: MailErrorKind,
    it: impl Future<Output = Result<T, MailError>>,
) -> Result<T, MailError> {
    let late = || MailError::new(lost, step).because(format!("no answer within {bound:?}"));
    timeout(bound, it).await.unwrap_or_else(|_| Err(late()))
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, email: &Email) -> Result<(), MailError> {
        let message = message::write(email, &self.config.from, self.clock.now())?;
        let mut connection = self.connection().await?;
        let sent = self
            .deliver(&mut connection, email.recipient(), &message)
            .await;
        let answered = sent
            .as_ref()
            .map_or_else(|error| error.code().is_some(), |()| true);
        if answered {
            self.idle.keep(connection);
        }
        sent
    }
}

impl fmt::Debug for SmtpMailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SmtpMailer").field(&self.config).finish()
    }
}
