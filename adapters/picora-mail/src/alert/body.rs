//! The two bodies of an alert, which say the same.

use std::fmt::Write as _;

use super::AlertLinks;
use crate::link::Link;

/// What both bodies say.
pub(super) struct Page<'a> {
    pub(super) subject: &'a str,
    pub(super) paragraphs: Vec<&'a String>,
    pub(super) links: &'a AlertLinks,
    pub(super) unsubscribe: Option<&'a Link>,
}

impl Page<'_> {
    pub(super) fn text(&self) -> String {
        let mut text = format!("{}\n", self.subject);
        for paragraph in &self.paragraphs {
            line(&mut text, format_args!("\n{paragraph}\n"));
        }
        for (label, link) in self.actions() {
            line(&mut text, format_args!("\n{label}:\n{}\n", link.as_str()));
        }
        line(&mut text, format_args!("\n-- \n{FOOTER} {}\n", self.why()));
        if let Some(link) = self.unsubscribe {
            line(
                &mut text,
                format_args!("{UNSUBSCRIBE}: {}\n", link.as_str()),
            );
        }
        text
    }

    /// One column that a screen reader reads in order: language, title, one heading, links that say where they lead, no pictures.
    pub(super) fn html(&self) -> String {
        let subject = escape(self.subject);
        let mut html = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{subject}</title>\n</head>\n<body style=\"{BODY}\">\n<main>\n<h1 style=\"{HEADING}\">{subject}</h1>\n"
        );
        for paragraph in &self.paragraphs {
            line(&mut html, format_args!("<p>{}</p>\n", escape(paragraph)));
        }
        html.push_str("<ul>\n");
        for (label, link) in self.actions() {
            line(
                &mut html,
                format_args!("<li>{}</li>\n", anchor(link, label)),
            );
        }
        let why = self.why();
        line(
            &mut html,
            format_args!("</ul>\n</main>\n<p style=\"{SMALL}\">{FOOTER} {why}"),
        );
        if let Some(link) = self.unsubscribe {
            line(&mut html, format_args!(" {}", anchor(link, UNSUBSCRIBE)));
        }
        html.push_str("</p>\n</body>\n</html>\n");
        html
    }

    const fn actions(&self) -> [(&'static str, &Link); 3] {
        [
            ("Move to a larger plan", &self.links.upgrade),
            ("Open the billing portal", &self.links.billing),
            ("Read how to use less", &self.links.saving_tips),
        ]
    }

    const fn why(&self) -> &'static str {
        if self.unsubscribe.is_some() {
            OPTIONAL
        } else {
            MANDATORY
        }
    }
}

fn anchor(link: &Link, label: &str) -> String {
    let address = escape(link.as_str());
    format!(
        "<a href=\"{address}\" style=\"{LINK}\">{}</a>",
        escape(label)
    )
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for it in text.chars() {
        match it {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(it),
        }
    }
    escaped
}

fn line(text: &mut String, more: std::fmt::Arguments<'_>) {
    text.write_fmt(more).expect("a String takes any text");
}

const FOOTER: &str = "Picora sends this once per threshold.";
const OPTIONAL: &str = "You can turn such early notices off in your profile under Notifications.";
const MANDATORY: &str = "It concerns your service and cannot be turned off.";
const UNSUBSCRIBE: &str = "Turn early notices off";

/// Both greys and the blue have a contrast of more than 7 : 1 on white (WCAG AAA).
const BODY: &str = "margin:0 auto;max-width:36em;padding:24px;background:#ffffff;color:#1f1f1f;font:16px/1.5 sans-serif";
const HEADING: &str = "font-size:22px;line-height:1.3";
const LINK: &str = "color:#0b3fa8;text-decoration:underline";
const SMALL: &str = "color:#4a4a4a;font-size:14px";
