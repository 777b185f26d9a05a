//! File work off the threads that answer requests.

use std::io;

/// Runs it where blocking is allowed: on tokio's blocking threads, or right here when there is no runtime, as object_store does.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => runtime.spawn_blocking(work).await?,
        Err(_) => work(),
    }
}
