//! Values in a table of JSON or TOML.

use std::fmt;

use postlink_codegen::Literal;
use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// JSON and TOML alike; a key that comes twice is refused.
pub(super) enum Nested {
    Table(Vec<(String, Self)>),
    Value(Literal),
}

impl Nested {
    pub(super) fn literal(self) -> Literal {
        match self {
            Self::Value(literal) => literal,
            Self::Table(_) => Literal::Other("a table"),
        }
    }
}

impl<'de> Deserialize<'de> for Nested {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Nested;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Nested, E> {
        Ok(Nested::Value(Literal::Bool(value)))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Nested, E> {
        Ok(Nested::Value(Literal::Integer(number.into())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Nested, E> {
        Ok(Nested::Value(Literal::Integer(number.into())))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Nested, E> {
        let is_negative_zero = number == 0.0 && number.is_sign_negative();
        Ok(Nested::Value(Literal::Other(match is_negative_zero {
            true => "`-0`, which is no integer in JSON (write `0`),",
            false => "a number that is no 64-bit integer",
        })))
    }

    fn visit_str<E>(self, text: &str) -> Result<Nested, E> {
        Ok(Nested::Value(Literal::Text(text.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Nested, E> {
        Ok(Nested::Value(Literal::Other("null")))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Nested, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element::<Nested>()? {
            list.push(item.literal());
        }
        Ok(Nested::Value(Literal::List(list)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Nested, A::Error> {
        let mut table: Vec<(String, Nested)> = Vec::new();
        while let Some((key, value)) = entries.next_entry::<String, Nested>()? {
            if table.iter().any(|(known, _)| *known == key) {
                return Err(A::Error::custom(format!("`{key}` is there twice")));
            }
            table.push((key, value));
        }
        // What the toml crate makes of a date.
        if table.iter().any(|(key, _)| key.starts_with("$__toml")) {
            return Ok(Nested::Value(Literal::Other("a date or time")));
        }
        Ok(Nested::Table(table))
    }
}
