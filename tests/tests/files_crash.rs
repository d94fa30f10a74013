//! What a kill, a signal, an error or another program leaves while files are written.
#![forbid(unsafe_code)]

use std::fs::{self, File};
use std::os::unix::fs::{chown, symlink};

use postlink_tests::lix::{build_program, sources};
use postlink_tests::package::set_mode;
use postlink_tests::{Folder, Run, fixture, postlink};

const SET: &str = "--set version=1.2.3 --set prefix=/p";
/// The first lock is that of the image. Where the new file cannot be locked, it gets a name at once,
/// as on file systems that only have files with names.
const NAMED: &str = "-e inject=flock:error=ENOLCK:when=2";

fn program() -> Folder {
    let folder = sources();
    build_program(&folder, "g++", "-O1", "program");
    folder
}

/// Runs `postlink` with something injected by `strace`.
#[track_caller]
fn injected(folder: &Folder, inject: &str, line: &str) -> Run {
    // Where the tests run in the background of a shell, that signal is ignored.
    let strace = "env --default-signal=INT strace -f -o /dev/null";
    folder.run(&format!("{strace} {inject} {} {line}", postlink().display()))
}

/// How many names of ours there are.
fn left(folder: &Folder) -> usize {
    folder.names().iter().filter(|name| name.starts_with(".postlink")).count()
}

/// The new file of a fill that was killed stayed for good.
#[test]
fn a_killed_fill_leaves_nothing_for_long() {
    let folder = program();
    let before = folder.read("program");
    for (inject, name, leaves) in [
        ("-e inject=copy_file_range:signal=KILL", "", 0),
        ("-e inject=linkat:signal=KILL", "", 0),
        ("-e inject=copy_file_range:signal=KILL", NAMED, 1),
        ("-e inject=rename,renameat:signal=KILL", "", 1),
    ] {
        let line = format!("fill program {SET}");
        assert_ne!(injected(&folder, &format!("{inject} {name}"), &line).code, 0);
        assert!(left(&folder) <= leaves, "{inject} {name}: {:?}", folder.names());
        assert!(folder.read("program") == before);
        folder.postlink(&format!("fill program --output new {SET}")).ok();
        assert_eq!(left(&folder), 0, "{inject} {name}");
    }
}

/// Ctrl-C and SIGTERM, where the new file has a name.
#[test]
fn a_stopped_fill_leaves_nothing() {
    let folder = program();
    let before = folder.read("program");
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let inject = format!("-e inject=copy_file_range:signal={signal}:when=1 {NAMED}");
        let said = injected(&folder, &inject, &format!("fill program {SET}")).fails(code);
        assert!(said.contains("program: stopped by a signal"), "{said}");
        assert_eq!(left(&folder), 0);
        assert!(folder.read("program") == before);
    }
}

/// The folder of a specialize that was killed goes away too, also what is read-only in it.
#[test]
fn a_killed_specialize_leaves_nothing_for_long() {
    let folder = Folder::new();
    fs::create_dir_all(folder.path("old/lib")).expect("a folder");
    folder.write("old/lib/file", "text\n");
    set_mode(&folder.path("old/lib"), 0o555);
    let line = format!("specialize --output old={}", folder.path("new").display());
    assert_ne!(injected(&folder, "-e inject=renameat:signal=KILL", &line).code, 0);
    assert_eq!(left(&folder), 1);
    folder.postlink(&line).ok();
    assert_eq!(left(&folder), 0);
}

/// A fill of thousands of files of one folder read all its names for each of them.
#[test]
fn a_run_looks_once_in_each_folder_for_what_is_left() {
    let folder = program();
    let leftover = format!(".postlink-{}", "z".repeat(16));
    let looks = |images: &str| {
        for place in ["", "one/", "other/"] {
            folder.write(&format!("{place}{leftover}"), "what a killed run left");
        }
        let strace = "strace -f -o calls -e trace=getdents64";
        folder.run(&format!("{strace} {} fill {images} {SET}", postlink().display())).ok();
        String::from_utf8(folder.read("calls")).expect("UTF-8").matches("getdents64(").count()
    };
    let mut images = Vec::new();
    for place in ["one", "other"] {
        fs::create_dir(folder.path(place)).expect("a folder");
        for number in 0..10 {
            images.push(format!("{place}/{number}"));
            folder.copy("program", &format!("{place}/{number}"));
        }
    }
    let once = looks("program");
    assert!(once > 0);
    assert_eq!(looks(&images.join(" ")), 2 * once);
    // Also where nothing is written.
    assert_eq!(looks(&images.join(" ")), 2 * once);
    let is_left = |place: &str| folder.path(place).join(&leftover).exists();
    assert_eq!(["", "one", "other"].map(is_left), [true, false, false]);
}

