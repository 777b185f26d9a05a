//! A server of a test's own, in this process, on a free port and on a clock that the test moves.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use picora_core::{AccountId, ManualClock, PlanId, Timestamp};
use picora_media::{AuditEntry, Role};
use picora_server::app::App;
use picora_server::config::Config;
use picora_server::serve;
use picora_server::system::SystemEntropy;
use reqwest::multipart::{Form, Part};
use reqwest::{Client, Method, RequestBuilder};
use tempfile::TempDir;
use tokio::sync::watch;

use crate::answer::Answer;
use crate::sky::OWNER;

/// The server, its clock, and a client. It ends with this value.
pub(crate) struct World {
    pub(crate) app: Arc<App>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) client: Client,
    pub(crate) address: SocketAddr,
    _stop: watch::Sender<bool>,
    _folder: TempDir,
}

/// An account and a key of it.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) id: AccountId,
    pub(crate) secret: String,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// A server whose configuration is changed first.
    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::assembled(change, |_| {}).await
    }

    /// A server whose configuration is changed first, and then its parts.
    pub(crate) async fn assembled(
        change: impl FnOnce(&mut Config),
        replace: impl FnOnce(&mut App),
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = serve::listen(any).await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut config = Config {
            listen: address,
            data_dir: folder.path().join("data"),
            ..Config::default()
        };
        change(&mut config);
        let clock = Arc::new(ManualClock::at(START));
        let opened = App::open(config, clock.clone(), Arc::new(SystemEntropy)).await;
        let mut app = opened.unwrap();
        replace(Arc::get_mut(&mut app).unwrap());
        let (stop, stopping) = watch::channel(false);
        tokio::spawn(serve::serve(app.clone(), listener, stopping));
        Self {
            app,
            clock,
            client: Client::new(),
            address,
            _stop: stop,
            _folder: folder,
        }
    }

    /// A server whose plans are the shipped ones with some lines replaced.
    pub(crate) async fn with_plans(changes: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut plans = SHIPPED_PLANS.to_owned();
        for (line, other) in changes {
            assert!(plans.contains(line), "{line}");
            plans = plans.replacen(line, other, 1);
        }
        let file = folder.path().join("plans.toml");
        std::fs::write(&file, plans).unwrap();
        Self::with(|config| config.plans.file = Some(file)).await
    }

    pub(crate) async fn account(&self, plan: PlanId) -> Account {
        let (plan, most) = (self.app.plans.plan(plan), self.app.config.uploads.max_open);
        let id = self.app.media.open_account(plan, most).await.unwrap().id;
        let secret = self.key(id).await;
        Account { id, secret }
    }

    pub(crate) async fn trial(&self) -> Account {
        self.account(PlanId::Trial).await
    }

    pub(crate) async fn admin(&self) -> Account {
        let account = self.trial().await;
        let audit = AuditEntry {
            actor: None,
            action: "grant_admin",
            subject: account.id.to_string(),
            reason: "a test".to_owned(),
            at: START,
        };
        let changed = self.app.media.change_role(account.id, Role::Admin, &audit);
        assert!(changed.await.unwrap());
        account
    }

    /// One more key of an account.
    pub(crate) async fn key(&self, account: AccountId) -> String {
        let (_, secret) = self.app.media.issue_key(account, "a test").await.unwrap();
        secret.reveal().to_owned()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("http://{}{path}", self.address)
        }
    }

    pub(crate) fn anyone(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(path))
    }

    pub(crate) fn request(&self, by: &Account, method: Method, path: &str) -> RequestBuilder {
        self.anyone(method, path).bearer_auth(&by.secret)
    }

    pub(crate) async fn get(&self, by: &Account, path: impl AsRef<str>) -> Answer {
        Answer::to(self.request(by, Method::GET, path.as_ref())).await
    }

    pub(crate) async fn delete(&self, by: &Account, path: impl AsRef<str>) -> Answer {
        Answer::to(self.request(by, Method::DELETE, path.as_ref())).await
    }

    pub(crate) async fn upload(&self, by: &Account, path: &str, file: Vec<u8>) -> Answer {
        Answer::to(self.uploading(by, path, file)).await
    }

    pub(crate) fn uploading(&self, by: &Account, path: &str, file: Vec<u8>) -> RequestBuilder {
        let part = Part::bytes(file).file_name("a file");
        let form = Form::new().part("file", part);
        self.request(by, Method::POST, path).multipart(form)
    }

    /// The `data` of the usage answer.
    pub(crate) async fn usage(&self, by: &Account) -> serde_json::Value {
        self.get(by, "/v1/user/me/usage").await.data()
    }

    /// Lets the rate limits of the account be whole again.
    pub(crate) fn a_minute_passes(&self) {
        self.clock.advance(Duration::from_secs(60));
    }

    /// What the ledger, the catalogue and the folder hold of uploads that did not come to their end: nothing, within moments.
    pub(crate) async fn nothing_is_left(&self, of: &Account) {
        let mut left = self.left(of).await;
        for _ in 0..100 {
            if left.is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            left = self.left(of).await;
        }
        panic!("left behind: {left:?}");
    }

    async fn left(&self, of: &Account) -> Vec<String> {
        let store = self.app.media.store();
        let lines = store.usage(of.id, picora_core::Clock::now(&*self.clock));
        let held = lines.await.unwrap().into_iter().filter_map(|line| {
            let (used, reserved) = (line.cell.used.get(), line.cell.reserved.get());
            (used + reserved > 0)
                .then(|| format!("{:?}: {used} used, {reserved} reserved", line.dimension))
        });
        let intents = store.overdue(500, Timestamp::MAX).await.unwrap();
        let condemned = store.condemned(500).await.unwrap();
        held.chain(intents.iter().map(|it| format!("{it:?}")))
            .chain(condemned.iter().map(|it| format!("{it:?}")))
            .chain(files_below(&self.app.config.objects_dir()).map(|it| format!("{it:?}")))
            .collect()
    }
}

/// All files of a folder of objects but its lock and its owner's mark: also those that are staged.
pub(crate) fn files_below(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.join("objects")]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.ends_with(OWNER) {
                files.push(path);
            }
        }
    }
    files.into_iter()
}

/// A GIF by its first bytes, of any length from 6 on.
pub(crate) fn gif(bytes: usize) -> Vec<u8> {
    let mut file = b"GIF89a".to_vec();
    file.resize(bytes.max(file.len()), 0x2a);
    file
}

/// 2026-11-21T10:00:00Z.
pub(crate) const START: Timestamp = Timestamp::from_unix_seconds(1_795_255_200);
pub(crate) const SHIPPED_PLANS: &str =
    include_str!("../../../../picora-core/src/plan/default.toml");
