use super::{FROM, TO, config, mail, mailer};
use picora_mail::{MailErrorKind, Mailer, SmtpConfig, Tls};
use picora_testkit::{SinkTls, SmtpSink, SmtpSinkOptions};

struct Pair {
    certificate: String,
    key: String,
}

fn pair() -> Pair {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    Pair {
        certificate: made.cert.pem(),
        key: made.signing_key.serialize_pem(),
    }
}

fn sink(tls: Tls, pair: &Pair) -> SmtpSink {
    let (certificate, key) = (pair.certificate.clone(), pair.key.clone());
    let tls = match tls {
        Tls::Implicit => SinkTls::Implicit { certificate, key },
        Tls::StartTls => SinkTls::StartTls { certificate, key },
        Tls::None => SinkTls::None,
    };
    let sign_in = Some(("picora".to_owned(), "open sesame".to_owned()));
    SmtpSink::start_with(&SmtpSinkOptions { tls, sign_in })
}

fn encrypted(sink: &SmtpSink, tls: Tls, password: &str) -> SmtpConfig {
    let config = SmtpConfig::new("127.0.0.1", sink.port(), tls, FROM).unwrap();
    config.with_credentials("picora", password.to_owned().into())
}

#[tokio::test]
async fn mails_travel_encrypted_to_a_server_that_is_trusted_and_to_no_other() {
    let pair = pair();
    for tls in [Tls::Implicit, Tls::StartTls] {
        let sink = sink(tls, &pair);
        let config = encrypted(&sink, tls, "open sesame");
        let stranger = mailer(config.clone());
        let error = stranger.send(&mail("k", TO)).await.unwrap_err();
        assert_eq!(
            error.kind(),
            MailErrorKind::Misconfigured,
            "{tls:?}: {error}"
        );
        assert!(sink.mails().is_empty());
        let trusted = mailer(config.trusting(&pair.certificate).unwrap());
        trusted.send(&mail("k", TO)).await.unwrap();
        trusted.send(&mail("l", TO)).await.unwrap();
        assert_eq!(sink.mails().len(), 2, "{tls:?}");
    }
}

#[tokio::test]
async fn nothing_is_sent_where_encryption_is_wanted_and_not_offered() {
    let sink = SmtpSink::start();
    for tls in [Tls::StartTls, Tls::Implicit] {
        let plain = SmtpConfig::new("127.0.0.1", sink.port(), tls, FROM).unwrap();
        let error = mailer(plain).send(&mail("k", TO)).await.unwrap_err();
        assert_eq!(
            error.kind(),
            MailErrorKind::Misconfigured,
            "{tls:?}: {error}"
        );
    }
    mailer(config(&sink)).send(&mail("k", TO)).await.unwrap();
    assert_eq!(sink.mails().len(), 1);
}

#[tokio::test]
async fn wrong_credentials_are_our_fault_and_not_the_mails_and_do_not_print() {
    let sink = sink(Tls::None, &pair());
    let wrong = mailer(encrypted(&sink, Tls::None, "open barley"));
    let error = wrong.send(&mail("k", TO)).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.code()),
        (MailErrorKind::Misconfigured, Some(535))
    );
    assert!(!format!("{error:?} {wrong:?}").contains("barley"));
    let nobody = mailer(config(&sink))
        .send(&mail("k", TO))
        .await
        .unwrap_err();
    assert_eq!(
        (nobody.kind(), nobody.code()),
        (MailErrorKind::Misconfigured, Some(530))
    );
    let right = mailer(encrypted(&sink, Tls::None, "open sesame"));
    right.send(&mail("k", TO)).await.unwrap();
}
