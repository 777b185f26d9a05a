//! Progress on a terminal: a bar for each file under way and one for all; nothing when standard error is none.

use std::path::Path;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::say::{self, tame};

/// All bars of a command.
pub(crate) struct Bars {
    all: MultiProgress,
    total: ProgressBar,
}

impl Bars {
    /// For so many files with so many bytes; hidden when nobody looks.
    pub(crate) fn new(files: usize, bytes: u64) -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let total = all.add(ProgressBar::new(bytes));
        total.set_style(style("{msg:24!} {wide_bar} {bytes}/{total_bytes} {eta}"));
        total.set_message(format!("{files} files"));
        total.enable_steady_tick(Duration::from_millis(250));
        Self { all, total }
    }

    /// A bar for one file; what it moves, the bar of all moves, too.
    pub(crate) fn file(&self, path: &Path) -> ProgressBar {
        let bar = self.all.insert_before(&self.total, ProgressBar::new(0));
        bar.set_style(style("{msg:24!} {wide_bar} {bytes}/{total_bytes}"));
        bar.set_message(tame(
            &path.file_name().unwrap_or_default().to_string_lossy(),
        ));
        bar
    }

    /// The bar of all.
    pub(crate) fn total(&self) -> ProgressBar {
        self.total.clone()
    }

    /// Prints while the bars stand aside.
    pub(crate) fn aside(&self, print: impl FnOnce()) {
        self.all.suspend(print);
    }

    pub(crate) fn end(&self) {
        self.total.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|error| {
        say::complain(&format!("a progress bar is amiss: {error}"));
        ProgressStyle::default_bar()
    })
}
