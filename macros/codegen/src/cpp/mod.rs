//! C++17 accessors: a header that only declares, and a source that defines the record once.

mod bytes;
mod header;
mod macros;
mod protected;
mod record;
mod source;
mod templates;
mod types;

pub use header::header;
pub use macros::macros;
pub use source::source;
