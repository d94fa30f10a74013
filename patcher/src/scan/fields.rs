//! Records of a scanned file: what a manifest knows of them, and the fields that a fill has to be given a value
//! for, or that it does not rewrite.

use std::collections::BTreeSet;

use postlink_codegen::{Default, Template, hex};
use postlink_format::{Origin, Type};
use serde::{Deserialize, Serialize};

use crate::record::area::RecordArea;
use crate::record::read::Image;
use crate::search::engine::Searcher;

/// A record of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownRecord {
    /// The section's name in the schema.
    pub section: String,
    /// As spelled in the file.
    pub spelling: String,
    /// Where the record begins in the file, in bytes.
    pub offset: u64,
    /// 64 hexadecimal digits.
    pub fingerprint: String,
}

impl From<&RecordArea> for KnownRecord {
    fn from(area: &RecordArea) -> Self {
        Self {
            section: area.section.clone(),
            spelling: area.spelling.clone(),
            offset: area.record.start,
            fingerprint: hex(&area.fingerprint),
        }
    }
}

/// Section and field of each value that records require and do not have.
pub(super) fn unset(image: &Image) -> BTreeSet<(String, String)> {
    let mut unset = BTreeSet::new();
    for (section, place) in image.records() {
        let shape = &place.shape;
        let values = section.record(place).ok().and_then(|one| shape.values_of(&one).ok());
        let missing = values.map(|(_, values)| shape.missing(&values)).unwrap_or_default();
        unset.extend(missing.into_iter().map(|one| (shape.name.clone(), one.field)));
    }
    unset
}

/// Marks the fields whose value no rewrite changes: bytes, and what is joined of parts of which none has
/// a whole reference.
pub(super) fn mark_joined(searcher: &Searcher, image: &Image, areas: &mut [RecordArea]) {
    for (section, place) in image.records() {
        let Ok(record) = section.record(place) else { continue };
        let Ok((_, values)) = place.shape.values_of(&record) else { continue };
        let start = section.offset + place.at as u64;
        let Some(area) = areas.iter_mut().find(|area| area.record.start == start) else {
            continue;
        };
        let has = |text: &str| !searcher.text(text.as_bytes()).is_empty();
        for (field, value) in place.shape.fields.iter().zip(&values) {
            let is_joined = match (&field.default, value.origin) {
                _ if field.ty == Type::Bytes => true,
                (Some(Default::Derived(templates)), Origin::Derived) => {
                    let named = |name: &str| {
                        let at = place.shape.position(name)?;
                        Some(values.get(at)?.value.as_ref()?.texts().iter().any(|one| has(one)))
                    };
                    !templates.iter().flat_map(Template::texts).any(has)
                        && !field.references().any(|name| named(name).unwrap_or_default())
                }
                _ => false,
            };
            area.joined.extend(is_joined.then(|| field.name.clone()));
        }
    }
}
