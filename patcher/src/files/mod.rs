//! All that is read from the disk and written to it: one policy for links, modes, owners, extended
//! attributes, and for what a failure leaves.
//!
//! - A link that the user names is followed. Links that are found in a tree are not.
//! - A file takes its place in one step, complete. What is not put there leaves nothing; what a kill
//!   leaves, the next run beside it removes, but for a folder where others can give names.
//! - Trees are listed, read and removed, and new files and trees are made, from folders that are open: where
//!   something else puts a link at a folder's path meanwhile, nothing is read or written behind that.
//! - What was read of a file that changed meanwhile is no answer.
//! - What was written is looked at again before it counts. Edits are read back from the file that has
//!   them, whole new files as well. Of bytes that the system copies, the size is compared: that their
//!   content is what was read is the system's promise. So is that of texts which change their size;
//!   `specialize` searches these once more.
//! - After `--sync` the disk has the file; where only its folder could not be synced, the file is in
//!   its place, and a sentence says so.

pub(crate) mod attributes;
pub(crate) mod below;
pub(crate) mod compare;
pub(crate) mod data;
pub(crate) mod folder;
pub(crate) mod holes;
pub(crate) mod in_place;
pub(crate) mod open;
pub(crate) mod parents;
pub(crate) mod replace;
pub(crate) mod status;
pub(crate) mod temporary;
pub(crate) mod tree_file;
pub(crate) mod walk;
pub(crate) mod window;
