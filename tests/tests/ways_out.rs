//! The way out that a refusal names is one, whichever command says it.
#![forbid(unsafe_code)]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use postlink_tests::{Folder, generator, postlink};

const SET: &str = "--set version=1.2.3 --set prefix=/p";

/// A folder with a library of two fields, and a tree that has it too.
fn folder() -> Folder {
    let folder = Folder::new();
    folder.write(
        "schema.toml",
        "[section.app.field]\nversion = { type = 'string', capacity = 16, default = '0.0.1' }\n\
         prefix = { type = 'path', capacity = 64, required = true }\n",
    );
    folder
        .postlink("generate --schema schema.toml --out-header app.gen.hh --out-source app.cc")
        .ok();
    folder.run("g++ -std=c++17 -fPIC -shared app.cc -o lib.so").ok();
    std::fs::create_dir(folder.path("tree")).expect("a folder");
    folder.copy("lib.so", "tree/lib.so");
    folder
}

/// What is said by a script that mounts a disk with these options at `disk`, and runs each of
/// these lines.
fn on_a_disk(options: &str, lines: &[String]) -> String {
    let folder = folder();
    std::fs::create_dir(folder.path("disk")).expect("a folder");
    let mount = format!("mount -t tmpfs -o {options} tmpfs disk\n");
    folder.write("try", mount + &lines.join("\n") + "\nexit 1\n");
    folder.run("unshare --user --map-root-user --mount sh try").fails(1)
}

/// What can write: each into the folder `disk`.
fn writers() -> Vec<String> {
    let postlink = postlink().display();
    let lines = [
        "generate --schema schema.toml --out-header disk/g.hh --out-source disk/g.cc".to_owned(),
        format!("fill lib.so {SET} --output disk/lib.so"),
        format!("payload --image lib.so --section app {SET} --output disk/payload"),
        "scan tree --reference /opt/x --html disk/page.html".to_owned(),
        format!("specialize --output tree=/opt/x --destdir disk/out {SET}"),
        "demo disk/demo".to_owned(),
    ];
    lines.iter().map(|line| format!("{postlink} {line}")).collect()
}

/// Some of them have no --output, and none but fill --in-place.
#[test]
fn of_a_disk() {
    let said = on_a_disk("ro", &writers());
    assert_eq!(said.matches("name another place for what is written").count(), 6, "{said}");
    assert!(!said.contains("--output") && !said.contains("--in-place"), "{said}");
    let schema = "--schema schema.toml --out-header disk/g.hh --out-source disk/g.cc";
    let generate = format!("{} {schema}", generator().display());
    let lines = [&["head -c 4096 /dev/zero > disk/full".to_owned()], &*writers(), &[generate]];
    let said = on_a_disk("nr_blocks=1", &lines.concat());
    assert_eq!(said.matches("help: make room on the disk\n").count(), 7, "{said}");
    assert!(!said.contains("--in-place") && !said.contains(".postlink-"), "{said}");
}

#[test]
fn of_what_does_not_fit() {
    let folder = folder();
    folder.write("values.json", b"{\xff}");
    let carry = "specialize --output tree=/opt/x --destdir out --follow";
    for (line, code, message, help) in [
        (
            "verify lib.so tree",
            1,
            "tree is a directory, and lib.so is a file",
            "name two files, or two trees",
        ),
        ("fill lib.so --values values.json", 1, "values.json", "a text in UTF-8"),
        (&format!("{carry} versio"), 2, "no such field", "did you mean `version`?"),
        (&format!("{carry} version"), 2, "the field is not set", "--set version=VALUE"),
    ] {
        let said = folder.postlink(line).fails(code);
        let (told, out) = said.split_once("  help: ").expect(&said);
        assert!(told.contains(message) && out.contains(help), "{line}: {said}");
    }
}

/// A name of a file may have any bytes, so it is not the first of such words that is wrong.
#[test]
fn of_an_argument_that_is_no_text() {
    let folder = Folder::new();
    let words = [&b"fill"[..], b"\xfe.so", b"--set", b"version=\xff"].map(OsStr::from_bytes);
    let said = folder.run_words(postlink().as_os_str(), &words).fails(2);
    assert!(said.contains("the argument `version=\\xff` is not UTF-8"), "{said}");
}

/// An empty line and exit code 0 were what an empty value gives.
#[test]
fn of_a_field_without_a_value() {
    let folder = folder();
    let said = folder.postlink("inspect lib.so --field prefix").fails(1);
    assert!(said.contains("has no value") && said.contains("--set prefix=VALUE"), "{said}");
    assert!(folder.postlink("inspect lib.so --field prefix --json").ok().contains(": null"));
}