/// Only what a run that ended has left is removed.
#[test]
fn nothing_else_is_removed() {
    let folder = program();
    let ours = |letter: &str| format!(".postlink-{}", letter.repeat(16));
    let kept = [ours("a"), ours("b"), ours("c"), ours("d"), ".postlink-config".to_owned()];
    for name in [&kept[0], &kept[4]] {
        folder.write(name, "something");
    }
    // In use; somebody else's folder; a link; a folder in use.
    fs::create_dir(folder.path(&kept[1])).expect("a folder");
    let lock = File::open(folder.path(&kept[0])).expect("a file");
    lock.lock().expect("a lock");
    chown(folder.path(&kept[1]), Some(65534), None).expect("an owner");
    symlink("program", folder.path(&kept[2])).expect("a link");
    fs::create_dir(folder.path(&kept[3])).expect("a folder");
    let busy = File::open(folder.path(&kept[3])).expect("a folder");
    busy.lock().expect("a lock");
    folder.write(&ours("z"), "what a killed run left");
    folder.postlink(&format!("fill program {SET}")).ok();
    for name in &kept {
        assert!(folder.path(name).symlink_metadata().is_ok(), "{name}");
    }
    assert!(!folder.path(&ours("z")).exists());
}

/// A newer file that was put in place while `fill` copied the old one was lost, with exit code 0.
#[test]
fn a_newer_file_is_not_replaced() {
    let folder = program();
    // While it is copied: another content, in a new file or in the same one.
    for change in ["mv newer program", "cp newer program"] {
        build_program(&folder, "g++", "-O1", "program");
        folder.write("newer", "newer");
        let line = format!(
            "strace -f -o /dev/null -e inject=copy_file_range:delay_exit=2000000 {} fill program {SET} & \
             sleep 1; {change}; wait $!",
            postlink().display()
        );
        let said = folder.run_words("sh".as_ref(), &["-c", &line]).fails(1);
        assert!(said.contains("was changed by something else meanwhile"), "{change}: {said}");
        assert_eq!(folder.read("program"), b"newer");
        assert_eq!(left(&folder), 0);
    }
}

/// Between the last look and the rename, a link to another folder was put at the path of the file's folder:
/// the file of that name there was replaced.
#[test]
fn a_folder_that_is_swapped_is_left_alone() {
    let folder = program();
    let before = folder.read("program");
    folder.write("schema.toml", fs::read(fixture("../../schema.toml")).expect("the schema"));
    let all_of = |name: &str| folder.run(&format!("grep -r . {name}")).ok();
    for line in [
        format!("fill a/program {SET}"),
        format!("fill program --output a/program {SET}"),
        "generate --schema schema.toml --out-header a/program --out-source a/g.cc".to_owned(),
    ] {
        for name in ["a", "canary"] {
            fs::create_dir(folder.path(name)).expect("a folder");
        }
        folder.copy("program", "a/program");
        folder.write("canary/program", "canary");
        let line = format!(
            "strace -f -o /dev/null -e inject=linkat:delay_enter=1000000:when=1 {} {line} & \
             sleep 0.5; mv a moved; ln -s canary a; wait $!",
            postlink().display()
        );
        folder.run_words("sh".as_ref(), &["-c", &line]).ok();
        assert_eq!(all_of("canary"), "canary/program:canary\n", "{line}");
        assert!(folder.read("moved/program") != before, "{line}");
        folder.run("rm -r a moved canary").ok();
    }
}

/// Where a rename cannot say that it replaces nothing, a file that came between the look and the rename was lost.
#[test]
fn a_file_that_comes_between_is_not_replaced() {
    for error in ["EINVAL", "ENOSYS", "EPERM"] {
        let folder = Folder::new();
        folder.write("old", "text");
        let place = folder.path("new").display().to_string();
        let line = format!("specialize --output old={place}");
        let without = format!("-e inject=renameat2:error={error}");
        injected(&folder, &without, &line).ok();
        assert_eq!(folder.read("new"), b"text", "{error}");
        assert_eq!(folder.names(), ["new", "old"]);
        folder.run("rm new").ok();
        let line = format!(
            "strace -f -o /dev/null {without} -e inject=linkat,renameat:delay_enter=1000000 {} {line} & \
             sleep 0.5; echo theirs > new; wait $!",
            postlink().display()
        );
        let said = folder.run_words("sh".as_ref(), &["-c", &line]).fails(1);
        assert!(said.contains("new exists already"), "{said}");
        assert_eq!(folder.read("new"), b"theirs\n");
        assert_eq!(folder.names(), ["new", "old"]);
    }
}

