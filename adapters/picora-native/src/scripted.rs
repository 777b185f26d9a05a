//! A server that answers by a script, without a connection and in virtual time.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use http::Method;
use object_store::client::{
    HttpClient, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
};
use picora_core::{ManualClock, Timestamp};
use picora_sign::{Credentials, Request};
use picora_tiering::{Class, RestoreSpeed, Tier, TierCaps};
use tokio::time::Instant;

use crate::request::Wire;
use crate::{Dialect, Native, NativeConfig};

/// What becomes of a request.
#[derive(Clone, Debug)]
pub(crate) enum Turn {
    /// It is answered, with headers beside the request id.
    Answer(u16, &'static [(&'static str, &'static str)], &'static str),
    /// Somebody else answers.
    Strange(u16),
    /// It is answered with a body whose pieces come after so long each, without end.
    Drips(Duration),
    /// It is never answered.
    Hangs,
    /// Its connection breaks after it was sent.
    Breaks,
    /// There is no connection.
    Refuses,
}

impl<D: Dialect> Native<D> {
    /// A bucket at the end of this way.
    pub(crate) fn at(wire: Wire<D>) -> Self {
        let wire = Arc::new(wire);
        Self { wire }
    }
}

/// A server; when the script is over, its last turn goes on.
#[derive(Clone, Debug)]
pub(crate) struct Scripted(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    turns: VecDeque<Turn>,
    asked: Vec<(Duration, Method)>,
    began: Instant,
}

impl Scripted {
    pub(crate) fn new(turns: impl IntoIterator<Item = Turn>) -> Self {
        Self(Arc::new(Mutex::new(State {
            turns: turns.into_iter().collect(),
            asked: Vec::new(),
            began: Instant::now(),
        })))
    }

    /// The way to it.
    pub(crate) fn wire(&self, change: impl Fn(&mut NativeConfig)) -> Wire<Plain> {
        let mut config = NativeConfig::new(
            "http://127.0.0.1:1",
            "photos",
            "somewhere",
            Credentials::new("key", "secret"),
        )
        .unwrap();
        change(&mut config);
        let clock = Arc::new(ManualClock::at(Timestamp::from_unix_seconds(1_795_255_200)));
        Wire::over(HttpClient::new(self.clone()), config, clock)
    }

    /// When requests came, counted from the beginning.
    pub(crate) fn asked(&self) -> Vec<Duration> {
        let state = self.0.lock().unwrap();
        state.asked.iter().map(|(at, _)| *at).collect()
    }
}

#[async_trait]
impl HttpService for Scripted {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let turn = {
            let mut state = self.0.lock().unwrap();
            let at = state.began.elapsed();
            state.asked.push((at, request.method().clone()));
            let last = state.turns.len() == 1;
            let turn = if last {
                state.turns.front().cloned()
            } else {
                state.turns.pop_front()
            };
            turn.expect("a script has a turn")
        };
        let (status, headers, body) = match turn {
            Turn::Answer(status, headers, body) => {
                (status, headers, HttpResponseBody::from(Bytes::from(body)))
            }
            Turn::Strange(status) => {
                let answer = http::Response::builder().status(status);
                return Ok(answer.body(Bytes::from("<html/>").into()).unwrap());
            }
            Turn::Drips(pause) => (200, &[][..], drips(pause)),
            Turn::Hangs => std::future::pending().await,
            Turn::Breaks => return Err(broken(HttpErrorKind::Interrupted)),
            Turn::Refuses => return Err(broken(HttpErrorKind::Connect)),
        };
        let mut answer = http::Response::builder().status(status);
        answer = answer.header("x-plain-request-id", "1");
        for (name, value) in headers {
            answer = answer.header(*name, *value);
        }
        Ok(answer.body(body).unwrap())
    }
}

fn broken(kind: HttpErrorKind) -> HttpError {
    HttpError::new(kind, std::io::Error::other("it broke"))
}

fn drips(pause: Duration) -> HttpResponseBody {
    let pieces: BoxStream<'static, Bytes> = stream::unfold((), move |()| async move {
        tokio::time::sleep(pause).await;
        Some((Bytes::from_static(b"<"), ()))
    })
    .boxed();
    HttpResponseBody::new(Dripping(Mutex::new(pieces)))
}

struct Dripping(Mutex<BoxStream<'static, Bytes>>);

impl http_body::Body for Dripping {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, HttpError>>> {
        let next = self.0.lock().unwrap().poll_next_unpin(context);
        next.map(|piece| piece.map(|piece| Ok(http_body::Frame::data(piece))))
    }
}

/// A dialect without habits.
#[derive(Debug)]
pub(crate) struct Plain;

impl Dialect for Plain {
    const NAME: &'static str = "plain";
    const PREFIX: &'static str = "x-plain-";
    const ANSWERS_WITH: Option<&'static str> = Some("x-plain-request-id");
    const LIST: &'static [(&'static str, &'static str)] = &[];
    const GOES_ON: (&'static str, &'static str) = ("marker", "NextMarker");
    const STARTS_AFTER: &'static str = "marker";
    const CUTS_RANGES: Option<(&'static str, &'static str)> = None;
    const REPLACES: &'static str = "REPLACE";

    fn headers(_: &NativeConfig, _: &Request<'_>, _: Timestamp) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    fn query(
        _: &NativeConfig,
        _: &Request<'_>,
        _: Timestamp,
        _: Duration,
    ) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    fn class(tier: Tier) -> &'static str {
        tier.name()
    }

    fn read_class(_: Option<&str>) -> Class {
        Tier::Hot.into()
    }

    fn copy_source(_: &NativeConfig, key: &str) -> String {
        key.to_owned()
    }

    fn restore(_: u16, _: RestoreSpeed) -> String {
        "<RestoreRequest/>".to_owned()
    }

    fn caps() -> TierCaps {
        TierCaps {
            transparent_read: false,
            needs_restore: true,
            minimum_billed: picora_core::Amount::ZERO,
            minimum_days: 0,
            restore_typical: Duration::ZERO,
            restore_worst: Duration::ZERO,
            restores_per_second: Some(100),
            paid_replica: false,
            self_copy_drops_headers: false,
            copy_limit: picora_core::Amount::MAX,
        }
    }
}
