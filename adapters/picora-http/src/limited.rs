//! What was decided of a request, for its handler.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::Extensions;
use picora_core::{Clock, StoreError, Timestamp};
use picora_ratelimit::{Check, Limiter, Verdict};

use crate::{Charge, RateLimitHeaders, Source};

/// What a [`LimitLayer`](crate::LimitLayer) decided of a request, in the request's extensions. With axum it is `Extension<Limited>`.
///
/// ```
/// use http::Request;
/// use picora_http::Limited;
/// # async fn convert(_: &Request<()>) -> bool { true }
/// # async fn handle(request: Request<()>) -> Result<(), picora_core::StoreError> {
/// let cached = convert(&request).await;
/// if let Some(limited) = Limited::of(request.extensions()).filter(|_| cached) {
///     limited.refund().await?; // nothing had to be done
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Limited(Arc<Ticket>);

/// What does not change, and whether it was given back.
pub(crate) struct Ticket {
    pub(crate) verdict: Verdict,
    pub(crate) source: Source,
    pub(crate) triplet: Option<RateLimitHeaders>,
    pub(crate) decided_at: Timestamp,
    pub(crate) shadow_denied: bool,
    pub(crate) charge: Charge,
    pub(crate) desk: Arc<Desk>,
    pub(crate) refunded: AtomicBool,
}

/// Who decides, and by which clock: shared as one.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) limiter: Arc<dyn Limiter>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Limited {
    pub(crate) fn new(ticket: Ticket) -> Self {
        Self(Arc::new(ticket))
    }

    /// What was decided of the request with these extensions; none when nobody pays for it, or when it passed without an answer.
    #[must_use]
    pub fn of(extensions: &Extensions) -> Option<&Self> {
        extensions.get()
    }

    /// Whether it may pass; who reads this in a handler reads [`Verdict::Allow`].
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.0.verdict
    }

    /// Who decided.
    #[must_use]
    pub fn source(&self) -> Source {
        self.0.source
    }

    /// What the answer's headers will say; none when no window is among the limits.
    #[must_use]
    pub fn triplet(&self) -> Option<RateLimitHeaders> {
        self.0.triplet
    }

    /// By which instant it was decided.
    #[must_use]
    pub fn decided_at(&self) -> Timestamp {
        self.0.decided_at
    }

    /// Whether a limit that is tried out had no room.
    #[must_use]
    pub fn shadow_denied(&self) -> bool {
        self.0.shadow_denied
    }

    /// What was charged to each payer.
    #[must_use]
    pub fn cost(&self) -> u64 {
        self.0.charge.cost
    }

    /// Gives the charge back, because the work did not happen. What can be given back is told at [`picora_ratelimit::refund`].
    ///
    /// **Boundaries**: a request is refunded once; later calls, of clones too, do nothing. The headers of the answer stay as decided.
    /// **Errors**: [`StoreError`]; it is not tried again, because after a lost reply it may have happened.
    pub async fn refund(&self) -> Result<(), StoreError> {
        let ticket = &*self.0;
        if ticket.refunded.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        let subjects = ticket.charge.subjects();
        let Ok(check) = Check::new(ticket.charge.home, &subjects, ticket.charge.cost) else {
            return Ok(()); // it made sense when it was charged
        };
        let now = ticket.desk.clock.now();
        let back = ticket.desk.limiter.refund(&check, ticket.decided_at, now);
        back.await
    }
}

impl fmt::Debug for Limited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limited")
            .field("verdict", &self.0.verdict)
            .field("source", &self.0.source)
            .field("triplet", &self.0.triplet)
            .field("decided_at", &self.0.decided_at)
            .finish_non_exhaustive()
    }
}