/// A folder that could not be synced made a fill that was done a refused one.
#[test]
fn what_is_done_is_not_refused() {
    let folder = program();
    let before = folder.read("program");
    let inject = "-e inject=fsync:error=EIO:when=2";
    let run = injected(&folder, inject, &format!("fill --sync program {SET}"));
    assert!(run.stderr.contains("it is in its place, but"), "{}", run.stderr);
    run.ok();
    assert!(folder.read("program") != before);

    // Of two files, both are filled, and that this could not be told is told.
    folder.copy("program", "other");
    let line = format!(
        "{} fill program other --reset --set version=2.0.0 --set prefix=/q >/dev/full",
        postlink().display()
    );
    let run = folder.run_words("sh".as_ref(), &["-c", &line]);
    let said = run.stderr.clone();
    run.ok();
    assert!(said.contains("warning: cannot write to standard output: No space left"), "{said}");
    for name in ["program", "other"] {
        assert_eq!(folder.postlink(&format!("inspect --field prefix {name}")).ok(), "/q\n");
    }
}

/// A write that the system says it did, but did not.
#[test]
fn copies_of_trees_are_read_back() {
    let folder = Folder::new();
    fs::create_dir(folder.path("old")).expect("a folder");
    let (old, new) = (folder.path("old"), folder.path("new"));
    folder.write("old/file", format!("\0{}\0", old.display()));
    let inject = format!("-e inject=pwrite64:retval={}", old.as_os_str().len());
    let line = format!("specialize --equal-length --output old={}", new.display());
    let said = injected(&folder, &inject, &line).fails(1);
    assert!(said.contains("not those that were written"), "{said}");
    assert!(!new.exists());
}

/// A link as the root of a tree is followed, also where the tree is a single file.
#[test]
fn a_link_to_a_file_is_a_tree() {
    let folder = Folder::new();
    folder.write("file", "in /opt/app\n");
    symlink("file", folder.path("link")).expect("a link");
    assert!(folder.postlink("scan link --reference /opt/app").ok().contains("1 found"));
    let new = folder.path("new");
    let line = format!("specialize --output link={} --rewrite /opt/app=/opt/other", new.display());
    folder.postlink(&line).ok();
    assert_eq!(folder.read("new"), b"in /opt/other\n");
}

/// `--destdir` is the root of all files: a link to `/` in it led out of it.
#[test]
fn a_staged_tree_stays_below_its_root() {
    let folder = Folder::new();
    let root = folder.path("stage");
    fs::create_dir_all(root.join("usr/opt")).expect("a folder");
    fs::create_dir(folder.path("outside")).expect("a folder");
    fs::create_dir(folder.path("old")).expect("a folder");
    for target in ["../outside", "/nowhere", folder.path("outside").to_str().expect("UTF-8")] {
        symlink(target, root.join("opt")).expect("a link");
        let said = folder.postlink("specialize --output old=/opt/app --destdir stage").fails(1);
        assert!(said.contains("stage/opt is a link to") && said.contains("out of stage"), "{said}");
        fs::remove_file(root.join("opt")).expect("the link");
    }
    symlink("usr/opt", root.join("opt")).expect("a link");
    folder.postlink("specialize --output old=/opt/app --destdir stage").ok();
    assert!(root.join("usr/opt/app").is_dir());
}

/// The system's own words, not those of the library that makes new files.
#[test]
fn a_missing_folder_is_told_in_the_systems_words() {
    let folder = program();
    let said = folder.postlink(&format!("fill program -o missing/new {SET}")).fails(1);
    assert!(said.contains("in missing: No such file or directory"), "{said}");
    fs::create_dir(folder.path("old")).expect("a folder");
    let line = format!("specialize --output old={}", folder.path("no/new").display());
    assert!(folder.postlink(&line).fails(1).contains("No such file or directory"));
}
