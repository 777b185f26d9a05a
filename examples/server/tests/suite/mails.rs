//! Alerts, from an upload to a mailbox: through a real SMTP server that keeps, defers, refuses, stalls and hangs up.

use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::time::Duration;

use picora_core::{CalendarMonth, Posting, PostingKey, PostingReason};
use picora_media::{CatalogueIn, Contacts};
use picora_quota::alert::{TOPIC, Telling};
use picora_server::alerts::{AlertSender, Mailing, Ports, Round};
use picora_server::config::{Config, SmtpTls};
use picora_testkit::{Orders, SinkTls, SmtpSink, SmtpSinkOptions, SunkMail};
use reqwest::Method;
use tokio::time::Instant;

use crate::answer::Answer;
use crate::child::{Child, Place};
use crate::notifications::{allow, ends, one_click, set_email};
use crate::world::{Account, SHIPPED_PLANS, START, World, gif};

const ADDRESS: &str = "ada@mail.example.org";
const SENT: Round = round(1, 0, 0);
const DROPPED: Round = round(0, 1, 0);
const PUT_OFF: Round = round(0, 0, 1);
const NOTHING: Round = round(0, 0, 0);

const fn round(sent: u32, dropped: u32, put_off: u32) -> Round {
    Round {
        sent,
        dropped,
        put_off,
    }
}

fn mailing(config: &mut Config, sink: &SmtpSink) {
    let smtp = &mut config.mail.smtp;
    smtp.host = "127.0.0.1".to_owned();
    smtp.port = sink.port();
    smtp.tls = SmtpTls::None;
    smtp.step_timeout_seconds = 5;
    smtp.answer_timeout_seconds = 5;
}

/// A server that mails, and an account that may store 1,000 bytes of images and is reached.
async fn world(sink: &SmtpSink) -> (World, Account) {
    let world = World::with(|config| mailing(config, sink)).await;
    let account = world.trial().await;
    set_email(&world, &account, Some(ADDRESS)).await;
    allow(&world, account.id, 1_000).await;
    (world, account)
}

async fn upload(world: &World, by: &Account, bytes: usize) {
    let stored = world.upload(by, "/v1/images", gif(bytes)).await;
    stored.success(201);
}

async fn work(world: &World) -> Round {
    world.app.alerts.work(|| false).await.unwrap()
}

fn id(mail: &SunkMail) -> &str {
    mail.header("Message-ID")[0]
}

fn deferring() -> Orders {
    Orders {
        defer: vec![ADDRESS.to_owned()],
        ..Orders::default()
    }
}

/// Rows #216, #161, C57, C58: one mail, to the byte.
#[tokio::test]
async fn an_upload_that_crosses_80_percent_is_one_mail() {
    let sink = SmtpSink::start();
    let (world, account) = world(&sink).await;
    upload(&world, &account, 799).await;
    assert_eq!(work(&world).await, NOTHING);
    upload(&world, &account, 6).await;
    assert_eq!(work(&world).await, SENT);
    upload(&world, &account, 6).await;
    assert_eq!(work(&world).await, NOTHING, "once");
    let mails = sink.mails();
    let [mail] = &mails[..] else {
        panic!("{mails:?}");
    };
    let subject = "Picora — heads up: 80% of your image storage used";
    assert_eq!(mail.header("Subject"), [subject]);
    assert_eq!(mail.header("From"), ["Picora <no-reply@picora.me>"]);
    assert_eq!(mail.header("To"), [ADDRESS]);
    assert_eq!(mail.recipients, [ADDRESS]);
    assert_eq!(mail.header("X-Picora-Alert"), ["img_storage/80/always"]);
    let link = format!(
        "http://{}{}",
        world.address,
        world.app.unsubscriber.path(account.id)
    );
    assert_eq!(mail.header("List-Unsubscribe"), [format!("<{link}>")]);
    let post = ["List-Unsubscribe=One-Click"];
    assert_eq!(mail.header("List-Unsubscribe-Post"), post);
    assert_eq!(mail.defects, [""; 0]);
    let said = "You have used 805 bytes of the 1000 bytes of image storage that your plan includes. This is 80% or more.";
    let then = "When it is full, new images are refused until you delete some or move to a larger plan. What is stored stays.";
    let text = format!(
        "{subject}\n\n{said}\n\n{then}\n\nMove to a larger plan:\nhttps://picora.me/plans\n\n\
         Open the billing portal:\nhttps://picora.me/billing\n\nRead how to use less:\nhttps://picora.me/docs/bandwidth\n\n\
         -- \nPicora sends this once per threshold. You can turn such early notices off in your profile under Notifications.\n\
         Turn early notices off: {link}\n"
    );
    assert_eq!(mail.text, text.replace('\n', "\r\n"));
    for part in [
        said,
        then,
        "<a href=\"https://picora.me/plans\"",
        "<html lang=\"en\">",
    ] {
        assert!(mail.html.contains(part), "{}", mail.html);
    }
    assert!(mail.html.contains(&link.replace('&', "&amp;")));
    // The click of a mail program, with the very link of the mail.
    let clicked = one_click(world.client.post(&link));
    assert_eq!(Answer::to(clicked).await.status, 200);
    upload(&world, &account, 189).await;
    assert_eq!(
        work(&world).await,
        SENT,
        "the limit is told whatever was clicked"
    );
    let mails = sink.mails();
    assert_eq!(
        mails[1].header("Subject"),
        ["Picora — quota exhausted, action needed"]
    );
    assert!(mails[1].header("List-Unsubscribe").is_empty());
    assert_ne!(id(&mails[0]), id(&mails[1]));
    let done = ("done".to_owned(), None);
    assert_eq!(ends(&world).await, [done.clone(), done]);
}

