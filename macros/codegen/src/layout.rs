//! Two halves of a program agree on these: the offsets in the record, and the section's fingerprint.

use std::fmt::Write;

use postlink_format::{FieldState, RECORD_ALIGN, Type, VALUES_OFFSET, ValueHeader};

use crate::model::{Field, Shape};

/// Offsets from the start of the record, in bytes.
///
/// Up to and including `fields_offset` they follow from what the fingerprint covers: two halves of
/// a program with equal fingerprints agree on them, whatever defaults each of them was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The offset of each field's state.
    pub states: Vec<u32>,
    /// The offset of each field's value.
    pub values: Vec<u32>,
    /// The end of the value area.
    pub fields_offset: u32,
}

impl Layout {
    /// Size of the value area.
    #[must_use]
    pub fn values_size(&self) -> u32 {
        self.fields_offset - VALUES_OFFSET
    }
}

impl Field {
    /// Bytes set aside for the value.
    #[must_use]
    pub fn room(&self) -> u32 {
        self.ty.room(self.capacity)
    }
}

impl Shape {
    /// The layout: the states, then each value at a multiple of 8; the value area's size is a
    /// multiple of 16.
    #[must_use]
    pub fn layout(&self) -> Layout {
        let first = VALUES_OFFSET + size_of::<ValueHeader>() as u32;
        let state_size = size_of::<FieldState>() as u32;
        let count = self.fields.len() as u32;
        let mut at = first + count * state_size;
        let values = self.fields.iter().map(|field| {
            let offset = at.next_multiple_of(8);
            at = offset + field.room();
            offset
        });
        let values = values.collect();
        Layout {
            states: (0..count).map(|index| first + index * state_size).collect(),
            values,
            fields_offset: at.next_multiple_of(RECORD_ALIGN),
        }
    }

    /// The text whose hash is the fingerprint: all that two halves of a program must agree on.
    #[must_use]
    pub fn canonical_text(&self) -> String {
        let mut text = format!("postlink 1\nsection {}\n", self.name);
        for field in &self.fields {
            let Field { name, ty, capacity, max_items, .. } = field;
            let _ = write!(text, "field {name} {} {capacity} {max_items}", ty.name());
            if *ty == Type::Enum {
                let _ = write!(text, " {}", field.choices.join(","));
            }
            text.push('\n');
        }
        text
    }

    /// SHA-256 of [`Shape::canonical_text`].
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        hmac_sha256::Hash::hash(self.canonical_text().as_bytes())
    }
}
