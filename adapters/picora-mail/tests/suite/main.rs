//! Mails go through a real SMTP server, which keeps, refuses, defers, stalls and hangs up.

#![expect(clippy::unwrap_used, reason = "what is amiss in a test shall stop it")]

mod alerts;
mod encryption;
mod outcomes;

use std::sync::Arc;
use std::time::Duration;

use picora_core::{ManualClock, Timestamp};
use picora_mail::{Email, SmtpConfig, SmtpMailer, Tls};
use picora_testkit::SmtpSink;

const FROM: &str = "Picora <no-reply@picora.example>";
const TO: &str = "somebody@example.org";

/// To this sink, unencrypted, with bounds that a test can wait for.
fn config(sink: &SmtpSink) -> SmtpConfig {
    let config = SmtpConfig::new("127.0.0.1", sink.port(), Tls::None, FROM).unwrap();
    config.with_timeouts(Duration::from_secs(10), Duration::from_secs(10))
}

fn mailer(config: SmtpConfig) -> SmtpMailer {
    let now = Timestamp::from_unix_seconds(1_795_608_000); // 2026-11-25
    SmtpMailer::new(config, Arc::new(ManualClock::at(now))).unwrap()
}

fn mail(key: &str, to: &str) -> Email {
    Email::new(key, to, "Grüße — hello", "Hello.\n", "<p>Hello.</p>\n").unwrap()
}
