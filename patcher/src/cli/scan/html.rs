//! The report of a scan as a web page that needs nothing else.

use std::fmt::Write;

use super::report::{
    POSSIBLE, advice, by_file, count, difference_line, is_handled, lines, possible_by_file, size,
    tables,
};
use crate::scan::against::Comparison;
use crate::scan::finding::{Finding, FindingKind};
use crate::scan::trees::{Scan, ScannedTree};

const HEAD: &str = r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>postlink scan</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff }
h1, h2 { font-weight: 600 } h1 { font-size: 1.3rem } h2 { font-size: 1.05rem; margin: 1.5rem 0 .3rem }
summary { cursor: pointer } code, li, summary, pre { font-family: ui-monospace, monospace; font-size: 13px }
li { list-style: none; overflow-wrap: anywhere; color: #555 } ul { margin: .2rem 0 .6rem; padding-left: 1.5rem }
.done::before { content: "✓ "; color: #177a3d } .left::before { content: "✗ "; color: #b3261e }
p { margin: .2rem 0; color: #555 } pre { background: #f4f4f4; padding: .7rem; overflow-x: auto }
</style>
"#;

/// The page.
pub(super) fn page(scan: &Scan, against: Option<&Comparison>) -> String {
    let mut page = HEAD.to_owned();
    for tree in &scan.trees {
        section(&mut page, tree, &scan.references);
    }
    if let Some(against) = against {
        comparison(&mut page, against);
    }
    page
}

fn comparison(page: &mut String, comparison: &Comparison) {
    let _ = writeln!(
        page,
        "<h1>Compared with {}</h1>\n<p>{} differ. Without an explanation: {}.</p>\n<ul>",
        code(&comparison.tree),
        count(comparison.differing, "file"),
        comparison.differences.len()
    );
    for (reason, times) in &comparison.explained {
        let _ = writeln!(page, "<li class=\"done\">{} ({times})</li>", escape(reason));
    }
    for difference in &comparison.differences {
        let line = difference_line(difference);
        let _ = write!(page, "<li class=\"left\">{}: {}", escape(&difference.path), escape(&line));
        if let Some((ours, theirs)) = &difference.texts {
            let _ = write!(page, "<br>- {}<br>+ {}", escape(ours), escape(theirs));
        }
        let _ = writeln!(page, "<br>{}</li>", escape(difference.advice));
    }
    page.push_str("</ul>\n");
}

fn section(page: &mut String, tree: &ScannedTree, references: &[String]) {
    let references: Vec<String> = references.iter().map(|one| code(one)).collect();
    let unhandled = tree.unhandled().count();
    let _ = writeln!(
        page,
        "<h1>References to {} in {}</h1>\n<p>{}, {}. {} found: specialize handles {}, and does nothing about {}.</p>",
        references.join(", "),
        code(&tree.tree),
        count(tree.files as usize, "file"),
        size(tree.bytes),
        tree.findings.len(),
        tree.findings.len() - unhandled,
        unhandled,
    );
    for kind in FindingKind::ALL {
        let files = by_file(tree, kind);
        if files.is_empty() {
            continue;
        }
        let class = if is_handled(kind) { "done" } else { "left" };
        let _ = writeln!(
            page,
            "<h2 class=\"{class}\">{}</h2>\n<p>{}</p>",
            escape(kind.title()),
            escape(kind.advice())
        );
        for file in files {
            details(page, &file, !is_handled(kind));
        }
    }
    let possible = possible_by_file(tree);
    if !possible.is_empty() {
        let _ = writeln!(page, "<h2 class=\"left\">{}</h2>", escape(POSSIBLE));
        for advice in advice(&possible) {
            let _ = writeln!(page, "<p>{}</p>", escape(advice));
        }
        for file in possible {
            details(page, &file, true);
        }
    }
    let tables: Vec<&str> = tables(tree).into_iter().collect();
    if !tables.is_empty() {
        let tables = escape(&tables.join("\n\n"));
        let _ = writeln!(
            page,
            "<h2>The schema that would declare what is undeclared</h2>\n<pre>{tables}</pre>"
        );
    }
}

/// The findings of a file, which are hidden at first unless they are `open`.
fn details(page: &mut String, file: &[&Finding], open: bool) {
    let open = if open { " open" } else { "" };
    let (path, count) = (escape(&file[0].path), file.len());
    let _ = writeln!(page, "<details{open}><summary>{path} ({count})</summary><ul>");
    for line in lines(file) {
        let _ = writeln!(page, "<li>{}</li>", escape(&line));
    }
    page.push_str("</ul></details>\n");
}

fn code(text: &str) -> String {
    format!("<code>{}</code>", escape(text))
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            char => escaped.push(char),
        }
    }
    escaped
}