/// Rows #218, #219: video bandwidth alone, in its month, each level once.
#[tokio::test]
async fn video_bandwidth_is_told_of_at_four_levels() {
    let sink = SmtpSink::start();
    let (world, account) = world(&sink).await;
    let store = world.app.media.store();
    let line = |lines: Vec<picora_quota::UsageLine>| {
        let of = picora_core::Dimension::MediaBandwidth;
        lines.into_iter().find(|line| line.dimension == of).unwrap()
    };
    let lines = store.usage(account.id, START).await.unwrap();
    let limit = line(lines).cell.limit.max().unwrap().get();
    for (number, (percent, tag)) in [(80, "80"), (100, "100"), (110, "110"), (121, "120")]
        .into_iter()
        .enumerate()
    {
        let used = line(store.usage(account.id, START).await.unwrap())
            .cell
            .used
            .get();
        let delta = i64::try_from(limit.div_ceil(100) * percent - used).unwrap();
        let posting = Posting {
            key: PostingKey::new("test", &number),
            account: account.id,
            dimension: picora_core::Dimension::MediaBandwidth,
            tally: None,
            delta,
            reason: PostingReason::Meter,
            happened_at: START,
        };
        store.post(&posting, START).await.unwrap();
        assert_eq!(work(&world).await, SENT, "{percent}");
        let mails = sink.mails();
        let month = CalendarMonth::of(START);
        let expected = format!("media_bandwidth/{tag}/{month}");
        assert_eq!(mails[number].header("X-Picora-Alert"), [expected]);
    }
    let subjects: Vec<_> = sink
        .mails()
        .iter()
        .map(|it| it.header("Subject")[0].to_owned())
        .collect();
    let expected = [
        "Picora — heads up: 80% of your video bandwidth used",
        "Picora — quota exhausted, action needed",
        "Picora — your video bandwidth is exceeded",
        "Picora — video playback suspended",
    ];
    assert_eq!(subjects, expected);
}

