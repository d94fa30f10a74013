//! Trees of files: what is in them, and which of it refers to a path.
//!
//! [`walk`] lists a tree's entries, [`reference`](mod@reference) says what is searched, [`search`]
//! finds it in bytes. [`scan`](mod@scan) does this for whole trees: [`members`] looks inside
//! archives, [`classify`] says what a reference lies in, and a [`finding`] what can be done about it.
//! A [`manifest`] keeps all this for later. [`against`] compares a tree with another build of the
//! same package.
//!
//! [`specialize`] carries trees to other paths: a [`plan`] says what becomes of each entry (an
//! [`image_plan`], of programs and libraries) by the rules of [`rewrite`], [`copy`] does it, and the
//! [`gate`] looks for what is left. [`verify`] says of two trees which [`change`]s there are, and has
//! to [`explain`] each by the same rules.

pub mod against;
pub mod change;
pub mod classify;
pub mod copy;
pub mod explain;
pub mod finding;
pub mod gate;
pub mod image_plan;
pub mod manifest;
pub mod members;
pub mod plan;
pub mod reference;
pub mod rewrite;
pub mod scan;
pub mod search;
pub mod specialize;
pub mod text;
pub mod verify;
pub mod walk;
