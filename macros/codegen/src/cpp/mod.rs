//! C++17 accessors: a header that only declares, and a source that defines the record once.

mod bytes;
mod header;
mod protected;
mod record;
mod source;
mod templates;
mod types;

pub use header::header;
pub use source::source;
