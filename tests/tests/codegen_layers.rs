//! The modules of `postlink-codegen` stand in layers: following their imports never leads back.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use postlink_tests::fixture;

/// The modules of the crate, by path (`cpp::header`), with their code: no comments, no unit tests.
fn modules() -> BTreeMap<String, String> {
    fn walk(folder: &Path, parent: &str, found: &mut BTreeMap<String, String>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            let full = if parent.is_empty() { name.clone() } else { format!("{parent}::{name}") };
            if path.is_dir() {
                walk(&path, &full, found);
            } else if name != "lib" {
                let text = std::fs::read_to_string(&path).expect("UTF-8");
                let code = text.split("#[cfg(test)]").next().unwrap_or_default();
                let code = code.lines().filter(|line| !line.trim_start().starts_with("//"));
                let module = if name == "mod" { parent.to_owned() } else { full };
                found.insert(module, code.collect::<Vec<_>>().join("\n"));
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(&fixture("../../macros/codegen/src"), "", &mut found);
    assert!(found.contains_key("model") && found.contains_key("cpp::header"));
    found
}

/// The modules that a module names: by a path from the crate or the parent, or as its own parts.
fn imports(module: &str, code: &str, known: &BTreeSet<&str>) -> BTreeSet<String> {
    let parent = module.rsplit_once("::").map_or("", |(parent, _)| parent);
    let mut found = BTreeSet::new();
    for (word, start) in [("crate::", ""), ("super::", parent)] {
        for (at, _) in code.match_indices(word) {
            let end = |each: char| !each.is_alphanumeric() && !"_:".contains(each);
            let path = code[at + word.len()..].split(end).next().unwrap_or_default();
            let mut path = format!("{start}::{path}").trim_matches(':').to_owned();
            while !known.contains(path.as_str()) {
                let shorter = path.rsplit_once("::").map(|(shorter, _)| shorter.to_owned());
                path = shorter.unwrap_or_else(|| panic!("{module}: {word} must name a module"));
            }
            found.insert(path);
        }
    }
    let parts =
        code.lines().filter_map(|line| line.trim_end().strip_suffix(';')?.rsplit_once("mod "));
    found.extend(parts.map(|(_, part)| format!("{module}::{part}")));
    found
}

#[test]
fn no_module_imports_what_imports_it() {
    let modules = modules();
    let known: BTreeSet<&str> = modules.keys().map(String::as_str).collect();
    let arrows = modules.iter().map(|(module, code)| (module, imports(module, code, &known)));
    let mut left: BTreeMap<&String, BTreeSet<String>> = arrows.collect();
    assert!(left.values().map(BTreeSet::len).sum::<usize>() > 40, "imports are found: {left:?}");
    // A module that imports nothing of what is left, or that nothing left imports, is on no circle.
    loop {
        let names: BTreeSet<String> = left.keys().map(|&name| name.clone()).collect();
        let imported: BTreeSet<String> = left.values().flatten().cloned().collect();
        left.retain(|name, imports| imported.contains(*name) && !imports.is_disjoint(&names));
        if left.len() == names.len() {
            break;
        }
    }
    assert!(left.is_empty(), "these import one another: {left:?}");
}
