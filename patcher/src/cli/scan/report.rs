//! The report of a scan, for a terminal.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use crate::cli::talk::{self, Global, Talk};
use crate::scan::against::{Comparison, Unexplained};
use crate::scan::finding::{Finding, FindingKind};
use crate::scan::trees::{Scan, ScannedTree};
use crate::search::encoding::Encoding;
use crate::shown::{escaped, line};

/// Files of a kind, and findings of a file, that are listed; `--verbose` lists all.
const MOST_FILES: usize = 20;
/// See [`MOST_FILES`].
const MOST_FINDINGS: usize = 8;

pub(super) fn print(scan: &Scan, against: Option<&Comparison>, talk: Talk) {
    let Global { quiet, verbose } = talk.global;
    let mut text = String::new();
    // Why it ends with 3 is printed also with --quiet.
    for tree in &scan.trees {
        if !quiet || tree.unhandled().next().is_some() || note(scan).is_some() {
            text += tree_report(tree, scan, verbose).trim_end();
            text.push('\n');
        }
    }
    if let Some(against) = against.filter(|one| !quiet || !one.differences.is_empty()) {
        text += &comparison_report(against, verbose);
    }
    if !text.is_empty() {
        talk::print(text.trim_end());
    }
}

/// Why no finding means nothing, where that is so.
pub(super) fn note(scan: &Scan) -> Option<&'static str> {
    scan.references.is_empty().then_some(
        "nothing was looked for, so nothing is known (exit code 3): name a path with --reference",
    )
}

fn tree_report(tree: &ScannedTree, scan: &Scan, verbose: bool) -> String {
    let mut text = format!(
        "{}: {}, {}; references to {}\n",
        line(&tree.tree),
        count(tree.files as usize, "file"),
        size(tree.bytes),
        match scan.references.as_slice() {
            [] => "no path".to_owned(),
            some => some.iter().map(line).collect::<Vec<_>>().join(", "),
        },
    );
    for built in tree.built_for.iter().flatten() {
        let path = escaped(built.path.as_os_str());
        let tell = if built.places == 1 { "tells" } else { "tell" };
        let places = count(built.places as usize, "place");
        let _ = writeln!(text, "built for {path}, as {places} {tell}");
    }
    if tree.built_for.as_ref().is_some_and(Vec::is_empty) {
        text.push_str(
            "built for no path that its records, .pc and .la files, scripts, links and RUNPATHs \
             agree on\n",
        );
    }
    let (most_files, most_findings) =
        if verbose { (usize::MAX, usize::MAX) } else { (MOST_FILES, MOST_FINDINGS) };
    for kind in FindingKind::ALL {
        let files = by_file(tree, kind);
        if files.is_empty() {
            continue;
        }
        let all: usize = files.iter().map(Vec::len).sum();
        let _ = writeln!(
            text,
            "\n{}: {} in {} ({})",
            kind.title(),
            all,
            count(files.len(), "file"),
            kind.advice()
        );
        for file in files.iter().take(most_files) {
            let _ = writeln!(text, "  {}", line(named(&file[0].path, &tree.tree)));
            let lines = lines(file);
            for line in lines.iter().take(most_findings) {
                let _ = writeln!(text, "    {line}");
            }
            more(&mut text, "    ", lines.len(), most_findings);
        }
        more(&mut text, "  ", files.len(), most_files);
        let own = files.iter().flatten().map(|finding| &*finding.advice);
        let own: BTreeSet<&str> = own.filter(|own| !["", kind.advice()].contains(own)).collect();
        for advice in own {
            let _ = writeln!(text, "  help: {advice}");
        }
    }
    let possible = possible_by_file(tree);
    if !possible.is_empty() {
        let all: usize = possible.iter().map(Vec::len).sum();
        let files = count(possible.len(), "file");
        let _ = writeln!(text, "\n{POSSIBLE}: {all} in {files}");
        for advice in advice(&possible) {
            let _ = writeln!(text, "  ({advice})");
        }
        for file in possible.iter().take(most_files) {
            let _ = writeln!(text, "  {}", line(named(&file[0].path, &tree.tree)));
            let lines = lines(file);
            for line in lines.iter().take(most_findings) {
                let _ = writeln!(text, "    {line}");
            }
            more(&mut text, "    ", lines.len(), most_findings);
        }
        more(&mut text, "  ", possible.len(), most_files);
    }
    let tables = tables(tree.findings.iter());
    if !tables.is_empty() {
        let _ = writeln!(text, "\nthe schema that would declare them:\n");
        for table in tables.iter().take(most_files) {
            text.push_str(&table.lines().map(|line| format!("  {line}\n")).collect::<String>());
            text.push('\n');
        }
        more(&mut text, "  ", tables.len(), most_files);
    }
    let sets = tree.sets();
    if !sets.is_empty() {
        text.push_str("\nvalues that records require and do not have (specialize needs them)\n");
        for (set, files) in &sets {
            let first = line(named(files.first().copied().unwrap_or_default(), &tree.tree));
            let more = match files.len() {
                0 | 1 => String::new(),
                many => format!(", and {} more", count(many - 1, "file")),
            };
            let _ = writeln!(text, "  {set} for {first}{more}");
        }
    }
    let unhandled = tree.unhandled().count();
    let _ = match (tree.findings.len() - unhandled, unhandled) {
        (0, 0) if note(scan).is_some() => Ok(()),
        (0, 0) => writeln!(text, "no references"),
        (handled, 0) => {
            let with = if sets.is_empty() { "" } else { ", with the values that it needs" };
            writeln!(text, "\n{handled} found; specialize handles all of it{with}")
        }
        (handled, unhandled) => writeln!(
            text,
            "\n{} found; specialize handles {handled} of them and does nothing about {unhandled}",
            handled + unhandled
        ),
    };
    if let Some(note) = note(scan) {
        let _ = writeln!(text, "{note}");
    }
    text
}

