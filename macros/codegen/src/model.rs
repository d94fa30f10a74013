//! The model: a schema that was read and found right.

use std::collections::HashMap;

use postlink_format::Type;

use crate::diagnostic::Diagnostics;
use crate::template::Template;
use crate::value::{Problem, Value};
use crate::words::{listed, nearest};

/// The most fields of a section, the most bytes of one value, and the most bytes of a record.
/// They are far above any use, and keep a mistyped number from filling a disk.
pub const MAX_FIELDS: usize = 1024;
/// See [`MAX_FIELDS`].
pub const MAX_CAPACITY: u32 = 16 << 20;
/// See [`MAX_FIELDS`].
pub const MAX_RECORD: u32 = 64 << 20;

/// The most names of an enum, or allowed values.
pub(crate) const MAX_CHOICES: usize = 1024;

/// All sections of one schema file, in its order.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    /// At least one.
    pub sections: Vec<Section>,
}

/// One section: what its record describes, and how code is generated for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    /// The description that the record carries.
    pub shape: Shape,
    /// The language that defines the bytes.
    pub owner: Owner,
    /// The refusal of Rust code, where the schema does not say who owns the section.
    pub owner_unsaid: Option<Diagnostics>,
    /// The C++ namespace of the accessors, its parts joined by `::`.
    pub namespace: String,
    /// Whether programs and other shared libraries may call the accessors of a library.
    pub exported: bool,
    /// The C++ function, its parts joined by `::`, that is called where an accessor would stop the
    /// program.
    pub on_failure: Option<String>,
    /// The section's name in ELF files.
    pub elf: String,
    /// The section's documentation; empty where there is none.
    pub doc: String,
}

/// The language that defines a record's bytes; the other one imports them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The generated C++ source.
    Cpp,
    /// The generated Rust module.
    Rust,
}

/// The description that a record carries: a name and typed fields. It can be read back from any
/// record.
///
/// Its other methods are in the modules `layout`, `evaluate` and `record`.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    /// The section's name.
    pub name: String,
    /// In the order of the schema.
    pub fields: Vec<Field>,
}

/// One field.
///
/// Its other methods are in the modules `given`, `limits`, `encoding`, `layout` and `record`.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// A C++ and Rust identifier.
    pub name: String,
    /// Its documentation; empty where there is none, and in a shape read back from a record.
    pub doc: String,
    /// The C++ macros that may stand for it; none in a shape read back from a record.
    pub macros: Vec<String>,
    /// Its type.
    pub ty: Type,
    /// Most bytes of a value without its NUL; of a list, with one NUL an item. The size of a
    /// value where the type fixes it.
    pub capacity: u32,
    /// Most items of a list; 0 for other types.
    pub max_items: u32,
    /// `None`: the field is required.
    pub default: Option<Default>,
    /// A regular expression that strings, paths and items match somewhere.
    pub pattern: Option<String>,
    /// The least integer.
    pub min: Option<i128>,
    /// The greatest integer.
    pub max: Option<i128>,
    /// The names of an enum; the allowed values of a string, path, list (its items) or integer.
    pub choices: Vec<String>,
    /// Where the value usually comes from: the text of a [`Source`](crate::Source). That of a record
    /// may be one that this version does not know.
    pub source: Option<String>,
}

/// The value of a field where none is given.
#[derive(Clone, Debug, PartialEq)]
pub enum Default {
    /// Always this.
    Value(Value),
    /// Computed from other fields: one template, or one for each item of a list.
    Derived(Vec<Template>),
}

impl Shape {
    /// The position of a field.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name == name)
    }

    /// The positions of all fields, by name: for many look-ups. Of fields with one name, the last.
    pub(crate) fn positions(&self) -> HashMap<&str, usize> {
        let names = self.fields.iter().enumerate();
        names.map(|(position, field)| (field.name.as_str(), position)).collect()
    }

    /// The known name nearest to a mistyped one.
    pub(crate) fn nearest(&self, name: &str) -> Option<&str> {
        nearest(name, self.fields.iter().map(|field| field.name.as_str()))
    }

    /// The problem of a name that is no field.
    #[must_use]
    pub fn unknown_field(&self, name: &str) -> Problem {
        let names: Vec<&str> = self.fields.iter().map(|field| field.name.as_str()).collect();
        let near = self.nearest(name).map(|near| format!("did you mean `{near}`? "));
        Problem {
            field: name.to_owned(),
            message: format!("section `{}` has no such field", self.name),
            help: format!("{}its fields are {}", near.unwrap_or_default(), listed(&names)),
        }
    }
}

impl Field {
    /// A problem of this field.
    pub fn problem(&self, message: impl Into<String>, help: impl Into<String>) -> Problem {
        Problem { field: self.name.clone(), message: message.into(), help: help.into() }
    }

    /// The fields that the default is computed from.
    pub fn references(&self) -> impl Iterator<Item = &str> {
        let templates = match &self.default {
            Some(Default::Derived(templates)) => templates.as_slice(),
            _ => &[],
        };
        templates.iter().flat_map(Template::references)
    }
}
