//! What a planned change makes necessary elsewhere in the file: hashes in a signature, a checksum.
//!
//! **The rule:** [`finish`](super::finish) is a function of the file, of the edits that are planned, and
//! of what the user allows; and it gives the same edits to whoever asks. `fill` and `specialize` write
//! these, and `verify` accepts exactly these.
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

use std::ops::Range;
use std::path::Path;

use crate::edit::Edit;
use crate::error::{Error, ImageProblem};
use crate::shown::escaped;

/// What may become of a signature that only its owner can renew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Allowed {
    /// It becomes one without an owner.
    pub adhoc: bool,
    /// It is removed.
    pub drop_signature: bool,
    /// A fill in place was cut short: hashes of what changes may be wrong, and are made anew.
    pub(crate) is_interrupted: bool,
}

impl Allowed {
    /// Nothing, and then everything: which of it was allowed cannot be seen in a file that was written.
    pub(crate) const EACH: [Self; 2] = [Self::new(false, false), Self::new(true, true)];

    /// What the user allows.
    #[must_use]
    pub const fn new(adhoc: bool, drop_signature: bool) -> Self {
        Self { adhoc, drop_signature, is_interrupted: false }
    }
}

/// What else has to be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Finish {
    /// Further edits. None changes the size, and none touches those that were planned.
    pub(crate) edits: Vec<Edit>,
    /// Where the file ends then, if that is earlier than now. In bytes.
    pub(crate) length: Option<u64>,
    /// What the user has to know, in sentences.
    pub(crate) warnings: Vec<String>,
    /// Why the file itself may not be written to, only a new one, as a sentence.
    pub(crate) not_in_place: Option<&'static str>,
}

/// Why a change cannot be finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FinishProblem {
    /// The file is such that it would be wrong afterwards.
    Refused {
        /// Why, as a sentence of which the file is the subject.
        why: String,
        /// The way out.
        help: &'static str,
    },
    /// The image cannot be read.
    Image(ImageProblem),
}

impl From<ImageProblem> for FinishProblem {
    fn from(problem: ImageProblem) -> Self {
        Self::Image(problem)
    }
}

impl FinishProblem {
    /// As one of a part of the file, which has a name if it is not all of it.
    pub(super) fn of(self, part: Option<String>) -> Self {
        match (part, self) {
            (Some(name), Self::Refused { why, help }) => {
                Self::Refused { why: format!("its part {name}: {why}"), help }
            }
            (Some(name), Self::Image(problem)) => {
                Self::Image(ImageProblem::Member(name, Box::new(problem)))
            }
            (None, problem) => problem,
        }
    }

    /// As an error of this file.
    pub(crate) fn error(self, path: &Path) -> Error {
        match self {
            Self::Refused { why, help } => Error::input(format!("{}: {why}", escaped(path)), help),
            Self::Image(problem) => Error::not_image(path)(problem),
        }
    }
}

impl Finish {
    /// Adds what finishes a part of the file that begins at `start`, which has a name if it is not all of
    /// it. Such a part stays as long as it is.
    pub(super) fn add(
        &mut self,
        part: Self,
        start: u64,
        name: Option<&str>,
    ) -> Result<(), FinishProblem> {
        if part.length.is_some() && name.is_some() {
            return Err(FinishProblem::Refused {
                why: "it would become shorter, and is only a part of the file".to_owned(),
                help: "take it out of the file, and fill it by itself",
            });
        }
        self.length = self.length.or(part.length);
        self.edits.extend(part.edits.into_iter().map(|edit| edit.moved(start)));
        self.warnings.extend(part.warnings.into_iter().map(|warning| match name {
            Some(name) => format!("its part {name}: {warning}"),
            None => warning,
        }));
        self.not_in_place = self.not_in_place.or(part.not_in_place);
        Ok(())
    }
}

/// The edits that lie in a part of the file, as edits of that part.
///
/// # Errors
/// An edit that lies in it only in part.
pub(super) fn edits_in(edits: &[Edit], part: &Range<u64>) -> Result<Vec<Edit>, FinishProblem> {
    let mut inside = Vec::new();
    for edit in edits {
        if part.start <= edit.offset && edit.end() <= part.end {
            let offset = edit.offset.saturating_sub(part.start);
            inside.push(Edit { offset, ..edit.clone() });
        } else if edit.offset < part.end && part.start < edit.end() {
            return Err(FinishProblem::Refused {
                why: format!(
                    "the change at {:#x} lies only in part in what is at {:#x} to {:#x}",
                    edit.offset, part.start, part.end
                ),
                help: "take the parts out of the file, and change each by itself",
            });
        }
    }
    Ok(inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Part of an edit may not be forgotten: what follows from it would be wrong.
    #[test]
    fn an_edit_lies_in_a_part_or_outside_of_it() {
        let edit = |offset| Edit { offset, before: vec![0; 4], after: vec![1; 4] };
        let of = |offset| edits_in(&[edit(offset)], &(100..200));
        for outside in [96, 200] {
            assert_eq!(of(outside), Ok(Vec::new()), "{outside}");
        }
        for inside in [100, 196] {
            assert_eq!(of(inside), Ok(vec![edit(inside.saturating_sub(100))]), "{inside}");
        }
        for between in [97, 197] {
            let problem = of(between).expect_err("a refusal");
            let FinishProblem::Refused { why, .. } = &problem else { panic!("{problem:?}") };
            assert!(why.contains("lies only in part in what is at 0x64 to 0xc8"), "{why}");
        }
    }

    /// A part of a file cannot end earlier than it does.
    #[test]
    fn a_part_does_not_become_shorter() {
        let shorter = || Finish { length: Some(10), ..Finish::default() };
        let mut whole = Finish::default();
        assert_eq!(whole.add(shorter(), 0, None), Ok(()));
        assert_eq!(whole.length, Some(10));
        let refused = Finish::default().add(shorter(), 100, Some("arm64"));
        assert!(matches!(refused, Err(FinishProblem::Refused { .. })), "{refused:?}");
    }
}
