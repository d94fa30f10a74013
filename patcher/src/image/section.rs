//! The sections of a file, as any format has them.

use crate::error::SectionProblem;

/// A section that may hold records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// The processor that it is for, in a universal file.
    pub slice: Option<String>,
    /// The processor, and the member of the archive, that it is in; `None` in a file that is a single
    /// image.
    pub member: Option<String>,
    /// The name as spelled in the file.
    pub name: String,
    /// Where its bytes begin in the file.
    pub offset: u64,
    /// How many they are.
    pub size: u64,
    /// Whether its name says that it holds records. Otherwise it only begins like one.
    pub by_name: bool,
    /// Why its bytes cannot be read or changed.
    pub problem: Option<SectionProblem>,
    /// Whether the object file also carries itself as intermediate code, which a link with LTO
    /// takes instead of this section.
    pub has_intermediate: bool,
}

/// A part of the file with a name: a header, a table, a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Region {
    /// "ELF header", or a section's name; in an archive with the member's name before it.
    pub name: String,
    /// Where it begins in the file.
    pub offset: u64,
    /// How many bytes it has there.
    pub size: u64,
}
