//! Sends alerts: takes them out of the outbox, asks the rule, mails them, and says what became of them.
//!
//! **At least once.** Who is killed between sending and acknowledging leaves a claim that runs out, and then the mail is sent again; so it
//! is when the server's answer was lost. Both mails have one `Message-ID`, which mailboxes take for one. Two processes never send one alert
//! at the same time: a claim is one process's alone, and lasts longer than sending can.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use picora_core::{Claimed, Clock, Outbox, Retry, StoreError};
use picora_mail::{
    AlertLinks, AlertMail, Email, Link, MailError, MailErrorKind, Mailer, SmtpMailer,
};
use picora_media::{Contact, Contacts};
use picora_quota::Alert;
use picora_quota::alert::{Attempted, Dropped, Next, Reader, TOPIC, Telling, Verdict};
use tokio::sync::watch;

use crate::app::{App, StartError};
use crate::config::Config;
use crate::signature::Signer;
use crate::unsubscribe::Unsubscriber;

/// Sends what the outbox holds of alerts. Several of them may work on one database, in one process or in many.
#[derive(Debug)]
pub struct AlertSender {
    ports: Ports,
    telling: Telling,
    mailing: Option<Mailing>,
}

/// What an [`AlertSender`] works with.
#[derive(Clone)]
pub struct Ports {
    /// Where alerts wait.
    pub outbox: Arc<dyn Outbox>,
    /// How accounts are reached.
    pub contacts: Arc<dyn Contacts>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// How mails leave, and where they link to.
#[derive(Debug)]
pub struct Mailing {
    mailer: Arc<dyn Mailer>,
    claim_for: Duration,
    public_url: String,
    unsubscriber: Unsubscriber,
    upgrade: Link,
    billing: Link,
    tips: Link,
}

/// What one round did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Mails that a server has taken.
    pub sent: u32,
    /// Alerts that are never told, by rule or by refusal.
    pub dropped: u32,
    /// Alerts that are tried again later.
    pub put_off: u32,
}

impl Mailing {
    /// How the configuration says that mails leave; `None` when it names no server.
    ///
    /// **Errors**: [`StartError`] names the key at fault: a server, a sender, or an address that a mail may not link to.
    pub fn of(
        config: &Config,
        public_url: &str,
        signer: &Signer,
        clock: &Arc<dyn Clock>,
    ) -> Result<Option<Self>, StartError> {
        let smtp = config.mail.smtp.config();
        let Some(smtp) = smtp.map_err(|error| StartError(error.to_string()))? else {
            return Ok(None);
        };
        let longest = smtp.longest();
        let mailer = SmtpMailer::new(smtp, clock.clone())
            .map_err(|error| unusable("mail.smtp", &error.to_string()))?;
        let link = |key, address: &str| {
            Link::new(address).map_err(|error| unusable(key, &error.to_string()))
        };
        link("public_url", &format!("{public_url}{LONGEST_PATH}"))?; // every 80 % mail leads to it
        Ok(Some(Self {
            mailer: Arc::new(mailer),
            // What is done besides sending takes moments; a quarter more is for a machine that is busy.
            claim_for: longest + longest / 4 + Duration::from_secs(1),
            public_url: public_url.to_owned(),
            unsubscriber: Unsubscriber::new(signer),
            upgrade: link("upgrade_url", &config.upgrade_url)?,
            billing: link("mail.billing_url", &config.mail.billing_url)?,
            tips: link("mail.tips_url", &config.mail.tips_url)?,
        }))
    }

    /// The same with another mailer.
    #[must_use]
    pub fn with_mailer(mut self, mailer: Arc<dyn Mailer>) -> Self {
        self.mailer = mailer;
        self
    }

    fn render(&self, alert: &Alert, claimed: &Claimed, to: &str) -> Result<Email, String> {
        let unsubscribe = self.unsubscriber.path(alert.account);
        let unsubscribe = Link::new(format!("{}{unsubscribe}", self.public_url));
        let links = AlertLinks {
            upgrade: self.upgrade.clone(),
            billing: self.billing.clone(),
            saving_tips: self.tips.clone(),
            unsubscribe: unsubscribe.ok().filter(|_| alert.is_optional()),
        };
        let mail = AlertMail {
            dimension: alert.dimension,
            permille: alert.permille,
            used: alert.used,
            limit: alert.limit,
            window: alert.window,
            links: &links,
            key: claimed.message.key.as_str(),
        };
        mail.render(to).map_err(|error| error.to_string())
    }
}

