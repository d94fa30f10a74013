//! Scans trees: where they refer to a path, and what can be done about it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use serde::Serialize;

use super::built_for::BuiltFor;
use crate::error::{Error, Result, special};
use crate::files::tree_file::TreeFile;
use crate::files::walk::{self, Entry, Tree};
use crate::scan::classify::{self, Content, Known, Searched};
use crate::scan::fields::KnownRecord;
use crate::scan::finding::{Action, Finding, FindingKind, finding, finding_of, in_another_way};
use crate::search::engine::{self, Searcher};
use crate::search::hits::Hits;
use crate::search::parts;
use crate::search::reference::Reference;
use crate::search::text::is_whole_text;
use crate::shown::escaped;
use crate::watch::Watch;

/// The result of a scan.
#[derive(Debug, Serialize)]
pub struct Scan {
    /// The paths that were searched, with `\\xNN` for a byte that cannot be shown.
    pub references: Vec<String>,
    /// In the order in which they were given.
    pub trees: Vec<ScannedTree>,
}

/// A tree that was scanned.
#[derive(Debug, Serialize)]
pub struct ScannedTree {
    /// The path as it was given.
    pub tree: String,
    /// Regular files; one with several names counts once.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The paths that it was built for, where these were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub built_for: Option<Vec<BuiltFor>>,
    /// Sorted by kind, file and offset.
    pub findings: Vec<Finding>,
    /// The values without which `specialize` refuses the tree, by file.
    pub unset: Vec<Unset>,
    /// What is in the tree.
    #[serde(skip)]
    pub(crate) walked: Tree,
    /// What is known of each of its entries.
    #[serde(skip)]
    pub(crate) entries: Vec<Examined>,
}

/// A value that a record requires and does not have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unset {
    /// The file, relative to its tree, with `\\xNN` for a byte that cannot be shown.
    pub path: String,
    /// The section's name in the schema.
    pub section: String,
    /// The field.
    pub field: String,
}

/// What is known of an entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Examined {
    /// Of a file, what it is.
    pub content: Content,
    /// Of a file, its records.
    pub records: Vec<KnownRecord>,
    /// Of a file, whether it begins like a text.
    pub may_be_text: bool,
    /// The position of another name of the same file that comes before this one: what is known of
    /// the file is there.
    pub same_as: Option<usize>,
}

impl ScannedTree {
    /// The findings that `specialize` does nothing about.
    pub fn unhandled(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.action == Action::None)
    }

    /// The options that `specialize` needs for values which records require and do not have, each with
    /// the files that these are in.
    #[must_use]
    pub fn sets(&self) -> BTreeMap<String, Vec<&str>> {
        let mut sets: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for Unset { path, section, field } in &self.unset {
            sets.entry(format!("--set {section}.{field}=VALUE")).or_default().push(path);
        }
        sets
    }
}

/// What is searched, and how.
#[derive(Clone, Debug)]
pub(crate) struct Search<'a> {
    /// Paths and words.
    pub references: Vec<Reference>,
    /// Longer paths that only begin or end like one of these.
    pub others: &'a [PathBuf],
    /// Look into archives and compressed files.
    pub look_inside: bool,
}

/// Scans trees.
///
/// # Errors
/// Everything that cannot be read.
pub(crate) fn trees(roots: &[PathBuf], search: Search<'_>, watch: &impl Watch) -> Result<Scan> {
    let Search { references, others, look_inside } = search;
    let searcher = Searcher::among(references, others)?;
    let mut errors = Vec::new();
    let mut trees = Vec::new();
    for root in roots {
        match Tree::walk(root).and_then(|tree| scan(&searcher, tree, look_inside, watch)) {
            Ok(tree) => trees.push(tree),
            Err(error) => errors.push(error),
        }
    }
    if !errors.is_empty() {
        return Err(Error::several(errors));
    }
    let references = searcher.references().iter();
    Ok(Scan {
        references: references.map(|one| escaped(OsStr::from_bytes(&one.path))).collect(),
        trees,
    })
}

