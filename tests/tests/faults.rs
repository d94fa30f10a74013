//! Each call of the system that a command makes fails, does nothing, or is the last one.
#![forbid(unsafe_code)]

use std::fs;
use std::os::unix::fs::symlink;

use postlink_tests::faults::Case;
use postlink_tests::lix::{build_program, sources};
use postlink_tests::matrix::is_full;
use postlink_tests::package::set_mode;
use postlink_tests::{Folder, fixture, postlink};

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

/// One case of each command, and how it ends.
fn all() -> Vec<Case> {
    let tree_line = |more: &str| {
        format!("specialize --output old=@/new --rewrite /opt/app=@/new {SET} --repack{more}")
    };
    vec![
        Case::new(program(), &format!("fill program {SET}"), 0),
        Case::new(program(), &format!("fill program --output new {SET}"), 0),
        Case::new(program(), &format!("fill --in-place program {SET}"), 0).in_place(),
        Case::new(program(), WITH_DEBUG_FILE, 0),
        Case::new(
            program(),
            &format!("payload --image program --section lix --output out {SET}"),
            0,
        ),
        Case::new(program(), "inspect --json program", 0),
        generator(),
        Case::new(tree(), &tree_line(""), 0),
        Case::new(tree(), "scan old --reference /opt/app --manifest manifest", 3),
        Case::new(tree(), "verify old old", 0),
    ]
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

/// With few open files, and small ones, a command does its work or changes nothing.
#[test]
fn limits_of_the_system_are_told() {
    for case in all() {
        let step = if is_full() { 1 } else { 3 };
        for files in (3..12).step_by(step) {
            let run = case.behind(&format!("ulimit -n {files};"));
            let is_told = run.stderr.contains("Too many open files");
            assert!(
                run.code != 1 || is_told || run.stderr.contains("start threads"),
                "{}",
                run.stderr
            );
        }
        // In units of 1024 bytes. The system sends SIGXFSZ too.
        for size in [0, 1, 4, 16, 40, 64].into_iter().step_by(step) {
            case.behind(&format!("trap '' XFSZ; ulimit -f {size};"));
        }
    }
}

/// At a thousand moments of each in the full matrix.
#[test]
fn a_kill_at_any_moment_leaves_the_old_file_or_the_new_one() {
    let moments = if is_full() { 1000 } else { 9 };
    for case in all() {
        case.kill_at(moments);
    }
}

/// On a file system that is full after so many bytes: a ram disk, with the files of the case in it.
#[test]
fn a_full_disk_is_told() {
    let cases = [
        (format!("fill program {SET}"), program()),
        (format!("fill program --output new {SET}"), program()),
        (format!("fill --in-place program {SET}"), program()),
        (WITH_DEBUG_FILE.to_owned(), program()),
        (
            format!(
                "specialize --output old=/srv/app --rewrite /opt/app=/srv/app --destdir out --repack {SET}"
            ),
            tree(),
        ),
    ];
    for (line, folder) in cases {
        folder.write(
            "try",
            format!(
                "set -e
mkdir disk good
mount -t tmpfs tmpfs good
cp -a before/. good
(cd good && {program} {line} >/dev/null 2>&1)
for pages in 0 1 4 12 13 14 26 40 80 200; do
    mount -t tmpfs -o size=2M tmpfs disk
    cp -a before/. disk
    head -c 8M /dev/zero 2>/dev/null >disk/filler || truncate -s -$((pages * 4096)) disk/filler
    cd disk
    code=0
    {program} {line} >/dev/null 2>../said || code=$?
    rm filler
    cd ..
    if [ $code = 0 ]; then same=good; else same=before; fi
    if diff -r --no-dereference disk $same >&2 && [ $code = 0 ] || grep -q 'No space left' said; then
        echo $pages $code
    else
        cat said >&2; echo wrong $pages $code
    fi
    umount disk
done
",
                program = postlink().display()
            ),
        );
        let said = folder.run("unshare --user --map-root-user --mount sh try");
        println!("{line}: {}", said.stdout.replace('\n', ", "));
        assert!(said.stderr.is_empty(), "{line}: {}", said.stderr);
        let said = said.ok();
        assert!(!said.contains("wrong") && said.contains("200 0"), "{line}: {said}");
    }
}

#[test]
fn a_file_system_that_is_read_only_is_told() {
    for case in all() {
        let place = case.folder().path("work").display().to_string();
        let mount = format!(
            "mount --bind {place} {place} && mount -o remount,ro,bind {place} && cd {place} &&"
        );
        case.folder().write("try", format!("{mount} exec \"$@\"\n"));
        let run = case.behind("exec unshare --user --map-root-user --mount sh ../try");
        let is_told = run.stderr.contains("Read-only file system");
        assert_eq!(run.code == 1, is_told, "{}: {}", run.code, run.stderr);
    }
}
