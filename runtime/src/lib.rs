//! Access to values that are only known after a program is built; the program links this crate.
//!
//! [`schema!`] reads a schema and makes a module of each of its sections, with one function a field;
//! `postlink generate --out-rust` writes the same module to a file. The functions need neither `std`
//! nor an allocator, and read the record where it lies.
//!
//! ```ignore
//! postlink::schema!("schema.toml", version = env!("CARGO_PKG_VERSION"));
//!
//! fn main() {
//!     println!("{} in {}", app::version(), app::data_dir());
//! }
//! ```
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
