//! The places of a schema's parts in the file, in bytes.

use std::ops::Range;

/// Where the parts of a section stand in the file.
pub(super) struct SectionSpans {
    pub(super) name: Range<usize>,
    pub(super) namespace: Range<usize>,
    pub(super) elf: Range<usize>,
    pub(super) fields: Vec<FieldSpans>,
}

/// Where the parts of a field stand in the file.
pub(super) struct FieldSpans {
    pub(super) name: Range<usize>,
    pub(super) default: Range<usize>,
}
