//! Fills the records of linked programs and libraries, and proves that nothing else changed.
//!
//! [`image`] finds the sections of a file and knows the file formats; [`records`] reads what is in
//! them; [`values`] are what a user gives; [`fill`] plans from these three what is written,
//! [`write`](mod@write) writes it, with a [`build_id`] where that is asked for; [`descriptor`] gives a
//! record other defaults; [`warnings`] says what is left to do; [`verify`] compares two files. [`tree`] is about whole trees of files.
//! [`cli`] is the command `postlink`.
#![forbid(unsafe_code)]

pub mod build_id;
pub mod cli;
pub mod descriptor;
pub mod error;
pub mod fill;
pub mod image;
pub mod records;
pub mod tree;
pub mod values;
pub mod verify;
pub mod warnings;
pub mod write;
