//! Proves that a file or a tree differs from its original in nothing but what was wanted.

mod change;
mod debug_files;
mod explain;
mod images;
mod options;
mod trees;

use crate::error::Result;
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
    let is_tree = options.original.is_dir() && options.filled.is_dir();
    let is_carried = !options.rewrites.is_empty() || options.equal_length || options.repack;
    if is_tree || is_carried {
        start_threads()?;
        return trees::trees(options, watch).map(Verified::Trees);
    }
    images::images(options).map(Verified::Images)
}
