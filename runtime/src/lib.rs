//! Values that are only known after a program is built: what the program links.
//!
//! `postlink generate --out-rust` writes a module with one function a field; those functions call
//! this crate. It needs neither `std` nor an allocator, and reads the record where it lies.
//!
//! The functions **panic**, with a sentence that names the field, where a required field has no
//! value because the file was not filled, and where the record is damaged or being written.
#![no_std]

#[doc(hidden)]
pub mod generated;
mod list;
mod record;

pub use list::List;
pub use postlink_macros::schema;
