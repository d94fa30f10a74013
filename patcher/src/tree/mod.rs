//! Trees of files: what is in them, and which of it refers to a path.
//!
//! [`walk`] lists a tree's entries, [`reference`](mod@reference) says what is searched,
//! [`search`] finds it in bytes.

pub mod reference;
pub mod search;
pub mod walk;
