//! The values that a user gives: read from texts, or from literals of TOML and JSON.

use postlink_format::Type;

use crate::model::{Default, Field};
use crate::template::Template;
use crate::value::{Literal, Problem, Value};
use crate::words::{listed, nearest, quoted};

impl Field {
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
                format!("{} values are given, the field takes one", texts.len()),
                "only a list takes several values",
            ));
        };
        self.value_of_literal(&match self.ty {
            Type::Bool => match *text {
                "true" => Literal::Bool(true),
                "false" => Literal::Bool(false),
                _ => Literal::Text((*text).to_owned()),
            },
            _ => Literal::Text((*text).to_owned()),
        })
    }

    /// Turns a literal into a value of the field's type, and checks it.
    ///
    /// # Errors
    /// Another type, a value outside the field's limits, and an end that only a mistake has: a
    /// newline, but for a string whose default or an allowed value ends in one, or the slash of a
    /// path. A record that was filled before may have such values: [`Field::check`] accepts them.
    pub fn value_of_literal(&self, literal: &Literal) -> Result<Value, Problem> {
        self.value(literal, self.holds_lines())
    }

    /// The same for a value in the schema: a default, or an allowed value. A string that ends in a
    /// newline there says that values of the field do.
    pub(crate) fn value_in_schema(&self, literal: &Literal) -> Result<Value, Problem> {
        self.value(literal, self.ty == Type::String)
    }

    fn value(&self, literal: &Literal, may_end_in_newline: bool) -> Result<Value, Problem> {
        let value = self.convert(literal)?;
        if !may_end_in_newline {
            value.texts().iter().try_for_each(|text| self.check_newline(text))?;
        }
        self.check(&value)?;
        value.texts().iter().try_for_each(|text| self.check_slash(text))?;
        Ok(value)
    }

    /// Checks the end of a text in a derived default, as that of a value.
    pub(crate) fn check_template(&self, source: &str) -> Result<(), Problem> {
        if self.ty != Type::String {
            self.check_newline(source)?;
        }
        self.check_slash(source)
    }

    /// Whether values end in a newline, as the default or an allowed value does.
    fn holds_lines(&self) -> bool {
        let defaults = match &self.default {
            Some(Default::Value(value)) => value.texts().iter().map(String::as_str).collect(),
            Some(Default::Derived(templates)) => templates.iter().map(Template::source).collect(),
            None => Vec::new(),
        };
        let mut texts = defaults.into_iter().chain(self.choices.iter().map(String::as_str));
        self.ty == Type::String && texts.any(ends_in_newline)
    }

    fn check_newline(&self, text: &str) -> Result<(), Problem> {
        if !ends_in_newline(text) {
            return Ok(());
        }
        Err(self.problem(
            format!("{} ends in a newline", quoted(text)),
            "leave it out: `$(cat FILE)` does in a shell, `lib.fileContents` in Nix; in JSON and TOML, remove the `\\n`",
        ))
    }

    /// Refuses a slash at the end: `{path}/share` would have two.
    fn check_slash(&self, text: &str) -> Result<(), Problem> {
        let right = without_slash(text);
        if !self.ty.is_path() || right == text {
            return Ok(());
        }
        Err(self.problem(
            format!("{} ends in a slash", quoted(text)),
            format!("write {}: what is derived from it brings its own slash", quoted(right)),
        ))
    }

    fn convert(&self, literal: &Literal) -> Result<Value, Problem> {
        let wrong = || {
            let shown = match literal {
                Literal::Text(text) => quoted(text),
                other => other.kind().to_owned(),
            };
            self.problem(
                format!("{shown} is not a value of type {}", self.ty.name()),
                format!("give {}", self.expected()),
            )
        };
        Ok(match (self.ty, literal) {
            (Type::Bool, Literal::Bool(value)) => Value::Bool(*value),
            (Type::Bool, Literal::Text(text)) if ["true", "false"].contains(&text.as_str()) => {
                return Err(self.problem(
                    format!("`\"{text}\"` is a string, not a boolean"),
                    format!("write it without quotes: `{text}`"),
                ));
            }
            (Type::String | Type::Path, Literal::Text(text)) => Value::Text(text.clone()),
            (Type::Bytes, Literal::Text(text)) => Value::Bytes(from_hex(text).ok_or_else(wrong)?),
            (Type::Enum, Literal::Text(text)) => {
                let position = self.choices.iter().position(|name| name == text);
                let position = position.ok_or_else(|| {
                    let near = nearest(text, self.choices.iter().map(String::as_str));
                    self.problem(
                        format!("{} is not one of the enum's names", quoted(text)),
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
                            format!("give {}", self.expected()),
                        )),
                    })
                    .collect::<Result<_, _>>()?,
            ),
            (ty, Literal::Integer(number)) if ty.integer_range().is_some() => {
                Value::Integer(*number)
            }
            // Integers are texts on a command line, and in TOML if they are above 2^63 - 1.
            (ty, Literal::Text(text)) if ty.integer_range().is_some() => {
                Value::Integer(integer(text).ok_or_else(wrong)?)
            }
            _ => return Err(wrong()),
        })
    }
}

fn ends_in_newline(text: &str) -> bool {
    text.ends_with(['\n', '\r'])
}

/// A path without the slashes at its end; that of a root, `/` or `C:\`, stays.
fn without_slash(path: &str) -> &str {
    let is_windows = !path.starts_with('/');
    let short = path.trim_end_matches(|each| each == '/' || (is_windows && each == '\\'));
    match (is_windows, short.strip_suffix(':')) {
        // The root, or two backslashes with nothing behind them.
        (false, _) if short.is_empty() => "/",
        (true, _) if short.is_empty() => path,
        (true, Some(drive)) if is_drive(drive) && short.len() < path.len() => &path[..=short.len()],
        _ => short,
    }
}

/// The letter of a drive, alone or as that of a device.
fn is_drive(text: &str) -> bool {
    [r"\\?\", r"\\.\"].iter().find_map(|device| text.strip_prefix(device)).unwrap_or(text).len()
        == 1
}

/// A decimal number, or a hexadecimal one behind `0x`.
fn integer(text: &str) -> Option<i128> {
    match text.strip_prefix("0x") {
        Some(digits) if digits.starts_with(['+', '-']) => None,
        Some(digits) => i128::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|digit| digit.to_digit(16).map(|digit| digit as u8)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}
