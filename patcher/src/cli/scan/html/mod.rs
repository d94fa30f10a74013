//! The report of a scan as a web page that needs nothing else: no network, no other file.
//!
//! What comes from the scanned files is text to the page. The template escapes all of it, and the
//! browser is told to run and load nothing but the script and the style that are in the page.

mod command;
mod list;
mod task;

use std::collections::BTreeSet;
use std::ffi::OsString;

use askama::Template;
use base64ct::{Base64, Encoding as _};
use sha2::{Digest, Sha256};

use self::list::{List, name, paths};
use self::task::{Task, Tasks};
use super::report::{count, differ, difference_line, named, size, unpadded};
use crate::scan::against::Comparison;
use crate::scan::finding::{Action, Finding, FindingKind};
use crate::scan::trees::{Scan, ScannedTree};
use crate::shown::{escaped, line, lines};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// Differences without an explanation that are listed.
const MOST_DIFFERENCES: usize = 1000;
/// Characters that are shown of a line that differs.
const LONGEST_LINE: usize = 400;

#[derive(Template)]
#[template(path = "page.html", config = "src/cli/scan/html/askama.toml")]
struct ReportPage<'a> {
    style: &'a str,
    script: &'a str,
    style_hash: String,
    script_hash: String,
    command: String,
    verdict: Verdict,
    heading: String,
    references: Vec<String>,
    handled: usize,
    left: usize,
    /// The options for values that `specialize` needs.
    sets: Vec<String>,
    trees: Vec<TreeRow>,
    kinds: Vec<KindRow>,
    actions: Vec<String>,
    tasks: Vec<Task>,
    comparison: Option<ComparedTree>,
    list: List,
}

/// What the scan comes to.
#[derive(PartialEq, Eq)]
enum Verdict {
    /// Nothing was looked for, so nothing is known.
    Unknown,
    /// Something is left to do.
    Left,
    /// Nothing is.
    Done,
}

struct TreeRow {
    name: String,
    files: u64,
    size: String,
    findings: usize,
    left: usize,
    /// Each path and how many places name it; nothing where that was not asked for.
    built_for: Option<Vec<(String, String)>>,
}

/// The findings of a kind, for the table of totals.
struct KindRow {
    /// As in `--json`.
    name: String,
    title: &'static str,
    handled: usize,
    left: usize,
    possible: usize,
    files: usize,
    bar: Bar,
}

/// Parts of the longest bar, in percent.
struct Bar {
    handled: String,
    left: String,
    left_from: String,
    possible: String,
    possible_from: String,
}

struct ComparedTree {
    tree: String,
    differing: String,
    all: usize,
    explained: Vec<(String, u64)>,
    differences: Vec<ListedDifference>,
}

struct ListedDifference {
    path: String,
    line: String,
    texts: Option<(String, String)>,
    advice: &'static str,
}

/// The page. The command is told by its arguments.
pub(super) fn page(
    scan: &Scan,
    against: Option<&Comparison>,
    arguments: impl IntoIterator<Item = OsString>,
) -> String {
    let findings = || scan.trees.iter().flat_map(|tree| &tree.findings);
    let left = scan.trees.iter().map(|tree| tree.unhandled().count()).sum();
    let all = findings().count();
    let differences = against.map_or(0, |against| against.differences.len());
    let tasks = Tasks::new(scan);
    let list = List::new(scan, &tasks);
    let mut actions: Vec<Action> = findings().map(|finding| finding.action).collect();
    actions.sort();
    actions.dedup();
    let sets: BTreeSet<String> =
        scan.trees.iter().flat_map(|tree| tree.sets().into_keys()).collect();
    let (verdict, heading) = match (scan.references.is_empty(), left, differences) {
        (true, _, _) => (Verdict::Unknown, "Nothing was looked for".to_owned()),
        (_, 0, 0) if all == 0 => (Verdict::Done, "No references".to_owned()),
        (_, 0, 0) if sets.is_empty() => (Verdict::Done, format!("specialize handles all {all}")),
        (_, 0, 0) => (Verdict::Done, format!("specialize handles all {all}, with values")),
        (_, left, 0) => (Verdict::Left, format!("{} a hand", needing(left, "finding"))),
        (_, 0, more) => (Verdict::Left, format!("{} a hand", needing(more, "difference"))),
        (_, left, more) => (
            Verdict::Left,
            format!("{} and {} need a hand", count(left, "finding"), count(more, "difference")),
        ),
    };
    let page = ReportPage {
        style: STYLE,
        script: SCRIPT,
        style_hash: hash(STYLE),
        script_hash: hash(SCRIPT),
        command: command::command(arguments),
        verdict,
        heading,
        references: scan.references.iter().map(line).collect(),
        handled: all - left,
        left,
        sets: sets.into_iter().collect(),
        trees: scan.trees.iter().map(tree_row).collect(),
        kinds: kinds(scan),
        actions: actions.into_iter().map(name).collect(),
        tasks: tasks.shown(scan, &list),
        comparison: against.map(compared),
        list,
    };
    // A template that was compiled fails only if the writer does, and a text does not.
    let page = page.render().expect("text");
    lines(&page)
}

