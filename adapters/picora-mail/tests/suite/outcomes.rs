use std::net::TcpListener;
use std::time::Duration;

use super::{TO, config, mail, mailer};
use picora_core::Retry;
use picora_mail::{MailErrorKind, Mailer, SmtpConfig, Tls};
use picora_testkit::{Orders, SmtpSink};
use tokio::time::Instant;

#[tokio::test]
async fn a_refusal_is_for_good_and_a_deferral_is_not_and_neither_names_anybody() {
    let sink = SmtpSink::start();
    let mailer = mailer(config(&sink));
    sink.order(&Orders {
        refuse: vec!["gone@example.org".to_owned()],
        defer: vec!["full@example.org".to_owned()],
        ..Orders::default()
    });
    for (to, kind, code, retry) in [
        (
            "gone@example.org",
            MailErrorKind::Refused,
            550,
            Retry::Permanent,
        ),
        (
            "full@example.org",
            MailErrorKind::Deferred,
            451,
            Retry::Temporary,
        ),
    ] {
        let error = mailer.send(&mail("k", to)).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.code(), error.retry()),
            (kind, Some(code), retry)
        );
        assert!(
            !format!("{error} {error:?}").contains("example.org"),
            "{error}"
        );
    }
    // The connection outlives both, and what was refused does not stick to the next mail.
    mailer.send(&mail("k", TO)).await.unwrap();
    assert_eq!(sink.mails().len(), 1);
    assert_eq!(sink.mails()[0].recipients, [TO]);
}

#[tokio::test]
async fn a_mail_may_be_refused_or_put_off_after_it_was_read() {
    let sink = SmtpSink::start();
    let mailer = mailer(config(&sink));
    for (answer, kind) in [
        ("554 5.7.1 it looks like spam", MailErrorKind::Refused),
        ("452 4.3.1 no space", MailErrorKind::Deferred),
    ] {
        let answer = answer.to_owned();
        sink.order(&Orders {
            answer,
            ..Orders::default()
        });
        let error = mailer.send(&mail("k", TO)).await.unwrap_err();
        assert_eq!(error.kind(), kind);
    }
    assert!(sink.mails().is_empty());
}

#[tokio::test]
async fn a_lost_answer_is_unknown_and_the_repeat_has_the_same_id() {
    let sink = SmtpSink::start();
    let mailer = mailer(config(&sink));
    sink.order(&Orders {
        hang_up: true,
        ..Orders::default()
    });
    let error = mailer.send(&mail("k", TO)).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.retry()),
        (MailErrorKind::Unknown, Retry::Temporary)
    );
    sink.order(&Orders::default());
    mailer.send(&mail("k", TO)).await.unwrap();
    let mails = sink.mails();
    assert_eq!(mails.len(), 2, "it had been accepted");
    assert_eq!(mails[0].header("Message-ID"), mails[1].header("Message-ID"));
}

#[tokio::test]
async fn a_slow_answer_is_waited_for_up_to_the_bound() {
    let sink = SmtpSink::start();
    let bounded = |answer| {
        mailer(config(&sink).with_timeouts(Duration::from_secs(10), Duration::from_millis(answer)))
    };
    sink.order(&Orders {
        delay_ms: 400,
        ..Orders::default()
    });
    bounded(10_000).send(&mail("patient", TO)).await.unwrap();
    sink.order(&Orders {
        delay_ms: 20_000,
        ..Orders::default()
    });
    let begun = Instant::now();
    let error = bounded(300).send(&mail("hasty", TO)).await.unwrap_err();
    assert_eq!(error.kind(), MailErrorKind::Unknown);
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn nobody_there_and_somebody_silent_are_unreachable() {
    let mut sink = SmtpSink::start();
    let kept = mailer(config(&sink));
    kept.send(&mail("k", TO)).await.unwrap();
    sink.kill();
    // The idle connection is found dead, and the new one is refused.
    let error = kept.send(&mail("k", TO)).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.retry()),
        (MailErrorKind::Unreachable, Retry::Temporary)
    );

    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let config = SmtpConfig::new("127.0.0.1", port, Tls::None, super::FROM).unwrap();
    let bound = Duration::from_millis(300);
    let hasty = mailer(config.with_timeouts(bound, bound));
    let begun = Instant::now();
    let error = hasty.send(&mail("k", TO)).await.unwrap_err();
    assert_eq!(error.kind(), MailErrorKind::Unreachable);
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn an_address_beyond_ascii_is_refused_by_a_server_that_does_not_take_it() {
    let sink = SmtpSink::start();
    let foreign = mail("k", "jürgen@example.org");
    let error = mailer(config(&sink)).send(&foreign).await.unwrap_err();
    assert_eq!(error.kind(), MailErrorKind::Refused);
    assert!(sink.mails().is_empty());
}
