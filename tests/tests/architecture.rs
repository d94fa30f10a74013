//! Rules that the sources follow.

use std::path::{Path, PathBuf};

use postlink_tests::fixture;

/// All Rust sources below a folder of the workspace, with their text.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("UTF-8");
                found.push((path, text));
            }
        }
    }
    let mut found = Vec::new();
    walk(&fixture("../..").join(folder), &mut found);
    assert!(!found.is_empty(), "{folder}");
    found
}

#[test]
fn one_module_knows_each_file_format() {
    for (path, text) in sources("patcher/src") {
        if !path.to_string_lossy().contains("/image/elf") {
            assert!(
                !text.contains("object::elf") && !text.contains("read::elf"),
                "{}",
                path.display()
            );
        }
    }
}

#[test]
fn one_table_spells_section_names() {
    let all = ["macros/codegen/src", "patcher/src", "runtime/src", "runtime/format/src"];
    for (path, text) in all.into_iter().flat_map(sources) {
        let spelled =
            text.contains("\".plink") || text.contains("\"__TEXT") || text.contains("\"postlink_{");
        let is_table = path.ends_with("names.rs");
        assert!(is_table || !spelled, "{}", path.display());
    }
}

#[test]
fn unsafe_code_is_in_the_runtime_only() {
    for folder in ["macros/src", "macros/codegen/src", "patcher/src", "runtime/format/src"] {
        let library = fixture("../..").join(folder).join("lib.rs");
        let text = std::fs::read_to_string(library).expect("lib.rs");
        assert!(text.contains("#![forbid(unsafe_code)]"), "{folder}");
    }
    for (path, text) in sources("runtime/src") {
        assert!(path.ends_with("record.rs") || !text.contains("unsafe {"), "{}", path.display());
    }
}

#[test]
fn main_is_short_and_files_hold_one_idea() {
    for folder in ["macros", "patcher", "runtime", "tests/src", "tests/tests"] {
        for (path, text) in sources(folder) {
            let limit = if path.ends_with("main.rs") { 40 } else { 600 };
            assert!(text.lines().count() <= limit, "{}", path.display());
        }
    }
}
