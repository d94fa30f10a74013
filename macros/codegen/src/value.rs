//! Values: read from text or from a TOML or JSON literal, checked, turned into bytes and back.

use std::fmt;

use postlink_format::{FieldValue, Origin, Type};
use regex_lite::{Regex, RegexBuilder};

use crate::model::{Field, nearest};

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
    /// What no field can be; the text names it ("a float").
    Other(&'static str),
}

/// What is wrong with a value, and the way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The field.
    pub field: String,
    /// What is wrong, as a clause: "the value has 600 bytes, the capacity is 512".
    pub message: String,
    /// What would be right.
    pub help: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "field `{}`: {}", self.field, self.message)
    }
}

impl Literal {
    fn kind(&self) -> &'static str {
        match self {
            Self::Bool(_) => "a boolean",
            Self::Integer(_) => "an integer",
            Self::Text(_) => "a string",
            Self::List(_) => "an array",
            Self::Other(kind) => kind,
        }
    }
}

impl Field {
    /// A problem of this field.
    pub fn problem(&self, message: impl Into<String>, help: impl Into<String>) -> Problem {
        Problem { field: self.name.clone(), message: message.into(), help: help.into() }
    }

    /// Reads the value from the texts given for it on a command line: one, or a list's items.
    ///
    /// One empty text is the empty list. Bytes are hexadecimal.
    ///
    /// # Errors
    /// Whatever [`Field::value_of_literal`] refuses, and a text that is not of the type.
    pub fn value_of_texts(&self, texts: &[&str]) -> Result<Value, Problem> {
        let items = || texts.iter().map(|&text| Literal::Text(text.to_owned()));
        if self.ty.is_list() {
            let empty = texts == [""];
            return self.value_of_literal(&Literal::List(items().filter(|_| !empty).collect()));
        }
        let [text] = texts else {
            return Err(self.problem(
                format!("{} values are given, it takes one", texts.len()),
                "only a list takes several values",
            ));
        };
        self.value_of_literal(&match self.ty {
            Type::Bool => match *text {
                "true" => Literal::Bool(true),
                "false" => Literal::Bool(false),
                _ => Literal::Text((*text).to_owned()),
            },
            _ if self.ty.integer_range().is_some() => {
                let digits = text.strip_prefix("0x").filter(|hex| !hex.starts_with(['+', '-']));
                let number =
                    digits.map_or_else(|| text.parse(), |hex| i128::from_str_radix(hex, 16));
                number.map_or_else(|_| Literal::Text((*text).to_owned()), Literal::Integer)
            }
            _ => Literal::Text((*text).to_owned()),
        })
    }

    /// Turns a literal into a value of the field's type and checks it.
    ///
    /// # Errors
    /// Another type, or a value outside the field's limits.
    pub fn value_of_literal(&self, literal: &Literal) -> Result<Value, Problem> {
        let value = self.convert(literal)?;
        self.check(&value)?;
        Ok(value)
    }

    fn convert(&self, literal: &Literal) -> Result<Value, Problem> {
        let wrong = || {
            let shown = match literal {
                Literal::Text(text) => format!("`{text}`"),
                other => other.kind().to_owned(),
            };
            self.problem(
                format!("{shown} is not a value of type {}", self.ty.name()),
                format!("give {}", expected(self)),
            )
        };
        Ok(match (self.ty, literal) {
            (Type::Bool, Literal::Bool(value)) => Value::Bool(*value),
            (Type::String | Type::Path, Literal::Text(text)) => Value::Text(text.clone()),
            (Type::Bytes, Literal::Text(text)) => Value::Bytes(from_hex(text).ok_or_else(wrong)?),
            (Type::Enum, Literal::Text(text)) => {
                let position = self.choices.iter().position(|name| name == text);
                let position = position.ok_or_else(|| {
                    let near = nearest(text, self.choices.iter().map(String::as_str));
                    self.problem(
                        format!("`{text}` is not one of its names"),
                        near.map_or_else(
                            || format!("The names are {}", listed(&self.choices)),
                            |near| {
                                format!(
                                    "did you mean `{near}`? The names are {}",
                                    listed(&self.choices)
                                )
                            },
                        ),
                    )
                })?;
                Value::Enum(position as u32)
            }
            (Type::StringList | Type::PathList, Literal::List(items)) => Value::List(
                items
                    .iter()
                    .map(|item| match item {
                        Literal::Text(text) => Ok(text.clone()),
                        other => Err(self.problem(
                            format!("an item is {}, not a string", other.kind()),
                            format!("give {}", expected(self)),
                        )),
                    })
                    .collect::<Result<_, _>>()?,
            ),
            (ty, Literal::Integer(number)) if ty.integer_range().is_some() => {
                Value::Integer(*number)
            }
            // TOML has no integers above 2^63 - 1: those come as text.
            (ty, Literal::Text(text)) if ty.integer_range().is_some() => {
                Value::Integer(text.parse().map_err(|_| wrong())?)
            }
            _ => return Err(wrong()),
        })
    }

