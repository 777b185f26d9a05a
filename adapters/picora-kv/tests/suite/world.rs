//! What the tests share.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use picora_core::{AccountId, Amount, CalendarMonth, Clock, ManualClock, Timestamp};
use picora_kv::{KvConfig, KvEcho};
use picora_quota::conformance::echo::Place;
use picora_quota::echo::{Echo, EchoError, Snapshot};
use picora_testkit::Miniflare;
use tokio::runtime::Runtime;

use crate::edge::Edge;

pub(crate) fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new().unwrap())
}

pub(crate) fn run<F: Future>(future: F) -> F::Output {
    runtime().block_on(future)
}

/// A namespace, and an edge before it on the test's clock.
pub(crate) struct Namespace {
    pub(crate) id: String,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) edge: Edge,
}

impl Namespace {
    pub(crate) fn fresh() -> Self {
        run(Self::fresh_on_runtime())
    }

    pub(crate) async fn fresh_on_runtime() -> Self {
        let id = Miniflare::shared().fresh_namespace();
        let clock = Arc::new(ManualClock::at(noon_of_a_tenth()));
        let edge = Edge::before(Miniflare::shared().base(), clock.clone()).await;
        Self { id, clock, edge }
    }

    pub(crate) fn config(&self) -> KvConfig {
        self.at(self.edge.port())
    }

    /// The same on another port that leads there.
    pub(crate) fn at(&self, port: u16) -> KvConfig {
        let token = Miniflare::TOKEN.to_owned().into();
        let config = KvConfig::new(Miniflare::ACCOUNT, &self.id, token).unwrap();
        config.at(&picora_testkit::miniflare::base(port)).unwrap()
    }

    pub(crate) fn echo(&self) -> KvEcho {
        KvEcho::new(self.config(), writer()).unwrap()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// What stands there, and for how long from now; as KV itself says, without its edge.
    pub(crate) async fn raw(&self, key: &str) -> Option<(String, Option<Duration>)> {
        raw(&self.id, key, self.now()).await
    }

    pub(crate) fn snapshot(&self, account: u8, epoch: u64) -> Snapshot {
        snapshot(account, epoch, self.now())
    }
}

pub(crate) fn snapshot(account: u8, epoch: u64, now: Timestamp) -> Snapshot {
    let of = |n: u64| Amount::saturating(epoch * 100 + n);
    Snapshot {
        account: AccountId::from_bytes([account; 16]),
        epoch,
        as_of: now,
        month: CalendarMonth::of(now),
        image_storage: of(1),
        video_storage: of(2),
        audio_storage: of(3),
        documents: of(4),
        image_bandwidth: of(5),
        video_bandwidth: of(6),
        audio_bandwidth: of(7),
        video_status: if epoch.is_multiple_of(2) {
            "degraded"
        } else {
            "ok"
        },
    }
}

pub(crate) async fn raw(
    namespace: &str,
    key: &str,
    now: Timestamp,
) -> Option<(String, Option<Duration>)> {
    let base = Miniflare::shared().base();
    let account = Miniflare::ACCOUNT;
    let url = format!("{base}/accounts/{account}/storage/kv/namespaces/{namespace}/values/{key}");
    static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();
    let client = || reqwest::Client::builder().no_proxy().build().unwrap();
    let asked = CLIENT
        .get_or_init(client)
        .get(url)
        .bearer_auth(Miniflare::TOKEN)
        .send();
    let response = asked.await.unwrap();
    if response.status() == 404 {
        return None;
    }
    assert_eq!(response.status(), 200);
    let ends = response.headers().get("expiration");
    let ends: Option<i64> = ends.map(|it| it.to_str().unwrap().parse().unwrap());
    let life = ends.map(|it| Timestamp::from_unix_seconds(it).saturating_since(now));
    Some((response.text().await.unwrap(), life))
}

/// What an echo's refusal says: its kind, and in how many seconds to come back.
pub(crate) fn told(
    error: &EchoError,
    now: Timestamp,
) -> (picora_core::StoreErrorKind, Option<u64>) {
    let said = format!("{error} {error:?}");
    assert!(!said.contains("picora-test-token"), "{said}");
    let until = error
        .not_before
        .map(|it| it.saturating_since(now).as_secs());
    (error.error.kind(), until)
}

/// In a month that has not begun, so that ends in the test's time are in KV's future, too; and away from both ends of it.
fn noon_of_a_tenth() -> Timestamp {
    let next = CalendarMonth::of(CalendarMonth::of(wall()).end());
    next.start()
        .saturating_add(Duration::from_secs(9 * 86_400 + 43_200))
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test is a shell: KV counts by its own clock"
)]
pub(crate) fn wall() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Timestamp::from_unix_micros(since.unwrap().as_micros().try_into().unwrap())
}

/// KV itself, by the wall's clock, and as much more as nobody has waited for.
#[derive(Debug)]
pub(crate) struct Itself {
    pub(crate) namespace: String,
    pub(crate) skipped: ManualClock,
}

#[async_trait]
impl Place for Itself {
    fn now(&self) -> Timestamp {
        let skipped = self.skipped.now().saturating_since(Timestamp::EPOCH);
        wall().saturating_add(skipped)
    }

    /// KV counts lives in seconds; only whom that concerns really waits.
    async fn pass(&self, span: Duration) {
        if span > Duration::from_secs(2) {
            tokio::time::sleep(span).await;
        } else {
            self.skipped.advance(span);
        }
    }

    async fn raw(&self, key: &str) -> Option<(String, Option<Duration>)> {
        raw(&self.namespace, key, wall()).await
    }

    async fn empty(&self) {
        let _ = Miniflare::shared().wipe(&self.namespace);
    }
}

impl std::fmt::Debug for Namespace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Namespace({})", self.id)
    }
}

#[async_trait]
impl Place for Namespace {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn pass(&self, span: Duration) {
        self.clock.advance(span);
    }

    async fn raw(&self, key: &str) -> Option<(String, Option<Duration>)> {
        Self::raw(self, key).await
    }

    async fn empty(&self) {
        let _ = Miniflare::shared().wipe(&self.id);
    }
}

/// Another number for each echo.
pub(crate) fn writer() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// For a [`World`](picora_quota::conformance::echo::World).
pub(crate) fn shared(config: KvConfig) -> Arc<dyn Echo> {
    Arc::new(KvEcho::new(config, writer()).unwrap())
}
