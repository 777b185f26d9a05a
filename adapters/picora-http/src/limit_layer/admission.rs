//! What becomes of a request: the limiter asked, the answer put into words.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use http::Response;
use http::request::Parts;
use picora_core::{StoreError, Timestamp};
use picora_ratelimit::{Check, Decision, Verdict};

use crate::error::STORE_RETRY_SECONDS;
use crate::limited::{Desk, Ticket};
use crate::{
    ApiError, Charge, DraftHeaders, FailMode, Fallback, Format, LimitOptions, Limited,
    RateLimitHeaders, RequestId, Source, draft, meter,
};

/// What the services of a layer share.
#[derive(Debug)]
pub(super) struct Shared<C> {
    pub(super) desk: Arc<Desk>,
    /// That of the fallback, when there is one.
    pub(super) beside: Option<Arc<Desk>>,
    pub(super) charges: C,
    pub(super) options: LimitOptions,
}

/// What is known without waiting.
pub(super) enum AtOnce {
    /// What becomes of the request.
    Is(Admission),
    /// Nothing: the limiter has to be waited for.
    Waits(Charge),
}

/// What becomes of a request.
pub(super) enum Admission {
    /// It passes, and nobody's budget is known.
    Free,
    /// It passes; the handler is told the first, the client the second.
    Paid(Limited, Signal),
    /// It is answered here.
    Refused(Refusal),
}

/// What the headers of the response say.
#[derive(Debug, Default)]
pub(super) struct Signal {
    triplet: Option<RateLimitHeaders>,
    draft: Option<Box<DraftHeaders>>, // few want it
}

/// An answer of the layer itself.
pub(super) struct Refusal {
    error: Box<ApiError>,
    signal: Signal,
}

/// What a decision says, freed from what it borrows.
struct Facts {
    verdict: Verdict,
    decided_at: Timestamp,
    shadow_denied: bool,
    signal: Signal,
    error: Option<Box<ApiError>>, // an answer of its own is rare, and large
}

impl<C> Shared<C> {
    /// What becomes of the request when the limiter answers at once.
    pub(super) fn at_once(&self, charge: Charge, now: Timestamp, request: &Parts) -> AtOnce {
        let subjects = charge.subjects();
        let facts = match check(&charge, &subjects) {
            None => return AtOnce::Is(Admission::refused(ApiError::internal())),
            Some(check) => self
                .desk
                .limiter
                .try_decide(&check, now)
                .map(|decision| self.facts(&charge, &decision, request)),
        };
        drop(subjects);
        let Some(facts) = facts else {
            return AtOnce::Waits(charge);
        };
        let source = self.options.sources.at_once;
        AtOnce::Is(self.admission(charge, facts, source, &self.desk))
    }

    /// What becomes of the request when the limiter has to be waited for.
    pub(super) async fn ask(&self, charge: Charge, now: Timestamp, request: &Parts) -> Admission {
        match self.decided(&self.desk, &charge, now, request).await {
            None => Admission::refused(ApiError::internal()),
            Some(Ok(facts)) => {
                meter::awaited(charge.tier, true, now, || self.desk.clock.now());
                let source = self.options.sources.awaited;
                self.admission(charge, facts, source, &self.desk)
            }
            Some(Err(error)) => {
                meter::awaited(charge.tier, false, now, || self.desk.clock.now());
                self.without_answer(charge, now, request, &error).await
            }
        }
    }

    async fn without_answer(
        &self,
        charge: Charge,
        now: Timestamp,
        request: &Parts,
        error: &StoreError,
    ) -> Admission {
        let mode = &self.options.fail;
        tracing::warn!(%error, tier = charge.tier, ?mode, "the rate limiter failed");
        meter::failed(charge.tier, mode);
        match mode {
            FailMode::Closed => Admission::unavailable(),
            FailMode::Open => Admission::Free,
            FailMode::Local(fallback) => self.fall_back(fallback, &charge, now, request).await,
        }
    }

