//! What is compared, and what may differ.

use std::path::PathBuf;

/// What is compared, and what may differ.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct VerifyOptions {
    /// The file or tree as it was built.
    pub original: PathBuf,
    /// The file after a fill, or the tree that `specialize` made.
    pub filled: PathBuf,
    /// Old paths that became new ones, or old words. The original's own path became that of the other
    /// tree, unless it is among these.
    pub rewrites: Vec<(PathBuf, PathBuf)>,
    /// Undeclared strings may have been rewritten, where old and new path are equally long.
    pub equal_length: bool,
    /// Among these also those that may be a part of a longer path.
    pub possible: bool,
    /// Compressed texts may have been rewritten.
    pub repack: bool,
    /// Debug files, or folders of them, that an image may have a link to; those beside it, and in the tree, are
    /// known.
    pub debug_files: Vec<PathBuf>,
    /// Short words were rewritten wherever texts have them, and not only in the `Version:` lines of `.pc`
    /// files.
    pub force: bool,
}