#[tokio::test]
async fn who_opted_out_or_is_not_reached_or_is_gone_gets_none() {
    let sink = SmtpSink::start();
    let (world, silent) = world(&sink).await;
    let path = "/v1/user/me/notifications";
    let body = serde_json::json!({"quotaAlertAt80": false});
    let request = world.request(&silent, Method::PATCH, path).json(&body);
    Answer::to(request).await.data();
    upload(&world, &silent, 800).await;
    assert_eq!(work(&world).await, DROPPED);
    let nowhere = world.trial().await;
    allow(&world, nowhere.id, 1_000).await;
    upload(&world, &nowhere, 1_000).await;
    assert_eq!(work(&world).await, DROPPED);
    let gone = world.trial().await;
    set_email(&world, &gone, Some("gone@mail.example.org")).await;
    allow(&world, gone.id, 1_000).await;
    upload(&world, &gone, 1_000).await;
    // The account goes, and its message does not know yet.
    let store = world.app.media.store();
    let mut tx = store.begin().await.unwrap();
    let tombstone = picora_core::AccountId::from_bytes([9; 16]);
    CatalogueIn::erase_in(&**store, &mut tx, gone.id, tombstone, START)
        .await
        .unwrap();
    store.finish(tx).await.unwrap();
    assert_eq!(work(&world).await, DROPPED);
    let reasons: Vec<_> = ends(&world)
        .await
        .into_iter()
        .filter_map(|(_, why)| why)
        .collect();
    for why in ["opted out", "no e-mail address", "account is gone"] {
        assert!(
            reasons.iter().any(|it| it.contains(why)),
            "{why}: {reasons:?}"
        );
    }
    assert!(sink.mails().is_empty());
}

#[tokio::test]
async fn what_is_put_off_is_sent_later_once() {
    let sink = SmtpSink::start();
    let (world, account) = world(&sink).await;
    sink.order(&deferring());
    upload(&world, &account, 800).await;
    assert_eq!(work(&world).await, PUT_OFF);
    for pause in [60, 120] {
        world.clock.advance(Duration::from_secs(pause - 1));
        assert_eq!(work(&world).await, NOTHING, "after {pause} s less one");
        world.clock.advance(Duration::from_secs(1));
        assert_eq!(work(&world).await, PUT_OFF, "after {pause} s");
    }
    sink.order(&Orders::default());
    world.clock.advance(Duration::from_secs(240));
    assert_eq!(work(&world).await, SENT);
    world.clock.advance(Duration::from_secs(86_400));
    assert_eq!(work(&world).await, NOTHING);
    assert_eq!(sink.mails().len(), 1);
}

#[tokio::test]
async fn what_is_refused_is_not_tried_again_and_the_reason_names_nobody() {
    let sink = SmtpSink::start();
    let (world, account) = world(&sink).await;
    sink.order(&Orders {
        refuse: vec![ADDRESS.to_owned()],
        ..Orders::default()
    });
    upload(&world, &account, 800).await;
    assert_eq!(work(&world).await, DROPPED);
    sink.order(&Orders::default());
    world.clock.advance(Duration::from_secs(86_400));
    assert_eq!(work(&world).await, NOTHING);
    assert!(sink.mails().is_empty());
    let ends = ends(&world).await;
    let [(state, Some(reason))] = &ends[..] else {
        panic!("{ends:?}");
    };
    assert_eq!(state, "given_up");
    assert!(
        reason.contains("code 550") && !reason.contains("example.org"),
        "{reason}"
    );
}

/// Whether it was taken nobody knows, so it is sent again: two mails at most, that are one to a mailbox.
#[tokio::test]
async fn a_lost_answer_is_a_repeat_under_one_name() {
    let sink = SmtpSink::start();
    let (world, account) = world(&sink).await;
    sink.order(&Orders {
        hang_up: true,
        ..Orders::default()
    });
    upload(&world, &account, 800).await;
    assert_eq!(work(&world).await, PUT_OFF);
    sink.order(&Orders::default());
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(work(&world).await, SENT);
    let mails = sink.mails();
    assert_eq!(mails.len(), 2);
    assert_eq!(id(&mails[0]), id(&mails[1]));
}

/// A server that is not there costs one attempt each round, not one for each alert; and what has waited too long is dropped.
#[tokio::test]
async fn a_dead_server_is_asked_once_a_round_and_old_news_is_dropped() {
    let mut sink = SmtpSink::start();
    let (world, first) = world(&sink).await;
    sink.kill();
    let mut accounts = vec![first];
    for _ in 0..9 {
        let account = world.trial().await;
        set_email(&world, &account, Some(ADDRESS)).await;
        allow(&world, account.id, 1_000).await;
        world.a_minute_passes();
        accounts.push(account);
    }
    for account in &accounts {
        upload(&world, account, 800).await;
    }
    assert_eq!(work(&world).await, round(0, 0, 4), "one batch of four");
    world.clock.advance(Duration::from_secs(72 * 60 * 60));
    assert_eq!(work(&world).await, round(0, 10, 0));
    let sink = SmtpSink::start();
    assert!(sink.mails().is_empty());
    assert_eq!(
        world
            .app
            .outbox
            .unsent(TOPIC, picora_core::Timestamp::MAX)
            .await
            .unwrap(),
        0
    );
}

