//! `postlink-generate`, and the way without a generator in the build.

use std::collections::BTreeSet;
use std::process::Command;

use postlink_tests::{Folder, Run, cpp_generator, fixture, fixture_text, generator};

const SECTIONS: [(&str, &str); 5] = [
    ("kinds.toml", "kinds"),
    ("kinds.toml", "single"),
    ("../../schema.toml", "lix"),
    ("rust_owned.toml", "shared"),
    ("odd.toml", "odd"),
];

const CPP: &str =
    "--out-header a.hh --out-source a.cc --include b/a.hh --depfile a.d --stamp a.stamp";

fn run(folder: &Folder, program: &std::path::Path, line: &str) -> Run {
    let words: Vec<&str> = line.split_whitespace().collect();
    folder.run_words(program.as_os_str(), &words)
}

#[test]
fn it_writes_what_postlink_writes() {
    for (schema, section) in SECTIONS {
        let schema = fixture(schema).display().to_string();
        let line = format!("generate --schema {schema} --section {section} {CPP}");
        let (whole, small, cpp) = (Folder::new(), Folder::new(), Folder::new());
        whole.postlink(&format!("{line} --out-rust a.rs")).ok();
        run(&small, generator(), &format!("{line} --out-rust a.rs")).ok();
        run(&cpp, cpp_generator(), &line).ok();
        for (folder, files) in [(&small, 5), (&cpp, 4)] {
            assert_eq!(folder.names().len(), files, "nothing else is there: {:?}", folder.names());
            for name in folder.names().iter().filter(|name| *name != "a.d" || files == 5) {
                assert_eq!(folder.read(name), whole.read(name), "{section} {name}");
            }
        }
    }
    let folder = Folder::new();
    let line = format!("--schema {} --out-rust a.rs", fixture("../../schema.toml").display());
    let said = run(&folder, cpp_generator(), &line).fails(2);
    assert!(said.contains("C++ only") && said.contains("rust-files"), "{said}");
}

/// The options of both are one table; what they end with is the same.
#[test]
fn it_ends_as_postlink_ends() {
    let folder = Folder::new();
    folder.write("schema.toml", fixture_text("../../schema.toml"));
    folder.run("ln -s nothing dangling").ok();
    folder.write("unsaid.toml", "[section.app.field.n]\ntype = \"u8\"\ndefault = 1\n");
    let calls = [
        "--schema schema.toml --out-header a.hh --out-source a.cc",
        "--schema schema.toml --out-header a.hh --out-source a.cc --check",
        "--schema schema.toml --out-header a.hh --out-source a.cc --default version=1.2.3 --check",
        "--schema schema.toml --out-header a.hh --out-source a.hh",
        "--schema schema.toml --out-header schema.toml --out-source a.cc",
        "--schema schema.toml --out-header a.hh",
        "--schema schema.toml --out-header none/a.hh --out-source a.cc",
        "--schema schema.toml --out-header . --out-source a.cc",
        "--schema schema.toml --section none --out-rust a.rs",
        "--schema schema.toml --out-rust a.rs --default version=1.2.3",
        "--schema schema.toml --out-header a.hh --out-source a.cc --default version=x",
        "--schema schema.toml --out-header a.hh --out-source a.cc --default version",
        "--schema schema.toml --schema schema.toml --out-rust a.rs",
        "--schema missing.toml --out-rust a.rs",
        "--schema unsaid.toml --out-rust a.rs",
        "--schema schema.toml --no-such-option",
        "--schema schema.toml --out-header a.hh --out-source a.cc --include=",
        "--schema schema.toml --out-header a.hh --out-source a.cc --depfile a:d",
        "--schema schema.toml --out-header a:b.hh --out-source a.cc --depfile a.d",
        "--schema schema.toml --out-header a\\b.hh --out-source a.cc --depfile a.d",
        "--schema schema.toml --out-header dangling --out-source a.cc",
        "--schema= --out-rust a.rs",
        "--schema schema.toml --out-header a.hh --out-source a.cc -q",
        "--schema schema.toml --out-header a.hh --out-source a.cc --check -v",
        "--schema schema.toml --out-rust --check",
        "--schema schema.toml --out-header -x.hh --out-source a.cc",
        "--schema schema.toml --out-rust=a.rs --out-rust=b.rs",
        "--schema schema.toml",
        "--out-rust a.rs",
        "--help",
    ];
    for call in calls {
        let line = format!("generate {call}");
        let (theirs, ours) = (folder.postlink(&line), run(&folder, generator(), &line));
        assert_eq!(theirs.code, ours.code, "{call}: {}{}", theirs.stderr, ours.stderr);
        let is_told = !ours.stderr.is_empty() && !call.ends_with("-v");
        assert_eq!(is_told, ours.code == 1 || ours.code == 2, "{call}");
    }
    assert!(!folder.names().contains(&"a.rs".to_owned()), "{:?}", folder.names());
    let said = run(&folder, generator(), "--schema unsaid.toml --out-rust a.rs").fails(1);
    assert!(said.contains("unsaid.toml:1:10") && said.contains("owner = \"rust\""), "{said}");
}

