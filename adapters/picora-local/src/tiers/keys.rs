//! Who may change what is at a key.

use std::fs::{self, File};
use std::io;
use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;

use object_store::path::Path;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::blocking::blocking;
use crate::folder::is_full;

/// One at a time changes what is at a key: in this process and, where the folders are shared, in all that share them.
///
/// Keys fall into classes, whose number bounds the files and the memory; two keys of one class wait for each other. Within a process the
/// queue is fair and blocks no thread; only its head waits for other processes, by the lock of a file that ends with its holder. So no
/// more threads wait than there are classes, however many futures are dropped while they wait.
#[derive(Debug)]
pub(crate) struct Keys {
    classes: Vec<Arc<Mutex<()>>>,
    shared: Option<PathBuf>,
}

/// Says that a key is being changed until it is dropped. Whoever works in the background takes it along, since futures may be dropped.
#[derive(Debug)]
pub(crate) struct KeyGuard {
    _process: OwnedMutexGuard<()>,
    _shared: Option<File>,
}

impl Keys {
    /// Of this process alone, or of all that name the same folder for their locks, which it makes.
    pub(crate) fn new(shared: Option<PathBuf>) -> io::Result<Self> {
        if let Some(folder) = &shared {
            match make(folder) {
                Err(error) if is_full(&error) => {} // it has been used before, or will be when there is room
                made => made?,
            }
        }
        let classes = (0..CLASSES).map(|_| Arc::default()).collect();
        Ok(Self { classes, shared })
    }

    /// Waits until nobody else changes what is at these keys.
    ///
    /// **Errors**: the operating system's, from the files of locks.
    pub(crate) async fn lock(&self, keys: &[&Path]) -> io::Result<Vec<KeyGuard>> {
        let mut classes: Vec<_> = keys.iter().map(|key| class(key)).collect();
        // In one order everywhere, so that nobody waits in a circle.
        classes.sort_unstable();
        classes.dedup();
        let mut guards = Vec::with_capacity(classes.len());
        for class in classes {
            guards.push(self.lock_class(class).await?);
        }
        Ok(guards)
    }

    async fn lock_class(&self, class: usize) -> io::Result<KeyGuard> {
        let process = Arc::clone(&self.classes[class]).lock_owned().await;
        let file = self.shared.as_ref().map(|it| it.join(class.to_string()));
        let Some(file) = file else {
            return Ok(KeyGuard {
                _process: process,
                _shared: None,
            });
        };
        // The thread that waits has the place at the head of this process's queue, also when nobody waits for it any more: of all who
        // came and went, one thread for each class is all that is left.
        let locked = blocking(move || {
            let file = open(&file)?;
            file.lock()?;
            Ok(KeyGuard {
                _process: process,
                _shared: Some(file),
            })
        });
        locked.await
    }
}

/// All files at once, so that a disk that gets full later can be locked, and have something removed.
fn make(folder: &FsPath) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    (0..CLASSES).try_for_each(|class| open(&folder.join(class.to_string())).map(drop))
}

fn open(file: &FsPath) -> io::Result<File> {
    let mut options = File::options();
    options.create(true).truncate(false).write(true).open(file)
}

/// FNV-1a: the same in every process, whichever version of the standard library it is built with.
fn class(key: &Path) -> usize {
    let mix = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(16_777_619);
    let hash = key.as_ref().bytes().fold(2_166_136_261, mix);
    hash as usize % CLASSES
}

const CLASSES: usize = 61;

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use futures::executor::block_on;

    fn waits(keys: &Keys, key: &Path) -> bool {
        keys.lock(&[key]).now_or_never().is_none()
    }

    #[test]
    fn a_key_is_changed_by_one_at_a_time_and_other_keys_meanwhile() {
        let keys = Keys::new(None).unwrap();
        let (one, other) = (Path::from("a"), Path::from("b"));
        let guard = block_on(keys.lock(&[&one])).unwrap();
        assert!(waits(&keys, &one));
        assert!(!waits(&keys, &other));
        drop(guard);
        // Both, in whichever order, and twice the same.
        let guards = block_on(keys.lock(&[&other, &one, &one])).unwrap();
        assert_eq!(guards.len(), 2);
        assert!(waits(&keys, &one) && waits(&keys, &other));
    }

    #[test]
    fn those_who_share_the_folder_of_locks_exclude_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let here = Keys::new(Some(folder.path().join("keys"))).unwrap();
        let there = Keys::new(Some(folder.path().join("keys"))).unwrap();
        let key = Path::from("media/a/b");
        let guard = block_on(here.lock(&[&key])).unwrap();
        let (told, hears) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let _guard = block_on(there.lock(&[&key])).unwrap();
                told.send(()).unwrap();
            });
            let early = hears.recv_timeout(std::time::Duration::from_millis(50));
            assert!(early.is_err(), "it had to wait");
            drop(guard);
            hears.recv().unwrap();
        });
    }

    /// Requests are cancelled while another process holds their key: those that come next find threads that work for them.
    #[test]
    fn who_gives_up_waiting_leaves_no_thread_behind_for_each_try() {
        let folder = tempfile::tempdir().unwrap();
        let here = Keys::new(Some(folder.path().join("keys"))).unwrap();
        let there = Keys::new(Some(folder.path().join("keys"))).unwrap();
        let key = Path::from("media/a/b");
        let guard = block_on(there.lock(&[&key])).unwrap();
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.max_blocking_threads(2).build().unwrap();
        let _entered = runtime.enter();
        for _ in 0..8 {
            assert!(waits(&here, &key));
        }
        let (told, hears) = std::sync::mpsc::channel();
        drop(runtime.spawn_blocking(move || told.send(())));
        let worked = hears.recv_timeout(std::time::Duration::from_secs(20));
        drop(guard);
        worked.expect("all threads wait for the lock");
        runtime.block_on(here.lock(&[&key])).unwrap();
    }
}
