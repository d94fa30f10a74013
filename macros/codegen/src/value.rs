//! Values, literals, and problems with them: plain data.

use std::fmt;

use crate::words::{quoted, shown};

/// A value of a field's type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Of a `bool`.
    Bool(bool),
    /// Of an integer type.
    Integer(i128),
    /// Of a `string` or `path`.
    Text(String),
    /// Of `bytes`.
    Bytes(Vec<u8>),
    /// Of a list.
    List(Vec<String>),
    /// Of an `enum`: the position of its name.
    Enum(u32),
}

/// A value as a TOML or JSON file has it, before it is matched with a field's type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Literal {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i128),
    /// A string.
    Text(String),
    /// An array.
    List(Vec<Literal>),
    /// A kind that no field has; the text names it ("a float").
    Other(&'static str),
}

/// A value that is refused, and the way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The field.
    pub field: String,
    /// The reason, as a clause: "the value has 600 bytes, the capacity is 512".
    pub message: String,
    /// The way out.
    pub help: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "field {}: {}", quoted(&self.field), shown(&self.message))
    }
}

impl Value {
    /// The strings or paths that it consists of; none of other types.
    #[must_use]
    pub fn texts(&self) -> &[String] {
        match self {
            Self::Text(text) => std::slice::from_ref(text),
            Self::List(items) => items,
            Self::Bool(_) | Self::Integer(_) | Self::Bytes(_) | Self::Enum(_) => &[],
        }
    }
}

impl Literal {
    /// The literal's kind in a message: "an integer".
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Bool(_) => "a boolean",
            Self::Integer(_) => "an integer",
            Self::Text(_) => "a string",
            Self::List(_) => "an array",
            Self::Other(kind) => kind,
        }
    }
}
