//! Listening, serving, and stopping in order.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use picora_core::{Clock, Entropy};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use tower::ServiceExt;

use crate::app::{App, StartError};
use crate::config::Config;
use crate::{egress, first_run, jobs, routes};

/// Serves until a signal, then drains: new connections are refused, requests under way are finished, what was served is written down.
/// Requests and jobs have `jobs.drain_seconds` for it; a second signal ends the process at once, with the code 1.
///
/// It does not listen before the place of the files was seen to work.
///
/// **Errors**: [`StartError`], one sentence that names what is at fault and what to do.
pub async fn run(
    mut config: Config,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
) -> Result<ExitCode, StartError> {
    let mut signals = Signals::install()?; // before anybody can know that it runs
    let parts = App::parts(&config, &entropy)?;
    tokio::select! {
        works = parts.files.must_work() => works?,
        () = signals.wait() => return Ok(ExitCode::SUCCESS), // nobody was served yet
    }
    let listener = listen(config.listen).await?;
    config.listen = listener
        .local_addr()
        .map_err(|error| StartError(format!("the listening address is unknown: {error}")))?;
    let app = App::with(parts, config, clock, entropy).await?;
    first_run::welcome(&app).await?;
    let (deployment, files) = (app.config.deployment.name(), app.parts.files.place());
    tracing::info!(address = %app.config.listen, deployment, data = %app.config.data_dir.display(), files, "serving");
    let (stop, stopping) = watch::channel(false);
    let jobs = jobs::start(&app, &stopping);
    let served = tokio::spawn(serve(app.clone(), listener, stopping));
    signals.wait().await;
    tracing::info!("stopping");
    let _ = stop.send(true); // the receivers live in the tasks below
    tokio::select! {
        () = wind_down(&app, served, jobs) => Ok(ExitCode::SUCCESS),
        () = signals.wait() => {
            tracing::warn!("a second signal: what was under way was cut off");
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Waits for requests and jobs as long as it may, and writes down what was served, whatever they do.
async fn wind_down(app: &App, served: JoinHandle<()>, mut jobs: JoinSet<()>) {
    let most = Duration::from_secs(app.config.jobs.drain_seconds);
    let ended = async { while jobs.join_next().await.is_some() {} };
    let (drained, ended) = tokio::join!(timeout(most, served), timeout(most, ended));
    if drained.is_err() {
        tracing::warn!("requests under way were cut off");
    }
    if ended.is_err() {
        tracing::warn!("jobs under way were cut off; the next start goes on with them");
    }
    if timeout(FOLDED_WITHIN, egress::fold(app)).await.is_err() {
        tracing::warn!("the database does not answer: bytes that were served may not be in it");
    }
    // A database of one file is that file then, and nothing beside it.
    if timeout(CLOSED_WITHIN, app.store.close()).await.is_err() {
        tracing::warn!("the database was not closed in time; the next start reads its log");
    }
}

/// Binds the address. **Errors**: a sentence that names it.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address)
        .await
        .map_err(|error| StartError(format!("cannot listen at {address}: {error}")))
}

/// Serves on a listener until `stopping` becomes true and the requests under way have ended.
///
/// A client that does not send its headers in time is cut off; how long its body may pause is the form's business.
pub async fn serve(app: Arc<App>, listener: TcpListener, mut stopping: watch::Receiver<bool>) {
    let router = routes::router(&app);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN);
    let connections = GracefulShutdown::new();
    while let Some((stream, peer)) = accept(&listener, &mut stopping).await {
        let router = router.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            router.clone().oneshot(request.map(Body::new))
        });
        let connection = connections.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }
    drop(listener);
    app.followers.close(); // streams without an end of their own
    connections.shutdown().await;
}

/// The next connection; `None` when the server is stopping.
async fn accept(
    listener: &TcpListener,
    stopping: &mut watch::Receiver<bool>,
) -> Option<(TcpStream, SocketAddr)> {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopping.wait_for(|stopping| *stopping) => return None,
        };
        match accepted {
            Ok((stream, peer)) => {
                let _ = stream.set_nodelay(true); // a hint: answers are written whole
                return Some((stream, peer));
            }
            Err(error) => {
                // Usually too many open files: it passes when connections end.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// The signals that ask the server to stop.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// From here on a signal stops the server in order instead of ending the process.
    fn install() -> Result<Self, StartError> {
        let install = |kind| {
            signal(kind).map_err(|error| StartError(format!("signals cannot be received: {error}")))
        };
        Ok(Self {
            interrupt: install(SignalKind::interrupt())?,
            terminate: install(SignalKind::terminate())?,
        })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Headers are a few kilobytes; whoever takes longer holds a connection for its own sake.
const HEADERS_WITHIN: Duration = Duration::from_secs(15);

/// How long the last writing of served bytes may take; it is some rows.
const FOLDED_WITHIN: Duration = Duration::from_secs(10);

/// How long closing the database may take: it folds its log into its file.
const CLOSED_WITHIN: Duration = Duration::from_secs(10);

/// How long to wait when connections cannot be accepted.
const PAUSE: Duration = Duration::from_millis(100);