/// A file keeps its mode; of two files of which one cannot be written, neither is, and nothing stays.
#[test]
fn it_writes_all_files_or_none() {
    let folder = Folder::new();
    folder.write("schema.toml", fixture_text("../../schema.toml"));
    folder.write("private.hh", "old");
    folder.run("chmod 600 private.hh").ok();
    let long = "n".repeat(253);
    let line = format!("--schema schema.toml --out-header private.hh --out-source {long}.cc");
    let said = run(&folder, generator(), &line).fails(1);
    assert!(said.contains("File name too long"), "{said}");
    assert!(folder.read("private.hh") == b"old");
    assert_eq!(folder.names().len(), 2, "{:?}", folder.names());
    // A name may be as long as the system takes.
    let line =
        format!("--schema schema.toml --out-header private.hh --out-source {}.cc", &long[..252]);
    run(&folder, generator(), &line).ok();
    assert!(folder.run("stat -c %a private.hh").ok().contains("600"));
}

/// The way without a generator in the build: what it wrote is committed, and CI asks whether it is
/// still what the schema gives.
#[test]
fn committed_output_is_checked() {
    let folder = Folder::new();
    folder.write("schema.toml", fixture_text("../../schema.toml"));
    let line = "--schema schema.toml --out-header lix.gen.hh --out-source lix.gen.cc";
    run(&folder, generator(), line).ok();
    run(&folder, generator(), &format!("{line} --check")).ok();
    let text = fixture_text("../../schema.toml").replace("capacity = 128", "capacity = 129");
    folder.write("schema.toml", text);
    let before = folder.read("lix.gen.cc");
    let checked = run(&folder, generator(), &format!("{line} --check"));
    assert_eq!(checked.code, 3);
    assert!(
        checked.stdout.contains("lix.gen.cc: is not what the schema gives"),
        "{}",
        checked.stdout
    );
    assert_eq!(folder.read("lix.gen.cc"), before, "a check writes nothing");
}

/// The crates that the generator is built of, as cargo has them.
fn crates(features: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--locked",
            "--package",
            "postlink-codegen",
            "--prefix",
            "none",
        ])
        .args(["--edges", "normal,build", "--format", "{p}"])
        .args(features)
        .current_dir(fixture("../.."))
        .output()
        .expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

/// The page names each crate, and says what it is for.
#[test]
fn the_page_names_every_crate() {
    let page = std::fs::read_to_string(fixture("../../patcher/guides/generator.md")).expect("it");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let named: Vec<(String, bool)> = rows
        .map(|row| (row.split('`').next().unwrap_or_default().to_owned(), row.contains("| yes |")))
        .collect();
    let all: BTreeSet<String> = named.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(all, crates(&[]));
    let cpp = named.into_iter().filter(|(_, cpp)| *cpp).map(|(name, _)| name);
    let for_cpp = crates(&["--no-default-features", "--features", "program"]);
    assert_eq!(cpp.collect::<BTreeSet<_>>(), for_cpp);
    for (set, words) in [(all, "crates in all"), (for_cpp, "for C++ only")] {
        assert!(page.contains(&format!("{} {words}", set.len())), "{} {words}", set.len());
    }
}
