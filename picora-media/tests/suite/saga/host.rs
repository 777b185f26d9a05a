//! A media host in memory, on one thread, with a clock that moves when told.

use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use object_store::ObjectStoreExt;
use object_store::memory::InMemory;
use picora_core::memory::MemoryTx;
use picora_core::{
    AccountId, Amount, AssetId, Clock, Dimension, Limit, Limits, ManualClock, SeededEntropy,
    SetLimits, StoreError, Timestamp,
};
use picora_media::faults::FaultyMedia;
use picora_media::memory::{MediaState, MemoryMedia};
use picora_media::{
    Asset, Body, Janitor, Media, NewUpload, Tidied, UploadError, UploadPolicy, Uploaded,
};
use picora_quota::Ledger;
use picora_storage::faults::FaultyStore;

use super::sagas::{Sagas, poll};

pub(super) type Tx = MemoryTx<MediaState>;

/// The stores, seen through their faults and without, and the use cases over them.
pub(super) struct Host {
    pub(super) store: FaultyMedia,
    pub(super) truth: Arc<MemoryMedia>,
    pub(super) objects: Arc<FaultyStore>,
    pub(super) bytes: Arc<InMemory>,
    pub(super) clock: Arc<ManualClock>,
    pub(super) sagas: Arc<Sagas>,
    pub(super) media: Media<Tx>,
}

/// Ten in the morning, so that no test meets midnight unless it wants to.
pub(super) const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_255_200);
pub(super) const OWNER: AccountId = AccountId::from_bytes([1; 16]);
pub(super) const OTHER: AccountId = AccountId::from_bytes([2; 16]);
pub(super) const ACCOUNTS: [AccountId; 2] = [OWNER, OTHER];
pub(super) const TTL: Duration = Duration::from_secs(900);
pub(super) const STORAGE_BYTES: u32 = 60_000;
pub(super) const UPLOADS_PER_DAY: u32 = 30;
pub(super) const OPEN_RESERVATIONS: u32 = 4;

pub(super) const POLICY: UploadPolicy = UploadPolicy {
    reservation_ttl: TTL,
    first_step_bytes: 5_000,
    slack_bytes: 100,
    largest_file_bytes: 100_000,
    largest_document_bytes: 5_000,
};

impl Host {
    pub(super) fn new() -> Self {
        Self::seeded(1)
    }

    pub(super) fn seeded(seed: u64) -> Self {
        Self::with_policy(seed, POLICY)
    }

    pub(super) fn with_policy(seed: u64, policy: UploadPolicy) -> Self {
        let truth = Arc::new(MemoryMedia::default());
        let store = FaultyMedia::new(Arc::clone(&truth));
        let bytes = Arc::new(InMemory::new());
        let objects = Arc::new(FaultyStore::new(bytes.clone()));
        let clock = Arc::new(ManualClock::at(NOW));
        let sagas = Arc::new(Sagas::default());
        let media = Media::new(
            Arc::new(store.clone()),
            objects.clone(),
            clock.clone(),
            Arc::new(SeededEntropy::new(seed)),
            sagas.clone(),
            policy,
        );
        let host = Self {
            store,
            truth,
            objects,
            bytes,
            clock,
            sagas,
            media,
        };
        for account in ACCOUNTS {
            host.set_limits(account, limits());
        }
        host
    }

    /// Sets limits behind the use cases' back.
    pub(super) fn set_limits(&self, account: AccountId, limits: Limits) {
        let limits = SetLimits {
            account,
            limits,
            open_reservations: Amount::from(OPEN_RESERVATIONS),
        };
        look(self.truth.set_limits(&limits, NOW)).unwrap();
    }

    pub(super) fn hesitate(&self) {
        self.store.hesitate(true);
        self.objects.hesitate(true);
    }

    /// From here on everything works.
    pub(super) fn heal(&self) {
        self.store.heal();
        self.objects.set_down(false);
        for _ in 0..MOST_FAULTS_AHEAD {
            drop(look(self.objects.head(&"nothing".into()))); // what was still to come, has come
        }
    }

    /// Runs a use case and all sagas to their ends.
    pub(super) fn run<F: Future>(&self, future: F) -> F::Output {
        let output = self.run_beside(future);
        self.sagas.run();
        output
    }

    /// Runs a use case to its end, while other sagas may be waiting for bytes.
    pub(super) fn run_beside<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        for _ in 0..MOST_POLLS {
            if let Poll::Ready(output) = poll(future.as_mut()) {
                return output;
            }
            self.sagas.step();
        }
        panic!("nothing moves any more");
    }

    pub(super) fn upload(&self, new: NewUpload, body: Body) -> Result<Uploaded, UploadError> {
        self.run(self.media.upload(new, body))
    }

    pub(super) fn remove(&self, id: AssetId) -> Result<Option<Asset>, StoreError> {
        self.run(self.media.remove(OWNER, id))
    }

    pub(super) fn tidy(&self) -> Result<Tidied, StoreError> {
        self.run(Janitor::new(self.media.clone()).tidy())
    }

    /// The janitor's work while other sagas may be waiting for bytes.
    pub(super) fn tidy_beside(&self) -> Result<Tidied, StoreError> {
        self.run_beside(Janitor::new(self.media.clone()).tidy())
    }

    /// Lets all time-outs pass and the janitor do its work until there is nothing left to do.
    pub(super) fn rest(&self) {
        self.heal();
        self.sagas.run();
        self.clock.advance(TTL);
        for _ in 0..8 {
            if self.tidy().expect("everything works") == Tidied::default() {
                return;
            }
        }
        panic!("the janitor never comes to rest");
    }

    /// Used and reserved of one dimension of the owner.
    pub(super) fn usage(&self, dimension: Dimension) -> (u64, u64) {
        let lines = look(self.truth.usage(OWNER, self.clock.now())).unwrap();
        let line = lines.iter().find(|line| line.dimension == dimension);
        let cell = line.expect("every dimension has a line").cell;
        (cell.used.get(), cell.reserved.get())
    }
}

/// The plan of every account of these tests, small enough to be reached.
pub(super) fn limits() -> Limits {
    let at_most = |amount: u32| Limit::Max(Amount::from(amount));
    Limits::NOTHING
        .with(Dimension::ImgStorage, at_most(STORAGE_BYTES))
        .with(Dimension::MediaStorage, at_most(STORAGE_BYTES))
        .with(Dimension::DocCount, at_most(3))
        .with(Dimension::DocMaxFile, at_most(1_000))
        .with(Dimension::DocMaxImagesPerDoc, at_most(2))
        .with(Dimension::UploadsPerDay, at_most(UPLOADS_PER_DAY))
        .with(Dimension::UploadsPerMonth, Limit::Unlimited)
}

/// Runs a read of a store without faults.
pub(super) fn look<F: Future>(future: F) -> F::Output {
    futures::executor::block_on(future)
}

/// No test plans a fault of the object store further ahead.
const MOST_FAULTS_AHEAD: usize = 6;

/// Every run of these tests ends long before.
pub(super) const MOST_POLLS: usize = 10_000;
