//! The limits of a field, and whether a value keeps them.

use postlink_format::Type;
use regex_lite::{Regex, RegexBuilder};

use crate::model::Field;
use crate::value::{Problem, Value};
use crate::words::{listed, quoted};

impl Field {
    /// Checks a value of the field's type against its limits.
    ///
    /// # Errors
    /// The first limit that the value breaks.
    pub fn check(&self, value: &Value) -> Result<(), Problem> {
        match value {
            Value::Bool(_) => Ok(()),
            Value::Enum(position) if (*position as usize) < self.choices.len() => Ok(()),
            Value::Enum(position) => Err(self.problem(
                format!("the enum has no name number {position}"),
                format!("give {}", self.expected()),
            )),
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
                format!("give {}", self.expected()),
            ));
        }
        self.check_choice(&number.to_string())
    }

    /// The least and greatest integer that the field takes.
    fn integer_limits(&self) -> (i128, i128) {
        let (least, greatest) = self.ty.integer_range().unwrap_or_default();
        (self.min.unwrap_or(least), self.max.unwrap_or(greatest))
    }

    /// The values that the field takes, in words.
    pub(crate) fn expected(&self) -> String {
        match self.ty {
            Type::Bool => "`true` or `false`".into(),
            Type::String => "a string in quotes".into(),
            Type::Path => "an absolute path in quotes".into(),
            Type::Bytes => "an even number of hexadecimal digits, without `0x`".into(),
            Type::StringList => "an array of strings".into(),
            Type::PathList => "an array of absolute paths".into(),
            Type::Enum => format!("one of {}", listed(&self.choices)),
            _ => {
                let (least, greatest) = self.integer_limits();
                format!("an integer from {least} to {greatest}")
            }
        }
    }

    fn check_choice(&self, text: &str) -> Result<(), Problem> {
        if self.choices.is_empty() || self.choices.iter().any(|choice| choice == text) {
            return Ok(());
        }
        Err(self.problem(
            format!("{} is not an allowed value", quoted(text)),
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
                format!("{} is not an absolute path", quoted(text)),
                "give a path that begins with `/`, a drive (`C:\\`) or a UNC share (`\\\\host\\`)",
            ));
        }
        if !pattern.is_none_or(|pattern| pattern.is_match(text)) {
            let shown = quoted(self.pattern.as_deref().unwrap_or_default());
            return Err(self.problem(
                format!("{} does not match the pattern {shown}", quoted(text)),
                "give a value that matches, or change the pattern in the schema and build again",
            ));
        }
        self.check_choice(text)
    }
}

/// Compiles a pattern. Its size is limited, and with it the time that a match takes.
pub(crate) fn regex(pattern: &str) -> Result<Regex, regex_lite::Error> {
    RegexBuilder::new(pattern).size_limit(64 << 10).build()
}

/// `/…`, a drive (`C:\…`, `C:/…`) or a UNC path (`\\host\share`).
fn is_absolute(path: &str) -> bool {
    let bytes = path.as_bytes();
    path.starts_with('/')
        || path.starts_with("\\\\")
        || matches!(bytes, [drive, b':', b'/' | b'\\', ..] if drive.is_ascii_alphabetic())
}
