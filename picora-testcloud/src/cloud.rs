//! A store on a port of 127.0.0.1.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use picora_core::Clock;
use picora_sign::Credentials;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::CloudClock;
use crate::answer::Answer;
use crate::call::Call;
use crate::cut::{Closed, Cut};
use crate::faults::{Fault, Faults};
use crate::native::{self, COS, Habits, OSS};

/// Whose dialect is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Vendor {
    /// Tencent COS.
    Cos,
    /// Aliyun OSS.
    Oss,
}

impl Vendor {
    const fn habits(self) -> &'static Habits {
        match self {
            Self::Cos => &COS,
            Self::Oss => &OSS,
        }
    }
}

/// An empty store with one bucket, [`BUCKET`], in [`REGION`]. Dropping it closes all its connections.
#[derive(Debug)]
pub struct Cloud {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// The bucket that every cloud has.
pub const BUCKET: &str = "photos";

/// Where it lies.
pub const REGION: &str = "cn-hangzhou";

#[derive(Debug)]
struct Shared {
    vendor: Vendor,
    clock: CloudClock,
    faults: Faults,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    store: native::Store,
    surprises: Vec<String>,
    operations: Vec<&'static str>,
}

impl Cloud {
    /// Starts one.
    ///
    /// **Panics** when 127.0.0.1 has no free port.
    #[must_use]
    pub fn start(vendor: Vendor) -> Self {
        let shared = Arc::new(Shared {
            vendor,
            clock: CloudClock::default(),
            faults: Faults::default(),
            state: Mutex::default(),
        });
        let (bound, told) = std::sync::mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .expect("a runtime starts");
                runtime.block_on(async {
                    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
                    let listener = listener.expect("127.0.0.1 has a free port");
                    let address = listener.local_addr().expect("it is bound");
                    bound.send(address).expect("somebody waits");
                    tokio::select! {
                        () = accept(listener, shared) => {}
                        _ = stopped => {}
                    }
                });
            }
        });
        Self {
            address: told.recv().expect("the thread tells its address"),
            shared,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Starts one of Aliyun's whose bucket is old enough to take the first version of signatures, beside the one that all take.
    ///
    /// **Panics** as [`start`](Self::start).
    #[must_use]
    pub fn start_old() -> Self {
        let cloud = Self::start(Vendor::Oss);
        cloud.shared.state().store.old = true;
        cloud
    }

    /// Its address, with the bucket in the path.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.address.port()
    }

    /// Its time.
    #[must_use]
    pub fn clock(&self) -> CloudClock {
        self.shared.clock.clone()
    }

    /// What goes wrong.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// Who may ask.
    #[must_use]
    pub fn credentials() -> Credentials {
        Credentials::new("LTAI5tExampleExample", Self::SECRET)
    }

    /// His secret.
    pub const SECRET: &str = "s3cr3t/+=";

    /// What no client should have sent: unknown headers and queries, and everything that could not be read.
    #[must_use]
    pub fn surprises(&self) -> Vec<String> {
        self.shared.state().surprises.clone()
    }

    /// The operations that were asked for, in their order, by the vendor's names.
    #[must_use]
    pub fn operations(&self) -> Vec<&'static str> {
        self.shared.state().operations.clone()
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers a request, or closes its connection.
    fn answer(self: &Arc<Self>, request: Option<Call>) -> Option<(Answer, Option<usize>)> {
        let now = self.clock.now();
        let Some(call) = request else {
            let mut state = self.state();
            state
                .surprises
                .push("a request that does not read".to_owned());
            return None;
        };
        let habits = self.vendor.habits();
        let operation = native::operation(habits, &call);
        let fault = self.faults.take(operation);
        self.state().operations.push(operation);
        let act = |state: &mut State| {
            native::answer(habits, &mut state.store, &call, now, &mut state.surprises)
        };
        match fault {
            None => Some((act(&mut self.state()), None)),
            Some(Fault::Refuse(status)) => Some((native::refused(habits, &call, status), None)),
            Some(Fault::Drop) => None,
            Some(Fault::DoneAndDropped) => {
                drop(act(&mut self.state()));
                None
            }
            Some(Fault::DoneLate(after)) => {
                let (shared, call) = (Arc::clone(self), call.clone());
                tokio::spawn(async move {
                    tokio::time::sleep(after).await;
                    let (now, mut state) = (shared.clock.now(), shared.state());
                    let State {
                        store, surprises, ..
                    } = &mut *state;
                    drop(native::answer(habits, store, &call, now, surprises));
                });
                None
            }
            Some(Fault::ErrorInside) => Some((native::error_inside(habits, &call), None)),
            Some(Fault::Truncated(after)) => Some((act(&mut self.state()), Some(after))),
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
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
    let Ok(body) = body.collect().await else {
        return Err(Closed);
    };
    let call = Call::of(
        parts.method.clone(),
        &parts.uri,
        parts.headers,
        body.to_bytes(),
        |host| shared.vendor.habits().bucket_of(host),
    );
    let (answer, cut) = shared.answer(call).ok_or(Closed)?;
    let mut headers = HeaderMap::new();
    for (name, value) in answer.headers {
        let name: http::HeaderName = name.parse().map_err(|_| Closed)?;
        // As they were sent: bytes, not text.
        let value = http::HeaderValue::from_bytes(value.as_bytes()).map_err(|_| Closed)?;
        headers.append(name, value);
    }
    let mut response = Response::new(Cut::new(answer.body, cut));
    *response.status_mut() = answer.status;
    *response.headers_mut() = headers;
    Ok(response)
}
