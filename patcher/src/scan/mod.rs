//! Scans.

pub mod against;
pub mod classify;
pub mod finding;
pub mod manifest;
pub mod trees;
