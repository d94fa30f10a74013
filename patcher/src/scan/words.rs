//! Where words stand in text files: the values of fields that programs have, and files repeat.

use std::collections::BTreeSet;

use rayon::prelude::*;

use super::finding::{Finding, FindingKind, finding_of};
use super::trees::Examined;
use crate::error::Result;
use crate::files::tree_file::TreeFile;
use crate::files::walk::{EntryKind, Tree};
use crate::files::window::Window;
use crate::record::read::Image;
use crate::search::boundary::Fit;
use crate::search::engine::Searcher;
use crate::search::hits::{Hit, Hits};
use crate::search::parts;
use crate::search::reference::Reference;
use crate::search::text;
use postlink_codegen::Value;
use postlink_format::Type;

/// Where these words stand in the text files of a tree, in the order of the tree. A place's reference
/// is the position of the word.
///
/// # Errors
/// A file cannot be read.
pub(crate) fn find(tree: &Tree, entries: &[Examined], words: &[&str]) -> Result<Vec<Finding>> {
    if words.is_empty() {
        return Ok(Vec::new());
    }
    let references = words.iter().map(|word| Reference::named(word.as_ref()));
    let searcher = Searcher::new(references.collect::<Result<_>>()?)?;
    let mut files: Vec<TreeFile<'_>> = Vec::new();
    for (entry, known) in tree.entries.iter().zip(entries) {
        if let (EntryKind::File(_), None, true) = (&entry.kind, known.same_as, known.may_be_text) {
            files.push(tree.file(entry));
        }
    }
    let found = parts::files(&searcher, &files, &())?;
    let look = |(file, found): (&TreeFile<'_>, &Hits)| {
        let hits = found.hits.iter().filter(|hit| hit.fit == Fit::Certain);
        let hits: Vec<_> = hits.copied().collect();
        if hits.is_empty() {
            return Ok(Vec::new());
        }
        let name = &file.entry.path;
        file.read_bytes("search", |file| {
            let Some(lines) = text::lines(file, &hits)? else { return Ok(Vec::new()) };
            let counted = text::counted(file, &hits)?;
            let mut window = Window::new(file);
            let found = hits.iter().zip(lines).zip(counted).map(|((hit, line), counted)| {
                let (text, _) = text::around(&mut window, hit)?;
                // A text that counts its bytes would be wrong with another word.
                let fit = if counted { Fit::Unclear } else { hit.fit };
                let found = finding_of(name, FindingKind::Text, &Hit { fit, ..*hit }, text);
                Ok(Finding { line: Some(line), ..found })
            });
            found.collect()
        })
    };
    let all: Vec<Result<Vec<Finding>>> = files.par_iter().zip(&found).map(look).collect();
    let mut findings = Vec::new();
    for one in all {
        findings.extend(one?);
    }
    Ok(findings)
}

/// The words that are values of fields of a tree's records now: those that files may repeat.
///
/// # Errors
/// A file cannot be read.
pub(crate) fn of_records(tree: &Tree, entries: &[Examined]) -> Result<BTreeSet<String>> {
    let mut words = BTreeSet::new();
    for (entry, known) in tree.entries.iter().zip(entries) {
        if known.records.is_empty() {
            continue;
        }
        let image = Image::of_file(tree.file(entry))?;
        for (section, place) in image.records() {
            let Ok(record) = section.record(place) else { continue };
            let values = place.shape.values_of(&record).map(|(_, values)| values);
            for (field, value) in place.shape.fields.iter().zip(values.unwrap_or_default()) {
                match value.value {
                    Some(Value::Text(text)) if field.ty == Type::String && is_word(&text) => {
                        words.insert(text);
                    }
                    _ => {}
                }
            }
        }
    }
    Ok(words)
}

/// Whether a text can be searched as a word.
pub(crate) fn is_word(text: &str) -> bool {
    Reference::named(text.as_ref()).is_ok_and(|reference| reference.is_word())
}
