//! Compares a tree with another build of the same package, for another path or version.
//!
//! What a compiler folded into code is no string that a search could find. But it differs between two
//! builds, and so each byte that differs has to be explained: by a declared value, by a reference
//! that was replaced, by a build-id. Everything else is a value that nobody declared.

mod image;
mod lines;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::files::compare::{UnreadFile, is_equal, pairs};
use crate::files::open::size;
use crate::files::tree_file::TreeFile;
use crate::files::walk::{EntryKind, Tree};
use crate::scan::trees::ScannedTree;
use crate::search::engine::Searcher;
use crate::search::reference::Reference;
use crate::search::text::is_whole_text;
use crate::shown::escaped;
use lines::Replacements;

/// Texts up to this size are compared line by line.
const LARGEST_TEXT: u64 = 64 << 20;

/// The result of a comparison.
#[derive(Debug, Serialize)]
pub struct Comparison {
    /// The path of the other tree.
    pub tree: String,
    /// How many files, links and folders differ.
    pub differing: usize,
    /// How many differences each explanation has.
    pub explained: BTreeMap<&'static str, u64>,
    /// Differences without one, by file and offset.
    pub differences: Vec<Unexplained>,
}

/// A difference that nothing explains.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Unexplained {
    /// The entry, relative to its tree, with `\\xNN` for a byte that cannot be shown.
    pub path: String,
    /// What differs.
    pub message: String,
    /// The section of an image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub section: Option<String>,
    /// The function or object of an image: `NAME+0xDISTANCE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symbol: Option<String>,
    /// The line of a text, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// Where it begins, in bytes from the start of the file in the first tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// How many bytes differ, where the sizes are the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// The text there, and in the other tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub texts: Option<(String, String)>,
    /// What to do.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub advice: &'static str,
}

/// Compares a scanned tree with another one. `references` are what was searched in the first.
///
/// # Errors
/// Everything that cannot be read.
pub(crate) fn compare(
    scanned: &ScannedTree,
    references: Vec<Reference>,
    other: &Path,
) -> Result<Comparison> {
    let searcher = Searcher::new(references)?;
    let there = Tree::walk(other)?;
    let here = &scanned.walked;
    let mut comparison = Compare {
        replacements: Replacements::new(&searcher),
        explained: BTreeMap::new(),
        differences: Vec::new(),
        differing: 0,
    };
    let by_path = |tree: &Tree| -> BTreeMap<PathBuf, usize> {
        tree.entries.iter().enumerate().map(|(at, entry)| (entry.path.clone(), at)).collect()
    };
    let (ours, theirs) = (by_path(here), by_path(&there));
    let paths: BTreeSet<&PathBuf> = ours.keys().chain(theirs.keys()).collect();
    let mut files: Vec<(TreeFile<'_>, TreeFile<'_>)> = Vec::new();
    for path in paths {
        let (ours, theirs) = match (ours.get(path), theirs.get(path)) {
            (Some(&ours), Some(&theirs)) => (&here.entries[ours], &there.entries[theirs]),
            (ours, _) => {
                let tree = if ours.is_some() { "first" } else { "second" };
                comparison.differs(path, format!("is in the {tree} tree only"), "");
                continue;
            }
        };
        match (&ours.kind, &theirs.kind) {
            (EntryKind::File(_), EntryKind::File(_)) => {
                files.push((here.file(ours), there.file(theirs)));
            }
            (EntryKind::Symlink(ours), EntryKind::Symlink(theirs)) => {
                comparison.link(path, ours.as_os_str(), theirs.as_os_str());
            }
            (ours, theirs) if kind(ours) == kind(theirs) => {}
            (ours, theirs) => {
                let message =
                    format!("is {} in one tree, {} in the other", kind(ours), kind(theirs));
                comparison.differs(path, message, "");
            }
        }
    }
    let same: Vec<Result<bool>> =
        files.par_iter().map(|(ours, theirs)| is_equal(*ours, *theirs)).collect();
    let mut errors = Vec::new();
    for ((ours, theirs), same) in files.iter().zip(same) {
        let compared = match same {
            Ok(true) => continue,
            Ok(false) => ours.read("search", |our| {
                theirs.read("search", |their| comparison.file((*ours, *theirs), (our, their)))
            }),
            Err(error) => Err(error),
        };
        errors.extend(compared.err());
    }
    if !errors.is_empty() {
        return Err(Error::several(errors));
    }
    // The sort is stable: differences of one file stay in its order.
    comparison.differences.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(Comparison {
        tree: escaped(there.root.as_os_str()),
        differing: comparison.differing,
        explained: comparison.explained,
        differences: comparison.differences,
    })
}

/// What an entry is, in words.
pub(crate) fn kind(kind: &EntryKind) -> &'static str {
    match kind {
        EntryKind::Directory => "a directory",
        EntryKind::File(_) => "a file",
        EntryKind::Symlink(_) => "a symbolic link",
        EntryKind::Special(kind) => kind,
    }
}

