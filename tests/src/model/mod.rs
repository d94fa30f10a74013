//! A second writer of records, made from the text of `runtime/format/src/specification.md` alone.
//!
//! It shares no code with the crates that it is compared with, and is slow and plain where they are
//! not. Where the two disagree, the text, the code or the model is wrong. Numbers in the comments are
//! the chapters of that text.

mod bytes;
pub mod cases;
mod image;
mod random;
mod toml;
mod values;

pub use image::Image;
pub use random::{Break, any_values, broken, forged, given, section};
pub use toml::schema;
pub use values::{Origin, Values};

use std::collections::{BTreeMap, BTreeSet};

/// The section of a schema: what a record describes.
#[derive(Clone, Debug)]
pub struct Section {
    /// Its name.
    pub name: String,
    /// Its fields, in order.
    pub fields: Vec<Field>,
}

/// A field of a section.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: Kind,
    /// The most bytes of a value. Of a type that has a size, that size.
    pub capacity: usize,
    /// The most items of a list; 0 for other types.
    pub max_items: usize,
    /// The value where none is given; a field without one is required.
    pub default: Option<Default>,
    /// What strings, paths and items must match.
    pub pattern: Option<String>,
    /// The names of an enum, or the values that are allowed, integers in decimal.
    pub choices: Vec<String>,
    /// The least integer.
    pub min: Option<i128>,
    /// The greatest integer.
    pub max: Option<i128>,
    /// Where the value usually comes from.
    pub source: Option<String>,
}

/// A type (chapter 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `bool`
    Bool,
    /// `u8` to `u64`, with its size in bytes
    Unsigned(usize),
    /// `i8` to `i64`, with its size in bytes
    Signed(usize),
    /// `string`
    String,
    /// `path`
    Path,
    /// `bytes`
    Bytes,
    /// `list<string>`
    Strings,
    /// `list<path>`
    Paths,
    /// `enum`
    Enum,
}

/// A value, of whatever type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Of a bool.
    Bool(bool),
    /// Of an integer.
    Number(i128),
    /// Of a string, a path, or an enum.
    Text(String),
    /// Of bytes.
    Bytes(Vec<u8>),
    /// Of a list.
    Items(Vec<String>),
}

/// A default.
#[derive(Clone, Debug)]
pub enum Default {
    /// A value.
    Value(Value),
    /// One text for a string or path, one for each item of a list.
    Derived(Vec<Vec<Piece>>),
}

/// A part of a derivation.
#[derive(Clone, Debug)]
pub enum Piece {
    /// What stands for itself.
    Text(String),
    /// The value of the field of this name.
    Field(String),
}

/// Why a value, or a section, is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// There is no field of that name, or no two may have it.
    Name,
    /// A derivation that cannot be followed.
    Reference,
    /// A number of §2 is outside of its limits.
    Limit,
    /// The field is required.
    Required,
    /// The value is of another type.
    Type,
    /// A text has a NUL inside.
    Nul,
    /// A path is not absolute.
    Relative,
    /// Longer than the capacity.
    Long,
    /// More items than allowed.
    Many,
    /// Does not match the pattern.
    Pattern,
    /// An end that only a mistake has.
    End,
    /// Less than the least, or more than the greatest integer.
    Range,
    /// Not among the choices.
    Choice,
}

/// What is refused: each field with the cause.
pub type Refused = BTreeMap<String, Cause>;

/// The values that are given, by the fields' names.
pub type Given = BTreeMap<String, Value>;

impl Kind {
    /// The code and the name of chapter 3.
    pub fn code(self) -> (u8, &'static str) {
        match self {
            Self::Bool => (1, "bool"),
            Self::Unsigned(1) => (2, "u8"),
            Self::Unsigned(2) => (3, "u16"),
            Self::Unsigned(4) => (4, "u32"),
            Self::Unsigned(_) => (5, "u64"),
            Self::Signed(1) => (6, "i8"),
            Self::Signed(2) => (7, "i16"),
            Self::Signed(4) => (8, "i32"),
            Self::Signed(_) => (9, "i64"),
            Self::String => (10, "string"),
            Self::Path => (11, "path"),
            Self::Bytes => (12, "bytes"),
            Self::Strings => (13, "list<string>"),
            Self::Paths => (14, "list<path>"),
            Self::Enum => (15, "enum"),
        }
    }

    /// The size of each value, of a type that has one.
    pub fn size(self) -> Option<usize> {
        match self {
            Self::Bool => Some(1),
            Self::Unsigned(size) | Self::Signed(size) => Some(size),
            Self::Enum => Some(4),
            _ => None,
        }
    }

    /// Whether values are lists.
    pub fn is_list(self) -> bool {
        matches!(self, Self::Strings | Self::Paths)
    }

    /// Whether a default may be derived (§2, flag 2).
    pub fn can_follow(self) -> bool {
        self.is_list() || matches!(self, Self::String | Self::Path)
    }

    /// Whether a derivation may refer to it (chapter 6).
    pub fn can_be_followed(self) -> bool {
        !self.is_list() && self != Self::Bytes
    }

    /// The least and the greatest number of an integer.
    pub fn numbers(self) -> Option<(i128, i128)> {
        match self {
            Self::Unsigned(size) => Some((0, (1 << (8 * size)) - 1)),
            Self::Signed(size) => Some((-(1 << (8 * size - 1)), (1 << (8 * size - 1)) - 1)),
            _ => None,
        }
    }
}

