#![doc = include_str!("../README.md")]
//!
//! [`Schema::parse`] reads and checks `schema.toml`; [`Shape`] is the description that a
//! record carries, and can be read back from any record; [`Shape::evaluate`] computes the values of all fields and
//! [`Shape::record`] turns them into bytes; [`cpp`] and [`rust`] write the accessors.
//!
//! The modules stand in layers; each imports from those below it only:
//!
//! | module | |
//! |---|---|
//! | `generate` | files: for command lines and build scripts |
//! | `cpp`, `rust` | the accessors: C++ as text, Rust as tokens |
//! | `schema` | `schema.toml`: read, checked, turned into the model |
//! | `record` | a record's bytes from a shape and values, and back |
//! | `evaluate`, `derivation` | the values of all fields together; which field follows which |
//! | `layout`, `names` | offsets and fingerprint; the spellings of sections and symbols |
//! | `given`, `limits`, `encoding` | one value: as a user gives it, as its field limits it, as bytes |
//! | `model` | sections, shapes and fields: data |
//! | `value`, `template`, `diagnostic`, `identifiers`, `words` | plain data and words |
#![forbid(unsafe_code)]

pub mod cpp;
mod derivation;
mod diagnostic;
mod encoding;
mod evaluate;
pub mod generate;
mod given;
mod identifiers;
mod layout;
mod limits;
mod model;
pub mod names;
mod record;
#[cfg(feature = "rust")]
pub mod rust;
mod schema;
mod source;
mod template;
mod value;
mod words;

pub use diagnostic::{Diagnostic, Diagnostics};
pub use encoding::hex;
pub use evaluate::{Evaluated, Given};
pub use generate::Build;
pub use layout::Layout;
pub use model::{
    Default, Field, MAX_CAPACITY, MAX_FIELDS, MAX_RECORD, Owner, Schema, Section, Shape,
};
pub use record::{BadValues, Unsound};
pub use schema::{FIELD_KEYS, SECTION_KEYS, SchemaKey};
pub use source::{GitFact, Source};
pub use template::Template;
pub use value::{Literal, Problem, Value};
pub use words::{is_hidden, listed, visible};
