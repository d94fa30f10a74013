//! A value as the bytes of a record, and as text that users read.

use postlink_format::{FieldValue, Origin, Type};

use crate::model::Field;
use crate::value::Value;

impl Field {
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

    /// A value as users read it: bytes in hexadecimal, a list as `["one", "two"]`, a text as it is.
    #[must_use]
    pub fn display(&self, value: &Value) -> String {
        match value {
            Value::Bool(value) => value.to_string(),
            Value::Integer(number) => number.to_string(),
            Value::Text(text) => text.clone(),
            Value::Bytes(bytes) => hex(bytes),
            Value::List(items) => {
                let items: Vec<String> = items.iter().map(|item| format!("\"{item}\"")).collect();
                format!("[{}]", items.join(", "))
            }
            Value::Enum(position) => {
                let name = self.choices.get(*position as usize);
                name.cloned().unwrap_or_else(|| position.to_string())
            }
        }
    }
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

/// Bytes without the zeros at their end.
pub(crate) fn without_zeros(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1)]
}

/// Bytes as users see them: two hexadecimal digits each. Of a fingerprint these are 64.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
