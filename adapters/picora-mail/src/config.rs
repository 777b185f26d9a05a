//! Where an SMTP server is, and how it is spoken to.

use std::fmt;
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::transport::smtp::client::Certificate;
use secrecy::SecretString;

use crate::link::is_loopback;

/// How a connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// From its first byte (RFC 8314); port 465.
    Implicit,
    /// After `STARTTLS`, without which nothing is sent; port 587.
    StartTls,
    /// Not at all: only to a loopback address.
    None,
}

/// An SMTP server, the sender that it lets us be, and how long it may take. `Debug` shows no credentials.
#[derive(Clone)]
pub struct SmtpConfig {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: Tls,
    pub(crate) from: Mailbox,
    pub(crate) credentials: Option<(String, SecretString)>,
    pub(crate) step_timeout: Duration,
    pub(crate) answer_timeout: Duration,
    pub(crate) idle_connections: usize,
    pub(crate) idle_for: Duration,
    pub(crate) roots: Vec<Certificate>,
}

/// Why a configuration is refused, as a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(pub(crate) String);

impl SmtpConfig {
    /// A server, and the sender of all mails: `Picora <no-reply@picora.example>`.
    ///
    /// **Errors**: [`ConfigError`] when the sender is no address, when a host is no name, or when mails would leave this machine
    /// unencrypted.
    ///
    /// ```
    /// use picora_mail::{SmtpConfig, Tls};
    /// assert!(SmtpConfig::new("smtp.example.org", 587, Tls::StartTls, "Picora <no-reply@example.org>").is_ok());
    /// assert!(SmtpConfig::new("127.0.0.1", 1025, Tls::None, "no-reply@example.org").is_ok());
    /// assert!(SmtpConfig::new("smtp.example.org", 25, Tls::None, "no-reply@example.org").is_err());
    /// ```
    pub fn new(
        host: impl Into<String>,
        port: u16,
        tls: Tls,
        from: &str,
    ) -> Result<Self, ConfigError> {
        let host = host.into();
        let plain = |it: char| it.is_ascii_alphanumeric() || ".-:".contains(it);
        if host.is_empty() || !host.chars().all(plain) {
            let says = format!("`{host}` is not the name or the address of an SMTP server");
            return Err(ConfigError(says));
        }
        if tls == Tls::None && !is_loopback(&host) {
            return Err(ConfigError(format!(
                "mails to {host} would travel unencrypted; choose implicit TLS (port 465) or STARTTLS (port 587); \
                 only a loopback address such as 127.0.0.1 may do without"
            )));
        }
        Ok(Self {
            host,
            port,
            tls,
            from: sender(from)?,
            credentials: None,
            step_timeout: STEP_TIMEOUT,
            answer_timeout: ANSWER_TIMEOUT,
            idle_connections: IDLE_CONNECTIONS,
            idle_for: IDLE_FOR,
            roots: Vec::new(),
        })
    }

    /// The same, with a user and his password.
    #[must_use]
    pub fn with_credentials(mut self, user: impl Into<String>, password: SecretString) -> Self {
        self.credentials = Some((user.into(), password));
        self
    }

    /// The same, with other bounds: for everything up to handing over the mail, and for the answer to it.
    ///
    /// RFC 5321 advises to wait up to ten minutes for that answer: who leaves earlier sends again what may have been accepted.
    #[must_use]
    pub const fn with_timeouts(mut self, step: Duration, answer: Duration) -> Self {
        self.step_timeout = step;
        self.answer_timeout = answer;
        self
    }

    /// The same, with up to so many connections kept for the next mails, each for so long. None: a connection per mail.
    #[must_use]
    pub const fn with_idle(mut self, connections: usize, each: Duration) -> Self {
        self.idle_connections = connections;
        self.idle_for = each;
        self
    }