fn more(text: &mut String, indent: &str, all: usize, most: usize) {
    if all > most {
        let _ = writeln!(text, "{indent}… and {} more; --verbose lists all", all - most);
    }
}

/// The heading of references that may be a part of something longer.
pub(super) const POSSIBLE: &str = "possible references, perhaps a part of something longer";

/// The findings of a kind, for each file, without those that are only possible.
fn by_file(tree: &ScannedTree, kind: FindingKind) -> Vec<Vec<&Finding>> {
    of_files(tree.findings.iter().filter(|one| one.kind == kind && !one.possible))
}

/// The findings that are only possible, for each file.
fn possible_by_file(tree: &ScannedTree) -> Vec<Vec<&Finding>> {
    let mut possible: Vec<&Finding> = tree.findings.iter().filter(|one| one.possible).collect();
    possible.sort_by(|a, b| a.path.cmp(&b.path));
    of_files(possible.into_iter())
}

/// What to do about these findings, each sentence once.
fn advice<'a>(files: &[Vec<&'a Finding>]) -> BTreeSet<&'a str> {
    files.iter().flatten().map(|finding| &*finding.advice).collect()
}

fn of_files<'a>(findings: impl Iterator<Item = &'a Finding>) -> Vec<Vec<&'a Finding>> {
    let mut files: Vec<Vec<&Finding>> = Vec::new();
    for finding in findings {
        match files.last_mut() {
            Some(file) if file[0].path == finding.path => file.push(finding),
            _ => files.push(vec![finding]),
        }
    }
    files
}

/// The tables of a schema for all of these that are undeclared, each once.
pub(super) fn tables<'a>(findings: impl Iterator<Item = &'a Finding>) -> BTreeSet<&'a str> {
    let entries = findings.filter_map(|finding| finding.entry.as_deref());
    entries.flat_map(|entry| entry.split("\n\n")).map(str::trim_end).collect()
}

/// The findings of a file, each on one line; where several look the same, one with their number.
fn lines(file: &[&Finding]) -> Vec<String> {
    let mut lines: Vec<(String, usize)> = Vec::new();
    for finding in file {
        let line = described(finding);
        match lines.last_mut() {
            Some((last, times)) if *last == line => *times += 1,
            _ => lines.push((line, 1)),
        }
    }
    let shown = |(line, times): (String, usize)| match times {
        1 => line,
        times => format!("{line} ({times} times)"),
    };
    lines.into_iter().map(shown).collect()
}

/// A finding on one line, with its file in the tree that is at this path.
pub(in crate::cli) fn line_of(tree: &Path, finding: &Finding) -> String {
    let (tree, path) = (escaped(tree), line(&finding.path));
    let path = if path.is_empty() { tree } else { format!("{tree}/{path}") };
    format!("{path}: {}", described(finding))
}

/// An entry of a tree by its path there, which is empty where the tree is a single file: then that is named.
pub(in crate::cli) fn named<'a>(path: &'a str, tree: &'a str) -> &'a str {
    if path.is_empty() { tree } else { path }
}

/// A finding on one line: where, and the text around it.
fn described(finding: &Finding) -> String {
    match place(finding) {
        place if place.is_empty() => text(finding),
        place => format!("{place}: {}", text(finding)),
    }
}