fn needing(number: usize, thing: &str) -> String {
    let verb = if number == 1 { "needs" } else { "need" };
    format!("{} {verb}", count(number, thing))
}

/// How the page's policy names a style or script that is in it (W3C, Content Security Policy).
fn hash(text: &str) -> String {
    format!("sha256-{}", Base64::encode_string(&Sha256::digest(text)))
}

fn tree_row(tree: &ScannedTree) -> TreeRow {
    let built_for = tree.built_for.as_ref().map(|built| {
        let built = built.iter();
        built
            .map(|one| (escaped(one.path.as_os_str()), count(one.places as usize, "place")))
            .collect()
    });
    TreeRow {
        name: line(&tree.tree),
        files: tree.files,
        size: size(tree.bytes),
        findings: tree.findings.len(),
        left: tree.unhandled().count(),
        built_for,
    }
}

fn of_tree(tree: &ScannedTree, kind: FindingKind) -> impl Iterator<Item = &Finding> {
    tree.findings.iter().filter(move |finding| finding.kind == kind)
}

fn kinds(scan: &Scan) -> Vec<KindRow> {
    let of = |kind| scan.trees.iter().flat_map(move |tree| of_tree(tree, kind));
    let most = FindingKind::ALL.into_iter().map(|kind| of(kind).count()).max().unwrap_or_default();
    let row = |kind: FindingKind| {
        let possible = of(kind).filter(|finding| finding.possible).count();
        let left = of(kind).filter(|finding| finding.action == Action::None).count() - possible;
        let handled = of(kind).count() - left - possible;
        KindRow {
            name: name(kind),
            title: kind.title(),
            handled,
            left,
            possible,
            files: scan.trees.iter().map(|tree| paths(of_tree(tree, kind))).sum(),
            bar: Bar::new([handled, left, possible], most),
        }
    };
    let rows = FindingKind::ALL.into_iter().map(row);
    rows.filter(|row| row.handled + row.left + row.possible > 0).collect()
}

impl Bar {
    fn new(parts: [usize; 3], most: usize) -> Self {
        // In tenths of a percent. What is there is seen, however little it is of the whole.
        let tenths = |part: usize| match part {
            0 => 0,
            part => (part * 980 / most.max(1)).max(5),
        };
        let percent = |tenths: usize| format!("{}.{}%", tenths / 10, tenths % 10);
        let [handled, left, possible] = parts.map(tenths);
        Self {
            handled: percent(handled),
            left: percent(left),
            left_from: percent(handled),
            possible: percent(possible),
            possible_from: percent(handled + left),
        }
    }
}

fn compared(comparison: &Comparison) -> ComparedTree {
    let short = |text: &String| {
        let text = unpadded(&line(text));
        match text.char_indices().nth(LONGEST_LINE) {
            Some((at, _)) => format!("{}…", &text[..at]),
            None => text,
        }
    };
    let difference = |one: &crate::scan::against::Unexplained| ListedDifference {
        path: line(named(&one.path, &comparison.tree)),
        line: difference_line(one),
        texts: one.texts.as_ref().map(|(ours, theirs)| (short(ours), short(theirs))),
        advice: one.advice,
    };
    ComparedTree {
        tree: line(&comparison.tree),
        differing: differ(comparison.differing),
        all: comparison.differences.len(),
        explained: comparison.explained.iter().map(|(why, times)| (line(why), *times)).collect(),
        differences: comparison.differences.iter().take(MOST_DIFFERENCES).map(difference).collect(),
    }
}
