//! A store with tiers over two folders.

mod bytes;
mod control;
mod disk;
mod keys;
mod pair;
mod restores;
mod steps;
mod upload;

use std::fmt;
use std::io;
use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{Error, ObjectMeta, ObjectStore, ObjectStoreExt, Result};
use picora_core::{Clock, StoreError, StoreErrorKind, Timestamp};
use picora_storage::{Examine, Frozen, Trouble};
use picora_tiering::{Restoring, Tier};

use self::disk::Files;
use self::keys::{KeyGuard, Keys};
pub use self::pair::pair_of;
use self::restores::Restores;
use crate::blocking::blocking;
use crate::folder::create_durably;
use crate::staged::{Swept, Writing, sweep, target_of};
use crate::store::generic;
use crate::{LocalStore, OpenError};

/// Objects as files in a hot and an archive folder, which may lie on different disks: a large and slow one for what nobody asks for.
///
/// **The order that decides**: what the hot folder has is hot, whatever the archive has; what only the archive has is archived, also a
/// file that somebody put there by hand. So an object is in one tier at each instant, although a move gives it a second name (on one
/// disk) or a second copy (between disks) before it takes the first away. What a killed process leaves of a move is a *shadow* in the
/// archive, which nobody can read; the next change of the key or [`sweep`](Self::sweep) removes it.
///
/// **Durable** as [`LocalStore`]: what a call did outlives the machine's power, and when it fails in the middle of a call, the object is
/// whole, in the one tier or in the other. **Units**: a folder that served a [`LocalStore`] becomes the hot one as it is. From
/// then on the two are a pair: a disk that is not mounted is not taken for an archive that is empty.
///
/// **Boundaries**: files have no headers, so none are kept: a probe answers none, and those that are sent with a move go nowhere. No
/// digest is kept either, since a probe would have to read every byte. What is last modified stays so through moves; the etag changes when
/// a move goes to another disk. A list shows the archive first: an object that comes back meanwhile may be shown twice, one that is archived
/// meanwhile may be missing.
///
/// **Errors**: object_store's; a frozen object is a [`PermissionDenied`](Error::PermissionDenied) with [`Frozen`] among its causes. **State**:
/// a future that is dropped may have done all that it was asked or nothing; what is there is whole. Clones share folders and locks.
#[derive(Clone, Debug)]
pub struct TieredStore {
    hot: LocalStore,
    archive: LocalStore,
    keys: Arc<Keys>,
    restores: Restores,
    delay: Option<Delay>,
}

/// How long a restore pretends to take.
#[derive(Clone, Debug)]
struct Delay {
    takes: Duration,
    clock: Arc<dyn Clock>,
}

/// What a sweep of both folders removed, and what it let be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TiersSwept {
    /// Staged files of uploads and moves.
    pub staged: Swept,
    /// How many shadows: files of the archive whose object is hot.
    pub shadows: u64,
}

impl TieredStore {
    /// Opens both folders for this process alone, making them if there are none. Blocks for a few file operations: call it at start.
    ///
    /// **Errors**: [`OpenError`], in one sentence; also when the folders are one, or one lies among the objects of the other.
    pub fn open(
        hot: impl AsRef<FsPath>,
        archive: impl AsRef<FsPath>,
    ) -> std::result::Result<Self, OpenError> {
        let (hot, archive) = (hot.as_ref(), archive.as_ref());
        apart(hot, archive)?;
        Self::of(LocalStore::open(hot)?, LocalStore::open(archive)?, false)
    }

    /// The same for one of several processes that share both folders, all of which open the same two so.
    ///
    /// **Errors**: as [`open`](Self::open); in use is a folder that a process has to itself.
    pub fn open_shared(
        hot: impl AsRef<FsPath>,
        archive: impl AsRef<FsPath>,
    ) -> std::result::Result<Self, OpenError> {
        let (hot, archive) = (hot.as_ref(), archive.as_ref());
        apart(hot, archive)?;
        let (hot, archive) = (
            LocalStore::open_shared(hot)?,
            LocalStore::open_shared(archive)?,
        );
        Self::of(hot, archive, true)
    }

