//! The real server, in this process and on the wall clock, as operators would set it up.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use picora_client::{ApiKey, Options, Picora, ServerUrl};
use picora_core::PlanId;
use picora_server::app::App;
use picora_server::config::{Config, Rate};
use picora_server::serve;
use picora_server::system::{SystemClock, SystemEntropy};
use tempfile::TempDir;
use tokio::sync::watch;

/// A server, one account on it, and a folder for files. It ends with this value.
pub(crate) struct Host {
    pub(crate) url: String,
    pub(crate) secret: String,
    folder: TempDir,
    _stop: watch::Sender<bool>,
}

impl Host {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// A server whose configuration is changed first.
    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = serve::listen(any).await.unwrap();
        let listen = listener.local_addr().unwrap();
        let mut config = Config {
            listen,
            data_dir: folder.path().join("data"),
            ..Config::default()
        };
        change(&mut config);
        let most = config.uploads.max_open;
        let app = App::open(config, Arc::new(SystemClock), Arc::new(SystemEntropy))
            .await
            .unwrap();
        let plan = app.plans.plan(PlanId::Pro);
        let account = app.media.open_account(plan, most).await.unwrap().id;
        let (_, secret) = app.media.issue_key(account, "a test").await.unwrap();
        let (stop, stopping) = watch::channel(false);
        tokio::spawn(serve::serve(app, listener, stopping));
        let secret = secret.reveal().to_owned();
        Self {
            url: format!("http://{listen}"),
            secret,
            folder,
            _stop: stop,
        }
    }

    pub(crate) fn client(&self) -> Picora {
        self.client_with(Options::default())
    }

    pub(crate) fn client_with(&self, options: Options) -> Picora {
        let key = ApiKey::new(&self.secret).unwrap();
        Picora::with(ServerUrl::new(&self.url).unwrap(), &key, options).unwrap()
    }

    /// Writes a file beside the server's data.
    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Small GIFs, no two of them equal.
    pub(crate) fn gifs(&self, count: usize) -> Vec<PathBuf> {
        let gif = |number| {
            self.file(
                &format!("{number}.gif"),
                format!("GIF89a {number}").as_bytes(),
            )
        };
        (0..count).map(gif).collect()
    }
}

pub(crate) const fn rate(per_minute: u64, burst: u64) -> Rate {
    Rate { per_minute, burst }
}

/// How many uploads: few in the ordinary test, more than a minute's in a soak.
pub(crate) fn is_soak() -> bool {
    std::env::var_os("PICORA_SOAK").is_some()
}
