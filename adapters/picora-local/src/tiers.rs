//! A store with tiers over two folders.

mod apart;
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

use self::apart::apart;
use self::disk::Files;
use self::keys::{KeyGuard, Keys};
pub use self::pair::pair_of;
use self::restores::Restores;
use crate::blocking::blocking;
use crate::folder::create_durably;
use crate::nothing::is_nothing;
use crate::one_file::leads_to;
use crate::staged::{Swept, Writing, WritingGuard, sweep, target_of};
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
    moves: Arc<Keys>,
    restores: Restores,
    moving: Writing,
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
    /// **Errors**: [`OpenError`], in one sentence; also when the folders are one, or one lies among the objects of the other, and
    /// when the two were a pair with their roles the other way round.
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
        // Once more, now that no link can be put where a folder is about to be made.
        apart(hot.folder(), archive.folder())?;
        pair::join(hot.folder(), archive.folder())?;
        let keys = |name: &str| {
            let locks = shared.then(|| hot.folder().join(name));
            let keys = Keys::new(locks).map_err(|error| unusable(&hot, error))?;
            Ok(Arc::new(keys))
        };
        Ok(Self {
            keys: keys("keys")?,
            moves: keys("moves")?,
            restores: Restores::at(archive.folder().join("restores")),
            moving: Writing::default(),
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
    /// **Boundaries**: staged files as [`LocalStore::sweep_staged`], those of moves alike: one that this store or a clone is making stays
    /// whatever its age, another process's is as old as its last write or naming. Shadows go whatever their age, since nobody can read them. **Errors**: `Unavailable`, with what was removed staying removed.
    pub async fn sweep(
        &self,
        older_than: Duration,
        now: Timestamp,
    ) -> std::result::Result<TiersSwept, StoreError> {
        let mut swept = TiersSwept::default();
        for store in [&self.hot, &self.archive] {
            let uploads = store.sweep_staged(older_than, now).await?;
            let (folder, writing) = (moving(store), self.moving.clone());
            let moves = blocking(move || match folder.exists() {
                true => sweep(&folder, &writing, older_than, now),
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

    /// Waits until no move of this key is just changing names, and keeps the next ones from it: an instant, whatever else is being written.
    async fn unmoved(&self, key: &Path) -> Result<Vec<KeyGuard>> {
        self.moves.lock(&[key]).await.map_err(generic)
    }

    /// Where an object is; one that is moved to and fro meanwhile may be overlooked, as [`LOOKS`] says.
    async fn look(&self, key: &Path) -> Result<Option<(Tier, ObjectMeta)>> {
        for tier in LOOKS {
            match self.of_tier(tier).head(key).await {
                Err(Error::NotFound { .. }) => {}
                found => return found.map(|meta| Some((tier, meta))),
            }
        }
        Ok(None)
    }

    /// Where an object is, however it is moved meanwhile.
    async fn find(&self, key: &Path) -> Result<Option<(Tier, ObjectMeta)>> {
        match self.look(key).await? {
            None => {
                let _still = self.unmoved(key).await?;
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
        self.unarchive_by(|file| steps::take_away(&Files, file), key, alone)
            .await
    }

    async fn unarchive_by(
        &self,
        take: impl FnOnce(&FsPath) -> io::Result<bool> + Send + 'static,
        key: &Path,
        alone: Vec<KeyGuard>,
    ) -> Result<bool> {
        let (file, hot) = (self.archive.file(key)?, self.hot.file(key)?);
        let (key, restores) = (key.clone(), self.restores.clone());
        let taken = blocking(move || {
            let _alone = alone;
            restores.forget(&key)?;
            if is_shown(&hot, &file) {
                return Ok(false);
            }
            take(&file)
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
        // Never used again, so that no sweep takes one for another.
        let target = folder.join(format!("move-{}", crate::examine::unheard_of()));
        let writing = self.moving.begin(target.clone());
        let staged = blocking(move || {
            if !folder.exists() {
                create_durably(&folder)?; // not at the start, since a full disk shall open
            }
            let file = steps::stage(&Files, &source, names(&target))?;
            Ok(StagedFile {
                file,
                _writing: writing,
            })
        });
        staged.await.map_err(|error| match is_nothing(&error) {
            true => Error::NotFound {
                path: key.to_string(),
                source: error.into(),
            },
            false => generic(error),
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

/// A staged file, which goes with this value unless it has got its name: whoever asked for it may have gone. No sweep takes it before.
#[derive(Debug)]
struct StagedFile {
    file: PathBuf,
    _writing: WritingGuard,
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file); // else the sweep does it
    }
}

/// Where moves stage, beside the objects on the same disk.
fn moving(store: &LocalStore) -> PathBuf {
    store.folder().join("moving")
}

/// Names that the sweep takes for staged files of that target.
fn names(target: &FsPath) -> impl Iterator<Item = PathBuf> {
    (1..=MOST_NAMES).map(move |number| {
        let mut name = target.as_os_str().to_owned();
        name.push(format!("#{number}"));
        let name = PathBuf::from(name);
        debug_assert!(
            target_of(&name).as_deref() == Some(target),
            "else no sweep knows it"
        );
        name
    })
}

/// Whether the hot folder shows, by a link that somebody made, the archive's own file: to take that away would be to take both.
fn is_shown(hot: &FsPath, archived: &FsPath) -> bool {
    hot.exists() && archived.exists() && leads_to(hot, archived)
}

fn etag(meta: &ObjectMeta) -> String {
    meta.e_tag.clone().unwrap_or_default()
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

/// Where readers look, without a lock on the key, which a large put of another key may hold for long.
///
/// - Once in each folder is not enough: what is in the archive at the first look may be hot at the second one.
/// - All three miss an object that is there only if it became hot between the first two and was archived again between the last two: of
///   all changes, a move to the archive alone takes a hot name away while the object stays. So whoever finds nothing keeps moves (not
///   puts, copies or removals) from changing names, and looks again.
/// - With no moves, what the last look does not find was not hot before, or has been removed since; and the archive's name goes only
///   when the hot one is there, or with the object. So what all three miss was not there at the second look, or is not there any more.
const LOOKS: [Tier; 3] = [Tier::Hot, Tier::Archive, Tier::Hot];
const BACKEND: &str = "tiered folders";
/// That a number of 64 bits is taken hardly happens even once.
const MOST_NAMES: usize = 8;

#[cfg(test)]
mod tests;
