//! What every run of `postlink` in a test's folder is asked: a program of this name that changes something beside
//! its outputs is found out.
#![forbid(unsafe_code)]

use std::panic::{AssertUnwindSafe, catch_unwind};

use postlink_tests::Folder;
use postlink_tests::package::set_mode;

/// What the check says of a program of this name that writes a file, and ends so.
fn said(line: &str, writes: &str, code: i32) -> Option<String> {
    let folder = Folder::new();
    for name in ["old/.build-id/ab", "more", "out"] {
        std::fs::create_dir_all(folder.path(name)).expect("a folder");
    }
    for name in ["a", "b", "old/file", "old/.build-id/ab/cd.debug", "values", "schema", "page.html"]
    {
        folder.write(name, "text");
    }
    folder.write(
        "postlink",
        format!("#!/bin/sh\nmkdir -p $(dirname {writes})\necho changed >{writes}\nexit {code}\n"),
    );
    set_mode(&folder.path("postlink"), 0o755);
    let line = format!("./postlink {}", line.replace('@', &folder.path("").display().to_string()));
    let run = catch_unwind(AssertUnwindSafe(|| folder.run(&line)));
    run.err().map(|said| said.downcast_ref::<String>().expect("a sentence").clone())
}

#[test]
fn outputs_may_change() {
    for (line, writes, code) in [
        ("fill a --set x=y", "a", 0),
        ("-q fill a b --set x=y", "b", 0),
        ("fill a -o more/new", "more/new", 0),
        (
            "fill a --output=b --debug-file old/file --debug-output out",
            "out/.build-id/12/34.debug",
            0,
        ),
        ("fill a --debug-file old/file", "old/file", 0),
        ("fill a --debug-file old/.build-id/ab/cd.debug", "old/.build-id/12/34.debug", 0),
        ("fill a b", "b", 1),
        ("generate --schema schema --out-header a --depfile d", "d", 0),
        ("scan old --manifest m --html page.html", "page.html", 3),
        ("payload --section s --output b", "b", 0),
        ("specialize --output old=@new", "new/deep/file", 0),
        ("specialize --output old=/srv/new --destdir out", "out/srv/new/file", 0),
        ("specialize --output old=@new --keep-failed", "new/file", 3),
        ("man more", "more/postlink.1", 0),
        ("demo new", "new/schema.toml", 0),
    ] {
        assert_eq!(said(line, writes, code), None, "{line}");
    }
}

#[test]
fn whatever_is_read_may_not_change() {
    for (line, writes, code) in [
        ("fill a --output b", "a", 0),
        ("fill a --values values", "values", 0),
        ("fill a --schema schema", "schema", 0),
        ("fill -n a", "a", 0),
        ("fill a", "a", 1),
        ("fill a --output b --debug-file old/file --debug-output out", "old/file", 0),
        ("fill a --output b --debug-file old/file --debug-output out", "out/file", 0),
        ("generate --schema schema --out-header a", "schema", 0),
        ("generate --schema schema --out-header a --check", "a", 3),
        ("scan old --manifest m", "old/file", 0),
        ("inspect a", "a", 0),
        ("verify a b", "b", 3),
        ("payload --image a --section s --output b", "a", 0),
        ("specialize --output old=@new", "old/file", 0),
        ("specialize --output old=@new", "old/new", 0),
        ("specialize --output old=@new --manifest values", "values", 0),
        ("specialize --output old=@new", "new/file", 3),
        ("specialize --output old=/srv/new --destdir out", "out/srv/file", 0),
        ("man more", "more/other", 0),
        ("completions bash", "a", 0),
    ] {
        let said = said(line, writes, code).unwrap_or_default();
        assert!(said.contains("and changed"), "{line}: {said}");
    }
}

/// A crash is no refusal, whatever it left.
#[test]
fn there_are_four_ends() {
    for code in [4, 101, 134, 137, 139] {
        let said = said("fill a", "a", code).unwrap_or_default();
        assert!(said.contains(&format!("ended with {code}")), "{said}");
    }
}