/// What became of one alert.
enum Ended {
    Sent,
    Dropped,
    PutOff,
    /// No mail goes out at all for now; the others wait rather than fail one by one.
    Stuck,
    /// The store failed: the claim runs out by itself.
    Lost,
}

impl AlertSender {
    /// Without a [`Mailing`] nothing is sent, and what is old news is dropped all the same.
    #[must_use]
    pub const fn new(ports: Ports, telling: Telling, mailing: Option<Mailing>) -> Self {
        Self {
            ports,
            telling,
            mailing,
        }
    }

    /// Works off what is due, until nothing is, no mail goes out, or `stop` says so.
    ///
    /// **Errors**: the store's; what was claimed comes back by itself.
    pub async fn work(&self, stop: impl Fn() -> bool + Sync) -> Result<Round, StoreError> {
        let mut round = Round::default();
        let claim_for = self.mailing.as_ref().map_or(MOMENT, |it| it.claim_for);
        while !stop() {
            let now = self.ports.clock.now();
            let claimed = self.ports.outbox.claim(TOPIC, TOGETHER, claim_for, now);
            let claimed = claimed.await?;
            if claimed.is_empty() {
                break;
            }
            let mut stuck = false;
            for ended in join_all(claimed.iter().map(|it| self.tell(it))).await {
                match ended {
                    Ended::Sent => round.sent += 1,
                    Ended::Dropped => round.dropped += 1,
                    Ended::PutOff => round.put_off += 1,
                    Ended::Stuck => {
                        round.put_off += 1;
                        stuck = true;
                    }
                    Ended::Lost => stuck = true,
                }
            }
            if stuck {
                break;
            }
        }
        Ok(round)
    }

    async fn tell(&self, claimed: &Claimed) -> Ended {
        let key = claimed.message.key.as_str();
        match self.try_to_tell(claimed).await {
            Ok(ended) => ended,
            Err(error) => {
                tracing::warn!(alert = key, %error, "an alert stays claimed for a while");
                Ended::Lost
            }
        }
    }

    async fn try_to_tell(&self, claimed: &Claimed) -> Result<Ended, StoreError> {
        let Some(alert) = Alert::read(&claimed.message.body) else {
            return self.give_up(claimed, "it does not read as an alert").await;
        };
        let contact = self.ports.contacts.contact(alert.account).await?;
        let now = self.ports.clock.now();
        if let Verdict::Drop(why) = self.telling.judge(&alert, reader(contact.as_ref()), now) {
            return self.give_up(claimed, why.reason()).await;
        }
        let Some(email) = contact.and_then(|it| it.email) else {
            return self.give_up(claimed, Dropped::NoAddress.reason()).await;
        };
        let Some(mailing) = &self.mailing else {
            let until = now.saturating_add(WITHOUT_A_MAILER);
            let until = until.min(self.telling.stale_at(&alert));
            let reason = "no mail server is configured";
            let ours = self.ports.outbox.postpone(claimed, until, reason, now);
            return Ok(kept(claimed, ours.await?, Ended::PutOff));
        };
        match mailing.render(&alert, claimed, email.as_str()) {
            Ok(mail) => {
                let sent = mailing.mailer.send(&mail).await;
                self.record(claimed, sent).await
            }
            Err(reason) => self.give_up(claimed, &reason).await,
        }
    }

    /// Writes down how an attempt went.
    async fn record(
        &self,
        claimed: &Claimed,
        sent: Result<(), MailError>,
    ) -> Result<Ended, StoreError> {
        let (key, now) = (claimed.message.key.as_str(), self.ports.clock.now());
        let outbox = &self.ports.outbox;
        let reason = sent.as_ref().err().map(ToString::to_string);
        let reason = reason.unwrap_or_default();
        match self.telling.after(attempted(&sent), claimed.attempt, now) {
            Next::Done => {
                tracing::info!(
                    alert = key,
                    attempt = claimed.attempt,
                    "an alert was mailed"
                );
                let ours = until_kept(|| outbox.done(claimed, now)).await?;
                Ok(kept(claimed, ours, Ended::Sent))
            }
            Next::Never => self.give_up(claimed, &reason).await,
            Next::Again(until) => {
                tracing::warn!(alert = key, reason, "an alert is mailed later");
                let ours = outbox.postpone(claimed, until, &reason, now).await?;
                let ended = match sent.map_err(|error| error.kind()) {
                    Err(MailErrorKind::Misconfigured | MailErrorKind::Unreachable) => Ended::Stuck,
                    _ => Ended::PutOff,
                };
                Ok(kept(claimed, ours, ended))
            }
        }
    }

