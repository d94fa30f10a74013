//! The differences between an entry of a tree and the original one.

use std::fmt;

use serde::Serialize;

use super::images::{ChangedValue, ImageDifference};
use crate::shown::line;

/// An allowed difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Change {
    /// The value of a declared field.
    Value(ChangedValue),
    /// The default of a declared field.
    Default {
        /// The field.
        field: String,
    },
    /// The build-id, as `fill --rewrite-build-id` makes it.
    BuildId,
    /// The checksum of the separate debug file.
    DebugLink {
        /// The name of that file.
        name: String,
    },
    /// What follows from the other changes, such as hashes of a signature.
    Following {
        /// How many bytes differ.
        bytes: u64,
        /// What else was done, in sentences.
        notes: Vec<String>,
    },
    /// A list of folders in which the loader looks for libraries.
    Runpath {
        /// What it was.
        old: String,
        /// What it is.
        new: String,
    },
    /// The path of the loader, or the name of a library.
    Loader {
        /// What it was.
        old: String,
        /// What it is.
        new: String,
    },
    /// Undeclared strings of equal length, in a binary file.
    Strings {
        /// How many.
        places: usize,
    },
    /// The text of a file.
    Text {
        /// In how many places.
        places: usize,
    },
    /// The target of a symbolic link.
    Link {
        /// What it was.
        old: String,
        /// What it is.
        new: String,
    },
}

impl fmt::Display for Change {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = |value: &Option<String>| match value {
            Some(value) => format!("`{}`", line(value)),
            None => "nothing".into(),
        };
        match self {
            Self::Value(ChangedValue { section, field, old, new }) => {
                write!(to, "{section}.{field}: {} is now {}", value(old), value(new))
            }
            Self::Default { field } => write!(to, "the default of `{field}`"),
            Self::BuildId => write!(to, "the build-id"),
            Self::DebugLink { name } => write!(to, "the checksum of its debug file {name}"),
            Self::Following { bytes, notes } => {
                write!(to, "a signature or checksum, in {bytes} bytes that follow from the rest")?;
                notes.iter().try_for_each(|note| write!(to, "; {note}"))
            }
            Self::Runpath { old, new } => write!(to, "RUNPATH `{old}` is now `{new}`"),
            Self::Loader { old, new } => write!(to, "`{old}`, for the loader, is now `{new}`"),
            Self::Strings { places } => write!(to, "undeclared strings, in {places} places"),
            Self::Text { places } => write!(to, "text rewritten in {places} places"),
            Self::Link { old, new } => write!(to, "link to `{old}` leads to `{new}`"),
        }
    }
}

/// A difference that is not allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TreeDifference {
    /// The header, table or section of an image that it lies in, in the original.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Where it begins, in bytes from the start of the original.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// How many bytes differ, where this is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// The line of a text, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// What is wrong.
    pub reason: String,
}

impl From<ImageDifference> for TreeDifference {
    fn from(found: ImageDifference) -> Self {
        let reason = match found.reason.as_str() {
            "" => format!("{} bytes differ, the first at {:#x}", found.bytes, found.offset),
            reason => reason.to_owned(),
        };
        Self {
            region: Some(found.region),
            offset: Some(found.offset),
            bytes: Some(found.bytes).filter(|&bytes| bytes > 0),
            line: None,
            reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Quotes and backslashes are told as they are, control characters are not.
    #[test]
    fn values_are_told_on_one_line() {
        let old = Some("a \"b\" \\ ä".to_owned());
        let (section, field) = ("app".to_owned(), "note".to_owned());
        let new = Some("\x1b[2J".to_owned());
        let change = Change::Value(ChangedValue { section, field, old, new });
        let told = r#"app.note: `a "b" \ ä` is now `\x1b[2J`"#;
        assert_eq!(change.to_string(), told);
    }
}
