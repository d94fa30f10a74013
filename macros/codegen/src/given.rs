//! The values that a user gives: read from texts, or from literals of TOML and JSON.

use postlink_format::Type;

use crate::model::Field;
use crate::value::{Literal, Problem, Value};
use crate::words::{listed, nearest};

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
                format!("give {}", self.expected()),
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
                            format!("give {}", self.expected()),
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
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|digit| digit.to_digit(16).map(|digit| digit as u8)).collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}
