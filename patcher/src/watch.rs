//! What is told of long work as it goes on.

/// Is told how far the work is.
pub trait Watch: Sync {
    /// There are so many files and bytes more to look at or to copy.
    fn begin(&self, files: u64, bytes: u64);
    /// So many are done.
    fn done(&self, files: u64, bytes: u64);
}

/// Nothing is told.
impl Watch for () {
    fn begin(&self, _: u64, _: u64) {}
    fn done(&self, _: u64, _: u64) {}
}
