//! Reading what is stored for no other sake than to know that it is still there, whole.

use std::num::NonZeroUsize;

use futures::TryStreamExt;
use futures::future::BoxFuture;
use futures::stream::{FuturesOrdered, StreamExt};
use object_store::path::Path;
use object_store::{Error, ObjectMeta, ObjectStore, ObjectStoreExt};
use picora_core::{StoreError, StoreErrorKind};

use crate::error::{BACKEND, harmless, is_corrupt, is_frozen};

/// One run over the objects below a prefix, in the order of their keys.
///
/// **Units**: bytes. **Boundaries**: a run reads at most `most_objects`, and no more bytes than `most_bytes`, but always one object, however
/// large; so every run gets on. It also ends after [`MOST_AT_FAULT`] objects at fault: then something larger is wrong.
///
/// ```
/// use object_store::{ObjectStoreExt, memory::InMemory};
/// use picora_storage::scrub::Scrub;
///
/// # futures::executor::block_on(async {
/// let store = InMemory::new();
/// store.put(&"media/a/1".into(), "a photo".into()).await.unwrap();
/// store.put(&"media/a/2".into(), "a film".into()).await.unwrap();
///
/// let first = Scrub { most_objects: 1, ..Scrub::below("media".into()) }.run(&store).await?;
/// assert_eq!((first.whole, first.bytes), (1, 7));
/// let rest = Scrub { after: first.next, ..Scrub::below("media".into()) }.run(&store).await?;
/// assert_eq!((rest.whole, rest.bytes, rest.next), (1, 6, None));
/// # Ok::<(), picora_core::StoreError>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Scrub {
    /// What the keys begin with, in whole parts.
    pub prefix: Path,
    /// Where the run before came to; exclusive.
    pub after: Option<Path>,
    /// How many objects are looked at.
    pub most_objects: u64,
    /// How many bytes are read.
    pub most_bytes: u64,
    /// How many objects are read at the same time.
    pub at_once: NonZeroUsize,
}

/// What a run has found.
#[derive(Debug, Default)]
pub struct Scrubbed {
    /// Objects that were read to their end, and are what was stored as far as the store's own digest says.
    pub whole: u64,
    /// Bytes of those.
    pub bytes: u64,
    /// Archived objects, which nobody can read before they are restored; their bytes are the store's affair meanwhile.
    pub frozen: u64,
    /// Objects that were removed after they were listed.
    pub gone: u64,
    /// Those that somebody has to look after, in the order of their keys.
    pub at_fault: Vec<AtFault>,
    /// Where the next run goes on ([`Scrub::after`]); `None` when there is nothing behind.
    pub next: Option<Path>,
}

/// An object that is not as it should be.
#[derive(Debug)]
pub struct AtFault {
    /// Which.
    pub key: Path,
    /// Whether its bytes are not those that were stored, or not as many; otherwise they could not be read, which may pass.
    pub corrupt: bool,
    /// What reading it came to.
    pub cause: Error,
}

impl Scrub {
    /// All objects below a prefix in one run, four at a time.
    #[must_use]
    pub const fn below(prefix: Path) -> Self {
        Self {
            prefix,
            after: None,
            most_objects: u64::MAX,
            most_bytes: u64::MAX,
            at_once: NonZeroUsize::MIN.saturating_add(3),
        }
    }

