//! Each call of the system that a command makes fails, does nothing, or is the last one.
#![forbid(unsafe_code)]

use postlink_tests::faults::Case;
use postlink_tests::faults::cases::{SET, WITH_DEBUG_FILE, all, generator, program, tree};
use postlink_tests::{Folder, fixture};

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
    for call in ["renameat", "unlinkat"] {
        Case::new(program(), WITH_DEBUG_FILE, 0).try_each("signal=KILL", call);
        generator().try_each("signal=KILL", call);
    }
}

/// The other outputs stayed where the stamp could not be written.
#[test]
fn the_stamp_is_one_of_all_outputs() {
    generator().try_each("error=ENOSPC", "renameat");
}

/// The copy stayed where no mode could be set, neither for it nor to remove it.
#[test]
fn a_copy_goes_away_where_no_mode_can_be_set() {
    let line = "specialize --output old=/srv/app --rewrite /opt/app=/srv/app --rewrite /usr/local=/usr/local --destdir out --repack";
    Case::new(tree(), line, 0).try_each("error=EPERM", "fchmod");
}

/// The system was asked once more where the tree was put, and where it had no answer, that was told wrongly.
#[test]
fn the_place_of_a_tree_is_told_as_it_is() {
    let line = "specialize --output old=/srv/app --rewrite /opt/app=/srv/app --rewrite /usr/local=/usr/local --destdir out --repack";
    Case::new(tree(), line, 0).try_each("error=EACCES", "readlink");
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

/// The system may give and take fewer bytes than it is asked for, and a signal may come at any time.
#[test]
fn short_and_interrupted_calls_change_nothing() {
    let folder = Folder::new();
    let source = fixture("faults.c").display().to_string();
    folder.run(&format!("gcc -shared -fPIC -O1 -D_FILE_OFFSET_BITS=64 {source} -o faults.so")).ok();
    let library = folder.path("faults.so").display().to_string();
    for case in all() {
        for fault in ["short", "interrupted"] {
            let run = case.behind(&format!("LD_PRELOAD={library} FAULT={fault}"));
            assert!([0, 3].contains(&run.code), "{fault}: {}", run.stderr);
        }
    }
}
