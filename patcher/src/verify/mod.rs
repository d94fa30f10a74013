//! Verifies.

pub mod change;
pub mod explain;
pub mod images;
pub mod trees;
