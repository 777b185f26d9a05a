//! A request, from its connection to its answer, and what goes wrong in between.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use picora_core::Clock;
use tokio::net::{TcpListener, TcpStream};

use crate::answer::Answer;
use crate::call::Call;
use crate::cloud::{Shared, State};
use crate::cut::{Closed, Cut};
use crate::digests::{Digesting, Digests};
use crate::faults::Fault;
use crate::generated::pieces;
use crate::{garbage, native, object, sigv4};

pub(crate) async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, Arc::clone(&shared)));
        }
    }
}

/// Serves a connection until it ends, or until an answer is to be lost.
async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let service = service_fn(move |request| respond(request, Arc::clone(&shared)));
    let connection = hyper::server::conn::http1::Builder::new();
    let _ = connection
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// An error of the service closes the connection.
async fn respond(request: Request<Incoming>, shared: Arc<Shared>) -> Result<Response<Cut>, Closed> {
    let (parts, body) = request.into_parts();
    let habits = shared.vendor.habits();
    // Its body comes later, or is cut off.
    let (method, nothing) = (parts.method, Bytes::new());
    let call = Call::of(method, &parts.uri, parts.headers, nothing, |host| {
        habits.bucket_of(host)
    });
    let Some(mut call) = call else {
        let strange = "a request that does not read".to_owned();
        shared.state().surprises.push(strange);
        return Err(Closed);
    };
    let operation = native::operation(habits, &call);
    let fault = shared
        .faults
        .take(operation, call.headers.contains_key("range"));
    shared.state().operations.push(operation);
    let most = match fault {
        Some(Fault::CutRequest(after)) => after,
        _ => usize::MAX,
    };
    if shared.sinks && matches!(operation, "PutObject" | "UploadPart") {
        let flips = fault == Some(Fault::FlippedOnTheWay);
        call.digests = Some(digested(&call, body, most, flips).await?);
    } else {
        call.body = collected(body, most).await?;
    }
    let (answer, body) = match fault {
        Some(fault) => shared.disturbed(call, fault).await?,
        None => whole(shared.act(&call)),
    };
    sent(answer, body.counted(&shared.sent))
}

/// The body of a request; the connection is to be closed when there is more.
async fn collected(mut body: Incoming, most: usize) -> Result<Bytes, Closed> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Closed)?;
        bytes.extend(frame.into_data());
        if bytes.len() > most {
            return Err(Closed);
        }
    }
    if most == usize::MAX {
        Ok(bytes.freeze())
    } else {
        Err(Closed) // it was shorter: then it is cut at its end
    }
}

/// The digests of a body that is not kept; with its SHA-256 if that is what is signed.
async fn digested(
    call: &Call,
    mut body: Incoming,
    most: usize,
    mut flips: bool,
) -> Result<Digests, Closed> {
    let signed = call.header("x-amz-content-sha256");
    let mut digesting = match signed.is_some_and(sigv4::is_digest) {
        true => Digesting::with_sha256(),
        false => Digesting::default(),
    };
    let mut left = most;
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame.map_err(|_| Closed)?.into_data() else {
            continue;
        };
        left = left.checked_sub(piece.len()).ok_or(Closed)?;
        if std::mem::take(&mut flips) {
            digesting.update(&object::flipped(&piece, 0));
        } else {
            digesting.update(&piece);
        }
    }
    if most == usize::MAX {
        Ok(digesting.end())
    } else {
        Err(Closed)
    }
}

impl Shared {
    fn act(&self, call: &Call) -> Answer {
        let (now, mut state) = (self.clock.now(), self.state());
        let State {
            store,
            keys,
            surprises,
            ..
        } = &mut *state;
        native::answer(self.vendor.habits(), keys, store, call, now, surprises)
    }