fn scan(
    searcher: &Searcher,
    tree: Tree,
    look_inside: bool,
    watch: &impl Watch,
) -> Result<ScannedTree> {
    let mut entries = vec![Examined::default(); tree.entries.len()];
    let mut files: Vec<TreeFile<'_>> = Vec::new();
    let mut positions = Vec::new();
    for ((position, entry), first) in tree.entries.iter().enumerate().zip(tree.same_files()) {
        let walk::EntryKind::File(_) = entry.kind else { continue };
        if first.is_none() {
            files.push(tree.file(entry));
            positions.push(position);
        }
        entries[position].same_as = first;
    }
    let (count_of_files, bytes) = (files.len() as u64, files.iter().map(|file| file.size()).sum());
    watch.begin(count_of_files, bytes);
    let found = parts::files(searcher, &files, watch)?;
    let mut findings: Vec<Finding> = names_and_links(searcher, &tree);
    for entry in &tree.entries {
        if let walk::EntryKind::Special(kind) = entry.kind {
            let text = special(kind);
            findings.push(Finding { text, ..finding(&entry.path, FindingKind::Special) });
        }
    }
    // Of each file so many are kept at most; of all files together, too.
    let count = AtomicUsize::new(0);
    let jobs: Vec<_> = files.iter().zip(&found).collect();
    let examine = |(file, found): &(&TreeFile<'_>, &Hits)| {
        if watch.is_stopped() || engine::check_count(count.load(Ordering::Relaxed)).is_err() {
            return Ok(Known::default());
        }
        let known = classify::file(searcher, Searched { file: **file, found }, look_inside)?;
        count.fetch_add(known.findings.len(), Ordering::Relaxed);
        Ok(known)
    };
    let known: Vec<Result<Known>> = jobs.par_iter().map(examine).collect();
    engine::check_count(count.into_inner())?;
    if watch.is_stopped() {
        return Err(Error::stopped());
    }
    let mut errors = Vec::new();
    let mut without = Vec::new();
    for ((known, position), found) in known.into_iter().zip(&positions).zip(&found) {
        match known {
            Ok(Known { content, records, unset, findings: more }) => {
                let path = || escaped(tree.entries[*position].path.as_os_str());
                let of = |(section, field)| Unset { path: path(), section, field };
                without.extend(unset.into_iter().map(of));
                let may_be_text = is_whole_text(&found.start);
                entries[*position] = Examined { content, records, same_as: None, may_be_text };
                findings.extend(more);
            }
            Err(error) => errors.push(error),
        }
    }
    if !errors.is_empty() {
        return Err(Error::several(errors));
    }
    // The sort is stable: findings of one file stay in its order.
    findings.sort_by(|a, b| (a.kind, &a.path).cmp(&(b.kind, &b.path)));
    Ok(ScannedTree {
        tree: escaped(tree.root.as_os_str()),
        files: count_of_files,
        bytes,
        built_for: None,
        findings,
        unset: without,
        entries,
        walked: tree,
    })
}

/// What is found in the names of entries, and in the targets of links.
pub(crate) fn names_and_links(searcher: &Searcher, tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut look = |entry: &Entry, kind: FindingKind, text: &Path| {
        for hit in searcher.text(text.as_os_str().as_bytes()) {
            // A relative link leads to no absolute path; the hash of a store path is told anywhere.
            let is_hash = searcher.references()[hit.reference].is_hash;
            if kind == FindingKind::Link && text.is_relative() && !is_hash {
                continue;
            }
            let text = escaped(text.as_os_str());
            findings.push(finding_of(&entry.path, kind, &hit, text));
        }
        let bytes = text.as_os_str().as_bytes();
        if kind == FindingKind::Link && text.is_absolute() && searcher.is_in_another_way(bytes) {
            findings.push(in_another_way(&entry.path, kind, bytes));
        }
    };
    for entry in &tree.entries {
        if let Some(name) = entry.path.file_name() {
            look(entry, FindingKind::Name, Path::new(name));
        }
        if let walk::EntryKind::Symlink(target) = &entry.kind {
            look(entry, FindingKind::Link, target);
        }
    }
    findings
}