/// Where in its file a finding is; empty where there is nothing to say of it.
pub(super) fn place(finding: &Finding) -> String {
    let mut place: Vec<String> = Vec::new();
    place.extend((!finding.member.is_empty()).then(|| line(finding.member.join(" / "))));
    match (&finding.section, &finding.field) {
        (Some(section), Some(field)) => place.push(line(format!("{section}.{field}"))),
        (Some(section), None) => place.push(line(section)),
        _ => {}
    }
    place.extend(finding.symbol.as_ref().map(|symbol| abridged(symbol)));
    place.extend(finding.line.map(|line| format!("line {line}")));
    if let Some(at) = &finding.place {
        let has_offset =
            !matches!(finding.kind, FindingKind::Link | FindingKind::Name | FindingKind::Member);
        if has_offset && finding.line.is_none() {
            place.push(format!("at {:#x}", at.offset));
        }
        if at.encoding != Encoding::Plain {
            place.push(at.encoding.name().to_owned());
        }
    }
    place.extend(finding.possible.then(|| "possible".to_owned()));
    place.join(", ")
}

/// The text around a finding, or what is wrong, on one line.
pub(super) fn text(finding: &Finding) -> String {
    let arrow = if finding.kind == FindingKind::Link { "-> " } else { "" };
    format!("{arrow}{}", unpadded(&line(&finding.text)))
}

/// A symbol, whose name a compiler may have made very long.
fn abridged(symbol: &str) -> String {
    match symbol.char_indices().nth(72) {
        Some((at, _)) => format!("{}…", line(&symbol[..at])),
        None => line(symbol),
    }
}

/// A text in which very long runs of one character are cut, such as the padding that makes room for a
/// longer path: `/opt/app____…(131)`, with the length of the run.
pub(super) fn unpadded(text: &str) -> String {
    const LONGEST: usize = 16;
    const SHOWN: usize = 4;
    let chars: Vec<char> = text.chars().collect();
    let mut shown = String::new();
    for run in chars.chunk_by(|one, next| one == next) {
        let kept = if run.len() > LONGEST { SHOWN } else { run.len() };
        shown.extend(&run[..kept]);
        if kept < run.len() {
            let _ = write!(shown, "…({})", run.len());
        }
    }
    shown
}

fn comparison_report(comparison: &Comparison, verbose: bool) -> String {
    let most = if verbose { usize::MAX } else { MOST_FILES };
    let mut text =
        format!("\ncompared with {}: {}\n", line(&comparison.tree), differ(comparison.differing),);
    for (reason, times) in &comparison.explained {
        let _ = writeln!(text, "  explained: {} ({times})", line(reason));
    }
    let mut last = "";
    for difference in comparison.differences.iter().take(most) {
        if difference.path != last {
            let _ = writeln!(text, "  {}", line(&difference.path));
            last = &difference.path;
        }
        let _ = writeln!(text, "    {}", difference_line(difference));
        if let Some((ours, theirs)) = &difference.texts {
            let _ = writeln!(
                text,
                "      - {}\n      + {}",
                unpadded(&line(ours)),
                unpadded(&line(theirs))
            );
        }
        if !difference.advice.is_empty() {
            let _ = writeln!(text, "      {}", difference.advice);
        }
    }
    more(&mut text, "  ", comparison.differences.len(), most);
    let _ = match comparison.differences.len() {
        0 => writeln!(text, "everything that differs is explained"),
        number => writeln!(text, "{} without an explanation", count(number, "difference")),
    };
    text
}

/// A difference, on one line.
pub(super) fn difference_line(difference: &Unexplained) -> String {
    let mut place: Vec<String> = Vec::new();
    place.extend(difference.section.as_deref().map(line));
    place.extend(difference.symbol.as_deref().map(abridged));
    place.extend(difference.line.map(|line| format!("line {line}")));
    place.extend(difference.offset.map(|offset| format!("at {offset:#x}")));
    let message = line(&difference.message);
    if place.is_empty() { message } else { format!("{}: {message}", place.join(", ")) }
}

pub(in crate::cli) fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// How many files differ.
pub(super) fn differ(number: usize) -> String {
    format!("{} {}", count(number, "file"), if number == 1 { "differs" } else { "differ" })
}

/// A size as people read it.
pub(super) fn size(bytes: u64) -> String {
    indicatif::HumanBytes(bytes).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_cut_and_counted() {
        let padded = format!("/opt/app/lib{}:/x", "_".repeat(131));
        assert_eq!(unpadded(&padded), "/opt/app/lib____…(131):/x");
        assert_eq!(unpadded("# ---------------- ää"), "# ---------------- ää");
    }
}