impl Section {
    fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Whether a schema may have these defaults: their ends are no mistakes.
    #[must_use]
    pub fn ends_well(&self) -> bool {
        self.fields.iter().all(|field| {
            let default = match &field.default {
                Some(Default::Value(value)) => value.clone(),
                _ => Value::Items(field.derivation().unwrap_or_default()),
            };
            field.end(&default, field.kind == Kind::String).is_ok()
        })
    }

    /// Whether a reader takes the descriptor (chapter 7): what no value changes, and the defaults.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn is_described(&self) -> Result<(), Refused> {
        let mut refused = self.refused();
        for field in &self.fields {
            if let Some(Default::Value(value)) = &field.default
                && let Err(cause) = field.check(value)
            {
                refused.entry(field.name.clone()).or_insert(cause);
            }
        }
        if refused.is_empty() { Ok(()) } else { Err(refused) }
    }

    /// What chapter 2 forbids, but for what concerns values.
    fn refused(&self) -> Refused {
        let mut refused = Refused::new();
        let is_name = |name: &str| {
            name.starts_with(|first: char| first.is_ascii_alphabetic())
                && name.chars().all(|one| one.is_ascii_alphanumeric() || one == '_')
        };
        if !is_name(&self.name) {
            refused.insert(self.name.clone(), Cause::Name);
        }
        if !(1..=1024).contains(&self.fields.len()) {
            refused.insert(self.name.clone(), Cause::Limit);
        }
        if refused.is_empty() && self.size() > 67_108_864 {
            refused.insert(self.name.clone(), Cause::Limit);
        }
        let is_decimal =
            |choice: &str| choice.parse::<i128>().is_ok_and(|number| number.to_string() == choice);
        let mut names = BTreeSet::new();
        for field in &self.fields {
            let mut choices = BTreeSet::new();
            let right = is_name(&field.name) && names.insert(&field.name);
            let named = field.kind != Kind::Enum
                || field.choices.iter().all(|name| is_name(name) && choices.insert(name));
            let items = if field.kind.is_list() { 1..=16_777_216 } else { 0..=0 };
            let sized = field.kind.size().is_none_or(|size| size == field.capacity);
            let is_integer = field.kind.numbers().is_some();
            let flags = (field.pattern.is_none() || field.kind.can_follow())
                && (is_integer || (field.min.is_none() && field.max.is_none()))
                && (field.choices.is_empty() || !matches!(field.kind, Kind::Bool | Kind::Bytes))
                && (!field.choices.is_empty() || field.kind != Kind::Enum)
                && (!is_integer || field.choices.iter().all(|choice| is_decimal(choice)));
            let source = field.source.as_ref().is_none_or(|source| {
                (1..=255).contains(&source.len())
                    && source.bytes().all(|one| one.is_ascii_graphic())
            });
            if !right || !named {
                refused.insert(field.name.clone(), Cause::Name);
            } else if !sized
                || field.pattern.as_ref().is_some_and(|pattern| values::regex(pattern).is_none())
                || !source
                || field.choices.len() > 1024
                || !(1..=16_777_216).contains(&field.capacity)
                || !items.contains(&field.max_items)
                || !flags
            {
                refused.insert(field.name.clone(), Cause::Limit);
            } else if !self.can_follow(field) {
                refused.insert(field.name.clone(), Cause::Reference);
            }
        }
        refused
    }

    /// Whether all that a field follows, directly or through others, is there and not itself.
    fn can_follow(&self, field: &Field) -> bool {
        let mut seen = BTreeSet::new();
        let mut left: Vec<&Field> = vec![field];
        while let Some(next) = left.pop() {
            // A text or list that refers to no field is a default that is a value.
            let follows = !next.references().is_empty();
            if matches!(next.default, Some(Default::Derived(_))) != follows
                || (follows && !next.kind.can_follow())
            {
                return false;
            }
            for name in next.references() {
                match self.field(name) {
                    Some(other) if other.kind.can_be_followed() && name != field.name => {
                        if seen.insert(name) {
                            left.push(other);
                        }
                    }
                    _ => return false,
                }
            }
        }
        true
    }
}

impl Field {
    /// The fields that its default refers to.
    fn references(&self) -> Vec<&str> {
        let Some(Default::Derived(texts)) = &self.default else { return Vec::new() };
        texts
            .iter()
            .flatten()
            .filter_map(|piece| match piece {
                Piece::Field(name) => Some(name.as_str()),
                Piece::Text(_) => None,
            })
            .collect()
    }

    /// Whether the bytes of this value are those of no other one.
    #[must_use]
    pub fn is_spelled(&self, value: &Value) -> bool {
        match (self.kind, value) {
            (Kind::Bool, Value::Bool(_))
            | (Kind::String | Kind::Path, Value::Text(_))
            | (Kind::Bytes, Value::Bytes(_)) => true,
            (Kind::Enum, Value::Text(name)) => self.choices.contains(name),
            (Kind::Strings | Kind::Paths, Value::Items(items)) => {
                !items.iter().any(|item| item.contains('\0'))
            }
            (kind, Value::Number(number)) => {
                kind.numbers().is_some_and(|(least, greatest)| (least..=greatest).contains(number))
            }
            _ => false,
        }
    }

    /// The default as one text, or one for each item, in the form of chapter 6.
    pub fn derivation(&self) -> Option<Vec<String>> {
        let Some(Default::Derived(texts)) = &self.default else { return None };
        let written = |piece: &Piece| match piece {
            Piece::Field(name) => format!("{{{name}}}"),
            Piece::Text(text) => text.replace('{', "{{").replace('}', "}}"),
        };
        Some(texts.iter().map(|text| text.iter().map(written).collect()).collect())
    }
}