/// The first start with a mail server: what is still news leaves, within an hour; what is not does not.
#[tokio::test]
async fn a_mail_server_that_comes_later_gets_what_is_still_news() {
    let sink = SmtpSink::start();
    let world = World::start().await;
    let (old, new) = (world.trial().await, world.trial().await);
    let hours = |hours: u64| Duration::from_secs(hours * 60 * 60);
    for (account, address) in [(&old, "old@example.org"), (&new, "new@example.org")] {
        set_email(&world, account, Some(address)).await;
        allow(&world, account.id, 1_000).await;
        upload(&world, account, 800).await;
        assert_eq!(work(&world).await.sent, 0);
        world.clock.advance(hours(71));
    }
    let mut config = world.app.config.clone();
    mailing(&mut config, &sink);
    let (app, clock) = (
        &world.app,
        world.clock.clone() as Arc<dyn picora_core::Clock>,
    );
    let mailing = Mailing::of(&config, &app.public_url, &app.signer, &clock).unwrap();
    let ports = Ports {
        outbox: app.outbox.clone(),
        contacts: app.media.store().clone() as Arc<dyn Contacts>,
        clock,
    };
    let sender = AlertSender::new(ports, Telling::default(), mailing);
    assert_eq!(sender.work(|| false).await.unwrap(), round(1, 1, 0));
    let mails = sink.mails();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].recipients, ["new@example.org"]);
}

/// Two processes on one database: each alert is one mail. Neither their logs nor the outbox name an address.
#[tokio::test(flavor = "multi_thread")]
async fn two_servers_send_one_mail() {
    let sink = SmtpSink::start();
    let (one, other) = (place(&sink, 30), place(&sink, 30));
    let accounts: Vec<_> = (0..12).map(|nth| reached(&one, nth)).collect();
    std::fs::create_dir_all(other.data()).unwrap();
    // Files and the key are each one's own; the database is one.
    symlink(
        one.data().join("picora.sqlite"),
        other.data().join("picora.sqlite"),
    )
    .unwrap();
    let servers = [one.serve().await, other.serve().await];
    for (nth, account) in accounts.iter().enumerate() {
        store(&servers[nth % 2], account, 800).await;
    }
    let mails = mails(&sink, accounts.len()).await;
    tokio::time::sleep(Duration::from_secs(3)).await; // some rounds of both
    assert_eq!(sink.mails().len(), accounts.len(), "one each");
    let mut to: Vec<_> = mails.iter().map(|it| it.recipients[0].clone()).collect();
    to.sort();
    to.dedup();
    assert_eq!(to.len(), accounts.len());
    for server in servers {
        no_address_in(&stopped(server).await);
    }
}

/// Killed while the mail server has the mail and has not answered: after the claim it is sent again, under the same name, and then never.
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_before_the_acknowledgement_repeats_one_mail_under_its_name() {
    let sink = SmtpSink::start();
    let place = place(&sink, 4);
    let account = reached(&place, 1);
    sink.order(&Orders {
        delay_ms: 3_000,
        ..Orders::default()
    });
    let server = place.serve().await;
    store(&server, &account, 800).await;
    mails(&sink, 1).await;
    let place = server.kill().await;
    sink.order(&Orders::default());
    let server = place.serve().await;
    let mails = mails(&sink, 2).await;
    assert_eq!(id(&mails[0]), id(&mails[1]));
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(sink.mails().len(), 2);
    no_address_in(&stopped(server).await);
}

/// A refusal and a deferral are logged, and their addresses are not.
#[tokio::test(flavor = "multi_thread")]
async fn no_log_names_an_address() {
    let sink = SmtpSink::start();
    let place = place(&sink, 5);
    let accounts = [reached(&place, 1), reached(&place, 2)];
    sink.order(&Orders {
        refuse: vec!["somebody1@mail.example.org".to_owned()],
        defer: vec!["somebody2@mail.example.org".to_owned()],
        ..Orders::default()
    });
    let server = place.serve().await;
    for account in &accounts {
        store(&server, account, 1_000).await;
    }
    tokio::time::sleep(Duration::from_secs(4)).await;
    let log = stopped(server).await;
    assert!(
        log.contains("code 550") && log.contains("code 451"),
        "{log}"
    );
    no_address_in(&log);
}

