//! Sections as the text of a schema.

use std::fmt::Write as _;

use super::{Default, Field, Kind, Section, Value};

/// The text of a schema with these sections.
#[must_use]
pub fn schema(sections: &[Section]) -> String {
    let mut text = String::new();
    for section in sections {
        let name = quoted(&section.name);
        let _ = writeln!(text, "[section.{name}]");
        for field in &section.fields {
            let _ = writeln!(text, "[section.{name}.field.{}]", quoted(&field.name));
            text.push_str(&field.toml());
        }
    }
    text
}

impl Field {
    fn toml(&self) -> String {
        let mut text = format!("type = '{}'\n", self.kind.code().1);
        let mut put = |key: &str, value: String| {
            let _ = writeln!(text, "{key} = {value}");
        };
        if self.kind.size().is_none() {
            put("capacity", self.capacity.to_string());
        }
        if self.kind.is_list() {
            put("max_items", self.max_items.to_string());
        }
        match &self.default {
            None => put("required", "true".into()),
            Some(Default::Value(value)) => put("default", self.literal(value)),
            Some(Default::Derived(_)) => {
                let texts = self.derivation().unwrap_or_default();
                let texts: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
                match self.kind.is_list() {
                    true => put("default", format!("[{}]", texts.join(", "))),
                    false => put("default", texts.concat()),
                }
            }
        }
        if let Some(pattern) = &self.pattern {
            put("pattern", quoted(pattern));
        }
        for (key, bound) in [("min", self.min), ("max", self.max)] {
            if let Some(bound) = bound {
                put(key, bound.to_string());
            }
        }
        if !self.choices.is_empty() {
            let key = if self.kind == Kind::Enum { "names" } else { "allowed" };
            let is_integer = self.kind.numbers().is_some();
            let choice = |text: &String| if is_integer { text.clone() } else { quoted(text) };
            let choices: Vec<String> = self.choices.iter().map(choice).collect();
            put(key, format!("[{}]", choices.join(", ")));
        }
        if let Some(source) = &self.source {
            put("from", quoted(source));
        }
        text
    }

    /// A default that is a value. Braces stand for themselves only where they are doubled.
    fn literal(&self, value: &Value) -> String {
        let braced = |text: &String| match self.kind.can_follow() {
            true => quoted(&text.replace('{', "{{").replace('}', "}}")),
            false => quoted(text),
        };
        match value {
            Value::Bool(value) => value.to_string(),
            Value::Number(number) => number.to_string(),
            Value::Text(text) => braced(text),
            Value::Bytes(bytes) => quoted(&hexadecimal(bytes)),
            Value::Items(items) => {
                format!("[{}]", items.iter().map(braced).collect::<Vec<_>>().join(", "))
            }
        }
    }
}

/// Two digits for each byte.
#[must_use]
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for each in text.chars() {
        match each {
            '"' | '\\' => quoted.extend(['\\', each]),
            '\0'..='\x1f' | '\x7f' => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(each));
            }
            _ => quoted.push(each),
        }
    }
    quoted + "\""
}
