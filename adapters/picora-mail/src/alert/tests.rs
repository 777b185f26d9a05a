use super::*;

fn links() -> AlertLinks {
    let link = |path: &str| Link::new(format!("https://picora.example/{path}?a=1&b='2'")).unwrap();
    AlertLinks {
        upgrade: link("upgrade"),
        billing: link("billing"),
        saving_tips: link("tips"),
        unsubscribe: Some(link("unsubscribe")),
    }
}

fn alert(dimension: Dimension, permille: u16, links: &AlertLinks) -> Result<Email, AlertError> {
    let month = CalendarMonth::parse("2026-11").map(Window::Month);
    let window = match dimension.measure() {
        Measure::PerMonth => month.unwrap(),
        Measure::PerDay => Window::parse("2026-11-25").unwrap(),
        Measure::Gauge | Measure::PerItem => Window::Always,
    };
    let mail = AlertMail {
        dimension,
        permille,
        used: Amount::from(88_080_384),
        limit: Amount::from(104_857_600),
        window,
        links,
        key: "key",
    };
    mail.render("a@example.org")
}

#[test]
fn there_are_twelve_alerts_with_these_subjects_and_no_other() {
    let labels = [
        (Dimension::ImgStorage, "image storage"),
        (Dimension::ImgBandwidth, "image bandwidth"),
        (Dimension::MediaStorage, "media storage"),
        (Dimension::MediaBandwidth, "video bandwidth"),
        (Dimension::DocCount, "documents"),
    ];
    let mut found = 0;
    for dimension in Dimension::ALL {
        let label = labels.iter().find(|(it, _)| *it == dimension);
        for permille in 0..=2_000 {
            let video = dimension == Dimension::MediaBandwidth;
            let expected = match (label, permille, video) {
                (Some((_, label)), 800, _) => {
                    format!("Picora — heads up: 80% of your {label} used")
                }
                (Some(_), 1000, _) => "Picora — quota exhausted, action needed".to_owned(),
                (_, 1100, true) => "Picora — your video bandwidth is exceeded".to_owned(),
                (_, 1200, true) => "Picora — video playback suspended".to_owned(),
                _ => {
                    let none = alert(dimension, permille, &links()).unwrap_err();
                    let why = AlertError::NoSuchAlert {
                        dimension,
                        permille,
                    };
                    assert_eq!(none, why);
                    continue;
                }
            };
            found += 1;
            let mail = alert(dimension, permille, &links()).unwrap();
            assert_eq!(mail.subject().as_bytes(), expected.as_bytes());
            assert!(mail.subject().starts_with("Picora \u{2014} "));
        }
    }
    assert_eq!(found, 12);
}

#[test]
fn both_bodies_carry_numbers_month_and_links() {
    let mail = alert(Dimension::MediaBandwidth, 1_100, &links()).unwrap();
    for body in [mail.text(), mail.html()] {
        for said in [
            "84 MB",
            "100 MB",
            "110%",
            "in November 2026",
            "on 1 December 2026",
        ] {
            assert!(body.contains(said), "{said}: {body}");
        }
    }
    for path in ["upgrade", "billing", "tips"] {
        let address = format!("https://picora.example/{path}?a=1&b='2'");
        assert!(mail.text().contains(&address));
        let escaped = address.replace('&', "&amp;").replace('\'', "&#39;");
        assert!(
            mail.html().contains(&format!("href=\"{escaped}\"")),
            "{}",
            mail.html()
        );
    }
    assert_eq!(mail.tag(), Some("media_bandwidth/110/2026-11"));
}

#[test]
fn what_is_stored_names_no_month() {
    let mail = alert(Dimension::DocCount, 1_000, &links()).unwrap();
    assert_eq!(mail.tag(), Some("doc_count/100/always"));
    assert!(
        mail.text()
            .contains("88080384 of the 104857600 of documents")
    );
    assert!(!mail.text().contains("UTC") && !mail.text().contains("2026"));
}

#[test]
fn only_the_early_notice_can_be_turned_off_and_it_must_say_where() {
    for dimension in [Dimension::ImgStorage, Dimension::MediaBandwidth] {
        for permille in [800, 1_000, 1_100, 1_200] {
            let Ok(mail) = alert(dimension, permille, &links()) else {
                continue;
            };
            let early = permille == 800;
            assert_eq!(mail.unsubscribe().is_some(), early);
            for body in [mail.text(), mail.html()] {
                assert_eq!(body.contains("picora.example/unsubscribe"), early);
                assert_eq!(body.contains("cannot be turned off"), !early);
            }
        }
    }
    let mut none = links();
    none.unsubscribe = None;
    let early = alert(Dimension::ImgStorage, 800, &none);
    assert_eq!(early.unwrap_err(), AlertError::NoUnsubscribe);
    assert!(alert(Dimension::ImgStorage, 1_000, &none).is_ok());
}

#[test]
fn the_page_is_one_that_can_be_read_aloud() {
    let mail = alert(Dimension::ImgBandwidth, 800, &links()).unwrap();
    let html = mail.html();
    for once in [
        "<html lang=\"en\">",
        "<title>",
        "<h1",
        "<main>",
        "charset=\"utf-8\"",
    ] {
        assert_eq!(html.matches(once).count(), 1, "{once}");
    }
    assert!(!html.contains("<img") && !html.contains("<script") && !html.contains("url("));
    for tag in [
        "html", "head", "title", "body", "main", "h1", "p", "ul", "li", "a",
    ] {
        let opened =
            html.matches(&format!("<{tag}>")).count() + html.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, html.matches(&format!("</{tag}>")).count(), "{tag}");
    }
}

#[test]
fn a_window_of_another_kind_is_an_error() {
    let links = links();
    let mail = AlertMail {
        dimension: Dimension::ImgStorage,
        permille: 1_000,
        used: Amount::ONE,
        limit: Amount::ONE,
        window: Window::parse("2026-11").unwrap(),
        links: &links,
        key: "key",
    };
    let wrong = mail.render("a@example.org").unwrap_err();
    assert_eq!(wrong, AlertError::WrongWindow(Dimension::ImgStorage));
}

#[test]
fn months_have_names() {
    for (written, said) in [("2026-01", "January 2026"), ("2027-12", "December 2027")] {
        assert_eq!(name(CalendarMonth::parse(written).unwrap()), said);
    }
    let leap = CalendarMonth::parse("2028-02").unwrap().end();
    assert_eq!(date(leap), "1 March 2028");
}
