//! One conversation with the server, and what each of its answers means.

use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use secrecy::{ExposeSecret, SecretString};

use crate::config::{ConfigError, SmtpConfig, Tls};
use crate::error::{MailError, MailErrorKind};

/// Opens connections on which mails may be sent.
pub(super) struct Connector {
    server: (String, u16),
    tls: Tls,
    parameters: Option<TlsParameters>,
    hello: ClientId,
    credentials: Option<(String, SecretString)>,
}

impl Connector {
    pub(super) fn new(config: &SmtpConfig) -> Result<Self, ConfigError> {
        Ok(Self {
            server: (config.host.clone(), config.port),
            tls: config.tls,
            parameters: parameters(config)?,
            hello: ClientId::Domain(config.from.email.domain().to_owned()),
            credentials: config.credentials.clone(),
        })
    }

    /// Connects, encrypts and signs in.
    pub(super) async fn connect(&self) -> Result<Connection, MailError> {
        let implicit = self
            .parameters
            .clone()
            .filter(|_| self.tls == Tls::Implicit);
        let server = (self.server.0.as_str(), self.server.1);
        let connected =
            AsyncSmtpConnection::connect_tokio1(server, None, &self.hello, implicit, None).await;
        let mut connection = connected.map_err(|error| Step::Connect.failed(&error))?;
        if let (Tls::StartTls, Some(parameters)) = (self.tls, self.parameters.clone()) {
            let secured = connection.starttls(parameters, &self.hello).await;
            secured.map_err(|error| Step::Encrypt.failed(&error))?;
        }
        if let Some((user, password)) = &self.credentials {
            let password = password.expose_secret().to_owned();
            let credentials = Credentials::new(user.clone(), password);
            let signed_in = connection.auth(MECHANISMS, &credentials).await;
            signed_in.map_err(|error| Step::SignIn.failed(&error))?;
        }
        Ok(Connection(connection))
    }
}

fn parameters(config: &SmtpConfig) -> Result<Option<TlsParameters>, ConfigError> {
    if config.tls == Tls::None {
        return Ok(None);
    }
    let mut builder = TlsParameters::builder(config.host.clone());
    for root in &config.roots {
        builder = builder.add_root_certificate(root.clone());
    }
    let fault = |error| ConfigError(format!("TLS to {} cannot be set up: {error}", config.host));
    builder.build().map(Some).map_err(fault)
}

/// A connection that is signed in.
pub(super) struct Connection(AsyncSmtpConnection);

impl Connection {
    /// Forgets a mail that was begun; whether the server still answers.
    pub(super) async fn reset(&mut self) -> bool {
        self.0.command(Rset).await.is_ok()
    }

    /// Names sender and recipient, up to the point at which the server waits for the mail.
    pub(super) async fn address(&mut self, from: &Address, to: &Address) -> Result<(), MailError> {
        let parameters = self.parameters(to)?;
        let sender = Mail::new(Some(from.clone()), parameters);
        let named = self.0.command(sender).await;
        named.map_err(|error| Step::Sender.failed(&error))?;
        let named = self.0.command(Rcpt::new(to.clone(), Vec::new())).await;
        named.map_err(|error| Step::Recipient.failed(&error))?;
        let waits = self.0.command(Data).await;
        waits.map(|_| ()).map_err(|error| Step::Data.failed(&error))
    }

    /// Hands the mail over. From its last byte on, a lost answer says nothing about it.
    pub(super) async fn hand_over(&mut self, message: &[u8]) -> Result<(), MailError> {
        let taken = self.0.message(message).await;
        taken
            .map(|_| ())
            .map_err(|error| Step::HandOver.failed(&error))
    }

    /// An address beyond ASCII needs a server that takes it (RFC 6531).
    fn parameters(&self, to: &Address) -> Result<Vec<MailParameter>, MailError> {
        let address: &str = to.as_ref();
        if address.is_ascii() {
            return Ok(Vec::new());
        }
        if self
            .0
            .server_info()
            .supports_feature(Extension::SmtpUtfEight)
        {
            return Ok(vec![MailParameter::SmtpUtfEight]);
        }
        let says = "the server takes plain ASCII addresses only";
        Err(MailError::new(MailErrorKind::Refused, Step::Recipient.verb()).because(says))
    }
}

/// Where in the conversation something went wrong: the same code means another thing at another step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Connect,
    Encrypt,
    SignIn,
    Sender,
    Recipient,
    Data,
    HandOver,
}

impl Step {
    const fn verb(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Encrypt => "encrypt",
            Self::SignIn => "sign in",
            Self::Sender => "name the sender",
            Self::Recipient => "name the recipient",
            Self::Data => "begin the mail",
            Self::HandOver => "hand over the mail",
        }
    }

    /// Whether a refusal at this step is about the mail and not about us.
    const fn is_of_the_mail(self) -> bool {
        matches!(self, Self::Recipient | Self::Data | Self::HandOver)
    }

    fn failed(self, error: &Error) -> MailError {
        if let Some(code) = error.status() {
            let code = u16::from(code);
            return MailError::new(self.answered(code), self.verb()).with_code(code);
        }
        let failed = MailError::new(self.unanswered(error), self.verb());
        if error.is_response() {
            return failed.because("it hung up, or does not speak SMTP"); // its words may quote an address
        }
        failed.because(error.to_string())
    }

    const fn answered(self, code: u16) -> MailErrorKind {
        match code {
            ..500 => MailErrorKind::Deferred,
            // RFC 4954 §6: sign in first, with something stronger, or with something right.
            530 | 534 | 535 | 538 => MailErrorKind::Misconfigured,
            _ if self.is_of_the_mail() => MailErrorKind::Refused,
            _ => MailErrorKind::Misconfigured,
        }
    }

    fn unanswered(self, error: &Error) -> MailErrorKind {
        match self {
            Self::HandOver => MailErrorKind::Unknown,
            // A certificate that nobody vouches for, an encryption or a mechanism that is not offered.
            _ if error.is_tls() || error.is_client() || is_certificate(error) => {
                MailErrorKind::Misconfigured
            }
            _ => MailErrorKind::Unreachable,
        }
    }
}

/// A handshake that fails comes as an I/O error of the kind that rustls gives to broken rules.
fn is_certificate(error: &Error) -> bool {
    let first = std::error::Error::source(error);
    let mut causes = std::iter::successors(first, |cause| cause.source());
    causes.any(|cause| {
        let io = cause.downcast_ref::<std::io::Error>();
        io.is_some_and(|it| it.kind() == std::io::ErrorKind::InvalidData)
    })
}

/// Both send the password as it is, inside TLS.
const MECHANISMS: &[Mechanism] = &[Mechanism::Plain, Mechanism::Login];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_code_means_another_thing_at_another_step() {
        use MailErrorKind::{Deferred, Misconfigured, Refused};
        for (step, code, kind) in [
            (Step::Connect, 421, Deferred),
            (Step::Connect, 554, Misconfigured),
            (Step::SignIn, 454, Deferred),
            (Step::SignIn, 535, Misconfigured),
            (Step::Sender, 550, Misconfigured),
            (Step::Sender, 451, Deferred),
            (Step::Recipient, 450, Deferred),
            (Step::Recipient, 499, Deferred),
            (Step::Recipient, 500, Refused),
            (Step::Recipient, 530, Misconfigured),
            (Step::Recipient, 550, Refused),
            (Step::Data, 554, Refused),
            (Step::HandOver, 451, Deferred),
            (Step::HandOver, 554, Refused),
        ] {
            assert_eq!(step.answered(code), kind, "{step:?} {code}");
        }
    }
}