    fn of(
        hot: LocalStore,
        archive: LocalStore,
        shared: bool,
    ) -> std::result::Result<Self, OpenError> {
        // Once more, now that links are resolved.
        apart(hot.root(), archive.root())?;
        pair::join(hot.folder(), archive.folder())?;
        let locks = shared.then(|| hot.folder().join("keys"));
        Ok(Self {
            keys: Arc::new(Keys::new(locks).map_err(|error| unusable(&hot, error))?),
            restores: Restores::at(archive.folder().join("restores")),
            hot,
            archive,
            delay: None,
        })
    }

    /// The same with restores that take so long, by this clock: archived objects are frozen, as in a cloud.
    ///
    /// What is being restored is kept in the archive folder, so that a restart forgets none. All processes that share the folders name
    /// the same delay.
    #[must_use]
    pub fn with_restore_delay(mut self, takes: Duration, clock: Arc<dyn Clock>) -> Self {
        self.delay = Some(Delay { takes, clock });
        self
    }

    /// The hot folder that it was opened with, as an absolute path.
    #[must_use]
    pub fn hot_folder(&self) -> &FsPath {
        self.hot.folder()
    }

    /// The archive folder that it was opened with, as an absolute path.
    #[must_use]
    pub fn archive_folder(&self) -> &FsPath {
        self.archive.folder()
    }

    /// Removes what dead processes left behind: staged files, and shadows in the archive.
    ///
    /// **Boundaries**: staged files as [`LocalStore::sweep_staged`], those of moves alike; a move writes without pause. Shadows go whatever
    /// their age, since nobody can read them. **Errors**: `Unavailable`, with what was removed staying removed.
    pub async fn sweep(
        &self,
        older_than: Duration,
        now: Timestamp,
    ) -> std::result::Result<TiersSwept, StoreError> {
        let mut swept = TiersSwept::default();
        for store in [&self.hot, &self.archive] {
            let uploads = store.sweep_staged(older_than, now).await?;
            let folder = moving(store);
            let moves = blocking(move || match folder.exists() {
                true => sweep(&folder, &Writing::default(), older_than, now),
                false => Ok(Swept::default()),
            });
            swept.staged += uploads;
            swept.staged += moves.await.map_err(|error| unswept(error.into()))?;
        }
        swept.shadows = self
            .sweep_shadows()
            .await
            .map_err(|error| unswept(error.into()))?;
        Ok(swept)
    }

