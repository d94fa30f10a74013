//! Records: those of a file, and the values that they are given.

pub(crate) mod area;
pub mod assign;
pub mod descriptor;
pub mod edit;
pub mod read;
pub mod values;
