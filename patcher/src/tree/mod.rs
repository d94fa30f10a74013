//! Trees of files: what is in them, and which of it refers to a path.
//!
//! [`walk`] lists a tree's entries, [`reference`](mod@reference) says what is searched, [`search`]
//! finds it in bytes. [`scan`](mod@scan) does this for whole trees: [`members`] looks inside
//! archives, [`classify`] says what a reference lies in, and a [`finding`] what can be done about it.
//! A [`manifest`] keeps all this for later. [`against`]
//! compares a tree with another build of the same package.

pub mod against;
pub mod classify;
pub mod finding;
pub mod manifest;
pub mod members;
pub mod reference;
pub mod scan;
pub mod search;
pub mod text;
pub mod walk;
