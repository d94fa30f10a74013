//! Proves that a file or a tree differs from its original in nothing but what was wanted.

mod change;
mod explain;
mod images;
mod trees;

use std::path::PathBuf;

use crate::error::Result;
use crate::watch::Watch;

pub use self::change::{Change, TreeDifference};
pub use self::images::{ChangedValue, ImageDifference, ImageReport};
pub use self::trees::{Changed, Different, TreeReport};

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
}

/// The result of a comparison.
#[derive(Clone, Debug)]
pub enum Verified {
    /// Of two images.
    Images(ImageReport),
    /// Of two trees, or of two files that were carried.
    Trees(TreeReport),
}

/// Compares two images, or two trees. Two files count as trees where something may differ that only
/// `specialize` changes.
///
/// # Errors
/// Everything that cannot be read; rewrites that contradict each other.
pub fn verify(options: &VerifyOptions, watch: &impl Watch) -> Result<Verified> {
    let is_tree = options.original.is_dir() && options.filled.is_dir();
    let is_carried = !options.rewrites.is_empty() || options.equal_length || options.repack;
    if is_tree || is_carried {
        return trees::trees(options, watch).map(Verified::Trees);
    }
    images::images(&options.original, &options.filled).map(Verified::Images)
}
