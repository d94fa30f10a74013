//! Rust accessors.

use crate::model::Section;
use crate::value::Problem;

/// The text of a Rust module.
///
/// # Errors
/// Defaults that do not fit together.
pub fn module(_section: &Section) -> Result<String, Vec<Problem>> {
    Ok(String::new())
}
