//! The line that tells how far a long command is: on a terminal only.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

/// A command that takes less time shows nothing.
const PATIENCE: Duration = Duration::from_secs(1);

/// One line, whatever the terminal's width: the bar takes what the rest leaves.
const LINE: &str =
    "{prefix} files  {bytes}/{total_bytes}  {wide_bar}  {binary_bytes_per_sec}  {eta}";

/// Files and bytes that are done, out of how many, and how fast. The line goes away with it.
pub(super) struct Progress {
    bar: ProgressBar,
    files: ProgressBar,
    start: Instant,
    quiet: bool,
    is_shown: AtomicBool,
    ends_at_signals: bool,
}

impl Progress {
    pub(super) fn new(quiet: bool) -> Self {
        let hidden = || ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden());
        let bar = hidden();
        bar.set_style(
            ProgressStyle::with_template(LINE).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        Self {
            bar,
            files: hidden(),
            start: Instant::now(),
            quiet,
            is_shown: AtomicBool::new(false),
            ends_at_signals: false,
        }
    }

    /// Of a command that [signals](super::signals::ending) simply end: they remove the line first. A command that
    /// handles them itself drops the progress when it does.
    pub(super) fn ends_at_signals(mut self) -> Self {
        self.ends_at_signals = true;
        self
    }

    /// There is more to do.
    pub(super) fn begin(&self, files: u64, bytes: u64) {
        self.files.inc_length(files);
        self.bar.inc_length(bytes);
    }

    /// So much was done.
    pub(super) fn done(&self, files: u64, bytes: u64) {
        self.files.inc(files);
        let is_late = !self.quiet && self.start.elapsed() > PATIENCE;
        if is_late && !self.is_shown.swap(true, Ordering::Relaxed) {
            self.show();
        }
        let total = self.files.length().unwrap_or_default();
        self.bar.set_prefix(format!("{}/{total}", self.files.position()));
        self.bar.inc(bytes);
    }

    fn show(&self) {
        // Where standard error is no terminal, the bar stays hidden.
        self.bar.set_draw_target(ProgressDrawTarget::stderr());
        if !self.ends_at_signals || self.bar.is_hidden() {
            return;
        }
        // Where this fails, the line stays, and nothing else is wrong.
        let Ok(mut signals) = Signals::new(super::signals::ending()) else { return };
        let bar = self.bar.clone();
        // For the rest of the process: the handlers of signals cannot be taken back.
        thread::spawn(move || {
            for signal in signals.forever() {
                bar.finish_and_clear();
                let _ = emulate_default_handler(signal);
            }
        });
    }

    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}