    /// How long sending one mail may take at most, connections that turn out dead included: whoever claims a mail claims it for longer.
    ///
    /// ```
    /// use picora_mail::{SmtpConfig, Tls};
    /// use std::time::Duration;
    /// let config = SmtpConfig::new("127.0.0.1", 25, Tls::None, "a@example.org")?;
    /// assert_eq!(config.longest(), Duration::from_secs(240));
    /// # Ok::<(), picora_mail::ConfigError>(())
    /// ```
    #[must_use]
    pub fn longest(&self) -> Duration {
        let dead = u32::try_from(self.idle_connections).unwrap_or(u32::MAX);
        let steps = dead.saturating_add(2); // resets, then connecting and addressing
        let steps = self.step_timeout.saturating_mul(steps);
        steps.saturating_add(self.answer_timeout)
    }

    /// The same, trusting these certificates (PEM) beside the platform's, for a relay of one's own.
    ///
    /// **Errors**: [`ConfigError`] when they do not read.
    pub fn trusting(mut self, pem: &str) -> Result<Self, ConfigError> {
        let fault = || ConfigError("the certificates to trust do not read as PEM".to_owned());
        if !pem.contains("BEGIN CERTIFICATE") {
            return Err(fault());
        }
        let root = Certificate::from_pem(pem.as_bytes()).map_err(|_| fault())?;
        self.roots.push(root);
        Ok(self)
    }
}

fn sender(from: &str) -> Result<Mailbox, ConfigError> {
    let fault = || {
        let says = "the sender of mails must be one address such as `Picora <no-reply@example.org>`, in plain ASCII but for its name";
        ConfigError(says.to_owned())
    };
    if from.contains(char::is_control) {
        return Err(fault());
    }
    let sender: Mailbox = from.parse().map_err(|_| fault())?;
    let address: &str = sender.email.as_ref();
    address.is_ascii().then_some(sender).ok_or_else(fault)
}

impl fmt::Debug for SmtpConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, .. } = self;
        write!(f, "SmtpConfig({host}:{port}, {:?})", self.tls)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

/// For all of connecting, encrypting and naming the recipient; nobody waits but a job.
const STEP_TIMEOUT: Duration = Duration::from_secs(30);
/// Servers look for viruses before they answer. RFC 5321 §4.5.3.2.6 says ten minutes; a job's lease is shorter.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);
/// One job sends, and perhaps a second one beside it.
const IDLE_CONNECTIONS: usize = 2;
/// Below the minute or more after which servers hang up.
const IDLE_FOR: Duration = Duration::from_secs(45);

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: &str = "Picora <no-reply@example.org>";

    #[test]
    fn nothing_leaves_the_machine_unencrypted() {
        for near in ["127.0.0.1", "127.8.9.1", "::1"] {
            assert!(SmtpConfig::new(near, 25, Tls::None, FROM).is_ok(), "{near}");
        }
        for far in ["smtp.example.org", "10.0.0.1", "localhost", "0.0.0.0"] {
            let refused = SmtpConfig::new(far, 25, Tls::None, FROM).unwrap_err();
            assert!(refused.to_string().contains("unencrypted"), "{refused}");
            assert!(SmtpConfig::new(far, 25, Tls::StartTls, FROM).is_ok());
        }
        for no_host in ["", "a b", "a/b", "a\r\nb", "u@h"] {
            assert!(SmtpConfig::new(no_host, 25, Tls::Implicit, FROM).is_err());
        }
    }

    #[test]
    fn a_sender_is_one_address() {
        for bad in [
            "",
            "Picora",
            "a@b.example\r\nBcc: c@d.example",
            "ü@b.example",
        ] {
            assert!(
                SmtpConfig::new("127.0.0.1", 25, Tls::None, bad).is_err(),
                "{bad}"
            );
        }
        let named = SmtpConfig::new("127.0.0.1", 25, Tls::None, "Pïcora <a@b.example>");
        assert!(named.is_ok());
    }

    #[test]
    fn certificates_that_do_not_read_are_told() {
        let config = SmtpConfig::new("127.0.0.1", 25, Tls::None, FROM).unwrap();
        assert!(config.clone().trusting("nothing").is_err());
        let password = SecretString::from("hunter2".to_owned());
        let shown = format!("{:?}", config.with_credentials("somebody", password));
        assert_eq!(shown, "SmtpConfig(127.0.0.1:25, None)");
    }
}
