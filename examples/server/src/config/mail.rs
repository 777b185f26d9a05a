//! How alerts leave by mail.

use std::path::PathBuf;
use std::time::Duration;

use picora_mail::{SmtpConfig, Tls};
use picora_quota::alert::Telling;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::ConfigError;
use super::secret::{exposed, hidden, secret, source, text};

/// Mails of alerts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mail {
    /// How often the outbox is looked into.
    pub look_seconds: u64,
    /// From this age on an alert is old news and is dropped.
    pub stale_after_hours: u64,
    /// Where a reader finds the billing portal.
    pub billing_url: String,
    /// Where a reader finds advice on how to use less.
    pub tips_url: String,
    /// The server that takes the mails.
    pub smtp: Smtp,
}

/// An SMTP server. Without a host no mail leaves: alerts stay in the outbox until they are old news.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Smtp {
    /// Its name or address; empty for none.
    pub host: String,
    /// Its port: 587 with `start_tls`, 465 with `implicit`.
    pub port: u16,
    /// How the connection is encrypted.
    pub tls: SmtpTls,
    /// Who all mails are from.
    pub from: String,
    /// The user to sign in as; empty for nobody.
    pub user: String,
    /// His password; it is never printed. Better in `password_file`, or in `PICORA__MAIL__SMTP__PASSWORD`, which is taken as it is.
    #[serde(serialize_with = "hidden")]
    pub password: Option<SecretString>,
    /// A file that holds his password and perhaps a line's end.
    pub password_file: Option<PathBuf>,
    /// Certificates (PEM) to trust beside the platform's.
    pub certificates_file: Option<PathBuf>,
    /// How long connecting may take, and naming the recipient.
    pub step_timeout_seconds: u64,
    /// How long the answer to a mail may take; servers look for viruses first.
    pub answer_timeout_seconds: u64,
}

/// How a connection to an SMTP server is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SmtpTls {
    /// From its first byte.
    Implicit,
    /// Not at all; to a loopback address only.
    None,
    /// After `STARTTLS`.
    #[default]
    StartTls,
}

impl Mail {
    /// What is told, and how often it is tried.
    #[must_use]
    pub fn telling(&self) -> Telling {
        Telling {
            stale_after: Duration::from_secs(self.stale_after_hours.saturating_mul(60 * 60)),
            ..Telling::default()
        }
    }
}

impl Smtp {
    /// The server as the mailer takes it; `None` without one. Reads the files that it names.
    ///
    /// **Errors**: [`ConfigError`], a sentence that names the key or the file, and never the password.
    pub fn config(&self) -> Result<Option<SmtpConfig>, ConfigError> {
        if self.host.is_empty() {
            return Ok(None);
        }
        let fault = |error: picora_mail::ConfigError| source(format!("`mail.smtp`: {error}"));
        let tls = match self.tls {
            SmtpTls::Implicit => Tls::Implicit,
            SmtpTls::None => Tls::None,
            SmtpTls::StartTls => Tls::StartTls,
        };
        let config = SmtpConfig::new(&self.host, self.port, tls, &self.from).map_err(fault)?;
        let config = config.with_timeouts(
            Duration::from_secs(self.step_timeout_seconds.max(1)),
            Duration::from_secs(self.answer_timeout_seconds.max(1)),
        );
        let config = match &self.certificates_file {
            None => config,
            Some(file) => config.trusting(&text(file)?).map_err(fault)?,
        };
        Ok(Some(match (self.user.as_str(), self.secret()?) {
            ("", None) => config,
            (user, Some(password)) if !user.is_empty() => config.with_credentials(user, password),
            _ => {
                return Err(source(
                    "`mail.smtp.user` and his password belong together: give both or neither"
                        .to_owned(),
                ));
            }
        }))
    }

    fn secret(&self) -> Result<Option<SecretString>, ConfigError> {
        let (given, file) = (self.password.as_ref(), self.password_file.as_deref());
        secret("mail.smtp.password", given, file)
    }
}

impl Default for Mail {
    fn default() -> Self {
        Self {
            look_seconds: 5,
            stale_after_hours: Telling::default().stale_after.as_secs() / (60 * 60),
            billing_url: "https://picora.me/billing".to_owned(),
            tips_url: "https://picora.me/docs/bandwidth".to_owned(),
            smtp: Smtp::default(),
        }
    }
}

impl Default for Smtp {
    fn default() -> Self {
        Self {
            host: String::new(),
            port: 587,
            tls: SmtpTls::default(),
            from: "Picora <no-reply@picora.me>".to_owned(),
            user: String::new(),
            password: None,
            password_file: None,
            certificates_file: None,
            step_timeout_seconds: 30,
            answer_timeout_seconds: 120,
        }
    }
}

/// A password has no equality of its own.
impl PartialEq for Smtp {
    fn eq(&self, other: &Self) -> bool {
        let plain = |it: &Self| {
            let exposed = exposed(&it.password).map(str::to_owned);
            let names = (it.host.clone(), it.port, it.tls, it.from.clone());
            let files = (it.password_file.clone(), it.certificates_file.clone());
            let times = (it.step_timeout_seconds, it.answer_timeout_seconds);
            (names, it.user.clone(), exposed, files, times)
        };
        plain(self) == plain(other)
    }
}

impl Eq for Smtp {}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn smtp(change: impl FnOnce(&mut Smtp)) -> Result<Option<SmtpConfig>, String> {
        let mut smtp = Smtp {
            host: "smtp.example.org".to_owned(),
            ..Smtp::default()
        };
        change(&mut smtp);
        smtp.config().map_err(|error| error.to_string())
    }

    #[test]
    fn a_password_comes_from_one_place_and_is_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        std::fs::write(&file, "hunter2\n").unwrap();
        let secret = || Some(SecretString::from("hunter2".to_owned()));
        let from_file = Smtp {
            password_file: Some(file.clone()),
            ..Smtp::default()
        };
        let read = from_file.secret().unwrap().unwrap();
        assert_eq!(read.expose_secret(), "hunter2");
        assert!(smtp(|it| it.password = secret()).is_err(), "whose is it?");
        assert!(smtp(|it| it.user = "picora".to_owned()).is_err());
        let both = smtp(|it| {
            it.user = "picora".to_owned();
            it.password = secret();
        });
        assert!(both.unwrap().is_some());
        let twice = smtp(|it| {
            it.user = "picora".to_owned();
            it.password = secret();
            it.password_file = Some(file);
        });
        assert!(twice.unwrap_err().contains("both given"));
        let missing = smtp(|it| it.password_file = Some("/nowhere/password".into()));
        assert!(missing.unwrap_err().contains("/nowhere/password"));
        let shown = Smtp {
            password: secret(),
            ..Smtp::default()
        };
        let text = toml::to_string(&shown).unwrap();
        assert!(!text.contains("hunter2"), "{text}");
        assert!(!format!("{shown:?}").contains("hunter2"));
    }

    #[test]
    fn nothing_leaves_in_the_open_and_without_a_host_nothing_leaves() {
        assert!(Smtp::default().config().unwrap().is_none());
        assert!(smtp(|_| {}).unwrap().is_some());
        let open = smtp(|it| it.tls = SmtpTls::None).unwrap_err();
        assert!(open.contains("unencrypted"), "{open}");
        let sender = smtp(|it| it.from = "Picora".to_owned()).unwrap_err();
        assert!(sender.contains("mail.smtp"), "{sender}");
    }
}