    /// Checks a value of the field's type against its limits.
    ///
    /// # Errors
    /// The first limit that the value breaks.
    pub fn check(&self, value: &Value) -> Result<(), Problem> {
        match value {
            Value::Bool(_) => Ok(()),
            Value::Enum(position) if (*position as usize) < self.choices.len() => Ok(()),
            Value::Enum(position) => {
                Err(self.problem(format!("it has no name number {position}"), expected(self)))
            }
            Value::Integer(number) => self.check_integer(*number),
            Value::Text(text) => {
                self.check_size(text.len(), "")?;
                self.check_text(text, self.regex()?.as_ref())
            }
            Value::Bytes(bytes) => self.check_size(bytes.len(), ""),
            Value::List(items) => {
                if items.len() > self.max_items as usize {
                    return Err(self.problem(
                        format!(
                            "the list has {} items, its max_items is {}",
                            items.len(),
                            self.max_items
                        ),
                        "give fewer items, or raise max_items in the schema and build again",
                    ));
                }
                let size = items.iter().map(|item| item.len() + 1).sum();
                self.check_size(size, " (its items, with one NUL each)")?;
                let pattern = self.regex()?;
                items.iter().try_for_each(|item| self.check_text(item, pattern.as_ref()))
            }
        }
    }

    /// The pattern, if there is one. That of a schema compiles; that of a damaged file may not.
    fn regex(&self) -> Result<Option<Regex>, Problem> {
        let compiled = self.pattern.as_deref().map(regex).transpose();
        compiled.map_err(|error| {
            self.problem(format!("its pattern cannot be used: {error}"), "build the file again")
        })
    }

    fn check_size(&self, size: usize, how: &str) -> Result<(), Problem> {
        if size <= self.capacity as usize {
            return Ok(());
        }
        Err(self.problem(
            format!("the value has {size} bytes{how}, the capacity is {}", self.capacity),
            "give a shorter value, or raise the capacity in the schema and build again",
        ))
    }

    fn check_integer(&self, number: i128) -> Result<(), Problem> {
        let (least, greatest) = self.integer_limits();
        if !(least..=greatest).contains(&number) {
            return Err(self.problem(
                format!("{number} is not from {least} to {greatest}"),
                format!("give {}", expected(self)),
            ));
        }
        self.check_choice(&number.to_string())
    }

    /// The least and greatest integer that the field takes.
    fn integer_limits(&self) -> (i128, i128) {
        let (least, greatest) = self.ty.integer_range().unwrap_or_default();
        (self.min.unwrap_or(least), self.max.unwrap_or(greatest))
    }

    fn check_choice(&self, text: &str) -> Result<(), Problem> {
        if self.choices.is_empty() || self.choices.iter().any(|choice| choice == text) {
            return Ok(());
        }
        Err(self.problem(
            format!("`{text}` is not an allowed value"),
            format!("the allowed values are {}", listed(&self.choices)),
        ))
    }

    fn check_text(&self, text: &str, pattern: Option<&Regex>) -> Result<(), Problem> {
        if text.contains('\0') {
            return Err(self.problem(
                "the value contains a NUL byte",
                "strings end at their first NUL in C; use the type `bytes` for such values",
            ));
        }
        if self.ty.is_path() && !is_absolute(text) {
            return Err(self.problem(
                format!("`{text}` is not an absolute path"),
                "give a path that begins with `/`, a drive (`C:\\`) or a UNC share (`\\\\host\\`)",
            ));
        }
        if !pattern.is_none_or(|pattern| pattern.is_match(text)) {
            let shown = self.pattern.as_deref().unwrap_or_default();
            return Err(self.problem(
                format!("`{text}` does not match the pattern `{shown}`"),
                "give a value that matches, or change the pattern in the schema and build again",
            ));
        }
        self.check_choice(text)
    }

