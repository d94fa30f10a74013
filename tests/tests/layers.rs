//! The modules of a crate stand in layers: following their imports never leads back.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use postlink_tests::fixture;

/// The modules of the crate, by path (`cpp::header`), with their code: no comments, no unit tests.
fn modules(sources: &str) -> BTreeMap<String, String> {
    fn walk(folder: &Path, parent: &str, found: &mut BTreeMap<String, String>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            let full = if parent.is_empty() { name.clone() } else { format!("{parent}::{name}") };
            if path.is_dir() {
                walk(&path, &full, found);
            } else if name != "lib" && name != "main" {
                let text = std::fs::read_to_string(&path).expect("UTF-8");
                let code = text.split("#[cfg(test)]").next().unwrap_or_default();
                let code = code.lines().filter(|line| !line.trim_start().starts_with("//"));
                let module = if name == "mod" { parent.to_owned() } else { full };
                // A file that has a folder of its own is one module with what is in it.
                let parts: Vec<&str> = module.split("::").take(2).collect();
                let text: &mut String = found.entry(parts.join("::")).or_default();
                // Who may see something is no import; nor is a part that names another one.
                let mut code = code.collect::<Vec<_>>().join("\n").replace("(in crate::", "(in ");
                if module.split("::").count() > 2 {
                    code = code.replace("super::", "self::");
                }
                *text += &code;
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(&fixture("../..").join(sources), "", &mut found);
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
            // The root only says which modules there are.
            while !path.is_empty() && !known.contains(path.as_str()) {
                path =
                    path.rsplit_once("::").map_or(String::new(), |(shorter, _)| shorter.to_owned());
            }
            found.insert(path);
        }
    }
    found.remove(module);
    // A module that has parts, and names them.
    let prefix = format!("{module}::");
    for part in known.iter().filter_map(|name| name.strip_prefix(&prefix)) {
        let word = format!("{part}::");
        let is_named = |(at, _): (usize, &str)| {
            !code[..at].ends_with(|each: char| each.is_alphanumeric() || each == '_' || each == ':')
                || code[..at].ends_with("self::")
        };
        if !part.contains("::") && code.match_indices(&word).any(is_named) {
            found.insert(format!("{prefix}{part}"));
        }
    }
    found
}

/// Asserts that following the imports of a crate never leads back.
fn assert_no_circle(sources: &str) {
    let modules = modules(sources);
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

#[test]
fn no_module_of_codegen_imports_what_imports_it() {
    assert_no_circle("macros/codegen/src");
}

#[test]
fn no_module_of_the_patcher_imports_what_imports_it() {
    assert_no_circle("patcher/src");
}

/// The folders of the patcher, from the top: each may use those of the rows below its own.
const LAYERS: [&[&str]; 10] = [
    &["cli"],
    &["verify"],
    &["specialize"],
    &["scan", "fill"],
    &["search", "record", "tables"],
    &["image", "sources"],
    &["files"],
    &["watch"],
    &["edit", "error"],
    &["shown"],
];

#[test]
fn folders_use_those_below_them() {
    let row = |name: &str| LAYERS.iter().position(|row| row.contains(&name)).expect(name);
    let modules = modules("patcher/src");
    let known: BTreeSet<&str> = modules.keys().map(String::as_str).collect();
    let folder = |module: &str| module.split("::").next().unwrap_or_default().to_owned();
    for (module, code) in &modules {
        let own = folder(module);
        for import in imports(module, code, &known) {
            let other = folder(&import);
            let is_below = || row(&other) > row(&own);
            assert!(other.is_empty() || other == own || is_below(), "{module} uses {import}");
        }
    }
}
