//! The log: sentences for people, or JSON for machines, on standard error.

use tracing_subscriber::EnvFilter;

use crate::app::StartError;
use crate::config::Log;

/// Starts logging. **Errors**: [`StartError`] when the filter cannot be read.
pub fn start(log: &Log) -> Result<(), StartError> {
    let filter = EnvFilter::try_new(&log.filter).map_err(|error| {
        StartError(format!(
            "the configuration cannot be used: `log.filter`: {error}"
        ))
    })?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let started = if log.json {
        lines.json().try_init()
    } else {
        lines.try_init()
    };
    started.map_err(|error| StartError(format!("the log cannot start: {error}")))
}
