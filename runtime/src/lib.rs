#![doc = include_str!("../README.md")]
#![no_std]

mod error;
mod field;
#[doc(hidden)]
pub mod generated;
mod list;
#[expect(unsafe_code, reason = "it reads bytes that the compiler does not know")]
mod record;

pub use error::Error;
pub use field::{Field, Fields, Json, Value};
pub use list::List;
#[doc(hidden)]
pub use postlink_macros::schema as __schema;

/// Accessors from a schema: a module for each of its sections, with two functions a field.
///
/// `postlink::schema!("schema.toml")` reads the file, whose path is relative to the folder of the
/// crate's `Cargo.toml`. Where Rust owns the section, defaults can be replaced:
/// `schema!("schema.toml", version = env!("CARGO_PKG_VERSION"))`; a value is a literal, an array of
/// literals, `env!`, or `concat!` of these; where the schema has several sections, `SECTION.FIELD`
/// names the field. Where C++ owns it, the defaults are those of the generated C++ source.
///
/// The module of a section `app` with a field `version` has
///
/// - `app::version()`, which panics where there is no value,
/// - `app::try_version()`, which gives an [`Error`] there,
/// - `app::fields()`, all of them by [name](Field::name),
/// - `app::is_specialized()`: whether the file was filled after it was linked,
/// - `app::CPP_HEADER`, the text of a C++ header `app.gen.hh`, and `app::CPP_SOURCE`, a source that
///   includes it.
///
/// Each section of the schema says who owns its record: with `owner = "rust"` the module defines
/// it, with `owner = "cpp"` the generated C++ source does, and is linked into the same program.
/// Where Rust owns it, one crate of a program calls the macro, once: a second record of the same
/// section is refused, in one crate by the compiler, in two by the linker.
#[macro_export]
macro_rules! schema {
    ($($arguments:tt)*) => { $crate::__schema! { ($crate) $($arguments)* } };
}
