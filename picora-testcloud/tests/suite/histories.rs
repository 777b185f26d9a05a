//! The same histories before the emulator and before moto: puts, reads, ranges, conditions, copies, moves between classes, lists and
//! uploads in parts, drawn by seeds.

use std::collections::BTreeMap;

use http::Method;
use picora_core::{Entropy, SeededEntropy};
use picora_testcloud::{Cloud, Vendor};
use picora_testkit::Moto;

use crate::asked::{Asked, Seen, Server};

const HISTORIES: u64 = 8;
const STEPS: usize = 50;

/// What is done, maybe by more requests than one.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Ask(Asked),
    /// All pages of a list.
    List(Asked),
    /// An upload of these parts, completed or aborted, and what is there then.
    Upload(Asked, Vec<Vec<u8>>, bool),
}

#[tokio::test]
async fn moto_remembers_the_same_of_the_same_history() {
    let (cloud, moto) = (Cloud::start(Vendor::R2), Moto::start());
    let (ours, other) = (Server::at(cloud.url()), Server::at(moto.url()));
    let made = other.ask(&Asked::new(Method::PUT, "")).await;
    assert!(made.status.is_success(), "{made:?}");
    let mut seen = BTreeMap::new();
    for seed in 0..HISTORIES {
        let history = History::new(seed);
        let opening = (seed == 0).then(|| history.opening());
        let mut opening = opening.into_iter().flatten();
        for _ in 0..STEPS {
            let step = match opening.next() {
                Some(step) => step,
                None => history.next(&ours).await,
            };
            let (answers, others) = (done(&ours, &step).await, done(&other, &step).await);
            assert_eq!(answers, others, "history {seed}: {step:?}");
            for answer in answers {
                *seen.entry(answer.status.as_u16()).or_insert(0) += 1;
            }
        }
    }
    for status in [200, 204, 206, 304, 400, 404, 412, 416] {
        assert!(seen.contains_key(&status), "no {status} among {seen:?}");
    }
    assert_eq!(cloud.surprises(), Vec::<String>::new());
}

pub(crate) async fn done(server: &Server, step: &Step) -> Vec<Seen> {
    match step {
        Step::Ask(asked) => vec![server.ask(asked).await],
        Step::List(asked) => listed(server, asked).await,
        Step::Upload(asked, parts, complete) => uploaded(server, asked, parts, *complete).await,
    }
}

async fn listed(server: &Server, asked: &Asked) -> Vec<Seen> {
    let mut pages = Vec::new();
    let mut next = asked.clone();
    loop {
        let (_, _, body) = server.raw(&next).await;
        pages.push(server.ask(&next).await);
        match text(&body, "ListBucketResult/NextContinuationToken") {
            Some(token) => next = asked.clone().query("continuation-token", token),
            None => return pages,
        }
    }
}

async fn uploaded(server: &Server, asked: &Asked, parts: &[Vec<u8>], complete: bool) -> Vec<Seen> {
    let (status, _, body) = server.raw(&asked.clone().query("uploads", "")).await;
    assert!(status.is_success(), "{body:?}");
    let id = text(&body, "InitiateMultipartUploadResult/UploadId").unwrap();
    let within = |method| Asked::new(method, &asked.key).query("uploadId", &id);
    let (mut answers, mut document) = (Vec::new(), String::new());
    for (number, part) in (1..).zip(parts) {
        let put = within(Method::PUT).query("partNumber", number.to_string());
        let answer = server.ask(&put.body(part.clone())).await;
        let etag = &answer.headers["etag"];
        document.push_str(&format!(
            "<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
        ));
        answers.push(answer);
    }
    let last = if complete {
        let document = format!("<CompleteMultipartUpload>{document}</CompleteMultipartUpload>");
        within(Method::POST).body(document)
    } else {
        within(Method::DELETE)
    };
    answers.push(server.ask(&last).await);
    answers.push(server.ask(&Asked::new(Method::HEAD, &asked.key)).await);
    answers
}

fn text(document: &[u8], path: &str) -> Option<String> {
    let texts = picora_testcloud::xml::texts(document)?;
    texts
        .into_iter()
        .find(|(it, _)| it == path)
        .map(|(_, text)| text)
}

/// Draws what is done next.
struct History {
    dice: SeededEntropy,
    seed: u64,
}

impl History {
    const fn new(seed: u64) -> Self {
        Self {
            dice: SeededEntropy::new(seed),
            seed,
        }
    }

    fn below(&self, count: usize) -> usize {
        let mut bytes = [0; 8];
        self.dice.fill(&mut bytes);
        usize::try_from(u64::from_le_bytes(bytes) % count as u64).unwrap()
    }

