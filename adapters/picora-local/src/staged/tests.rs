use std::fs::File;

use super::*;

const HOUR: Duration = Duration::from_secs(3_600);
const MICRO: Duration = Duration::from_micros(1);

/// In the file's own words.
fn at(time: std::time::SystemTime) -> Timestamp {
    Timestamp::EPOCH.saturating_add(time.duration_since(UNIX_EPOCH).unwrap())
}

/// A folder with a staged file of 5 bytes, made now with the time of an old source, and an object beside it.
fn folder() -> (tempfile::TempDir, PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let account = root.path().join("media/acc");
    fs::create_dir_all(&account).unwrap();
    fs::write(account.join("img"), "whole").unwrap();
    let staged = account.join("img#1");
    fs::write(&staged, "half.").unwrap();
    let time = UNIX_EPOCH + 1_000 * HOUR;
    for file in [&staged, &account.join("img")] {
        File::options()
            .write(true)
            .open(file)
            .unwrap()
            .set_modified(time)
            .unwrap();
    }
    (root, staged)
}

#[test]
fn a_staged_file_goes_when_it_is_old_enough_to_the_microsecond() {
    let (root, staged) = folder();
    let sweep_at = |now| sweep(root.path(), &Writing::default(), HOUR, now).unwrap();
    let made = at(changed(&fs::metadata(&staged).unwrap()));
    let old_enough = made.saturating_add(HOUR);

    let left = Swept {
        left: 1,
        ..Swept::default()
    };
    assert_eq!(sweep_at(Timestamp::EPOCH), left); // a clock that is behind the file system's
    let source = at(fs::metadata(&staged).unwrap().modified().unwrap());
    assert!(source < made.saturating_sub(HOUR));
    assert_eq!(sweep_at(source.saturating_add(HOUR)), left);
    assert_eq!(sweep_at(old_enough.saturating_sub(MICRO)), left);
    assert!(staged.exists());

    let removed = Swept {
        files: 1,
        bytes: Amount::from(5),
        left: 0,
    };
    assert_eq!(sweep_at(old_enough), removed);
    assert!(!staged.exists());
    assert!(staged.with_file_name("img").exists());
    assert_eq!(sweep_at(old_enough), Swept::default());
}

#[test]
fn a_file_that_is_being_written_stays_however_old_it_is() {
    let (root, staged) = folder();
    let writing = Writing::default();
    let target = staged.with_file_name("img");
    let guards = [writing.begin(target.clone()), writing.begin(target)];
    for guard in guards {
        let swept = sweep(root.path(), &writing, HOUR, Timestamp::MAX).unwrap();
        assert_eq!((swept.files, swept.left), (0, 1));
        drop(guard);
    }
    let swept = sweep(root.path(), &writing, HOUR, Timestamp::MAX).unwrap();
    assert_eq!(swept.files, 1);
    assert!(writing.targets().is_empty());
}

#[test]
fn only_names_that_listings_hide_are_staged() {
    for (name, target) in [
        ("a#1", Some("a")),
        ("a#0099", Some("a")),
        ("#1", Some("")),
        ("a#", None),
        ("a", None),
        ("a#b", None),
        ("a#b#1", None),
        ("a#1x", None),
    ] {
        let expected = target.map(|target| Path::new("/x/y").with_file_name(target));
        assert_eq!(target_of(&Path::new("/x").join(name)), expected, "{name}");
    }
}

#[cfg(unix)]
#[test]
fn links_are_not_followed() {
    let (root, staged) = folder();
    let outside = tempfile::tempdir().unwrap();
    let foreign = outside.path().join("foreign#1");
    fs::rename(&staged, &foreign).unwrap();
    std::os::unix::fs::symlink(outside.path(), root.path().join("link")).unwrap();
    std::os::unix::fs::symlink(&foreign, root.path().join("link#1")).unwrap();
    let swept = sweep(root.path(), &Writing::default(), HOUR, Timestamp::MAX).unwrap();
    assert_eq!(swept, Swept::default());
    assert!(foreign.exists());
}

/// Its time is not its age when it is ahead of the clock that stamps changes.
#[test]
fn a_staged_file_is_as_old_as_the_later_of_its_times() {
    let (root, staged) = folder();
    let ahead = at(changed(&fs::metadata(&staged).unwrap())).saturating_add(2 * HOUR);
    let time = UNIX_EPOCH + Duration::from_micros(ahead.unix_micros().unsigned_abs());
    let file = File::options().write(true).open(&staged).unwrap();
    file.set_modified(time).unwrap();
    let sweep_at = |now| {
        sweep(root.path(), &Writing::default(), HOUR, now)
            .unwrap()
            .files
    };
    let old_enough = ahead.saturating_add(HOUR);
    assert_eq!(sweep_at(old_enough.saturating_sub(MICRO)), 0);
    assert_eq!(sweep_at(old_enough), 1);
}
