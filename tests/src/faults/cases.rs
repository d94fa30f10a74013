//! Commands, each with the files that it finds.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::OnceLock;

use super::Case;
use crate::lix::{build_program, sources};
use crate::package::set_mode;
use crate::{Folder, fixture};

/// Values for every required field.
pub const SET: &str = "--set version=1.2.3 --set prefix=/p";

/// A program that only its owner's group may run as the group, and its debug file.
#[must_use]
pub fn program() -> Folder {
    static WHOLE: OnceLock<Vec<u8>> = OnceLock::new();
    let whole = WHOLE.get_or_init(|| {
        let folder = sources();
        build_program(&folder, "g++", "-O1 -g -Wl,--build-id", "whole");
        folder.read("whole")
    });
    let made = Folder::new();
    fs::create_dir(made.path("before")).expect("a folder");
    made.write("before/program", whole);
    set_mode(&made.path("before/program"), 0o755);
    let split = "cd before && objcopy --only-keep-debug program app.debug && objcopy --strip-debug program && \
                 objcopy --add-gnu-debuglink=app.debug program";
    made.run_words("sh".as_ref(), &["-c", split]).ok();
    set_mode(&made.path("before/program"), 0o2775);
    made
}

/// A tree with a program, texts, links and a folder that may not be written.
#[must_use]
pub fn tree() -> Folder {
    let folder = program();
    let old = folder.path("before/old");
    for name in ["bin", "share/closed"] {
        fs::create_dir_all(old.join(name)).expect("a folder");
    }
    fs::rename(folder.path("before/program"), old.join("bin/program")).expect("the program");
    fs::remove_file(folder.path("before/app.debug")).expect("the debug file");
    folder.write("before/old/share/text", "in /opt/app\n");
    folder.write("before/old/share/other", "nowhere\n");
    fs::hard_link(old.join("share/text"), old.join("share/name")).expect("a name");
    symlink("/opt/app/bin/program", old.join("bin/link")).expect("a link");
    folder
        .run_words(
            "sh".as_ref(),
            &["-c", "gzip -n < before/old/share/text > before/old/share/text.gz"],
        )
        .ok();
    set_mode(&old.join("share/closed"), 0o555);
    folder
}

/// A fill of two files.
pub const WITH_DEBUG_FILE: &str =
    "fill program --set version=1.2.3 --set prefix=/p --rewrite-build-id --debug-file app.debug";

/// A schema, and an old output.
#[must_use]
pub fn schema() -> Folder {
    let folder = Folder::new();
    fs::create_dir(folder.path("before")).expect("a folder");
    let schema = fs::read(fixture("../../schema.toml")).expect("the schema");
    folder.write("before/schema.toml", schema);
    folder.write("before/g.h", "old");
    folder
}

/// A command that writes five files.
pub const GENERATE: &str = "generate --schema schema.toml --out-header g.h --out-source g.cc --out-rust g.rs --depfile d --stamp s";

/// It, with its files.
#[must_use]
pub fn generator() -> Case {
    Case::new(schema(), GENERATE, 0)
}

/// One case of each command, and how it ends.
#[must_use]
pub fn all() -> Vec<Case> {
    let tree_line = |more: &str| {
        format!("specialize --output old=@/new --rewrite /opt/app=@/new {SET} --repack{more}")
    };
    vec![
        Case::untraced(program(), &format!("fill program {SET}"), 0),
        Case::untraced(program(), &format!("fill program --output new {SET}"), 0),
        Case::untraced(program(), &format!("fill --in-place program {SET}"), 0).in_place(),
        Case::untraced(program(), WITH_DEBUG_FILE, 0),
        Case::untraced(
            program(),
            &format!("payload --image program --section lix --output out {SET}"),
            0,
        ),
        Case::untraced(program(), "inspect --json program", 0),
        Case::untraced(schema(), GENERATE, 0),
        Case::untraced(tree(), &tree_line(""), 0),
        Case::untraced(tree(), "scan old --reference /opt/app --manifest manifest", 3),
        Case::untraced(tree(), "verify old old", 0),
    ]
}
