//! Compressed texts that `specialize --repack` rewrites: of these, nothing is left to do.

use crate::error::Result;
use crate::files::walk::EntryKind;
use crate::scan::classify::Content;
use crate::scan::finding::{Action, Finding};
use crate::scan::trees::ScannedTree;
use crate::search::unpack::packed_text;
use crate::shown::escaped;

/// Marks what was found in such texts.
///
/// # Errors
/// A file cannot be read any more, or was changed since it was listed.
pub(super) fn mark(tree: &mut ScannedTree) -> Result<()> {
    for (entry, known) in tree.walked.entries.iter().zip(&tree.entries) {
        let (EntryKind::File(_), Content::Packed) = (&entry.kind, known.content) else {
            continue;
        };
        let name = escaped(&entry.path);
        let mut inside: Vec<&mut Finding> =
            tree.findings.iter_mut().filter(|one| one.path == *name).collect();
        if inside.is_empty() {
            continue;
        }
        // A text that is compressed more than once stays.
        let is_one = inside.iter().all(|one| one.packed && one.member.len() == 1);
        let file = tree.walked.file(entry);
        let is_text =
            || file.read_bytes("search", |opened| Ok(packed_text(opened, file.size())?.is_ok()));
        if is_one && is_text()? {
            for finding in &mut inside {
                finding.action = Action::Repack;
                finding.advice = "".into();
            }
        }
    }
    Ok(())
}
