//! What is told of long work as it goes on.

use std::error::Error as _;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Result};

/// Is told how far the work is.
pub trait Watch: Sync {
    /// There are so many files and bytes more to look at or to copy.
    fn begin(&self, files: u64, bytes: u64);
    /// So many are done.
    fn done(&self, files: u64, bytes: u64);
    /// Whether the work is to end soon, with an error.
    fn is_stopped(&self) -> bool {
        false
    }
}

/// Nothing is told.
impl Watch for () {
    fn begin(&self, _: u64, _: u64) {}
    fn done(&self, _: u64, _: u64) {}
}

/// Work that ends when a flag is set.
pub(crate) struct Stoppable<'a, W>(pub(crate) &'a W, pub(crate) &'a AtomicBool);

impl<W: Watch> Watch for Stoppable<'_, W> {
    fn begin(&self, files: u64, bytes: u64) {
        self.0.begin(files, bytes);
    }

    fn done(&self, files: u64, bytes: u64) {
        self.0.done(files, bytes);
    }

    fn is_stopped(&self) -> bool {
        self.0.is_stopped() || self.1.load(Ordering::Relaxed)
    }
}

/// Refuses to go on when `stop` is set.
pub(crate) fn not_stopped(stop: &AtomicBool) -> Result<()> {
    if stop.load(Ordering::Relaxed) { Err(Error::stopped()) } else { Ok(()) }
}

/// Starts the threads that long work is spread over, unless they have been.
///
/// # Errors
/// The system gives none. Without this, the first work that is spread would end the process.
pub(crate) fn start_threads() -> Result<()> {
    match rayon::ThreadPoolBuilder::new().build_global() {
        Ok(()) => Ok(()),
        Err(error) => match error.source().and_then(|source| source.downcast_ref::<io::Error>()) {
            Some(cause) => {
                let message = format!("cannot start threads: {cause}");
                Err(Error::input(message, "raise the limit of processes (ulimit -u; pids.max)"))
            }
            // They are there.
            None => Ok(()),
        },
    }
}

/// Counts the bytes that are done, for tests.
#[cfg(test)]
#[derive(Default)]
pub(crate) struct Done(pub(crate) std::sync::atomic::AtomicU64);

#[cfg(test)]
impl Watch for Done {
    fn begin(&self, _: u64, _: u64) {}

    fn done(&self, _: u64, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }
}
