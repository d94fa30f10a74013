//! Generated files: what `postlink generate`, `postlink-generate` and build scripts write.

mod build;
mod error;
mod options;
mod outputs;
#[cfg(feature = "program")]
mod program;
mod run;
mod write;

pub use build::{Build, Generated};
pub use error::{Error, way_out};
pub use options::{FLAGS, Flag, Options, Times};
pub use outputs::{field_and_value, replace_defaults};
#[cfg(feature = "program")]
pub use program::program;
pub use run::{Files, Outcome, run};
pub use write::mode_alone;