    /// Decides in this process, under one part of each policy.
    async fn fall_back(
        &self,
        fallback: &Fallback,
        charge: &Charge,
        now: Timestamp,
        request: &Parts,
    ) -> Admission {
        let Ok(charge) = charge.divided(fallback.replicas) else {
            return Admission::unavailable(); // an interval of years, times the replicas
        };
        let desk = self.beside.as_ref().unwrap_or(&self.desk); // made with the layer
        match self.decided(desk, &charge, now, request).await {
            Some(Ok(facts)) => self.admission(charge, facts, Source::Fallback, desk),
            None | Some(Err(_)) => Admission::unavailable(),
        }
    }

    /// What a limiter decides; none when the charge makes no sense.
    async fn decided(
        &self,
        desk: &Desk,
        charge: &Charge,
        now: Timestamp,
        request: &Parts,
    ) -> Option<Result<Facts, StoreError>> {
        let subjects = charge.subjects();
        let check = check(charge, &subjects)?;
        let decision = match desk.limiter.try_decide(&check, now) {
            Some(decision) => Ok(decision),
            None => desk.limiter.decide(&check, now).await,
        };
        Some(decision.map(|decision| self.facts(charge, &decision, request)))
    }

    fn facts(&self, charge: &Charge, decision: &Decision<'_>, request: &Parts) -> Facts {
        let error = match decision.verdict() {
            Verdict::Allow => None,
            Verdict::Challenge => Some(ApiError::captcha_required(charge.challenge)),
            Verdict::Deny => Some(denial(decision, request)),
        };
        Facts {
            verdict: decision.verdict(),
            decided_at: decision.decided_at(),
            shadow_denied: decision.shadow_denied(),
            signal: Signal::of(decision, &self.options),
            error: error.map(Box::new),
        }
    }

    fn admission(
        &self,
        charge: Charge,
        facts: Facts,
        source: Source,
        desk: &Arc<Desk>,
    ) -> Admission {
        meter::decided(charge.tier, facts.verdict, source, facts.shadow_denied);
        let signal = facts.signal;
        if let Some(error) = facts.error {
            return Admission::Refused(Refusal { error, signal });
        }
        let limited = Limited::new(Ticket {
            verdict: facts.verdict,
            source,
            triplet: signal.triplet,
            decided_at: facts.decided_at,
            shadow_denied: facts.shadow_denied,
            charge,
            desk: Arc::clone(desk),
            refunded: AtomicBool::new(false),
        });
        Admission::Paid(limited, signal)
    }
}

/// The check of a charge. One that no wait can make pass is a mistake of the server, which the log tells.
fn check<'a>(charge: &Charge, subjects: &'a [picora_ratelimit::Subject<'a>]) -> Option<Check<'a>> {
    match Check::new(charge.home, subjects, charge.cost) {
        Ok(check) if charge.solved => Some(check.solved()),
        Ok(check) => Some(check),
        Err(error) => {
            tracing::error!(%error, tier = charge.tier, "a route charges what can never pass");
            None
        }
    }
}

/// Names are made up for those alone who will read them.
fn denial(decision: &Decision<'_>, request: &Parts) -> ApiError {
    let error = ApiError::rate_limited(decision);
    match Format::of(&request.headers) {
        Format::Json => error,
        Format::Problem => error.with_violated(draft::violated(decision)),
    }
}

impl Admission {
    fn refused(error: ApiError) -> Self {
        let signal = Signal::default();
        let error = Box::new(error);
        Self::Refused(Refusal { error, signal })
    }

    fn unavailable() -> Self {
        Self::refused(ApiError::unavailable(STORE_RETRY_SECONDS))
    }
}

impl Refusal {
    pub(super) fn into_response<R: From<Bytes>>(self, request: &Parts) -> Response<R> {
        let id = request.extensions.get::<RequestId>();
        let format = Format::of(&request.headers);
        self.signal.written(self.error.into_response_as(format, id))
    }
}

impl Signal {
    fn of(decision: &Decision<'_>, options: &LimitOptions) -> Self {
        let draft = options
            .draft
            .and_then(|draft| DraftHeaders::of(decision, draft));
        Self {
            triplet: RateLimitHeaders::of(decision, options.reset),
            draft: draft.map(Box::new),
        }
    }

    /// The response with the headers.
    pub(super) fn written<R>(&self, mut response: Response<R>) -> Response<R> {
        let headers = response.headers_mut();
        if let Some(triplet) = self.triplet {
            triplet.write(headers);
        }
        if let Some(draft) = &self.draft {
            draft.write(headers);
        }
        response
    }
}