    async fn disturbed(
        self: &Arc<Self>,
        mut call: Call,
        fault: Fault,
    ) -> Result<(Answer, Cut), Closed> {
        let habits = self.vendor.habits();
        Ok(match fault {
            Fault::Refuse(status) => whole(native::refused(habits, &call, status)),
            Fault::Deny(status, code) => whole(native::denied(habits, &call, status, code)),
            Fault::RefuseFor(status, seconds) => {
                let refused = native::refused(habits, &call, status);
                whole(refused.with("retry-after", seconds.to_string()))
            }
            Fault::DoneAndRefused(status) => {
                drop(self.act(&call));
                whole(native::refused(habits, &call, status))
            }
            Fault::Drop | Fault::CutRequest(_) => return Err(Closed),
            Fault::DoneAndDropped => {
                drop(self.act(&call));
                return Err(Closed);
            }
            Fault::DoneLate(after) => {
                self.late.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(Arc::clone(self).act_late(call, after));
                return Err(Closed);
            }
            Fault::Held => {
                self.late.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(Arc::clone(self).act_released(call));
                return Err(Closed);
            }
            Fault::ErrorInside => whole(native::error_inside(habits, &call)),
            Fault::Truncated(after) => {
                let (answer, body) = whole(self.act(&call));
                (answer, body.after(after))
            }
            Fault::Page(status) => whole(page(status)),
            Fault::DoneAndPage(status) => {
                drop(self.act(&call));
                whole(page(status))
            }
            Fault::Garbage(kind) => {
                let answer = Answer::empty(StatusCode::OK).with("content-type", "application/xml");
                (native::marked(habits, answer), garbage::body(kind))
            }
            Fault::Hang(after) => {
                let answer = self.act(&call);
                tokio::time::sleep(after).await;
                whole(answer)
            }
            Fault::Drips(spaces, pause) => {
                let (answer, body) = whole(self.act(&call));
                (answer, body.dripping(spaces, pause))
            }
            Fault::FlippedOnTheWay => {
                call.body = object::flipped(&call.body, call.body.len() / 2);
                whole(self.act(&call))
            }
            Fault::Flipped => {
                let (answer, body) = whole(self.act(&call));
                (answer, body.flipped())
            }
            Fault::NeverReady => {
                let answer = self.act(&call);
                if answer.status == StatusCode::ACCEPTED {
                    self.state().store.stall(&call.key);
                }
                whole(answer)
            }
            Fault::Vanished => {
                let now = self.clock.now();
                self.state().store.vanish(&call.key, now);
                whole(self.act(&call))
            }
        })
    }

    async fn act_released(self: Arc<Self>, call: Call) {
        if let Ok(permit) = self.released.acquire().await {
            permit.forget();
        }
        self.act_late(call, Duration::ZERO).await;
    }

    async fn act_late(self: Arc<Self>, call: Call, after: Duration) {
        tokio::time::sleep(after).await;
        drop(self.act(&call));
        self.late.fetch_sub(1, Ordering::SeqCst);
    }
}

fn whole(mut answer: Answer) -> (Answer, Cut) {
    let body = match answer.generated.take() {
        Some((seed, range)) => Cut::of(range.end - range.start, pieces(seed, range)),
        None => Cut::whole(std::mem::take(&mut answer.body)),
    };
    (answer, body)
}

/// What somebody in front of the store answers: nothing in it is the vendor's.
fn page(status: u16) -> Answer {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut answer = Answer::empty(status)
        .with("server", "nginx")
        .with("content-type", "text/html");
    answer.body = garbage::page(status.as_u16()).into();
    answer
}

fn sent(answer: Answer, body: Cut) -> Result<Response<Cut>, Closed> {
    let mut headers = HeaderMap::new();
    for (name, value) in answer.headers {
        let name: http::HeaderName = name.parse().map_err(|_| Closed)?;
        // As they were sent: bytes, not text.
        let value = http::HeaderValue::from_bytes(value.as_bytes()).map_err(|_| Closed)?;
        headers.append(name, value);
    }
    let mut response = Response::new(body);
    *response.status_mut() = answer.status;
    *response.headers_mut() = headers;
    Ok(response)
}
