//! A store on a port of 127.0.0.1.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use picora_core::{Clock, Timestamp};
use picora_sign::Credentials;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};

use crate::bill::{self, Bill, PriceTable};
use crate::faults::Faults;
use crate::keys::Keys;
use crate::native::{self, COS, Habits, OSS, R2};
use crate::{CloudClock, respond};

/// Whose dialect is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Vendor {
    /// Tencent COS.
    Cos,
    /// Aliyun OSS.
    Oss,
    /// Cloudflare R2.
    R2,
}

impl Vendor {
    pub(crate) const fn habits(self) -> &'static Habits {
        match self {
            Self::Cos => &COS,
            Self::Oss => &OSS,
            Self::R2 => &R2,
        }
    }

    /// The region that requests are signed for.
    #[must_use]
    pub const fn region(self) -> &'static str {
        match self {
            Self::Cos | Self::Oss => REGION,
            Self::R2 => REGION_R2,
        }
    }

    /// What it charges.
    #[must_use]
    pub const fn prices(self) -> &'static PriceTable {
        match self {
            Self::Cos => &bill::COS,
            Self::Oss => &bill::OSS,
            Self::R2 => &bill::R2,
        }
    }
}

/// An empty store with one bucket, [`BUCKET`], in its vendor's [region](Vendor::region). Dropping it closes all its connections.
#[derive(Debug)]
pub struct Cloud {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// The bucket that every cloud has.
pub const BUCKET: &str = "photos";

/// Where it lies at Aliyun and Tencent.
pub const REGION: &str = "cn-hangzhou";

/// Where it lies at Cloudflare: everywhere.
pub const REGION_R2: &str = "auto";

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) vendor: Vendor,
    pub(crate) clock: CloudClock,
    pub(crate) faults: Faults,
    /// Requests that will be done later.
    pub(crate) late: AtomicUsize,
    /// A permit for each held one that may be done.
    pub(crate) released: Semaphore,
    /// Whether bodies are digested as they come.
    pub(crate) sinks: bool,
    /// Bytes of bodies that connections were given.
    pub(crate) sent: Arc<AtomicU64>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) store: native::Store,
    pub(crate) keys: Keys,
    pub(crate) surprises: Vec<String>,
    pub(crate) operations: Vec<&'static str>,
}

impl Cloud {
    /// Starts one.
    ///
    /// **Panics** when 127.0.0.1 has no free port.
    #[must_use]
    pub fn start(vendor: Vendor) -> Self {
        Self::of(vendor, native::Store::default())
    }

    /// Starts one that keeps digests instead of bytes, so that it does not grow: it takes puts, uploads in parts, and deletes; an object
    /// with the metadata `seed` is sent back as what is [generated](crate::generated) from it.
    ///
    /// **Panics** when 127.0.0.1 has no free port.
    #[must_use]
    pub fn sink(vendor: Vendor) -> Self {
        let mut store = native::Store::default();
        store.sink = Some(native::Sink::default());
        Self::of(vendor, store)
    }

    fn of(vendor: Vendor, store: native::Store) -> Self {
        let sinks = store.sink.is_some();
        let state = State {
            store,
            ..State::default()
        };
        let shared = Arc::new(Shared {
            vendor,
            clock: CloudClock::default(),
            faults: Faults::default(),
            late: AtomicUsize::new(0),
            released: Semaphore::new(0),
            sent: Arc::default(),
            sinks,
            state: Mutex::new(state),
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
                        () = respond::accept(listener, shared) => {}
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

    /// Whose dialect it speaks.
    #[must_use]
    pub fn vendor(&self) -> Vendor {
        self.shared.vendor
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

    /// How many bytes every part of an upload but the last has at least.
    #[must_use]
    pub fn smallest_part(&self) -> usize {
        self.shared.vendor.habits().smallest_part
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

    /// A key that ends so much later by this cloud's clock, with its token; after that it is refused with the vendor's word for it.
    #[must_use]
    pub fn temporary(&self, lasts: Duration) -> Credentials {
        let now = self.shared.clock.now();
        self.shared.state().keys.lend(now, lasts)
    }

    /// Changes one bit of what is stored at a key, which its digests do not know of; `false` when there is nothing.
    #[must_use]
    pub fn corrupt(&self, key: &str) -> bool {
        self.shared.state().store.damage(key)
    }

    /// How many requests were left without an answer and are still to be done.
    #[must_use]
    pub fn late(&self) -> usize {
        self.shared.late.load(Ordering::SeqCst)
    }

    /// Lets the requests be done that are held ([`Fault::Held`](crate::Fault::Held)).
    pub fn release(&self) {
        self.shared.released.add_permits(self.late());
    }

    /// What was charged in a span of this cloud's time, by its vendor's prices.
    #[must_use]
    pub fn bill(&self, span: Range<Timestamp>) -> Bill {
        let state = self.shared.state();
        bill::bill(
            self.shared.vendor.prices(),
            &state.store.objects.ledger,
            span,
        )
    }

    /// How many bytes of answers' bodies were taken off its hands.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::SeqCst)
    }

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
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
