use crate::leftovers::assert_gone;
use picora_testkit::{Orders, SmtpSink, SmtpSinkOptions};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

/// Speaks the lines in turn, and answers the code of the last reply; none when the connection ended.
fn speak(sink: &SmtpSink, lines: &[&str]) -> Option<String> {
    let mut client = TcpStream::connect(("127.0.0.1", sink.port())).unwrap();
    let mut replies = BufReader::new(client.try_clone().unwrap());
    let mut last = reply(&mut replies);
    for line in lines {
        client.write_all(line.as_bytes()).unwrap();
        client.write_all(b"\r\n").unwrap();
        last = reply(&mut replies);
    }
    last
}

fn reply(replies: &mut impl BufRead) -> Option<String> {
    loop {
        let mut line = String::new();
        if replies.read_line(&mut line).unwrap_or(0) == 0 {
            return None;
        }
        if line.as_bytes().get(3) == Some(&b' ') {
            return Some(line[..3].to_owned());
        }
    }
}

const TO: [&str; 3] = [
    "EHLO test",
    "MAIL FROM:<a@b.example>",
    "RCPT TO:<c@d.example>",
];
const MAIL: &str = "Subject: =?utf-8?b?4oCU?= x\r\n\r\nbody\r\n.";

fn mail(sink: &SmtpSink) -> Option<String> {
    speak(sink, &[&TO[..], &["DATA", MAIL]].concat())
}

fn ordered(orders: Orders) -> SmtpSink {
    let sink = SmtpSink::start();
    sink.order(&orders);
    sink
}

#[test]
fn it_keeps_what_it_accepts_as_it_came_and_as_it_reads() {
    let sink = SmtpSink::start();
    assert_eq!(mail(&sink).as_deref(), Some("250"));
    assert_eq!(mail(&sink).as_deref(), Some("250"));
    let mails = sink.mails();
    assert_eq!(mails.len(), 2);
    assert_eq!(mails[1].header("subject"), ["— x"]);
    assert_eq!(
        (mails[1].text.as_str(), mails[1].sender.as_str()),
        ("body\r\n", "a@b.example")
    );
    assert!(mails[1].raw.starts_with(b"Subject: =?utf-8?b?4oCU?= x\r\n"));
}

#[test]
fn it_refuses_defers_and_hangs_up_as_told_and_stops_when_told() {
    let address = || vec!["c@d.example".to_owned()];
    let refusing = ordered(Orders {
        refuse: address(),
        ..Orders::default()
    });
    assert_eq!(speak(&refusing, &TO).as_deref(), Some("550"));
    let deferring = ordered(Orders {
        defer: address(),
        ..Orders::default()
    });
    assert_eq!(speak(&deferring, &TO).as_deref(), Some("451"));
    let answer = "554 5.7.1 no".to_owned();
    let answering = ordered(Orders {
        answer,
        ..Orders::default()
    });
    assert_eq!(mail(&answering).as_deref(), Some("554"));
    assert!(answering.mails().is_empty());
    let hanging_up = ordered(Orders {
        hang_up: true,
        ..Orders::default()
    });
    assert_eq!(mail(&hanging_up), None);
    assert_eq!(hanging_up.mails().len(), 1);
    hanging_up.order(&Orders::default());
    assert_eq!(mail(&hanging_up).as_deref(), Some("250"));
}

#[test]
fn it_wants_a_user_when_set_up_so() {
    let sink = SmtpSink::start_with(&SmtpSinkOptions {
        sign_in: Some(("u".to_owned(), "p".to_owned())),
        ..SmtpSinkOptions::default()
    });
    assert_eq!(speak(&sink, &TO).as_deref(), Some("530"));
    let right = ["EHLO test", "AUTH PLAIN AHUAcA=="]; // \0u\0p
    assert_eq!(speak(&sink, &right).as_deref(), Some("235"));
    let wrong = ["EHLO test", "AUTH PLAIN AHUAcQ=="];
    assert_eq!(speak(&sink, &wrong).as_deref(), Some("535"));
}

#[test]
fn dropping_leaves_nothing() {
    let sink = SmtpSink::start();
    let (id, folder) = (sink.id().unwrap(), sink.folder().to_owned());
    drop(sink);
    assert_gone(id, &folder);
}
