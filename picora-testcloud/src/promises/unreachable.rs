//! Servers that cannot be reached, or that cannot prove who they are.
//!
//! What is told says what is wrong and where, within the deadline; a stranger is told nothing.

use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use object_store::path::Path;
use object_store::{Error, ObjectStoreExt};
use picora_core::{Amount, StoreErrorKind};
use picora_storage::{Examine, Trouble};
use picora_tiering::{Guard, ObjectHeaders, Tier};

use super::{Opening, Store};
use crate::Cloud;
use crate::stranger::Stranger;

/// What bytes, tiers and an examination say of a server.
struct Told {
    bytes: Error,
    probed: StoreErrorKind,
    moved: StoreErrorKind,
    trouble: Trouble,
}

/// Asks a server for everything, with little patience.
async fn asked<S: Store + Examine>(
    start: impl Fn() -> Cloud,
    open: impl Fn(&Cloud, Opening) -> S,
    endpoint: String,
) -> Told {
    let cloud = start();
    let opening = Opening {
        endpoint,
        read_timeout: Duration::from_millis(300),
        budget: Duration::from_secs(2),
        ..Opening::of(&cloud)
    };
    let (store, path) = (open(&cloud, opening), Path::from("photo"));
    let guard = Guard {
        etag: "\"0\"".to_owned(),
        size: Amount::ZERO,
    };
    let headers = ObjectHeaders::default();
    let asking = async {
        Told {
            bytes: store.get(&path).await.unwrap_err(),
            probed: store.probe(&path).await.unwrap_err().kind(),
            moved: (store.set_tier(&path, Tier::Archive, &guard, &headers).await)
                .unwrap_err()
                .kind(),
            trouble: store.examine().await.unwrap_err(),
        }
    };
    let told = tokio::time::timeout(Duration::from_secs(60), asking).await;
    told.expect("four calls of two seconds end within a minute")
}

impl Told {
    /// Nothing was sent, and so nothing has happened.
    fn is_certain(&self) {
        assert_eq!(self.probed, StoreErrorKind::Unavailable);
        assert_eq!(self.moved, StoreErrorKind::Unavailable);
        assert!(
            matches!(self.bytes, Error::Generic { .. }),
            "{:?}",
            self.bytes
        );
    }

    fn names(&self, word: &str) {
        for told in [self.bytes.to_string(), self.trouble.to_string()] {
            assert!(told.contains(word), "{word} in: {told}");
        }
    }
}

pub async fn a_name_that_leads_nowhere_is_named<S: Store + Examine>(
    start: impl Fn() -> Cloud,
    open: impl Fn(&Cloud, Opening) -> S,
) {
    let host = "photos.picora.invalid"; // RFC 6761: no name server has it
    let told = asked(start, open, format!("https://{host}")).await;
    told.is_certain();
    told.names(host);
    assert!(
        matches!(&told.trouble, Trouble::NoSuchHost { host: named } if named == host),
        "{:?}",
        told.trouble
    );
}

pub async fn a_port_where_nobody_listens_is_named<S: Store + Examine>(
    start: impl Fn() -> Cloud,
    open: impl Fn(&Cloud, Opening) -> S,
) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    drop(listener);
    for scheme in ["http", "https"] {
        let told = asked(&start, &open, format!("{scheme}://{host}")).await;
        told.is_certain();
        told.names(&host);
        told.names("refused");
        assert!(
            matches!(&told.trouble, Trouble::Unreachable { .. }),
            "{:?}",
            told.trouble
        );
    }
}

/// Connections are taken, and nothing comes. What was sent may have been done.
pub async fn a_black_hole_is_left_within_the_deadline<S: Store + Examine>(
    start: impl Fn() -> Cloud,
    open: impl Fn(&Cloud, Opening) -> S,
) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let told = asked(start, open, format!("http://{host}")).await;
    told.names(&host);
    assert_eq!(told.probed, StoreErrorKind::Unavailable);
    assert_eq!(told.moved, StoreErrorKind::Unknown);
    assert!(
        matches!(&told.trouble, Trouble::Unreachable { .. }),
        "{:?}",
        told.trouble
    );
}

pub async fn a_certificate_that_nobody_vouches_for_is_not_believed<S: Store + Examine>(
    start: impl Fn() -> Cloud,
    open: impl Fn(&Cloud, Opening) -> S,
) {
    let stranger = Stranger::over_tls("localhost").await;
    let told = asked(start, open, stranger.url()).await;
    told.is_certain();
    told.names("localhost");
    told.names("certificate");
    assert!(
        matches!(&told.trouble, Trouble::Certificate { .. }),
        "{:?}",
        told.trouble
    );
    assert_eq!(stranger.heard(), 0);
}

pub async fn a_server_without_tls_is_not_believed<S: Store + Examine>(
    start: impl Fn() -> Cloud,
    open: impl Fn(&Cloud, Opening) -> S,
) {
    let plain = start();
    let url = plain.url().replace("http://", "https://");
    let told = asked(start, open, url).await;
    told.is_certain();
    assert!(
        matches!(&told.trouble, Trouble::Certificate { .. }),
        "{:?}",
        told.trouble
    );
    assert_eq!(plain.operations(), [""; 0]);
}

/// A certificate is trusted by this machine, and the server is not the one of whom it speaks.
///
/// Which certificates a process trusts is settled when it starts: this test starts itself again, with one more of them.
pub async fn a_certificate_of_another_host_is_not_believed<S: Store + Examine>(
    start: impl Fn() -> Cloud,
    open: impl Fn(&Cloud, Opening) -> S,
) {
    if let Ok(url) = std::env::var(ASKED) {
        let told = asked(start, open, url).await;
        println!("{:?}", told.trouble);
        return;
    }
    for (name, believed) in [("localhost", true), ("other.example", false)] {
        let stranger = Stranger::over_tls(name).await;
        let mut again = Command::new(std::env::current_exe().unwrap());
        again
            .args(["--exact", "--nocapture"])
            .arg("unreachable::a_certificate_of_another_host_is_not_believed")
            .env("SSL_CERT_FILE", stranger.certificate())
            .env(ASKED, stranger.url());
        let said = tokio::task::spawn_blocking(move || again.output().unwrap());
        let said = said.await.unwrap();
        let told = String::from_utf8_lossy(&said.stdout).into_owned();
        assert!(said.status.success(), "{told}");
        assert_eq!(told.contains("Certificate {"), !believed, "{told}");
        assert_eq!(told.contains("other.example"), !believed, "{told}");
        assert_eq!(stranger.heard() > 0, believed);
    }
}

const ASKED: &str = "PICORA_TEST_ASKED";
