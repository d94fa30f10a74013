//! All findings, by file, as many as a page can carry.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::super::report::{named, place, text};
use super::task::Tasks;
use crate::scan::finding::{Action, Finding};
use crate::scan::trees::{Scan, ScannedTree};
use crate::shown::line;

/// Findings that are listed. A browser shows so many, searches and filters them, in less than a second.
const MOST_FINDINGS: usize = 30_000;
/// Bytes of names and texts from files in the list.
const MOST_TEXT: usize = 8 << 20;
/// Rows that a browser lays out at once.
const CHUNK: usize = 100;
/// Findings of a list that is short: files which need a hand are shown open.
const FEW: usize = 200;

/// The list.
pub(super) struct List {
    pub(super) trees: Vec<ListedTree>,
    /// Findings that are in it.
    pub(super) listed: usize,
    /// All that there are.
    pub(super) all: usize,
    /// Files that have any.
    pub(super) files: usize,
}

/// The files of a tree.
pub(super) struct ListedTree {
    pub(super) name: String,
    pub(super) files: Vec<ListedFile>,
}

/// A file with its findings.
pub(super) struct ListedFile {
    /// Its number on the page.
    pub(super) id: usize,
    pub(super) path: String,
    /// Findings that `specialize` does nothing about.
    pub(super) left: usize,
    pub(super) handled: usize,
    pub(super) is_open: bool,
    pub(super) rows: Vec<Row>,
    /// Findings that are not listed.
    pub(super) cut: usize,
}

/// A finding, or several that look the same.
pub(super) struct Row {
    pub(super) kind: String,
    pub(super) action: String,
    pub(super) possible: bool,
    /// The task that tells what to do, by its number on the page.
    pub(super) task: Option<usize>,
    pub(super) place: String,
    /// The text in three parts; the middle one is the reference, if it is there.
    pub(super) text: [String; 3],
    pub(super) times: usize,
}

impl ListedFile {
    /// The rows in parts, of which a browser lays out those on the screen only.
    pub(super) fn chunks(&self) -> std::slice::Chunks<'_, Row> {
        self.rows.chunks(CHUNK)
    }
}

impl Row {
    fn looks_like(&self, other: &Self) -> bool {
        (&self.kind, &self.action, self.possible, self.task)
            == (&other.kind, &other.action, other.possible, other.task)
            && self.place == other.place
            && self.text == other.text
    }
}

impl List {
    pub(super) fn new(scan: &Scan, tasks: &Tasks) -> Self {
        let all = scan.trees.iter().map(|tree| tree.findings.len()).sum();
        let chosen = choose(scan);
        let listed = chosen.iter().flatten().filter(|is_chosen| **is_chosen).count();
        let mut ids = 0;
        let mut trees = Vec::new();
        for (tree, chosen) in scan.trees.iter().zip(&chosen) {
            let files = files(tree, chosen);
            let file = |(path, findings): (&str, Vec<(&Finding, bool)>)| {
                ids += 1;
                let left = findings.iter().filter(|(one, _)| one.action == Action::None).count();
                let listed = findings.iter().filter(|(_, is_chosen)| *is_chosen);
                let listed = listed.map(|(finding, _)| row(finding, scan, tasks));
                let rows = merged(listed);
                ListedFile {
                    id: ids,
                    path: line(named(path, &tree.tree)),
                    left,
                    handled: findings.len() - left,
                    is_open: left > 0 && all <= FEW,
                    cut: findings.len() - rows.iter().map(|row| row.times).sum::<usize>(),
                    rows,
                }
            };
            let files = files.into_iter().map(file).filter(|file| !file.rows.is_empty());
            trees.push(ListedTree { name: line(&tree.tree), files: files.collect() });
        }
        let files = scan.trees.iter().map(|tree| paths(tree.findings.iter())).sum();
        Self { trees, listed, all, files }
    }

    /// Whether a browser should lay out only what is on the screen.
    pub(super) fn is_long(&self) -> bool {
        self.all > FEW
    }

