//! A service under both layers, a clock to turn, and clients to ask with.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use picora_core::{AccountId, KeyId, ManualClock, SeededEntropy, Timestamp};
use picora_http::{
    Charge, Charges, LimitLayer, LimitOptions, Payer, Principal, RequestIdLayer, TierBudgets,
    TierScope,
};
use picora_ratelimit::{Limiter, MemoryLimiter, Policy, SubjectHasher, SubjectKey, Tier, Tiers};
use tower::util::BoxCloneService;
use tower::{Layer, ServiceExt, service_fn};

pub(crate) type Service = BoxCloneService<Request<()>, Response<Full<Bytes>>, Infallible>;

/// 17.5 s into a minute of the hour from 2026-04-24T03:00:00Z on.
pub(crate) const START: Timestamp = Timestamp::from_unix_micros(1_776_999_617_500_000);

pub(crate) struct World {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) limiter: Arc<dyn Limiter>,
    pub(crate) served: Arc<AtomicU64>,
    pub(crate) options: LimitOptions,
    pub(crate) scope: TierScope,
    pub(crate) status: StatusCode,
}

/// What every request charges.
pub(crate) struct Fixed(pub(crate) Charge);

impl Fixed {
    /// One subject for each policy, so much at a time.
    pub(crate) fn of(policies: impl IntoIterator<Item = Policy>, cost: u64) -> Self {
        let policies: Arc<[Policy]> = policies.into_iter().collect();
        let payers = (1..).map(SubjectKey).zip(0..policies.len());
        let payers = payers.map(|(key, policy)| Payer { key, policy });
        let charge = Charge::of("fixed", policies.clone(), payers).unwrap();
        Self(Charge { cost, ..charge })
    }
}

impl Charges for Fixed {
    fn charge(&self, _: &Parts) -> Option<Charge> {
        Some(self.0.clone())
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
    headers: http::HeaderMap,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// `RateLimit-*`, after a look that `X-RateLimit-*` says the same.
    pub(crate) fn triplet(&self) -> Option<[u64; 3]> {
        let family = |prefix: &str| {
            let number = |name| self.header(&format!("{prefix}{name}"))?.parse().ok();
            Some([number("Limit")?, number("Remaining")?, number("Reset")?])
        };
        assert_eq!(family("RateLimit-"), family("X-RateLimit-"));
        family("RateLimit-")
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            clock: Arc::new(ManualClock::at(START)),
            limiter: Arc::new(MemoryLimiter::new()),
            served: Arc::default(),
            options: LimitOptions::default(),
            scope: TierScope::default(),
            status: StatusCode::OK,
        }
    }

    /// A route of this tier.
    pub(crate) fn route(&self, tier: Tier) -> Service {
        let budgets = TierBudgets::new(Tiers::standard(), SubjectHasher::new([7; 16]))
            .unwrap()
            .with_scope(self.scope);
        self.charging(Arc::new(budgets).for_tier(tier))
    }

    /// A route that charges so.
    pub(crate) fn charging(&self, charges: impl Charges) -> Service {
        let (served, status) = (Arc::clone(&self.served), self.status);
        self.handled(charges, move |_| {
            served.fetch_add(1, Ordering::SeqCst);
            let mut response = Response::new(Full::new(Bytes::from_static(b"served")));
            *response.status_mut() = status;
            async { response }
        })
    }

    /// A route that charges so, with a handler of the test's own.
    pub(crate) fn handled<F, A>(&self, charges: impl Charges, handler: F) -> Service
    where
        F: Fn(Request<()>) -> A + Clone + Send + 'static,
        A: Future<Output = Response<Full<Bytes>>> + Send + 'static,
    {
        let handler = service_fn(move |request: Request<()>| {
            let answer = handler(request);
            async { Ok::<_, Infallible>(answer.await) }
        });
        let (limiter, clock) = (Arc::clone(&self.limiter), self.clock.clone());
        let options = self.options.clone();
        let limited = LimitLayer::with_options(limiter, clock, charges, options).layer(handler);
        let entropy = Arc::new(SeededEntropy::new(1));
        BoxCloneService::new(RequestIdLayer::new(self.clock.clone(), entropy).layer(limited))
    }

    pub(crate) fn served(&self) -> u64 {
        self.served.load(Ordering::SeqCst)
    }
}

/// The first account's first key, and so on.
pub(crate) fn principal(account: u8, credential: u8) -> Principal {
    Principal {
        account: AccountId::from_bytes([account; 16]),
        credential: KeyId::from_bytes([credential; 16]),
        admin: false,
    }
}

/// The same by who wants problems.
pub(crate) fn wanting_problems(mut request: Request<()>) -> Request<()> {
    let accept = http::HeaderValue::from_static("application/problem+json");
    request.headers_mut().insert("Accept", accept);
    request
}

/// A request by someone, or by nobody who is known.
pub(crate) fn request(by: impl Into<Option<Principal>>) -> Request<()> {
    let mut request = Request::new(());
    if let Some(principal) = by.into() {
        request.extensions_mut().insert(principal);
    }
    request
}

pub(crate) async fn send(service: &Service, request: Request<()>) -> Answer {
    let response = service.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer {
        status: parts.status.as_u16(),
        body: String::from_utf8(body.to_vec()).unwrap(),
        headers: parts.headers,
    }
}

/// How many of so many requests pass.
pub(crate) async fn passed(service: &Service, by: Principal, tries: usize) -> usize {
    let mut passed = 0;
    for _ in 0..tries {
        passed += usize::from(send(service, request(by)).await.status == 200);
    }
    passed
}