    async fn sweep_shadows(&self) -> Result<u64> {
        let (mut removed, mut archived) = (0, self.archive.list(None));
        while let Some(object) = archived.try_next().await? {
            let key = object.location;
            if self.is_hot(&key).await? {
                let alone = self.alone(&[&key]).await?;
                if self.is_hot(&key).await? && self.unarchive(&key, alone).await? {
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }

    fn of_tier(&self, tier: Tier) -> &LocalStore {
        match tier {
            Tier::Hot => &self.hot,
            Tier::Archive => &self.archive,
        }
    }

    /// Waits until nobody else changes these keys.
    async fn alone(&self, keys: &[&Path]) -> Result<Vec<KeyGuard>> {
        self.keys.lock(keys).await.map_err(generic)
    }

    /// Where an object is; what is on its way from one tier to the other may be overlooked, unless the key is locked.
    async fn look(&self, key: &Path) -> Result<Option<(Tier, ObjectMeta)>> {
        for tier in [Tier::Hot, Tier::Archive] {
            match self.of_tier(tier).head(key).await {
                Err(Error::NotFound { .. }) => {}
                found => return found.map(|meta| Some((tier, meta))),
            }
        }
        Ok(None)
    }

    /// Where an object is, also one that is on its way.
    async fn find(&self, key: &Path) -> Result<Option<(Tier, ObjectMeta)>> {
        match self.look(key).await? {
            None => {
                let _still = self.alone(&[key]).await?;
                self.look(key).await
            }
            found => Ok(found),
        }
    }

    async fn is_hot(&self, key: &Path) -> Result<bool> {
        match self.hot.head(key).await {
            Ok(_) => Ok(true),
            Err(Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Takes what the archive has at a key, and its restore; whether there was something. The key is locked as long as it takes.
    async fn unarchive(&self, key: &Path, alone: Vec<KeyGuard>) -> Result<bool> {
        let (file, key, restores) = (self.archive.file(key)?, key.clone(), self.restores.clone());
        let taken = blocking(move || {
            let _alone = alone;
            restores.forget(&key)?;
            steps::take_away(&Files, &file)
        });
        taken.await.map_err(generic)
    }

    /// How far the restore of an archived version is; never begun where nothing has to be restored.
    async fn restoring(&self, key: &Path, meta: &ObjectMeta) -> Result<Restoring> {
        let Some(delay) = &self.delay else {
            return Ok(Restoring::No);
        };
        let (restores, key, etag) = (self.restores.clone(), key.clone(), etag(meta));
        let now = delay.clock.now();
        let state = blocking(move || restores.state(&key, &etag, now)).await;
        state.map_err(generic)
    }

    async fn is_frozen(&self, key: &Path, meta: &ObjectMeta) -> Result<bool> {
        let readable = matches!(
            self.restoring(key, meta).await?,
            Restoring::ReadableUntil(_)
        );
        Ok(self.delay.is_some() && !readable)
    }

    /// Refuses to read what the archive has and nobody has restored.
    async fn refuse_frozen(&self, key: &Path) -> Result<()> {
        if self.delay.is_some() {
            let meta = self.archive.head(key).await?;
            if self.is_frozen(key, &meta).await? {
                return Err(Error::PermissionDenied {
                    path: key.to_string(),
                    source: Box::new(Frozen),
                });
            }
        }
        Ok(())
    }

    /// Brings the bytes of one tier's object to the disk of another tier, where they wait for their name.
    async fn stage(&self, key: &Path, from: Tier, to: Tier) -> Result<StagedFile> {
        let (source, folder) = (self.of_tier(from).file(key)?, moving(self.of_tier(to)));
        let staged = blocking(move || {
            if !folder.exists() {
                create_durably(&folder)?; // not at the start, since a full disk shall open
            }
            let staged = steps::stage(&Files, &source, names(&folder))?;
            Ok(StagedFile(staged))
        });
        staged.await.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Error::NotFound {
                path: key.to_string(),
                source: error.into(),
            },
            _ => generic(error),
        })
    }
}

impl fmt::Display for TieredStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hot, archive) = (self.hot_folder(), self.archive_folder());
        write!(f, "TieredStore({}, {})", hot.display(), archive.display())
    }
}

#[async_trait]
impl Examine for TieredStore {
    async fn examine(&self) -> std::result::Result<(), Trouble> {
        self.hot.examine().await?;
        self.archive.examine().await
    }
}

/// A staged file, which goes with this value unless it has got its name: whoever asked for it may have gone.
#[derive(Debug)]
struct StagedFile(PathBuf);

impl Drop for StagedFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0); // else the sweep does it
    }
}

/// Where moves stage, beside the objects on the same disk. Names are never used again, so that no sweep takes one for another.
fn moving(store: &LocalStore) -> PathBuf {
    store.folder().join("moving")
}

fn names(folder: &FsPath) -> impl Iterator<Item = PathBuf> {
    let folder = folder.to_path_buf();
    (0..MOST_NAMES).map(move |_| {
        let name = folder.join(format!("move#{}", crate::examine::unheard_of()));
        debug_assert!(target_of(&name).is_some(), "else no sweep finds it");
        name
    })
}

fn etag(meta: &ObjectMeta) -> String {
    meta.e_tag.clone().unwrap_or_default()
}

/// Refuses two folders of which one is, or lies among, the objects of the other.
fn apart(hot: &FsPath, archive: &FsPath) -> std::result::Result<(), OpenError> {
    let spelled = |it: &FsPath| it.canonicalize().or_else(|_| std::path::absolute(it));
    let (Ok(one), Ok(other)) = (spelled(hot), spelled(archive)) else {
        return Ok(()); // opening says what is wrong
    };
    let among = |it: &FsPath, of: &FsPath| it.starts_with(of.join("objects")) || it == of;
    if among(&one, &other) || among(&other, &one) {
        let (hot, archive) = (hot.to_path_buf(), archive.to_path_buf());
        return Err(OpenError::Overlap { hot, archive });
    }
    Ok(())
}

fn unusable(store: &LocalStore, source: io::Error) -> OpenError {
    OpenError::Unusable {
        folder: store.folder().to_path_buf(),
        source,
    }
}

fn unswept(cause: Box<dyn std::error::Error + Send + Sync>) -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, BACKEND, "sweep its folders").caused_by(cause)
}

const BACKEND: &str = "tiered folders";
/// That so many numbers of 64 bits are all taken does not happen.
const MOST_NAMES: usize = 8;
