use proptest::prelude::*;

use super::*;
use crate::link::Link;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_608_000); // 2026-11-25

fn from() -> Mailbox {
    "Picora <no-reply@picora.example>".parse().unwrap()
}

fn written(email: &Email) -> String {
    String::from_utf8(write(email, &from(), NOW).unwrap()).unwrap()
}

/// The names of the headers, in order; a line that begins with a space goes on with the one before.
fn names(message: &str) -> Vec<String> {
    let (head, _) = message.split_once("\r\n\r\n").unwrap();
    let lines = head.split("\r\n").filter(|it| !it.starts_with([' ', '\t']));
    let name = |line: &str| line.split(':').next().unwrap().to_owned();
    lines.map(name).collect()
}

#[test]
fn a_repeat_has_the_same_id_and_another_mail_has_not() {
    let id = |key: &str| {
        let mail = Email::new(key, "a@example.org", "s", "t", "h").unwrap();
        let text = written(&mail);
        let line = text.lines().find(|it| it.starts_with("Message-ID: "));
        line.unwrap().to_owned()
    };
    assert_eq!(id("a"), id("a"));
    assert_ne!(id("a"), id("b"));
    let forged = id("a>\r\nBcc: <b@example.org");
    assert!(forged.ends_with("@picora.example>"), "{forged}");
}

#[test]
fn a_mail_is_seven_bit_in_short_lines_and_dated_by_the_clock() {
    let link = Link::new(format!("https://a.example/{}", "x".repeat(880))).unwrap();
    let mail = Email::new(
        "k",
        "a@example.org",
        "Grüße — 图片",
        "äöü\n".repeat(9),
        "<p>—</p>",
    );
    let text = written(&mail.unwrap().with_unsubscribe(link));
    assert!(text.is_ascii());
    assert!(text.lines().all(|line| line.len() <= 998));
    assert!(!text.replace("\r\n", "").contains(['\r', '\n']));
    assert!(text.contains("\r\nDate: Wed, 25 Nov 2026 "), "{text}");
}

/// Texts that break lines about as often as not.
fn nasty() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[ -~]{0,30}",
        2 => "[—é图\u{85}\u{2028}\t]{1,4}",
        1 => Just("\r\nBcc: victim@example.org".to_owned()),
        1 => Just("\n\nbody".to_owned()),
        1 => Just("\rX-A: b".to_owned()),
    ];
    prop::collection::vec(piece, 0..3).prop_map(|pieces| pieces.concat())
}

proptest! {
    /// Whatever is put in: either it is refused, or the message has exactly the headers that it should.
    #[test]
    fn no_input_adds_a_header(
        key in nasty(), local in nasty(), subject in nasty(), text in nasty(), html in nasty(), path in nasty(), tag in nasty(),
        plain in any::<bool>(),
    ) {
        let to = if plain { "a@example.org".to_owned() } else { format!("{local}@example.org") };
        let Ok(mut email) = Email::new(key, &to, subject.as_str(), text, html) else { return Ok(()) };
        let mut expected = vec!["From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "Auto-Submitted"];
        if let Ok(tagged) = email.clone().with_tag(tag) {
            email = tagged;
            expected.push("X-Picora-Alert");
        }
        if let Ok(link) = Link::new(format!("https://a.example/{path}")) {
            email = email.with_unsubscribe(link);
            expected.extend(["List-Unsubscribe", "List-Unsubscribe-Post"]);
        }
        let mut found = names(&written(&email));
        found.sort();
        expected.sort_unstable();
        prop_assert_eq!(found, expected);
    }
}
