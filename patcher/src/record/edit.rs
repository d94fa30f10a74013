//! A record that is to be written.

use std::ops::Range;

use postlink_codegen::{Evaluated, Shape};
use postlink_format::{State, VALUES_OFFSET, ValueHeader};

use super::read::RecordSection;
use crate::edit::{Edit, overlay};
use crate::files::in_place::Steps;

/// A record to be written.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RecordEdit {
    /// The member of the archive that it is in.
    pub member: Option<String>,
    /// Whether a link with LTO takes something else instead of the record.
    pub has_intermediate: bool,
    /// The section as spelled in the file.
    pub spelling: String,
    /// The record's shape.
    pub shape: Shape,
    /// The values, in the order of the fields.
    pub values: Vec<Evaluated>,
    /// The size of the record, in bytes.
    pub record_size: usize,
    /// The value area.
    pub area: Edit,
    /// The parts of the descriptor that become others; a fill alone changes none.
    pub descriptor: Vec<Edit>,
}

impl RecordEdit {
    /// Where the record begins in the file, in bytes.
    #[must_use]
    pub fn record_offset(&self) -> u64 {
        self.area.offset - u64::from(VALUES_OFFSET)
    }

    /// Where the whole record is in the file, in bytes.
    pub(crate) fn range(&self) -> Range<u64> {
        let start = self.record_offset();
        start..self.edits().map(Edit::end).max().unwrap_or(start)
    }

    /// Whether an earlier fill was cut short in it.
    #[must_use]
    pub(crate) fn is_interrupted(&self) -> bool {
        self.area.before.starts_with(&State::Writing.code().to_le_bytes())
    }

    /// All bytes that are written.
    pub fn edits(&self) -> impl Iterator<Item = &Edit> {
        std::iter::once(&self.area).chain(&self.descriptor)
    }
}

/// The steps in which records, and what follows from them, are written into a file itself: first the
/// states say that a fill is under way, then the values change and what follows from them, then states
/// and checksums, each with its state in one write. Accessors stop on a record that is being written.
/// Where the file is to end at `length`, it does so before what follows is written: whoever goes on after a
/// kill finds what was to be cut off, or that it is.
pub(crate) fn steps(records: &[RecordEdit], follows: &[Edit], length: Option<u64>) -> Steps {
    const HEADER: usize = size_of::<ValueHeader>();
    let mut steps = Steps { length, ..Steps::default() };
    if length.is_some() {
        steps.seal.extend(follows.iter().cloned());
    } else {
        steps.body.extend(follows.iter().cloned());
    }
    for record in records {
        let Edit { offset, before, after } = &record.area;
        let writing = State::Writing.code().to_le_bytes();
        steps.mark.push(Edit {
            offset: *offset,
            before: before[..writing.len()].to_vec(),
            after: writing.to_vec(),
        });
        let (old, new) = (before.split_at(HEADER), after.split_at(HEADER));
        let part = |offset, (before, after): (&[u8], &[u8])| Edit {
            offset,
            before: before.to_vec(),
            after: after.to_vec(),
        };
        steps.body.push(part(offset + HEADER as u64, (old.1, new.1)));
        steps.body.extend(record.descriptor.iter().cloned());
        steps.seal.push(part(*offset, (old.0, new.0)));
    }
    steps
}

/// The bytes of a section as they are after the edits.
#[must_use]
pub(crate) fn payload(section: &RecordSection, records: &[RecordEdit]) -> Vec<u8> {
    let mut bytes = section.bytes.clone();
    overlay(&mut bytes, section.offset, records.iter().flat_map(RecordEdit::edits));
    bytes
}
