//! From a postlink schema to generated code and to a record's bytes.
//!
//! [`Schema::parse`] reads and checks `schema.toml`; [`Shape`] is what a record describes, and can
//! be read back from any record; [`Shape::evaluate`] computes the values of all fields and
//! [`Shape::record`] turns them into bytes; [`cpp`] and [`rust`] write the accessors.
#![forbid(unsafe_code)]

pub mod cpp;
mod diagnostic;
mod evaluate;
mod identifiers;
mod layout;
mod model;
pub mod names;
mod record;
pub mod rust;
mod schema;
mod template;
mod value;

pub use diagnostic::{Diagnostic, Diagnostics};
pub use evaluate::{Evaluated, Given};
pub use layout::{Layout, hex};
pub use model::{
    Default, Field, MAX_CAPACITY, MAX_FIELDS, MAX_RECORD, Owner, Schema, Section, Shape,
};
pub use record::{BadValues, Unsound};
pub use template::Template;
pub use value::{Literal, Problem, Value, listed};
