//! An object store over a folder.

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult,
    RenameOptions, Result,
};
use picora_core::{StoreError, StoreErrorKind, Timestamp};

use crate::OpenError;
use crate::blocking::blocking;
use crate::dirs::{DurableDirs, sync_dir};
use crate::folder::{Folder, Hold};
use crate::nothing::{found, is_below_a_file, is_nothing};
use crate::one_file::finish_rename;
use crate::staged::{Swept, Writing, WritingGuard, sweep};
use crate::upload::LocalUpload;

/// Objects as files in a folder; what a call did is on the disk when it returns.
///
/// **Errors**: object_store's; the operating system's code is in their chain of causes. An error after a rename leaves it open whether
/// the object is there; what is there is whole. **State**: an object is replaced in one step; readers of the old one keep reading it.
/// Clones share the folder, its lock ends with the last of them.
#[derive(Clone, Debug)]
pub struct LocalStore {
    inner: LocalFileSystem,
    folder: Arc<Folder>,
    root: Arc<FsPath>,
    dirs: Arc<DurableDirs>,
    writing: Writing,
}

impl LocalStore {
    /// Opens the folder for this process alone, making it if there is none. Blocks for a few file operations: call it at start.
    ///
    /// **Errors**: [`OpenError`], in one sentence: in use by another process, or not to be made or written. A full disk does not refuse.
    pub fn open(folder: impl AsRef<FsPath>) -> Result<Self, OpenError> {
        Self::of(Folder::open(folder.as_ref(), Hold::Alone)?)
    }

    /// The same for one of several processes that share the folder, all of which open it so.
    ///
    /// Give [`sweep_staged`](Self::sweep_staged) more time than any write of theirs can pause: the lock does not tell who is writing.
    /// **Errors**: [`OpenError`]; in use is a folder that a process has to itself.
    pub fn open_shared(folder: impl AsRef<FsPath>) -> Result<Self, OpenError> {
        Self::of(Folder::open(folder.as_ref(), Hold::Shared)?)
    }

    fn of(folder: Folder) -> Result<Self, OpenError> {
        let unusable = |source: io::Error| OpenError::Unusable {
            folder: folder.path().to_path_buf(),
            source,
        };
        // Canonical, as object_store spells its paths, so that both mean the same folders.
        let root = folder.objects().canonicalize().map_err(unusable)?;
        let inner = LocalFileSystem::new_with_prefix(&root)
            .map_err(|error| unusable(io::Error::other(error)))?;
        Ok(Self {
            inner: inner.with_fsync(true),
            root: root.as_path().into(),
            dirs: Arc::new(DurableDirs::below(root)),
            folder: Arc::new(folder),
            writing: Writing::default(),
        })
    }

    /// The folder that it was opened with, as an absolute path.
    #[must_use]
    pub fn folder(&self) -> &FsPath {
        self.folder.path()
    }

    /// Removes what uploads of dead processes, and failed ones of this process, left behind, which no listing shows.
    ///
    /// **Boundaries**: a staged file goes when it was last written or named `older_than` or longer before `now`, both inclusive, by
    /// the file system's clock against the caller's. A file that this store is writing stays whatever its age; the lock of a folder that is not
    /// shared says that no other process is writing. `older_than` covers the rest: a write whose future was dropped may go on for a moment in the
    /// background. An hour is plenty. **Errors**: `Unavailable`, with what was removed staying removed.
    pub async fn sweep_staged(
        &self,
        older_than: Duration,
        now: Timestamp,
    ) -> Result<Swept, StoreError> {
        let (root, writing) = (self.folder.objects(), self.writing.clone());
        let swept = blocking(move || sweep(&root, &writing, older_than, now)).await;
        swept.map_err(|error| {
            StoreError::new(
                StoreErrorKind::Unavailable,
                "local folder",
                "sweep staged files",
            )
            .caused_by(error)
        })
    }

    /// Where objects lie, as object_store spells it.
    pub(crate) fn root(&self) -> &FsPath {
        &self.root
    }

    /// The file of a key.
    pub(crate) fn file(&self, location: &Path) -> Result<PathBuf> {
        self.inner.path_to_filesystem(location)
    }

    /// Makes the way to a key durable, and keeps the sweep away from it until the guard is dropped.
    pub(crate) async fn prepare(&self, location: &Path) -> Result<WritingGuard> {
        let target = self.inner.path_to_filesystem(location)?;
        let parent = target.parent().map(FsPath::to_path_buf);
        let guard = self.writing.begin(target);
        if let Some(parent) = parent.filter(|parent| !self.dirs.knows(parent)) {
            let dirs = Arc::clone(&self.dirs);
            blocking(move || dirs.ensure(&parent))
                .await
                .map_err(generic)?;
        }
        Ok(guard)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ObjectStore for LocalStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let _writing = self.prepare(location).await?;
        self.inner.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let writing = self.prepare(location).await?;
        Ok(Box::new(LocalUpload {
            inner: self.inner.put_multipart_opts(location, options).await?,
            _writing: writing,
        }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        found(location, self.inner.get_opts(location, options).await)
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        found(location, self.inner.get_ranges(location, ranges).await)
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let files = self.inner.clone();
        let removed = locations.map(move |location| remove_durably(files.clone(), location));
        removed.buffered(REMOVALS_AT_ONCE).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        there(self.inner.list(prefix))
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        there(self.inner.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        match self.inner.list_with_delimiter(prefix).await {
            Err(error) if is_below_a_file(&error) => Ok(ListResult {
                common_prefixes: Vec::new(),
                objects: Vec::new(),
                extensions: Default::default(),
            }),
            listed => listed,
        }
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let _writing = self.prepare(to).await?;
        found(from, self.inner.copy_opts(from, to, options).await)
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        let _writing = self.prepare(to).await?;
        found(from, self.inner.rename_opts(from, to, options).await)?;
        let (from, to) = (self.file(from)?, self.file(to)?);
        let mut free = to.clone().into_os_string();
        free.push(format!("#{}", crate::examine::unheard_of()));
        let finished = blocking(move || finish_rename(&from, &to, free.as_ref())).await;
        finished.map_err(generic)
    }
}

impl fmt::Display for LocalStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalStore({})", self.folder.path().display())
    }
}

/// object_store does not sync after a removal, and what an account has erased must not come back with the power.
///
/// Nor may it when nothing is found: a removal before may have failed between the two.
async fn remove_durably(files: LocalFileSystem, location: Result<Path>) -> Result<Path> {
    let location = location?;
    let removed = found(&location, files.delete(&location).await);
    if !matches!(removed, Ok(()) | Err(Error::NotFound { .. })) {
        return removed.map(|()| location);
    }
    if let Some(parent) = files.path_to_filesystem(&location)?.parent() {
        let parent = parent.to_path_buf();
        let synced = blocking(move || match sync_dir(&parent) {
            Err(error) if is_nothing(&error) => Ok(()), // without a folder there is no name
            synced => synced,
        });
        synced.await.map_err(generic)?;
    }
    removed.map(|()| location)
}

/// What a listing shows; nothing below an object.
fn there(listed: BoxStream<'static, Result<ObjectMeta>>) -> BoxStream<'static, Result<ObjectMeta>> {
    let shown = |object: &Result<ObjectMeta>| {
        let shown = !object.as_ref().is_err_and(is_below_a_file);
        std::future::ready(shown)
    };
    listed.filter(shown).boxed()
}

pub(crate) fn generic(error: io::Error) -> Error {
    Error::Generic {
        store: "LocalStore",
        source: Box::new(error),
    }
}

/// As many as object_store removes at once.
const REMOVALS_AT_ONCE: usize = 10;
