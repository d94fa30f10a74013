//! Rust accessors: one module a section, which calls the crate `postlink`.

#[cfg(feature = "rust-files")]
mod file;
mod module;

#[cfg(feature = "rust-files")]
pub use file::{file, print};
pub use module::{Site, Unfit, module};
