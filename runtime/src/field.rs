//! Fields by name.

use core::fmt::{self, Write};

use crate::generated::{self, Place};
use crate::{Error, List};

/// The fields of a section, in the order of the schema: what the generated function `fields` gives.
#[derive(Clone, Debug)]
pub struct Fields {
    record: &'static [u8],
    places: core::slice::Iter<'static, Place>,
}

impl Fields {
    pub(crate) fn new(record: &'static [u8], places: &'static [Place]) -> Self {
        Self { record, places: places.iter() }
    }
}

impl Iterator for Fields {
    type Item = Field;

    fn next(&mut self) -> Option<Field> {
        let record = self.record;
        self.places.next().map(|place| Field { record, place })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.places.size_hint()
    }
}

impl ExactSizeIterator for Fields {}
impl core::iter::FusedIterator for Fields {}

/// A field that is looked at by its name.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    record: &'static [u8],
    place: &'static Place,
}

impl Field {
    /// The name, as in the schema.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.place.field
    }

    /// The type, as the schema has it: `list<path>`.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        self.place.ty.name()
    }

    /// The value.
    ///
    /// # Errors
    /// There is none, or the record is damaged.
    pub fn value(&self) -> Result<Value, Error> {
        generated::value(self.record, self.place)
    }

    /// The value as JSON: `null` where there is none, a string of hexadecimal digits for bytes, an
    /// array of strings for a list, the name for an enum.
    ///
    /// # Panics
    /// Where the record is damaged.
    #[must_use]
    #[track_caller]
    pub fn json(&self) -> Json {
        match self.value() {
            Ok(value) => Json(Some(value)),
            Err(error) if error.is_missing() => Json(None),
            Err(error) => generated::stop(error),
        }
    }
}

/// A value of any type; as text, what `postlink inspect --field` prints.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Value {
    /// Of a `bool`.
    Bool(bool),
    /// Of `u8` to `u64`.
    Unsigned(u64),
    /// Of `i8` to `i64`.
    Signed(i64),
    /// Of a `string` or `path`; of an `enum`, its name.
    Text(&'static str),
    /// Of `bytes`.
    Bytes(&'static [u8]),
    /// Of a list.
    List(List),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Unsigned(number) => number.fmt(f),
            Self::Signed(number) => number.fmt(f),
            Self::Text(text) => f.write_str(text),
            Self::Bytes(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
            Self::List(items) => joined(f, items, "\n", |f, item| f.write_str(item)),
        }
    }
}

/// A value as JSON text (RFC 8259); see [`Field::json`].
#[derive(Clone, Debug)]
pub struct Json(Option<Value>);

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => f.write_str("null"),
            Some(Value::Text(text)) => string(f, text),
            Some(value @ Value::Bytes(_)) => write!(f, "\"{value}\""),
            Some(Value::List(items)) => {
                f.write_char('[')?;
                joined(f, items, ",", string)?;
                f.write_char(']')
            }
            Some(value) => value.fmt(f),
        }
    }
}

/// The items of a list, with a separator between them.
fn joined(
    f: &mut fmt::Formatter<'_>,
    items: &List,
    separator: &str,
    write: fn(&mut fmt::Formatter<'_>, &str) -> fmt::Result,
) -> fmt::Result {
    items.clone().enumerate().try_for_each(|(position, item)| {
        f.write_str(if position == 0 { "" } else { separator })?;
        write(f, item)
    })
}

/// A JSON string: quotes, backslashes and control characters are escaped.
fn string(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for each in text.chars() {
        match each {
            '"' | '\\' => write!(f, "\\{each}")?,
            '\0'..' ' => write!(f, "\\u{:04x}", u32::from(each))?,
            _ => f.write_char(each)?,
        }
    }
    f.write_char('"')
}
