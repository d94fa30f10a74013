//! Scans.

pub mod against;
pub mod built_for;
pub mod classify;
pub mod finding;
pub mod manifest;
mod propose;
pub mod trees;
pub(crate) mod words;
