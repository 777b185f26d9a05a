//! A body on its way into an object store.

use std::mem;
use std::num::NonZeroUsize;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload, PutPayloadMut};
use picora_core::{Amount, StoreError, StoreErrorKind};

use crate::error::{BACKEND, decisive, harmless};
use crate::{Digester, Measured};

/// Takes a body chunk by chunk, counts and hashes it, and publishes it under its key in one step.
///
/// A body of up to one part is one `put`; a longer one is a multipart upload of equal parts, sent one after the other. Memory: one part
/// and the chunk at hand; chunks are copied, so that neither a crumb nor a slice of a large buffer holds on to more than its bytes.
///
/// **Units**: bytes. **Boundaries**: a body of exactly one part is one `put`; an empty body is an empty object. Stores take at most
/// 10,000 parts, so at 8 MiB a body ends at 78 GiB. **State**: nothing is visible under the key before [`ObjectWriter::finish`]; what
/// was there before stays until then. After an error, or when a future of [`ObjectWriter::write`] was dropped unfinished, the writer is
/// broken and answers `Internal` to everything: a body with a hole is never published. **Source**: design decision 2.
///
/// ```
/// use object_store::{ObjectStoreExt, memory::InMemory};
/// use picora_storage::{Measured, ObjectWriter};
/// # futures::executor::block_on(async {
/// let store = InMemory::new();
/// let mut writer = ObjectWriter::new(&store, "media/a/b".into());
/// for chunk in ["stream", "ed"] {
///     writer.write(chunk.into()).await?;
/// }
/// assert_eq!(writer.bytes().get(), 8); // what an open reservation has to cover
/// assert_eq!(writer.finish().await?, Measured::of(b"streamed"));
/// # Ok::<(), picora_core::StoreError>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
#[must_use = "nothing is stored before `finish`"]
pub struct ObjectWriter<'a> {
    store: &'a dyn ObjectStore,
    path: Path,
    part_bytes: NonZeroUsize,
    part: PutPayloadMut,
    digester: Digester,
    stage: Stage,
}

/// How far the body has come.
#[derive(Debug)]
enum Stage {
    /// All of it is in memory.
    Held,
    /// Some parts are in the store, invisible.
    Parts(Box<dyn MultipartUpload>),
    /// A step failed or was dropped in the middle; it is not known what the store has.
    Broken,
}

impl<'a> ObjectWriter<'a> {
    /// A writer to this key with parts of 8 MiB.
    pub fn new(store: &'a dyn ObjectStore, path: Path) -> Self {
        Self::with_part_bytes(store, path, PART_BYTES)
    }

    /// A writer with parts of another length; object stores refuse parts below 5 MiB, the last one excepted.
    pub fn with_part_bytes(
        store: &'a dyn ObjectStore,
        path: Path,
        part_bytes: NonZeroUsize,
    ) -> Self {
        Self {
            store,
            path,
            part_bytes,
            part: empty_part(),
            digester: Digester::new(),
            stage: Stage::Held,
        }
    }

    /// How many bytes it has taken.
    #[must_use]
    pub const fn bytes(&self) -> Amount {
        self.digester.bytes()
    }

    /// Takes the next bytes, sending each part that is full once more follows.
    ///
    /// **Errors**: the store's, after which its parts have been given up; `Internal` when the writer was broken before.
    pub async fn write(&mut self, mut chunk: Bytes) -> Result<(), StoreError> {
        if matches!(self.stage, Stage::Broken) {
            return Err(broken());
        }
        while !chunk.is_empty() {
            if self.room() == 0 {
                self.send_part().await?;
            }
            let taken = chunk.split_to(self.room().min(chunk.len()));
            self.digester.update(&taken);
            self.part.extend_from_slice(&taken);
        }
        Ok(())
    }

    /// Publishes the body under its key and answers what it is.
    ///
    /// **Errors**: after `Unknown` the object may be there, whole: probe it by [`object::length`](crate::object::length), or remove it.
    /// What was sent is left to the store then: it may be joining it still, and if it is not, its lifecycle rule for unfinished uploads
    /// removes it. After `Corrupt` the store has taken other bytes than those that were sent, and serves them: remove the object. After any
    /// other kind it is not there. Dropping the future is like `Unknown`.
    pub async fn finish(mut self) -> Result<Measured, StoreError> {
        let last = PutPayload::from(mem::take(&mut self.part));
        match mem::replace(&mut self.stage, Stage::Broken) {
            Stage::Held => {
                let put = self.store.put(&self.path, last).await;
                put.map_err(|error| decisive("put", error))?;
            }
            Stage::Parts(upload) => complete(upload, last).await?,
            Stage::Broken => return Err(broken()),
        }
        Ok(self.digester.finish())
    }

    /// Gives up what was sent; nothing is visible under the key.
    ///
    /// Dropping the writer does the same where the store does it by itself (memory, a local folder). A remote store keeps and bills the
    /// parts of a dropped writer until its lifecycle rule for unfinished uploads finds them.
    ///
    /// **Errors**: the store's; what could not be given up is left to the same rule.
    pub async fn abort(self) -> Result<(), StoreError> {
        match self.stage {
            Stage::Held | Stage::Broken => Ok(()),
            Stage::Parts(mut upload) => upload
                .abort()
                .await
                .map_err(|error| harmless("abort", error)),
        }
    }

    fn room(&self) -> usize {
        self.part_bytes
            .get()
            .saturating_sub(self.part.content_length())
    }

    async fn send_part(&mut self) -> Result<(), StoreError> {
        let part = mem::replace(&mut self.part, empty_part()).into();
        // Broken until the part has arrived: this future may be dropped at any await.
        let mut upload = match mem::replace(&mut self.stage, Stage::Broken) {
            Stage::Held => {
                let begun = self.store.put_multipart(&self.path).await;
                begun.map_err(|error| harmless("begin an upload", error))?
            }
            Stage::Parts(upload) => upload,
            Stage::Broken => return Err(broken()),
        };
        if let Err(error) = upload.put_part(part).await {
            give_up(upload).await;
            return Err(harmless("send a part", error));
        }
        self.stage = Stage::Parts(upload);
        Ok(())
    }
}

/// Sends the last part, which is never empty, and publishes all of them.
async fn complete(
    mut upload: Box<dyn MultipartUpload>,
    last: PutPayload,
) -> Result<(), StoreError> {
    let failure = match upload.put_part(last).await {
        Err(error) => harmless("send a part", error),
        Ok(()) => match upload.complete().await {
            Err(error) => decisive("complete", error),
            Ok(_) => return Ok(()),
        },
    };
    // The store may be joining them still.
    if failure.kind() != StoreErrorKind::Unknown {
        give_up(upload).await;
    }
    Err(failure)
}

/// The first failure is the one to report; what remains is the sweeper's or the lifecycle rule's.
async fn give_up(mut upload: Box<dyn MultipartUpload>) {
    let _ = upload.abort().await;
}

fn empty_part() -> PutPayloadMut {
    PutPayloadMut::new().with_block_size(BLOCK_BYTES)
}

fn broken() -> StoreError {
    StoreError::new(StoreErrorKind::Internal, BACKEND, "go on with an upload")
        .caused_by("an earlier step failed or was given up in the middle")
}

/// Above the 5 MiB that S3, R2, OSS and COS ask of every part but the last, and equal for all, as R2 asks.
const PART_BYTES: NonZeroUsize = NonZeroUsize::new(8 << 20).expect("8 MiB is not zero");

/// Small enough to waste little on a short body, large enough that a part is not a thousand pieces.
const BLOCK_BYTES: usize = 64 << 10;