    /// Reads them.
    ///
    /// Memory: a chunk of the store for each object that is read at the same time, and what is at fault.
    ///
    /// **Errors**: [`StoreError`] when the store cannot list; of kind `Unsupported` when a run that is only a part of the whole meets a store
    /// that does not list in the order of keys, for then nobody knows what is behind. Objects that cannot be read are findings. State:
    /// never changed; a run that failed can be repeated.
    pub async fn run(&self, store: &dyn ObjectStore) -> Result<Scrubbed, StoreError> {
        let mut listed = match &self.after {
            Some(after) => store.list_with_offset(Some(&self.prefix), after),
            None => store.list(Some(&self.prefix)),
        };
        let mut reads: FuturesOrdered<BoxFuture<'_, (Path, Found)>> = FuturesOrdered::new();
        let mut taken = Taken::new(self);
        let mut scrubbed = Scrubbed::default();
        loop {
            while taken.more && reads.len() < self.at_once.get() {
                let next = listed.try_next().await;
                match next.map_err(|error| harmless("list", error))? {
                    Some(object) if taken.take(self, &object)? => {
                        let key = object.location;
                        reads.push_back(Box::pin(async move {
                            let found = read(store, &key).await;
                            (key, found)
                        }));
                    }
                    Some(_) => taken.more = false,
                    None => {
                        taken.more = false;
                        taken.last = None;
                    }
                }
            }
            let Some((key, found)) = reads.next().await else {
                break;
            };
            scrubbed.count(key.clone(), found);
            if scrubbed.at_fault.len() == MOST_AT_FAULT {
                taken.last = Some(key);
                break;
            }
        }
        scrubbed.next = taken.last;
        Ok(scrubbed)
    }
}

/// What a run has taken upon itself.
struct Taken {
    objects: u64,
    bytes: u64,
    last: Option<Path>,
    /// Whether there may be more for this run.
    more: bool,
}

impl Taken {
    fn new(scrub: &Scrub) -> Self {
        Self {
            objects: 0,
            bytes: 0,
            last: scrub.after.clone(),
            more: true,
        }
    }

    /// Takes an object; `false` when it is the next run's.
    fn take(&mut self, scrub: &Scrub, object: &ObjectMeta) -> Result<bool, StoreError> {
        let in_parts = scrub.after.is_some() || scrub.most_objects.min(scrub.most_bytes) < u64::MAX;
        if in_parts
            && self
                .last
                .as_ref()
                .is_some_and(|last| *last >= object.location)
        {
            let error = StoreError::new(StoreErrorKind::Unsupported, BACKEND, "scrub in parts");
            return Err(error.caused_by("it does not list in the order of keys"));
        }
        let bytes = self.bytes.saturating_add(object.size);
        let full = self.objects >= scrub.most_objects || bytes > scrub.most_bytes;
        if self.objects > 0 && full {
            return Ok(false);
        }
        self.objects += 1;
        self.bytes = bytes;
        self.last = Some(object.location.clone());
        Ok(true)
    }
}

/// What an object is found to be.
enum Found {
    Whole(u64),
    Frozen,
    Gone,
    AtFault { corrupt: bool, cause: Error },
}

async fn read(store: &dyn ObjectStore, key: &Path) -> Found {
    match counted(store, key).await {
        Ok((found, told)) if found == told => Found::Whole(found),
        Ok((found, told)) => Found::AtFault {
            corrupt: true,
            cause: Error::Generic {
                store: BACKEND,
                source: format!("{key} has {found} bytes instead of {told}").into(),
            },
        },
        Err(Error::NotFound { .. }) => Found::Gone,
        Err(error) if is_frozen(&error) => Found::Frozen,
        Err(cause) => Found::AtFault {
            corrupt: is_corrupt(&cause),
            cause,
        },
    }
}

/// Reads all bytes: how many there are, and how many there should be.
async fn counted(store: &dyn ObjectStore, key: &Path) -> Result<(u64, u64), Error> {
    let object = store.get(key).await?;
    let (told, mut bytes) = (object.meta.size, 0_u64);
    let mut chunks = object.into_stream();
    while let Some(chunk) = chunks.try_next().await? {
        bytes = bytes.saturating_add(chunk.len() as u64);
    }
    Ok((bytes, told))
}

impl Scrubbed {
    fn count(&mut self, key: Path, found: Found) {
        match found {
            Found::Whole(bytes) => {
                self.whole += 1;
                self.bytes = self.bytes.saturating_add(bytes);
            }
            Found::Frozen => self.frozen += 1,
            Found::Gone => self.gone += 1,
            Found::AtFault { corrupt, cause } => self.at_fault.push(AtFault {
                key,
                corrupt,
                cause,
            }),
        }
    }
}

/// After so many objects at fault, a run ends.
pub const MOST_AT_FAULT: usize = 1_000;
