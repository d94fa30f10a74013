//! The reason why a field has no value.

use core::fmt;

use postlink_format::{DAMAGED, NO_VALUE};

use crate::generated::Place;

/// The reason why a field has no value; as text, the sentence that says so and how to fill it.
///
/// ```
/// fn prefix(found: Result<&'static str, postlink::Error>) -> &'static str {
///     match found {
///         Ok(prefix) => prefix,
///         Err(error) if error.is_missing() => "/usr/local",
///         Err(error) => panic!("{error}"),
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    section: &'static str,
    field: &'static str,
    /// The field that must be given so that this one has a value; none where the record is damaged.
    needed: Option<&'static str>,
}

impl Error {
    /// The field is required, or follows one that is, and the file was not filled.
    pub(crate) fn missing(place: &Place) -> Self {
        Self { section: place.section, field: place.field, needed: Some(place.needed) }
    }

    /// The record is damaged, or a fill was interrupted.
    pub(crate) fn damaged(place: &Place) -> Self {
        Self { section: place.section, field: place.field, needed: None }
    }

    /// Whether the file was not filled, and the field, or one that it follows, is required.
    /// Otherwise the record is damaged, or a fill was interrupted.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        self.needed.is_some()
    }

    /// The section's name.
    #[must_use]
    pub fn section(&self) -> &'static str {
        self.section
    }

    /// The field's name.
    #[must_use]
    pub fn field(&self) -> &'static str {
        self.field
    }
}

impl fmt::Display for Error {
    /// The sentence that generated C++ says too.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { section, field, needed } = *self;
        let (why, given) = match needed {
            Some(needed) => (NO_VALUE, needed),
            None => (DAMAGED, field),
        };
        write!(f, "postlink: section {section}: field {field}{why}{given}=...")
    }
}

impl core::error::Error for Error {}