/// Encrypted and signed in; the password comes from the environment or from a file, and looks like a number that it must not become.
#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_that_wants_a_password_gets_it_as_it_is() {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let sink = SmtpSink::start_with(&SmtpSinkOptions {
        tls: SinkTls::StartTls {
            certificate: made.cert.pem(),
            key: made.signing_key.serialize_pem(),
        },
        sign_in: Some(("picora".to_owned(), "0123".to_owned())),
    });
    for (sent, from_file) in [(1, false), (2, true)] {
        let place = place(&sink, 5);
        let (certificates, password) = (place.path().join("roots"), place.path().join("password"));
        std::fs::write(&certificates, made.cert.pem()).unwrap();
        std::fs::write(&password, "0123\n").unwrap();
        let text = std::fs::read_to_string(place.config()).unwrap();
        let mut smtp = format!("user = \"picora\"\ncertificates_file = {certificates:?}\n");
        if from_file {
            smtp += &format!("password_file = {password:?}\n");
        }
        let text = text.replace("tls = \"none\"", "tls = \"start_tls\"");
        let text = text.replace("[mail.smtp]\n", &format!("[mail.smtp]\n{smtp}"));
        std::fs::write(place.config(), text).unwrap();
        let account = reached(&place, sent);
        let mut command = place.command();
        if !from_file {
            command.env("PICORA__MAIL__SMTP__PASSWORD", "0123");
        }
        let server = place.serve_as(command).await;
        store(&server, &account, 800).await;
        mails(&sink, sent).await;
        let log = stopped(server).await;
        assert!(
            !log.contains("0123\"") && !log.contains("password"),
            "{log}"
        );
    }
}

/// A place whose trial may store 1,000 bytes of images, and whose server mails.
fn place(sink: &SmtpSink, answer: u32) -> Place {
    let place = Place::new(&config(sink, answer));
    let plans = SHIPPED_PLANS.replacen(
        "img_storage_bytes = 104_857_600",
        "img_storage_bytes = 1_000",
        1,
    );
    assert_ne!(plans, SHIPPED_PLANS);
    let file = place.path().join("plans.toml");
    std::fs::write(&file, plans).unwrap();
    let mut text = std::fs::read_to_string(place.config()).unwrap();
    text += &format!("[plans]\nfile = {file:?}\n");
    std::fs::write(place.config(), text).unwrap();
    place
}

fn config(sink: &SmtpSink, answer: u32) -> String {
    format!(
        "[mail]\nlook_seconds = 1\n[mail.smtp]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nstep_timeout_seconds = 1\n\
         answer_timeout_seconds = {answer}\n[log]\nfilter = \"debug\"\n",
        sink.port()
    )
}

/// An account that is reached at `somebody{nth}@mail.example.org`.
fn reached(place: &Place, nth: usize) -> Account {
    let address = format!("somebody{nth}@mail.example.org");
    let account = place.run(&["account", "create", "--json", "--email", &address]);
    Account::of_json(&account)
}

async fn store(server: &Child, by: &Account, bytes: usize) {
    let part = reqwest::multipart::Part::bytes(gif(bytes)).file_name("a.gif");
    let form = reqwest::multipart::Form::new().part("file", part);
    let request = server
        .request(by, Method::POST, "/v1/images")
        .multipart(form);
    Answer::to(request).await.success(201);
}

/// The mails of the sink as soon as there are so many.
async fn mails(sink: &SmtpSink, many: usize) -> Vec<SunkMail> {
    let until = Instant::now() + Duration::from_secs(40);
    loop {
        let mails = sink.mails();
        if mails.len() >= many {
            return mails;
        }
        assert!(Instant::now() < until, "{} of {many} mails", mails.len());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn stopped(server: Child) -> String {
    server.terminate();
    let (status, log, _place) = server.ended().await;
    assert!(status.success(), "{log}");
    log
}

fn no_address_in(log: &str) {
    assert!(log.contains("alert"), "it logs something: {log}");
    let named = log.lines().find(|line| line.contains("example.org"));
    assert_eq!(named, None);
}
