//! What is left of a server, asked of the kernel.

use std::path::Path;
use std::time::{Duration, Instant};

/// Panics unless process and folder are gone within five seconds.
pub(crate) fn assert_gone(id: u32, folder: &Path) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while lives(id) || folder.exists() {
        let left = (lives(id), folder.exists());
        assert!(
            Instant::now() < deadline,
            "left behind (process, folder): {left:?}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A zombie has ended: it only waits for its parent to look.
fn lives(id: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit(')')
        .next()
        .is_some_and(|it| !it.is_empty() && !it.starts_with(" Z"))
}
