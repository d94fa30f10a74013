//! The pages of the documentation as a whole: no command that no test runs, no link to nothing.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use postlink_tests::fixture;
use postlink_tests::page::{Page, RUN};

/// All pages, by their paths from the root of the repository.
fn pages() -> Vec<String> {
    let root = fixture("../..");
    let mut found = Vec::new();
    for folder in
        ["", "patcher/guides", "patcher", "runtime", "runtime/format", "macros", "macros/codegen"]
    {
        for entry in std::fs::read_dir(root.join(folder)).expect(folder) {
            let name = entry.expect("an entry").file_name().into_string().expect("UTF-8");
            if Path::new(&name).extension().is_some_and(|extension| extension == "md") {
                found.push(format!("{folder}/{name}").trim_start_matches('/').to_owned());
            }
        }
    }
    found.sort();
    found
}

#[test]
fn every_command_is_run_by_a_test() {
    let mut used: BTreeSet<&(&str, &str, &str)> = BTreeSet::new();
    for page in pages() {
        for part in Page::read(&page).parts() {
            let heading = part.text().lines().next().unwrap_or_default().to_owned();
            if !part.blocks("console").is_empty() {
                let rows: Vec<_> = part.rows().collect();
                assert_eq!(rows.len(), 1, "{page}, `{heading}`: one row of `page::RUN` has it");
                used.extend(rows);
            }
        }
    }
    let unused: Vec<_> = RUN.iter().filter(|row| !used.contains(row)).collect();
    assert!(unused.is_empty(), "no such part, or no command in it: {unused:?}");
}

/// Each test is there, and reads the page. (That it runs the part, only reading it shows.)
#[test]
fn the_tests_of_the_table_are_there() {
    for (page, _, test) in RUN {
        let (file, name) = test.split_once("::").expect("a file and a test");
        let path = fixture("..").join(format!("tests/{file}.rs"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{test}: {error}"));
        assert!(text.contains(&format!("#[test]\nfn {name}()")), "{test}");
        let stem = Path::new(page).file_stem().and_then(|stem| stem.to_str()).expect("a name");
        assert!(text.contains(page) || text.contains(&format!("\"{stem}\"")), "{test}: {page}");
    }
}

/// A command that no test runs stands in a block that says so, and why.
#[test]
fn what_is_not_run_says_why() {
    for page in pages() {
        for (fence, text) in Page::read(&page).fenced() {
            let language = fence.trim_start_matches('`');
            let why = language.strip_prefix("console unrun: ");
            let has_commands = text.lines().any(|line| line.starts_with("$ "));
            let may = language == "console" || why.is_some_and(|why| why.len() > 8);
            assert!(!has_commands || may, "{page}: {fence}\n{text}");
            // A script is a file; commands stand in `console` blocks, each behind `$ `.
            let is_shell = ["sh", "bash", "shell"].contains(&language);
            assert!(!is_shell || text.starts_with("#!"), "{page}: {fence}\n{text}");
        }
    }
}

/// The name by which a link finds a heading: as code hosts make it.
fn anchor(heading: &str) -> String {
    let kept = |each: &char| each.is_alphanumeric() || " -_".contains(*each);
    let words: String = heading.trim().to_lowercase().chars().filter(kept).collect();
    words.replace(' ', "-")
}

/// A path without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut found = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => assert!(found.pop(), "{}", path.display()),
            other => found.push(other),
        }
    }
    found
}

#[test]
fn every_link_leads_somewhere() {
    let root = fixture("../..");
    let mut wrong = Vec::new();
    let mut seen = 0;
    for page in pages() {
        let folder = Path::new(&page).parent().expect("a folder").to_owned();
        for link in Page::read(&page).links() {
            if link.contains("://") {
                continue;
            }
            seen += 1;
            let (path, fragment) = link.split_once('#').unwrap_or((&link, ""));
            let target = match path {
                "" => PathBuf::from(&page),
                path => normal(&folder.join(path)),
            };
            let is_there = root.join(&target).exists();
            let has_anchor = fragment.is_empty()
                || is_there
                    && Page::read(target.to_str().expect("UTF-8"))
                        .text()
                        .lines()
                        .filter(|line| line.starts_with('#'))
                        .any(|line| anchor(line.trim_start_matches('#')) == fragment);
            if !is_there || !has_anchor {
                wrong.push(format!("{page}: {link}"));
            }
        }
    }
    assert!(wrong.is_empty(), "these lead nowhere: {wrong:#?}");
    assert!(seen > 40, "links are found: {seen}");
}

/// Whoever reads the index finds each page.
#[test]
fn the_index_has_every_page() {
    let index = Page::read("patcher/guides/README.md").links();
    for page in pages() {
        if let Some(name) = page.strip_prefix("patcher/guides/") {
            assert!(name == "README.md" || index.iter().any(|link| link == name), "{name}");
        }
    }
}

/// What stands between backticks outside of code blocks.
fn quoted(page: &str) -> Vec<String> {
    let mut inside = false;
    let page = Page::read(page);
    let lines = page.text().lines().filter(|line| {
        let is_fence = line.starts_with("```");
        inside ^= is_fence;
        !inside && !is_fence
    });
    let text = lines.collect::<Vec<_>>().join(" ");
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The pages for developers name files and tests that are there.
#[test]
fn files_and_tests_that_pages_name_are_there() {
    let root = fixture("../..");
    let (mut files, mut tests) = (0, 0);
    for page in ["ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"] {
        for word in quoted(page) {
            let first = word.split('/').next().unwrap_or_default();
            let is_path = word.contains('/') && !word.contains([' ', '*']);
            if is_path && ["runtime", "macros", "patcher", "tests"].contains(&first) {
                files += 1;
                assert!(word.contains("NAME") || root.join(&word).exists(), "{page}: {word}");
            }
            let test = word
                .split_once("::")
                .filter(|(file, name)| *file != "clippy" && name.contains('_'));
            if let Some((file, name)) = test {
                let text = std::fs::read_to_string(fixture(&format!("../tests/{file}.rs")));
                let text = text.unwrap_or_else(|error| panic!("{page}: {word}: {error}"));
                assert!(text.contains(&format!("fn {name}()")), "{page}: {word}");
                tests += 1;
            }
        }
    }
    assert!(files > 20 && tests > 10, "{files} files, {tests} tests");
}

/// Each test that tries more when it is asked to is among those that the page says to run.
#[test]
fn the_long_tests_are_told() {
    let page = Page::read("CONTRIBUTING.md").text().to_owned();
    let mut seen = 0;
    for entry in std::fs::read_dir(fixture("../tests")).expect("the tests") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        // This file only speaks of them.
        let is_long =
            ["is_full", "run_all", "\"POSTLINK_MATRIX\""].iter().any(|word| text.contains(word));
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a name");
        if is_long && name != "pages" {
            seen += 1;
            assert!(page.contains(&format!("--test {name} ")), "{name}");
        }
    }
    assert!(seen > 8, "{seen}");
}