    /// The number on the page of a file of a tree.
    pub(super) fn id(&self, tree: usize, path: &str) -> Option<usize> {
        let tree = self.trees.get(tree)?;
        let path = line(named(path, &tree.name));
        tree.files.iter().find(|file| file.path == path).map(|file| file.id)
    }
}

/// How many files these findings lie in.
pub(super) fn paths<'a>(findings: impl Iterator<Item = &'a Finding>) -> usize {
    findings.map(|finding| &finding.path).collect::<BTreeSet<_>>().len()
}

/// What a page still has room for.
struct Room {
    findings: usize,
    bytes: usize,
}

impl Room {
    /// Whether a finding has room; from the first that has none, no other has.
    fn takes(&mut self, finding: &Finding, is_same_file: bool) -> bool {
        let path = if is_same_file { "" } else { &finding.path };
        let texts = [&finding.section, &finding.field, &finding.symbol];
        let texts = texts.into_iter().flatten().chain(&finding.member);
        let bytes = path.len() + finding.text.len() + texts.map(String::len).sum::<usize>();
        match (self.findings.checked_sub(1), self.bytes.checked_sub(bytes)) {
            (Some(findings), Some(bytes)) => *self = Self { findings, bytes },
            _ => *self = Self { findings: 0, bytes: 0 },
        }
        self.findings > 0
    }
}

/// Which findings of each tree are listed: first those that need a hand, in all trees.
fn choose(scan: &Scan) -> Vec<Vec<bool>> {
    let mut room = Room { findings: MOST_FINDINGS + 1, bytes: MOST_TEXT };
    let mut chosen: Vec<Vec<bool>> =
        scan.trees.iter().map(|tree| vec![false; tree.findings.len()]).collect();
    for needs_hand in [true, false] {
        for (tree, chosen) in scan.trees.iter().zip(&mut chosen) {
            let mut last = "";
            for (finding, chosen) in tree.findings.iter().zip(chosen) {
                if needs_hand == (finding.action == Action::None) {
                    *chosen = room.takes(finding, finding.path == last);
                    last = &finding.path;
                }
            }
        }
    }
    chosen
}

/// The findings of each file, sorted by path, each with whether it is listed.
fn files<'a>(
    tree: &'a ScannedTree,
    chosen: &[bool],
) -> BTreeMap<&'a str, Vec<(&'a Finding, bool)>> {
    let mut files: BTreeMap<&str, Vec<(&Finding, bool)>> = BTreeMap::new();
    for (finding, is_chosen) in tree.findings.iter().zip(chosen) {
        files.entry(&finding.path).or_default().push((finding, *is_chosen));
    }
    files
}

fn row(finding: &Finding, scan: &Scan, tasks: &Tasks) -> Row {
    let text = text(finding);
    let reference = finding.place.as_ref().and_then(|at| scan.references.get(at.reference));
    let parts = reference.and_then(|reference| {
        let reference = line(reference);
        let (before, behind) = text.split_once(&reference)?;
        Some([before.to_owned(), reference.clone(), behind.to_owned()])
    });
    Row {
        kind: name(finding.kind),
        action: name(finding.action),
        possible: finding.possible,
        task: tasks.of(finding),
        place: place(finding),
        text: parts.unwrap_or_else(|| [text, String::new(), String::new()]),
        times: 1,
    }
}

/// Rows, where those that look the same and follow each other become one.
fn merged(rows: impl Iterator<Item = Row>) -> Vec<Row> {
    let mut merged: Vec<Row> = Vec::new();
    for row in rows {
        match merged.last_mut() {
            Some(last) if last.looks_like(&row) => last.times += 1,
            _ => merged.push(row),
        }
    }
    merged
}

/// A kind or an action by its name in `--json`.
pub(super) fn name(of: impl Serialize) -> String {
    match serde_json::to_value(of) {
        Ok(serde_json::Value::String(name)) => name,
        other => unreachable!("kinds and actions have names, and not {other:?}"),
    }
}
