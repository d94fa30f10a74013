//! Each call of the system that a command makes fails, does nothing, or is the last one.
#![forbid(unsafe_code)]

use std::fs;
use std::os::unix::fs::symlink;

use postlink_tests::faults::Case;
use postlink_tests::lix::{build_program, sources};
use postlink_tests::package::set_mode;
use postlink_tests::{Folder, fixture};

const SET: &str = "--set version=1.2.3 --set prefix=/p";

/// A program that only its owner's group may run as the group.
fn program() -> Folder {
    let folder = sources();
    build_program(&folder, "g++", "-O1 -g -Wl,--build-id", "whole");
    let made = Folder::new();
    fs::create_dir(made.path("before")).expect("a folder");
    let split = format!(
        "objcopy --only-keep-debug {0} before/app.debug && objcopy --strip-debug {0} before/program && \
         cd before && objcopy --add-gnu-debuglink=app.debug program",
        folder.path("whole").display()
    );
    made.run_words("sh".as_ref(), &["-c", &split]).ok();
    set_mode(&made.path("before/program"), 0o2775);
    made
}

/// A tree with a program, texts, links and a folder that may not be written.
fn tree() -> Folder {
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

#[test]
fn fill() {
    Case::new(program(), &format!("fill program {SET}"), 0).try_all();
}

#[test]
fn fill_output() {
    Case::new(program(), &format!("fill program --output new {SET}"), 0).try_all();
}

#[test]
fn fill_in_place() {
    Case::new(program(), &format!("fill --in-place program {SET}"), 0).in_place().try_all();
}

#[test]
fn fill_with_a_debug_file() {
    let line = format!("fill program {SET} --rewrite-build-id --debug-file app.debug");
    Case::new(program(), &line, 0).try_all();
}

fn generator() -> Case {
    let folder = Folder::new();
    fs::create_dir(folder.path("before")).expect("a folder");
    let schema = fs::read(fixture("../../schema.toml")).expect("the schema");
    folder.write("before/schema.toml", schema);
    folder.write("before/g.h", "old");
    let line = "generate --schema schema.toml --out-header g.h --out-source g.cc --out-rust g.rs --depfile d --stamp s";
    Case::new(folder, line, 0)
}

#[test]
fn generate() {
    generator().try_all();
}

#[test]
fn specialize() {
    let line = format!("specialize --output old=@/new --rewrite /opt/app=@/new {SET} --repack");
    Case::new(tree(), &line, 0).try_all();
}

#[test]
fn specialize_below_a_root() {
    let line = "specialize --output old=/srv/app --rewrite /opt/app=/srv/app --rewrite /usr/local=/usr/local --destdir out --repack";
    Case::new(tree(), line, 0).try_all();
}

#[test]
fn specialize_what_is_left() {
    let line =
        "specialize --output old=@/new --rewrite /opt/app=/srv/app --rewrite /usr/local=/usr/local";
    Case::new(tree(), line, 3).try_all();
}

#[test]
fn scan() {
    let line = "scan old --reference /opt/app --manifest manifest";
    Case::new(tree(), line, 3).try_all();
}

#[test]
fn payload() {
    let line = format!("payload --image program --section lix --output out {SET}");
    Case::new(program(), &line, 0).try_all();
}

#[test]
fn inspect() {
    Case::new(program(), "inspect --json program", 0).try_all();
}

#[test]
fn verify() {
    let folder = program();
    folder.postlink(&format!("fill before/program --output before/filled {SET}")).ok();
    Case::new(folder, "verify program filled", 0).try_all();
}

#[test]
fn verify_trees() {
    let folder = tree();
    let line = "cp -a old new && echo more >> new/share/other";
    folder.run_words("sh".as_ref(), &["-c", &format!("cd before && {line}")]).ok();
    Case::new(folder, "verify old new", 3).try_all();
}

/// A file that could not be looked at for a moment was taken for another one: it lost its set-group-ID bit,
/// owner and attributes, with exit code 0.
#[test]
fn a_file_that_cannot_be_looked_at_is_no_other_file() {
    Case::new(program(), &format!("fill program {SET}"), 0).try_each("error=EIO", "statx");
}

const WITH_DEBUG_FILE: &str =
    "fill program --set version=1.2.3 --set prefix=/p --rewrite-build-id --debug-file app.debug";

/// It was removed, with exit code 0.
#[test]
fn a_debug_file_that_cannot_be_looked_at_stays() {
    Case::new(program(), WITH_DEBUG_FILE, 0).try_each("error=EIO", "statx");
}

/// A link to the debug file that could not be read was left out of the rule.
#[test]
fn a_build_id_is_of_all_bytes_that_count() {
    Case::new(program(), WITH_DEBUG_FILE, 0).try_each("error=EIO", "pread64");
}

/// What a kill behind the last rename leaves was there for as long as nothing changed.
#[test]
fn a_kill_at_the_very_end_leaves_nothing_for_long() {
    for call in ["renameat", "unlink"] {
        Case::new(program(), WITH_DEBUG_FILE, 0).try_each("signal=KILL", call);
        generator().try_each("signal=KILL", call);
    }
}

/// The other outputs stayed where the stamp could not be written.
#[test]
fn the_stamp_is_one_of_all_outputs() {
    generator().try_each("error=ENOSPC", "renameat");
}

/// It was told that the copy had another owner, and its set-group-ID bit was left out.
#[test]
fn a_copy_that_cannot_be_looked_at_has_no_other_owner() {
    let line = format!("specialize --output old=@/new --rewrite /opt/app=@/new {SET} --repack");
    Case::new(tree(), &line, 0).try_each("error=EIO", "statx");
}

/// It ended with a panic.
#[test]
fn where_there_are_no_threads_it_is_told() {
    for line in ["scan old --reference /opt/app --manifest manifest", "verify old old"] {
        let code = if line.starts_with("scan") { 3 } else { 0 };
        Case::new(tree(), line, code).try_each("error=EAGAIN", "clone3");
    }
}
