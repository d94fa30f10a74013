//! What is shown while something takes long: on a terminal only.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// What takes less is not shown.
const PATIENCE: Duration = Duration::from_secs(1);

/// Files and bytes that are done, out of how many, and how fast.
pub(super) struct Progress {
    bar: ProgressBar,
    files: ProgressBar,
    start: Instant,
    quiet: bool,
    is_shown: AtomicBool,
}

impl Progress {
    pub(super) fn new(quiet: bool) -> Self {
        let hidden = || ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden());
        let bar = hidden();
        let line = "{prefix} files  {bytes} of {total_bytes}  {bar:30}  {binary_bytes_per_sec}  {eta} left";
        bar.set_style(
            ProgressStyle::with_template(line).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        Self {
            bar,
            files: hidden(),
            start: Instant::now(),
            quiet,
            is_shown: AtomicBool::new(false),
        }
    }

    /// There is more to do.
    pub(super) fn begin(&self, files: u64, bytes: u64) {
        self.files.inc_length(files);
        self.bar.inc_length(bytes);
    }

    /// So much was done.
    pub(super) fn done(&self, files: u64, bytes: u64) {
        self.files.inc(files);
        // Where standard error is no terminal, the bar stays hidden.
        let is_late = !self.quiet && self.start.elapsed() > PATIENCE;
        if is_late && !self.is_shown.swap(true, Ordering::Relaxed) {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        let total = self.files.length().unwrap_or_default();
        self.bar.set_prefix(format!("{} of {total}", self.files.position()));
        self.bar.inc(bytes);
    }

    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
