//! What needs a hand: findings that `specialize` does nothing about, by what is to be done.

use std::collections::{BTreeMap, BTreeSet};

use super::super::report::{POSSIBLE, count, named, tables};
use super::command::quoted;
use super::list::List;
use crate::scan::finding::{Action, Finding, FindingKind};
use crate::scan::trees::Scan;
use crate::shown::line;

/// Files of a task that are named.
const MOST_FILES: usize = 8;
/// Files of a task for which `--allow-left` is written out.
const MOST_ALLOWED: usize = 20;
/// Bytes of the schema entries of a task.
const MOST_SCHEMA: usize = 64 << 10;

/// The findings of a kind for which the same is to be done. The order is that of the report for a
/// terminal: what is only possible comes last.
type Key = (bool, Option<FindingKind>, String);

/// All tasks.
pub(super) struct Tasks(Vec<Key>);

/// A task on the page.
pub(super) struct Task {
    /// Its number on the page.
    pub(super) id: usize,
    pub(super) title: &'static str,
    pub(super) count: String,
    pub(super) advice: String,
    pub(super) remedies: Vec<Remedy>,
    pub(super) files: Vec<TaskFile>,
    /// Files that are not named.
    pub(super) more: usize,
}

/// Something to copy.
pub(super) struct Remedy {
    pub(super) label: String,
    pub(super) text: String,
}

/// A file of a task.
pub(super) struct TaskFile {
    /// Its number in the list, if it is there.
    pub(super) id: Option<usize>,
    pub(super) path: String,
    pub(super) findings: usize,
}

impl Remedy {
    /// Whether it has lines of its own on the page.
    pub(super) fn is_long(&self) -> bool {
        self.text.contains('\n')
    }
}

impl Tasks {
    pub(super) fn new(scan: &Scan) -> Self {
        let findings = scan.trees.iter().flat_map(|tree| &tree.findings);
        let keys: BTreeSet<Key> = findings.filter_map(key).collect();
        Self(keys.into_iter().collect())
    }

    /// The number of the task that a finding belongs to.
    pub(super) fn of(&self, finding: &Finding) -> Option<usize> {
        let key = key(finding)?;
        self.0.binary_search(&key).ok().map(|position| position + 1)
    }

    /// The tasks, with links into the list.
    pub(super) fn shown(&self, scan: &Scan, list: &List) -> Vec<Task> {
        let mut findings: Vec<Vec<(usize, &Finding)>> = self.0.iter().map(|_| Vec::new()).collect();
        for (position, tree) in scan.trees.iter().enumerate() {
            for finding in &tree.findings {
                if let Some(of) = self.of(finding).and_then(|id| findings.get_mut(id - 1)) {
                    of.push((position, finding));
                }
            }
        }
        let tasks = self.0.iter().zip(findings).enumerate();
        tasks.map(|(at, (key, findings))| task(at + 1, key, &findings, scan, list)).collect()
    }
}

fn key(finding: &Finding) -> Option<Key> {
    let kind = (!finding.possible).then_some(finding.kind);
    let needs_hand = finding.action == Action::None;
    needs_hand.then(|| (finding.possible, kind, finding.advice.clone().into_owned()))
}

fn task(
    id: usize,
    (_, kind, advice): &Key,
    findings: &[(usize, &Finding)],
    scan: &Scan,
    list: &List,
) -> Task {
    let mut files: BTreeMap<(usize, &str), usize> = BTreeMap::new();
    for (tree, finding) in findings {
        *files.entry((*tree, &finding.path)).or_default() += 1;
    }
    let shown = files.iter().take(MOST_FILES).map(|((tree, path), findings)| TaskFile {
        id: list.id(*tree, path),
        path: line(scan.trees.get(*tree).map_or(*path, |tree| named(path, &tree.tree))),
        findings: *findings,
    });
    Task {
        id,
        title: kind.map_or(POSSIBLE, FindingKind::title),
        count: format!("{} in {}", findings.len(), count(files.len(), "file")),
        advice: line(advice),
        remedies: remedies(*kind, advice, findings, scan),
        files: shown.collect(),
        more: files.len().saturating_sub(MOST_FILES),
    }
}

/// What solves a task, to be copied.
fn remedies(
    kind: Option<FindingKind>,
    advice: &str,
    findings: &[(usize, &Finding)],
    scan: &Scan,
) -> Vec<Remedy> {
    let mut remedies = Vec::new();
    let mut add = |label: &str, text: String| remedies.push(Remedy { label: label.into(), text });
    if let Some((schema, left_out)) = schema(findings) {
        let label = match left_out {
            0 => "The schema that would declare them".to_owned(),
            some => format!("The schema that would declare them, without {some} more fields"),
        };
        add(&label, schema);
    }
    // Where something else is advised than for the kind, its options are of no use.
    match kind.filter(|kind| kind.advice() == advice) {
        Some(FindingKind::String | FindingKind::Data) => {
            add("For specialize, where the new path is as long", "--equal-length".into());
        }
        Some(FindingKind::Debug) => {
            let used: BTreeSet<usize> = findings
                .iter()
                .filter_map(|(_, finding)| finding.place.as_ref().map(|place| place.reference))
                .collect();
            let used = used.into_iter().filter_map(|reference| scan.references.get(reference));
            let options = used.map(|old| quoted(format!("-ffile-prefix-map={old}=.")));
            add("For the compiler", options.collect::<Vec<_>>().join(" "));
        }
        Some(FindingKind::Member) => {
            add("For specialize, if they are single compressed texts", "--repack".into());
        }
        _ => {}
    }
    // A record that stays unfilled is never harmless.
    if kind != Some(FindingKind::Record) {
        let files: BTreeSet<&str> = findings.iter().map(|(_, finding)| &*finding.path).collect();
        if files.len() <= MOST_ALLOWED {
            let options = files.iter().map(|path| format!("--allow-left={}", pattern(path)));
            add("For specialize, if they are harmless", options.collect::<Vec<_>>().join(" "));
        }
    }
    remedies
}

/// A pattern of `--allow-left` that fits this file only, as a shell takes it.
fn pattern(path: &str) -> String {
    let escaped: String = path
        .chars()
        .flat_map(|char| {
            let is_special = "?*[]{}!\\,".contains(char);
            is_special.then_some('\\').into_iter().chain(std::iter::once(char))
        })
        .collect();
    quoted(escaped)
}

/// The tables for all that is undeclared, each once, and how many did not fit.
fn schema(findings: &[(usize, &Finding)]) -> Option<(String, usize)> {
    let tables = tables(findings.iter().map(|(_, finding)| *finding));
    let (mut schema, mut left_out) = (Vec::new(), 0);
    let mut room = MOST_SCHEMA;
    for table in &tables {
        match room.checked_sub(table.len() + 2) {
            Some(rest) => {
                room = rest;
                schema.push(*table);
            }
            None => left_out += 1,
        }
    }
    (!tables.is_empty()).then(|| (schema.join("\n\n"), left_out))
}
