//! Proves that a file or a tree differs from its original in nothing but what was wanted.

mod change;
mod debug_files;
mod explain;
mod images;
mod options;
mod trees;

use crate::error::{Error, Result};
use crate::shown::escaped;
use crate::watch::{Watch, start_threads};

pub use self::change::{Change, TreeDifference};
pub use self::images::{ChangedValue, ImageDifference, ImageReport};
pub use self::options::VerifyOptions;
pub use self::trees::{Changed, Different, TreeReport};

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
    let (original, filled) = (&options.original, &options.filled);
    for (tree, file) in [(original, filled), (filled, original)] {
        if tree.is_dir() && file.is_file() {
            return Err(Error::input(
                format!("{} is a directory, and {} is a file", escaped(tree), escaped(file)),
                "name two files, or two trees",
            ));
        }
    }
    let is_tree = original.is_dir() && filled.is_dir();
    let is_carried = !options.rewrites.is_empty() || options.equal_length || options.repack;
    if is_tree || is_carried {
        start_threads()?;
        return trees::trees(options, watch).map(Verified::Trees);
    }
    images::images(options).map(Verified::Images)
}
