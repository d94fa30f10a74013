//! Rules that the sources follow.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use postlink_tests::crates::{list, metadata, text};
use postlink_tests::fixture;
use serde_json::Value;

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

/// A source without comments, documentation and unit tests.
fn code(text: &str) -> String {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default().lines();
    code.filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// A text that goes on in the next line without a `\` at the end has the indent of the source in it.
#[test]
fn no_message_has_a_run_of_blanks() {
    for folder in ["patcher/src", "macros", "runtime"] {
        for (path, text) in sources(folder) {
            let code = code(&text);
            let mut lines = code.lines().map(str::trim).filter(|line| line.contains('"'));
            let wrong = lines.find(|line| {
                let is_word = |each: char| each.is_alphanumeric() || ",;:.".contains(each);
                line.split_once("    ").is_some_and(|(before, behind)| {
                    // An indent that is meant stands behind `\n`.
                    before.ends_with(is_word)
                        && !before.ends_with("\\n")
                        && behind.trim_start().starts_with(is_word)
                })
            });
            assert_eq!(wrong, None, "{}", path.display());
        }
    }
}

/// Words of one file format, and where else they may stand than in its folder.
type FormatWords = &'static [(&'static str, &'static [&'static str])];

const ELF_WORDS: FormatWords = &[
    ("object::elf", &[]),
    ("read::elf", &[]),
    ("b'E', b'L', b'F'", &["image/single.rs"]),
    ("x7fELF", &["search/unpack/checked.rs"]),
    ("SHT_", &[]),
    ("SHF_", &[]),
    ("DT_", &[]),
    ("PT_", &[]),
    ("NOBITS", &[]),
    (".dynstr", &[]),
    (".note.gnu", &[]),
    // GNU's linkers use it in both.
    (".gnu_debuglink", &["image/pe/places.rs"]),
    ("GNU_BUILD_ID", &[]),
    ("Elf", &["image/single.rs"]),
    // A loader's word in advice to the user, and in a command that is shown.
    ("$ORIGIN", &["cli/demo/mod.rs"]),
    ("!<ar", &["image/single.rs"]),
];

const PE_WORDS: FormatWords = &[
    ("object::pe", &[]),
    ("read::pe", &[]),
    ("read::coff", &[]),
    ("IMAGE_", &[]),
    ("b'M', b'Z'", &[]),
    ("PE_SECTION", &[]),
    ("RSDS", &[]),
    ("Coff", &[]),
    ("Pe:", &["image/single.rs"]),
    ("Brepro", &[]),
];

const MACHO_WORDS: FormatWords = &[
    ("object::macho", &[]),
    ("read::macho", &[]),
    // So begin the variables of a locale too.
    ("LC_", &["sources/git.rs", "cli/inspect/drawing.rs"]),
    ("MH_", &[]),
    ("__LINKEDIT", &[]),
    ("CodeDirectory", &[]),
    ("@loader_path", &[]),
    ("MachO", &["image/single.rs", "image/mod.rs", "image/pieces.rs"]),
];

#[test]
fn one_folder_knows_each_file_format() {
    for (path, text) in sources("patcher/src") {
        let (name, code) = (path.to_string_lossy().into_owned(), code(&text));
        for (folder, words) in
            [("/image/elf/", ELF_WORDS), ("/image/macho/", MACHO_WORDS), ("/image/pe/", PE_WORDS)]
        {
            for (word, others) in words {
                let may = name.contains(folder) || others.iter().any(|one| name.ends_with(one));
                assert!(may || !code.contains(word), "{name}: {word}");
            }
        }
    }
}

/// One name for one thing: no two public types of the patcher are called alike.
#[test]
fn no_two_types_have_one_name() {
    let mut places: BTreeMap<String, PathBuf> = BTreeMap::new();
    for (path, text) in sources("patcher/src") {
        // Each command has its arguments.
        let words = code(&text);
        let words: Vec<&str> = words.split_whitespace().collect();
        for pair in words.windows(3) {
            let is_type = ["struct", "enum", "trait"].contains(&pair[1]);
            let name = pair[2].split(['<', '(', '{', ';', ':']).next().unwrap_or_default();
            if pair[0].starts_with("pub") && is_type && name != "Args" {
                let known = places.insert(name.to_owned(), path.clone());
                assert!(known.is_none(), "{name}: {known:?}, {}", path.display());
            }
        }
    }
    assert!(places.len() > 40, "types are found");
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

/// All crates have the workspace's lints, which deny unsafe code also in tests and build scripts; what is
/// published forbids it in its sources. The runtime lifts it for one module, which says why it is right.
#[test]
fn unsafe_code_is_in_one_module_of_the_runtime() {
    let read = |path: &str| std::fs::read_to_string(path).expect(path);
    let manifest = |path: &str| toml::from_str::<Value>(&read(path)).expect(path);
    let root = manifest(&fixture("../../Cargo.toml").display().to_string());
    assert_eq!(root["workspace"]["lints"]["rust"]["unsafe_code"], "deny");
    for package in list(&metadata(&["--no-deps"])["packages"]) {
        let name = text(&package["name"]);
        let lints = &manifest(text(&package["manifest_path"]))["lints"];
        if name == "postlink" {
            assert_eq!(lints["rust"]["unsafe_code"], "deny");
            assert_eq!(lints["clippy"]["undocumented_unsafe_blocks"], "deny");
            assert_eq!(lints["clippy"]["multiple_unsafe_ops_per_block"], "deny");
            continue;
        }
        assert_eq!(lints["workspace"], true, "{name}");
        for target in list(&package["targets"]) {
            let (kind, root) = (text(&target["kind"][0]), text(&target["src_path"]));
            if package["publish"].is_null() && !["test", "custom-build"].contains(&kind) {
                assert!(read(root).contains("#![forbid(unsafe_code)]"), "{root}");
            }
        }
    }
    let mut lifted = 0;
    for (path, text) in sources("runtime/src") {
        lifted += text.matches("(unsafe_code").count();
        assert!(path.ends_with("record.rs") || !text.contains("unsafe {"), "{}", path.display());
    }
    assert_eq!(lifted, 1, "for the module `record`");
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
