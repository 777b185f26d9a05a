//! How a saga outlives the request that began it.

use futures::future::BoxFuture;

/// Runs a future to its end, whoever waits for it.
///
/// From the first byte stored an upload is a saga of its own: when the client goes away, the request's future is dropped, and what it
/// had reserved must be given back at once. A shell hands this to its runtime; a test runs it step by step.
pub trait Detach: Send + Sync {
    /// Takes the future and polls it until it is done.
    fn detach(&self, saga: BoxFuture<'static, ()>);
}

impl<F: Fn(BoxFuture<'static, ()>) + Send + Sync> Detach for F {
    fn detach(&self, saga: BoxFuture<'static, ()>) {
        self(saga);
    }
}