/// A comparison under way.
struct Compare<'a> {
    replacements: Replacements<'a>,
    explained: BTreeMap<&'static str, u64>,
    differences: Vec<Unexplained>,
    differing: usize,
}

impl Compare<'_> {
    fn explain(&mut self, reason: &'static str) {
        *self.explained.entry(reason).or_default() += 1;
    }

    fn differs(&mut self, path: &Path, message: String, advice: &'static str) {
        self.differing += 1;
        let path = escaped(path.as_os_str());
        self.differences.push(Unexplained { path, message, advice, ..Unexplained::default() });
    }

    fn link(&mut self, path: &Path, ours: &OsStr, theirs: &OsStr) {
        if ours == theirs {
            return;
        }
        if self.replacements.explain(ours.as_bytes(), theirs.as_bytes()) {
            self.differing += 1;
            return self.explain("target of a symbolic link");
        }
        self.differs(path, "has another target".into(), "");
        if let Some(last) = self.differences.last_mut() {
            last.texts = Some((escaped(ours), escaped(theirs)));
        }
    }

    fn file(&mut self, found: (TreeFile<'_>, TreeFile<'_>), files: (&File, &File)) -> Result<()> {
        let path = &found.0.entry.path;
        let (ours, theirs) = (found.0.path(), found.1.path());
        let (ours, theirs) = (ours.as_path(), theirs.as_path());
        fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
            Error::io("search", path)
        }
        if let Some(compared) = image::compare(files, found)? {
            self.differing += 1;
            for reason in compared.explained {
                self.explain(reason);
            }
            let path = escaped(path.as_os_str());
            let found = compared.differences.into_iter();
            self.differences.extend(found.map(|one| Unexplained { path: path.clone(), ..one }));
            return Ok(());
        }
        let texts = (text(files.0).map_err(failed(ours))?, text(files.1).map_err(failed(theirs))?);
        if let (Some(ours), Some(theirs)) = texts {
            self.differing += 1;
            self.lines(path, &ours, &theirs);
            return Ok(());
        }
        let sizes = (size(files.0).map_err(failed(ours))?, size(files.1).map_err(failed(theirs))?);
        let found = differing_bytes(files.0, files.1, sizes.0.min(sizes.1));
        let (first, count) = found.map_err(|unread| unread.of("search", ours, theirs))?;
        let message = if sizes.0 == sizes.1 {
            format!("{count} bytes differ")
        } else {
            format!("has {} bytes in one tree, {} in the other", sizes.0, sizes.1)
        };
        self.differs(path, message, "generate it after installation, or leave out what differs");
        if let Some(last) = self.differences.last_mut() {
            last.offset = Some(first);
            last.bytes = (sizes.0 == sizes.1).then_some(count);
        }
        Ok(())
    }

    fn lines(&mut self, path: &Path, ours: &[u8], theirs: &[u8]) {
        let path = escaped(path.as_os_str());
        let (ours, theirs) = (lines::split(ours), lines::split(theirs));
        let start = ours.iter().zip(&theirs).take_while(|(ours, theirs)| ours == theirs).count();
        let (ours, theirs) = (&ours[start..], &theirs[start..]);
        let same = ours.iter().rev().zip(theirs.iter().rev());
        let end = same.take_while(|(ours, theirs)| ours == theirs).count();
        let (ours, theirs) = (&ours[..ours.len() - end], &theirs[..theirs.len() - end]);
        if ours.len() != theirs.len() {
            let message =
                format!("{} lines in one tree, {} in the other", ours.len(), theirs.len());
            let line = Some(start as u64 + 1);
            self.differences.push(Unexplained { path, message, line, ..Unexplained::default() });
            return;
        }
        for (number, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
            if ours == theirs {
                continue;
            }
            if self.replacements.explain(ours, theirs) {
                self.explain("line of text with the reference replaced");
                continue;
            }
            self.differences.push(Unexplained {
                path: path.clone(),
                message: "a line differs".into(),
                line: Some((start + number) as u64 + 1),
                texts: Some((lines::shown(ours), lines::shown(theirs))),
                advice: "it does not follow from the path: generate the file after installation",
                ..Unexplained::default()
            });
        }
    }
}

/// The bytes of a text that is not too large.
fn text(file: &File) -> std::io::Result<Option<Vec<u8>>> {
    let size = size(file)?;
    if size > LARGEST_TEXT {
        return Ok(None);
    }
    let mut bytes = vec![0; size as usize];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(is_whole_text(&bytes).then_some(bytes))
}

/// The first byte that differs, and how many do, among so many as both files have.
fn differing_bytes(ours: &File, theirs: &File, shared: u64) -> Result<(u64, u64), UnreadFile> {
    let (mut first, mut count) = (shared, 0);
    pairs(ours, theirs, (0, 0), shared, |at, ours, theirs| {
        for (byte, _) in ours.iter().zip(theirs).enumerate().filter(|(_, (a, b))| a != b) {
            first = first.min(at + byte as u64);
            count += 1;
        }
        true
    })?;
    Ok((first, count))
}