    /// The bytes of a value as the value area has them, and the number of a list's items.
    #[must_use]
    pub fn encode(&self, value: &Value) -> (Vec<u8>, u32) {
        match value {
            Value::Bool(value) => (vec![u8::from(*value)], 0),
            Value::Integer(number) => (number.to_le_bytes()[..self.capacity as usize].to_vec(), 0),
            Value::Text(text) => (text.clone().into_bytes(), 0),
            Value::Bytes(bytes) => (bytes.clone(), 0),
            Value::List(items) => (with_nuls(items), items.len() as u32),
            Value::Enum(position) => (position.to_le_bytes().to_vec(), 0),
        }
    }

    /// The value that bytes of a record stand for; `None` where they stand for none.
    #[must_use]
    pub fn decode(&self, stored: &FieldValue<'_>) -> Option<Value> {
        if stored.origin == Origin::Unset {
            return None;
        }
        let bytes = stored.bytes;
        let text = || std::str::from_utf8(bytes).ok();
        Some(match self.ty {
            Type::Bool => Value::Bool(*bytes.first()? != 0),
            Type::Enum => Value::Enum(u32::from_le_bytes(bytes.try_into().ok()?)),
            Type::String | Type::Path => Value::Text(text()?.to_owned()),
            Type::Bytes => Value::Bytes(bytes.to_vec()),
            Type::StringList | Type::PathList => {
                Value::List(text()?.split_terminator('\0').map(str::to_owned).collect())
            }
            _ => Value::Integer(self.integer(bytes)?),
        })
    }

    /// An integer of the field's type from its little-endian bytes.
    pub(crate) fn integer(&self, bytes: &[u8]) -> Option<i128> {
        let (least, _) = self.ty.integer_range()?;
        let negative = least < 0 && bytes.last()? & 0x80 != 0;
        let mut wide = [if negative { 0xff } else { 0 }; 16];
        wide.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(i128::from_le_bytes(wide))
    }

    /// A value as users write and read it: a list's items one a line, bytes in hexadecimal.
    #[must_use]
    pub fn display(&self, value: &Value) -> String {
        match value {
            Value::Bool(value) => value.to_string(),
            Value::Integer(number) => number.to_string(),
            Value::Text(text) => text.clone(),
            Value::Bytes(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
            Value::List(items) => items.join("\n"),
            Value::Enum(position) => {
                let name = self.choices.get(*position as usize);
                name.cloned().unwrap_or_else(|| position.to_string())
            }
        }
    }
}

/// Compiles a pattern. Its size is limited, and with it the time that a match takes.
pub(crate) fn regex(pattern: &str) -> Result<Regex, regex_lite::Error> {
    RegexBuilder::new(pattern).size_limit(64 << 10).build()
}

/// Strings, with one NUL behind each.
pub(crate) fn with_nuls<S: AsRef<str>>(items: &[S]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for item in items {
        bytes.extend_from_slice(item.as_ref().as_bytes());
        bytes.push(0);
    }
    bytes
}

/// `/…`, a drive (`C:\…`, `C:/…`) or a UNC path (`\\host\share`).
fn is_absolute(path: &str) -> bool {
    let bytes = path.as_bytes();
    path.starts_with('/')
        || path.starts_with("\\\\")
        || matches!(bytes, [drive, b':', b'/' | b'\\', ..] if drive.is_ascii_alphabetic())
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|digit| digit.to_digit(16).map(|digit| digit as u8)).collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

fn expected(field: &Field) -> String {
    match field.ty {
        Type::Bool => "`true` or `false`".into(),
        Type::String => "a string".into(),
        Type::Path => "an absolute path".into(),
        Type::Bytes => "an even number of hexadecimal digits".into(),
        Type::StringList => "a list of strings".into(),
        Type::PathList => "a list of absolute paths".into(),
        Type::Enum => format!("one of {}", listed(&field.choices)),
        _ => {
            let (least, greatest) = field.integer_limits();
            format!("an integer from {least} to {greatest}")
        }
    }
}

/// Words for a message: `a`, `b` and `c`.
#[must_use]
pub fn listed<S: AsRef<str>>(words: &[S]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{}`", word.as_ref())).collect();
    match quoted.as_slice() {
        [] => "none".into(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
