use super::{FROM, TO, config, mailer};
use picora_core::{Amount, Dimension, Window};
use picora_mail::{AlertLinks, AlertMail, Link, Mailer};
use picora_testkit::{SmtpSink, SunkMail};

const SUBJECTS: [(Dimension, u16, &str); 12] = [
    (
        Dimension::ImgStorage,
        800,
        "Picora — heads up: 80% of your image storage used",
    ),
    (
        Dimension::ImgBandwidth,
        800,
        "Picora — heads up: 80% of your image bandwidth used",
    ),
    (
        Dimension::MediaStorage,
        800,
        "Picora — heads up: 80% of your media storage used",
    ),
    (
        Dimension::MediaBandwidth,
        800,
        "Picora — heads up: 80% of your video bandwidth used",
    ),
    (
        Dimension::DocCount,
        800,
        "Picora — heads up: 80% of your documents used",
    ),
    (
        Dimension::ImgStorage,
        1_000,
        "Picora — quota exhausted, action needed",
    ),
    (
        Dimension::ImgBandwidth,
        1_000,
        "Picora — quota exhausted, action needed",
    ),
    (
        Dimension::MediaStorage,
        1_000,
        "Picora — quota exhausted, action needed",
    ),
    (
        Dimension::MediaBandwidth,
        1_000,
        "Picora — quota exhausted, action needed",
    ),
    (
        Dimension::DocCount,
        1_000,
        "Picora — quota exhausted, action needed",
    ),
    (
        Dimension::MediaBandwidth,
        1_100,
        "Picora — your video bandwidth is exceeded",
    ),
    (
        Dimension::MediaBandwidth,
        1_200,
        "Picora — video playback suspended",
    ),
];

fn link(path: &str) -> Link {
    Link::new(format!("https://picora.example/{path}")).unwrap()
}

fn unsubscribe() -> String {
    format!(
        "https://picora.example/unsubscribe?a=1&token={}",
        "t".repeat(200)
    )
}

async fn sent(sink: &SmtpSink) -> Vec<SunkMail> {
    let links = AlertLinks {
        upgrade: link("upgrade"),
        billing: link("billing"),
        saving_tips: link("tips"),
        unsubscribe: Some(Link::new(unsubscribe()).unwrap()),
    };
    let mailer = mailer(config(sink));
    for (dimension, permille, _) in SUBJECTS {
        let monthly = dimension.field().contains("bandwidth");
        let alert = AlertMail {
            dimension,
            permille,
            used: Amount::from(104_857_600),
            limit: Amount::from(52_428_800),
            window: Window::parse(if monthly { "2026-11" } else { "" }).unwrap(),
            links: &links,
            key: &format!("{dimension}:{permille}"),
        };
        mailer.send(&alert.render(TO).unwrap()).await.unwrap();
    }
    sink.mails()
}

#[tokio::test]
async fn every_alert_arrives_as_it_was_rendered() {
    let sink = SmtpSink::start();
    let mails = sent(&sink).await;
    assert_eq!(mails.len(), SUBJECTS.len());
    for (mail, (dimension, permille, subject)) in mails.iter().zip(SUBJECTS) {
        assert_eq!(mail.header("Subject")[0].as_bytes(), subject.as_bytes());
        assert_eq!(
            (mail.header("From"), mail.header("To")),
            (vec![FROM], vec![TO])
        );
        assert_eq!(mail.recipients, [TO]);
        assert_eq!(
            mail.content_types,
            ["multipart/alternative", "text/plain", "text/html"]
        );
        assert_eq!(mail.defects, [""; 0]);
        assert!(mail.raw.is_ascii());
        bodies(mail);
        headers(mail, dimension, permille);
    }
    let mut ids: Vec<_> = mails.iter().map(|it| it.header("Message-ID")[0]).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), SUBJECTS.len());
}

fn bodies(mail: &SunkMail) {
    for path in ["upgrade", "billing", "tips"] {
        let address = format!("https://picora.example/{path}");
        assert!(mail.text.contains(&address), "{}", mail.text);
        assert!(
            mail.html.contains(&format!("href=\"{address}\"")),
            "{}",
            mail.html
        );
    }
    assert!(mail.html.contains("<html lang=\"en\">"));
}

fn headers(mail: &SunkMail, dimension: Dimension, permille: u16) {
    let monthly = dimension.field().contains("bandwidth");
    let period = if monthly { "2026-11" } else { "always" };
    let tag = format!("{}/{}/{period}", dimension.meta_type(), permille / 10);
    assert_eq!(mail.header("X-Picora-Alert"), [tag]);
    assert_eq!(mail.header("Auto-Submitted"), ["auto-generated"]);
    if permille > 800 {
        assert!(mail.header("List-Unsubscribe").is_empty());
        assert!(mail.header("List-Unsubscribe-Post").is_empty());
        assert!(!mail.text.contains("unsubscribe?") && !mail.html.contains("unsubscribe?"));
        return;
    }
    let address = unsubscribe();
    assert_eq!(mail.header("List-Unsubscribe"), [format!("<{address}>")]);
    assert_eq!(
        mail.header("List-Unsubscribe-Post"),
        ["List-Unsubscribe=One-Click"]
    );
    assert!(mail.text.contains(&address));
    assert!(mail.html.contains(&address.replace('&', "&amp;")));
}