    fn pick<'p>(&self, of: &[&'p str]) -> &'p str {
        of[self.below(of.len())]
    }

    fn chance(&self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// Each history has its own keys.
    fn key(&self) -> String {
        format!("{}/{}", self.seed, self.pick(KEYS))
    }

    /// An object of parts that moves to the other class, and so gets another name.
    fn opening(&self) -> [Step; 2] {
        let key = format!("{}/a", self.seed);
        let source = format!("photos/{key}");
        let parts = vec![vec![b'p'; SMALLEST], b"end".to_vec()];
        let begin = Asked::new(Method::POST, &key).header("content-type", "image/png");
        let move_it = Asked::new(Method::PUT, &key)
            .header("-copy-source", source)
            .header("-storage-class", "STANDARD_IA");
        [Step::Upload(begin, parts, true), Step::Ask(move_it)]
    }

    /// The next step; it may depend on what lies there.
    async fn next(&self, server: &Server) -> Step {
        let key = self.key();
        let there = server.ask(&Asked::new(Method::HEAD, &key)).await;
        match self.below(100) {
            0..28 => Step::Ask(self.put(&key, &there)),
            28..50 => Step::Ask(self.read(&key, &there)),
            50..72 => Step::Ask(self.copy(&key, &there)),
            72..84 => Step::List(self.list()),
            84..88 => Step::Ask(Asked::new(Method::DELETE, &key)),
            88..91 => Step::Ask(self.delete_many()),
            _ => self.upload(&key),
        }
    }

    fn put(&self, key: &str, there: &Seen) -> Asked {
        let mut put = self.described(Asked::new(Method::PUT, key));
        put.body = format!("{} {}", self.pick(BODIES), self.below(5)).into();
        if self.chance(20) {
            put = put.header("if-none-match", "*");
        } else if let Some(etag) = there.headers.get("etag").filter(|_| self.chance(25)) {
            let other = "\"00000000000000000000000000000000\"".to_owned();
            put = put.header(
                "if-match",
                if self.chance(50) { etag.clone() } else { other },
            );
        }
        put
    }

    /// With headers and a class, or without.
    fn described(&self, asked: Asked) -> Asked {
        let mut asked = asked.header(
            "content-type",
            self.pick(&["image/png", "text/plain; charset=utf-8"]),
        );
        if self.chance(50) {
            asked = asked.header(
                "cache-control",
                self.pick(&["max-age=60, public", "no-store"]),
            );
        }
        if self.chance(30) {
            asked = asked.header("content-disposition", "inline; filename=\"cat.png\"");
        }
        if self.chance(50) {
            asked = asked.header("-meta-owner", self.pick(&["acc_1", "a/b+c=="]));
        }
        if self.chance(50) {
            asked = asked.header("-storage-class", self.pick(CLASSES));
        }
        asked
    }

    fn read(&self, key: &str, there: &Seen) -> Asked {
        let mut read = Asked::new(
            if self.chance(70) {
                Method::GET
            } else {
                Method::HEAD
            },
            key,
        );
        if read.method == Method::GET && self.chance(50) {
            read = read.header("range", self.pick(RANGES));
        } else if self.chance(50) {
            let other = "\"00000000000000000000000000000000\"";
            let etag = there.headers.get("etag").map_or(other, String::as_str);
            let name = ["if-match", "if-none-match"][self.below(2)];
            read = read.header(name, self.pick(&[etag, other]));
        }
        read
    }

    fn copy(&self, key: &str, there: &Seen) -> Asked {
        let to = if self.chance(40) {
            key.to_owned()
        } else {
            self.key()
        };
        let source = picora_sign::encode::path(&format!("photos/{key}"));
        let copy = Asked::new(Method::PUT, &to).header("-copy-source", source);
        let replaces = self.chance(40);
        let copy = if replaces {
            self.described(copy)
                .header("-metadata-directive", "REPLACE")
        } else {
            copy
        };
        let named = copy
            .headers
            .iter()
            .any(|(name, _)| *name == "-storage-class");
        let colder = there.headers.contains_key("x-amz-storage-class");
        if to == key && !replaces && self.chance(80) {
            return copy.header("-storage-class", CLASSES[usize::from(!colder)]);
        }
        if to == key || named || self.chance(50) {
            return copy;
        }
        copy.header("-storage-class", self.pick(CLASSES))
    }

    fn list(&self) -> Asked {
        let mut list = Asked::new(Method::GET, "").query("list-type", "2");
        let folder = self.pick(&["", "folder/", "f", "nothing"]);
        list = list.query("prefix", format!("{}/{folder}", self.seed));
        if self.chance(50) {
            list = list.query("delimiter", "/");
        }
        if self.chance(60) {
            list = list.query("max-keys", self.pick(&["1", "2", "3", "1000"]));
        }
        if self.chance(20) {
            list = list.query("start-after", self.key());
        }
        list
    }

    fn delete_many(&self) -> Asked {
        let keys = (0..3).map(|_| {
            format!(
                "<Object><Key>{}</Key></Object>",
                picora_testcloud::xml::escaped(&self.key())
            )
        });
        let document = format!("<Delete>{}</Delete>", keys.collect::<String>());
        let checksum = picora_testcloud::checksum::Algorithm::Sha256.text_of(document.as_bytes());
        Asked::new(Method::POST, "")
            .query("delete", "")
            .header("-checksum-sha256", checksum)
            .body(document)
    }

    fn upload(&self, key: &str) -> Step {
        let asked = self.described(Asked::new(Method::POST, key));
        let parts = match self.below(16) {
            0 => vec![vec![b'p'; SMALLEST], vec![b'q'; SMALLEST], b"end".to_vec()],
            1 => vec![b"too small".to_vec(), b"end".to_vec()],
            _ => vec![self.pick(BODIES).as_bytes().to_vec()],
        };
        Step::Upload(asked, parts, self.chance(80))
    }
}

const KEYS: &[&str] = &[
    "a",
    "b c+d",
    "folder/x",
    "folder/猫.png",
    "folder/deeper/y",
    "f&<g>",
    "%2F'~",
];
const BODIES: &[&str] = &["0123456789", "", "猫", "<a>no document"];
const CLASSES: &[&str] = &["STANDARD", "STANDARD_IA"];
const RANGES: &[&str] = &[
    "bytes=0-3",
    "bytes=2-",
    "bytes=-4",
    "bytes=1-1000",
    "bytes=1000-",
    "bytes=x",
];
/// The bytes that every part but the last has at least.
pub(crate) const SMALLEST: usize = 5 << 20;
