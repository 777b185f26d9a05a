//! Restores that only pretend to take long: which are going on, kept in a folder so that a restart forgets none.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path as FsPath, PathBuf};
use std::time::Duration;

use object_store::path::Path;
use picora_core::Timestamp;
use picora_storage::Measured;
use picora_tiering::{RestoreAck, Restoring};

use crate::dirs::sync_dir;
use crate::nothing::is_nothing;

/// A folder with a small file for each object that is or was being restored.
///
/// Files are called by the digest of the key, so that no key is too long and none lies below another.
#[derive(Clone, Debug)]
pub(crate) struct Restores {
    folder: PathBuf,
}

/// What a file says: from when to when the bytes of one version can be read, in microseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Restore {
    ready: Timestamp,
    until: Timestamp,
    etag: String,
}

impl Restores {
    /// Keeps them there; the folder is made with the first one.
    pub(crate) fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// How far the restore of this version is. What does not read back is no restore: it can be asked for again.
    pub(crate) fn state(&self, key: &Path, etag: &str, now: Timestamp) -> io::Result<Restoring> {
        Ok(match self.read(key)?.filter(|it| it.etag == etag) {
            Some(restore) if now < restore.ready => Restoring::Ongoing,
            Some(restore) if now < restore.until => Restoring::ReadableUntil(restore.until),
            _ => Restoring::No,
        })
    }

    /// Begins a restore that takes `delay`, joins the one that goes on, or prolongs the one that is over. The key must be locked.
    pub(crate) fn ask(
        &self,
        key: &Path,
        etag: &str,
        days: u16,
        delay: Duration,
        now: Timestamp,
    ) -> io::Result<RestoreAck> {
        let span = Duration::from_secs(u64::from(days.max(1)) * 24 * 60 * 60);
        let (ready, until, ack) = match self.state(key, etag, now)? {
            Restoring::Ongoing => return Ok(RestoreAck::InProgress),
            Restoring::ReadableUntil(until) => (now, until, RestoreAck::Readable),
            Restoring::No => (
                now.saturating_add(delay),
                Timestamp::EPOCH,
                RestoreAck::Accepted,
            ),
        };
        let restore = Restore {
            ready,
            until: until.max(ready.saturating_add(span)),
            etag: etag.to_owned(),
        };
        self.write(key, &restore)?;
        Ok(ack)
    }

    /// Forgets it, on the disk when it returns.
    pub(crate) fn forget(&self, key: &Path) -> io::Result<()> {
        match fs::remove_file(self.file(key)) {
            Err(error) if is_nothing(&error) => Ok(()),
            Err(error) => Err(error),
            Ok(()) => sync_dir(&self.folder),
        }
    }

    fn read(&self, key: &Path) -> io::Result<Option<Restore>> {
        match fs::read_to_string(self.file(key)) {
            Ok(text) => Ok(Restore::parse(&text)),
            Err(error) if is_nothing(&error) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(None), // no text at all
            Err(error) => Err(error),
        }
    }

    fn write(&self, key: &Path, restore: &Restore) -> io::Result<()> {
        if !self.folder.exists() {
            fs::create_dir_all(&self.folder)?;
            self.folder.parent().map_or(Ok(()), sync_dir)?;
        }
        let file = self.file(key);
        let staged = file.with_extension("new"); // the key is locked, so nobody else writes it
        let mut new = File::create(&staged)?;
        new.write_all(restore.text().as_bytes())?;
        new.sync_all()?;
        fs::rename(&staged, &file)?;
        sync_dir(&self.folder)
    }

    fn file(&self, key: &Path) -> PathBuf {
        let digest = Measured::of(key.as_ref().as_bytes()).sha256_hex();
        self.folder.join(FsPath::new(&digest))
    }
}

impl Restore {
    fn text(&self) -> String {
        let (ready, until) = (self.ready.unix_micros(), self.until.unix_micros());
        format!("{ready} {until} {}\n", self.etag)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut words = text.strip_suffix('\n')?.splitn(3, ' ');
        let mut instant = || words.next()?.parse().ok().map(Timestamp::from_unix_micros);
        let (ready, until) = (instant()?, instant()?);
        let etag = words.next()?.to_owned();
        Some(Self { ready, until, etag })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    const MINUTE: Duration = Duration::from_secs(60);
    const MICRO: Duration = Duration::from_micros(1);

    fn fresh() -> (tempfile::TempDir, Restores, Path, Timestamp) {
        let folder = tempfile::tempdir().unwrap();
        let restores = Restores::at(folder.path().join("restores"));
        let now = Timestamp::from_unix_seconds(1_777_000_000);
        (folder, restores, Path::from("media/a/b"), now)
    }

    #[test]
    fn a_restore_takes_its_time_lasts_its_days_and_can_be_prolonged() {
        let (_folder, restores, key, now) = fresh();
        let ask = |days, at| restores.ask(&key, "1", days, MINUTE, at).unwrap();
        let state = |at| restores.state(&key, "1", at).unwrap();
        assert_eq!(state(now), Restoring::No);
        assert_eq!(ask(1, now), RestoreAck::Accepted);
        let ready = now.saturating_add(MINUTE);
        let before = ready.saturating_sub(MICRO);
        assert_eq!(state(before), Restoring::Ongoing);
        assert_eq!(ask(9, before), RestoreAck::InProgress);
        let until = ready.saturating_add(DAY);
        assert_eq!(state(ready), Restoring::ReadableUntil(until));
        assert_eq!(
            state(until.saturating_sub(MICRO)),
            Restoring::ReadableUntil(until)
        );
        assert_eq!(state(until), Restoring::No);
        // Longer, never shorter; and readable at once.
        assert_eq!(ask(2, ready), RestoreAck::Readable);
        let longer = ready.saturating_add(2 * DAY);
        assert_eq!(state(ready), Restoring::ReadableUntil(longer));
        assert_eq!(ask(0, ready), RestoreAck::Readable);
        assert_eq!(state(ready), Restoring::ReadableUntil(longer));
        assert_eq!(ask(1, longer), RestoreAck::Accepted);
    }

    #[test]
    fn another_version_or_a_file_that_does_not_read_is_no_restore() {
        let (_folder, restores, key, now) = fresh();
        let begun = restores.ask(&key, "1", 1, MINUTE, now).unwrap();
        assert_eq!(begun, RestoreAck::Accepted);
        assert_eq!(restores.state(&key, "2", now).unwrap(), Restoring::No);
        for torn in [
            &b""[..],
            b"1",
            b"1 2",
            b"1 2 1",
            b"x 2 1\n",
            b"1 99999999999999999999 1\n",
            b"\xff",
        ] {
            fs::write(restores.file(&key), torn).unwrap();
            assert_eq!(
                restores.state(&key, "1", now).unwrap(),
                Restoring::No,
                "{torn:?}"
            );
        }
        assert_eq!(
            restores.ask(&key, "1", 1, MINUTE, now).unwrap(),
            RestoreAck::Accepted
        );
        restores.forget(&key).unwrap();
        restores.forget(&key).unwrap();
        assert_eq!(restores.state(&key, "1", now).unwrap(), Restoring::No);
    }
}
