//! The places of a schema's parts in the file, in bytes.

use std::ops::Range;

/// The places of a section's parts.
pub(super) struct SectionSpans {
    pub(super) name: Range<usize>,
    /// Whether there is no key `owner`.
    pub(super) owner_unsaid: bool,
    pub(super) namespace: Range<usize>,
    pub(super) elf: Range<usize>,
    pub(super) on_failure: Range<usize>,
    pub(super) fields: Vec<FieldSpans>,
}

/// The places of a field's parts.
pub(super) struct FieldSpans {
    pub(super) name: Range<usize>,
    pub(super) default: Range<usize>,
    pub(super) macros: Vec<Range<usize>>,
}
