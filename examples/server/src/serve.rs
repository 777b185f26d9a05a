//! Listening, serving, and stopping in order.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use picora_core::{Clock, Entropy};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::app::{App, StartError};
use crate::config::Config;
use crate::{egress, first_run, jobs, routes};

/// Serves until a signal, then drains: new connections are refused, requests under way are finished, what was served is written down.
pub async fn run(
    mut config: Config,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
) -> Result<ExitCode, StartError> {
    let listener = listen(config.listen).await?;
    config.listen = listener
        .local_addr()
        .map_err(|error| StartError(format!("the listening address is unknown: {error}")))?;
    let app = App::open(config, clock, entropy).await?;
    first_run::welcome(&app).await?;
    tracing::info!(address = %app.config.listen, data = %app.config.data_dir.display(), "serving");
    let (stop, stopping) = watch::channel(false);
    let jobs = jobs::start(&app, &stopping);
    let served = tokio::spawn(serve(app.clone(), listener, stopping));
    wait_for_signal().await?;
    tracing::info!("stopping");
    let _ = stop.send(true); // the receivers live in the tasks below
    let drained =
        tokio::time::timeout(Duration::from_secs(app.config.jobs.drain_seconds), served).await;
    if drained.is_err() {
        tracing::warn!("requests under way were cut off");
    }
    jobs.join_all().await;
    egress::fold(&app).await;
    Ok(ExitCode::SUCCESS)
}

/// Binds the address. **Errors**: a sentence that names it.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address)
        .await
        .map_err(|error| StartError(format!("cannot listen at {address}: {error}")))
}

/// Serves a router on a listener until `stopping` becomes true and the requests under way have ended.
pub async fn serve(app: Arc<App>, listener: TcpListener, mut stopping: watch::Receiver<bool>) {
    let service = routes::router(&app).into_make_service_with_connect_info::<SocketAddr>();
    let until = async move {
        let _ = stopping.wait_for(|stopping| *stopping).await; // an error means that nobody can ask any more
    };
    if let Err(error) = axum::serve(listener, service)
        .with_graceful_shutdown(until)
        .await
    {
        tracing::error!(%error, "serving ended");
    }
}

async fn wait_for_signal() -> Result<(), StartError> {
    let install = |kind| {
        signal(kind).map_err(|error| StartError(format!("signals cannot be received: {error}")))
    };
    let (mut interrupt, mut terminate) = (
        install(SignalKind::interrupt())?,
        install(SignalKind::terminate())?,
    );
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
