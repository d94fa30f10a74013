//! Fills the records of linked programs and libraries, and proves that nothing else changed.
#![forbid(unsafe_code)]

pub mod cli;
pub mod edit;
pub mod error;
pub mod files;
pub mod fill;
pub mod image;
pub mod record;
pub mod scan;
pub mod search;
pub mod shown;
pub mod specialize;
pub mod verify;
pub mod watch;