    async fn give_up(&self, claimed: &Claimed, reason: &str) -> Result<Ended, StoreError> {
        let key = claimed.message.key.as_str();
        tracing::info!(alert = key, reason, "an alert is not mailed");
        let now = self.ports.clock.now();
        let ours = self.ports.outbox.give_up(claimed, reason, now).await?;
        Ok(kept(claimed, ours, Ended::Dropped))
    }
}

/// Runs a write that must not be lost for a moment's trouble: what is not acknowledged is mailed twice. Repeating it is harmless.
async fn until_kept<F>(write: impl Fn() -> F) -> Result<bool, StoreError>
where
    F: Future<Output = Result<bool, StoreError>>,
{
    let mut left = ACKNOWLEDGEMENTS;
    loop {
        left -= 1;
        match write().await {
            Err(error) if left > 0 && error.retry() == Retry::Temporary => {
                tokio::time::sleep(PAUSE).await;
            }
            answer => return answer,
        }
    }
}

/// A claim that ran out meanwhile is told of: it means that the same mail may go out twice.
fn kept(claimed: &Claimed, ours: bool, ended: Ended) -> Ended {
    if !ours {
        let key = claimed.message.key.as_str();
        tracing::warn!(alert = key, "another process has taken an alert over");
    }
    ended
}

fn reader(contact: Option<&Contact>) -> Option<Reader> {
    contact.map(|contact| Reader {
        reachable: contact.email.is_some(),
        early_notices: contact.early_notices,
    })
}

fn attempted(sent: &Result<(), MailError>) -> Attempted {
    match sent.as_ref().map_err(MailError::kind) {
        Ok(()) => Attempted::Sent,
        Err(MailErrorKind::Refused) => Attempted::Refused,
        Err(MailErrorKind::Unknown) => Attempted::PerhapsSent,
        Err(_) => Attempted::NotSent,
    }
}

/// One round of the job. When the server stops, mails under way have its drain time to come to their end.
pub async fn round(app: Arc<App>, stopping: watch::Receiver<bool>) {
    let drain = Duration::from_secs(app.config.jobs.drain_seconds);
    let mut stopped = stopping.clone();
    let cut_off = async {
        let _ = stopped.wait_for(|stopped| *stopped).await; // an error is a server that is gone: it stops, too
        tokio::time::sleep(drain).await;
    };
    let worked = tokio::select! {
        worked = app.alerts.work(|| *stopping.borrow()) => worked,
        () = cut_off => return,
    };
    match worked {
        Ok(round) if round == Round::default() => {}
        Ok(round) => tracing::info!(?round, "worked off alerts"),
        Err(error) => tracing::warn!(%error, "alerts could not be claimed"),
    }
}

/// Forgets what messages said that were done or given up long ago.
pub async fn forget_old(app: Arc<App>) {
    let before = app.clock.now().saturating_sub(KEPT_FOR);
    match app.outbox.prune(PRUNED, before).await {
        Ok(0) => {}
        Ok(messages) => tracing::info!(messages, "forgot what old messages said"),
        Err(error) => tracing::warn!(%error, "old messages could not be forgotten"),
    }
}

fn unusable(key: &str, why: &str) -> StartError {
    StartError(format!("the configuration cannot be used: `{key}`: {why}"))
}

/// As many as there are connections kept; one slow recipient does not hold up all others.
const TOGETHER: u32 = 4;
/// Deciding alone takes no longer.
const MOMENT: Duration = Duration::from_secs(60);
/// How often an alert is looked at while there is no mail server: one that is configured meanwhile gets what is still news.
const WITHOUT_A_MAILER: Duration = Duration::from_secs(60 * 60);
const ACKNOWLEDGEMENTS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(200);
/// The longest link to unsubscribe has this form.
const LONGEST_PATH: &str = "/unsubscribe?account=acc_00000000000000000000000000&signature=0000000000000000000000000000000000000000000000000000000000000000";
/// For whoever looks into what was not sent, and why.
const KEPT_FOR: Duration = Duration::from_secs(30 * 24 * 60 * 60);
const PRUNED: u32 = 100_000;

/// Ports do not print.
impl std::fmt::Debug for Ports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ports(…)")
    }
}
