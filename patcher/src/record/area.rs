//! Where the parts of records are in a file.

use std::collections::BTreeSet;
use std::mem::offset_of;
use std::ops::Range;

use postlink_format::{Header, VALUES_OFFSET};

use super::read::Image;

/// Where a record is in a file, and its parts. All ranges are in bytes from the start of the file.
#[derive(Clone, Debug)]
pub(crate) struct RecordArea {
    /// The section's name in the schema.
    pub(crate) section: String,
    /// The section as spelled in the file.
    pub(crate) spelling: String,
    /// Of the schema.
    pub(crate) fingerprint: [u8; 32],
    /// The whole record.
    pub(crate) record: Range<u64>,
    /// The value area.
    pub(crate) values: Range<u64>,
    /// The value of each field, with its name.
    pub(crate) fields: Vec<(String, Range<u64>)>,
    /// The fields whose value no rewrite changes, where that was looked for.
    pub(crate) joined: BTreeSet<String>,
    /// The default of each field that has one, with its name.
    pub(crate) defaults: Vec<(String, Range<u64>)>,
    /// The checksum of the descriptor.
    pub(crate) checksum: Range<u64>,
}

/// The records of an image, in the order of the file.
#[must_use]
pub(crate) fn areas(image: &Image) -> Vec<RecordArea> {
    let mut areas = Vec::new();
    for (section, place) in image.records() {
        let Ok(record) = section.record(place) else { continue };
        let start = section.offset + place.at as u64;
        let layout = place.shape.layout();
        let fields = place.shape.fields.iter().zip(&layout.values).map(|(field, &at)| {
            let at = start + u64::from(at);
            (field.name.clone(), at..at + u64::from(field.room()))
        });
        let defaults = record.fields().filter(|field| !field.default.is_empty()).map(|field| {
            let at = start + u64::from(field.default_offset);
            (field.name.to_owned(), at..at + field.default.len() as u64)
        });
        let checksum = start + offset_of!(Header, checksum) as u64;
        areas.push(RecordArea {
            section: place.shape.name.clone(),
            spelling: section.name.clone(),
            fingerprint: place.shape.fingerprint(),
            record: start..start + record.bytes().len() as u64,
            values: start + u64::from(VALUES_OFFSET)..start + u64::from(layout.fields_offset),
            fields: fields.collect(),
            joined: BTreeSet::new(),
            defaults: defaults.collect(),
            checksum: checksum..checksum + 4,
        });
    }
    areas.sort_by_key(|area| area.record.start);
    areas
}
