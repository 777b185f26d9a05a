//! The command line of the notes service.

use std::error::Error;
use std::net::SocketAddr;

use clap::Parser;
use picora_sql::postgres::LOCK_TIMEOUT;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::net::TcpListener;

/// A notes service with exact quotas, on PostgreSQL.
///
/// It makes its tables when it starts, beside whatever the database holds, and serves until it is killed: that is safe at any moment.
#[derive(Debug, Parser)]
#[command(version, after_help = ROUTES)]
struct Cli {
    /// The database, `postgres://user:password@host/name`.
    #[arg(long, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    database_url: PgConnectOptions,
    /// The address to listen at.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8081")]
    listen: SocketAddr,
}

const ROUTES: &str = r#"Routes:
  POST   /accounts             {"name": "Ada", "maxNotes": 10, "maxNoteBytes": 65536}
  GET    /accounts/{id}/usage
  POST   /accounts/{id}/notes  {"title": "Milk", "body": "two litres"}; `Idempotency-Key` makes it safe to repeat
  DELETE /notes/{id}

There is no authentication: put it before the service."#;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let cli = Cli::parse();
    tracing_subscriber::fmt().init();
    // No request waits for a row longer than its client would.
    let timeout = LOCK_TIMEOUT.as_millis().to_string();
    let options = cli
        .database_url
        .options([("lock_timeout", timeout.as_str())]);
    let pool = PgPoolOptions::new().connect_with(options).await?;
    quota_postgres::migrate(&pool).await?;
    tokio::spawn(quota_postgres::jobs::prune_hourly(pool.clone()));
    let listener = TcpListener::bind(cli.listen).await?;
    tracing::info!(address = %cli.listen, "serving");
    Ok(axum::serve(listener, quota_postgres::router(pool)).await?)
}
