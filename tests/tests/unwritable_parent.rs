//! Where only the place of a tree may be made, and nothing beside it, as in a build sandbox of macOS.
#![forbid(unsafe_code)]

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;

use postlink_tests::package::set_mode;
use postlink_tests::{Folder, Run, postlink};

const NOBODY: &str = "setpriv --reuid=65534 --regid=65534 --clear-groups";

/// A tree, and a folder `store` that only root may write.
fn sources() -> Folder {
    let folder = Folder::new();
    fs::copy(postlink(), folder.path("postlink")).expect("the program");
    set_mode(&folder.path(""), 0o755);
    folder.run("mkdir -p old/bin old/closed store").ok();
    folder.write("old/bin/script", format!("#!{}/bin/sh\n", folder.path("old").display()));
    folder.write("old/closed/file", "text");
    set_mode(&folder.path("old/closed"), 0o555);
    folder
}

/// An empty folder in `store` for a user who is not root.
fn given(folder: &Folder) -> String {
    let place = folder.path("store/out");
    fs::create_dir(&place).expect("a folder");
    chown(&place, Some(65534), Some(65534)).expect("an owner");
    place.display().to_string()
}

#[track_caller]
fn as_nobody(folder: &Folder, line: &str) -> Run {
    folder.run(&format!("{NOBODY} {} {line}", folder.path("postlink").display()))
}

/// Runs `postlink` where the first folder that it makes is refused. There is no way to write to the
/// folder that the place is in, but for the place.
#[track_caller]
fn where_the_first_is_refused(folder: &Folder, line: &str) -> Run {
    let inject = "strace -f -o /dev/null -e inject=mkdirat:error=EPERM:when=1";
    folder.run(&format!("{inject} {} {line}", folder.path("postlink").display()))
}

fn names(folder: &Path) -> usize {
    fs::read_dir(folder).expect("a folder").count()
}

#[test]
fn an_empty_folder_is_filled_where_it_is() {
    let folder = sources();
    let place = given(&folder);
    as_nobody(&folder, &format!("specialize --output old={place}")).ok();
    assert_eq!(folder.read("store/out/bin/script"), format!("#!{place}/bin/sh\n").as_bytes());
    let mode = |name: &str| folder.path(name).metadata().expect(name).mode();
    assert_eq!(mode("store/out/closed"), mode("old/closed"));
    assert_eq!(mode("store/out"), mode("old"));
    assert_eq!(names(&folder.path("store")), 1);
}

fn mode(folder: &Folder, name: &str) -> u32 {
    folder.path(name).metadata().expect("a folder").mode() & 0o7777
}

#[test]
fn nothing_stays_of_a_tree_that_is_left() {
    let folder = sources();
    let place = given(&folder);
    set_mode(&folder.path("store/out"), 0o751);
    // A reference that nothing rewrites.
    let old = folder.path("old").display().to_string();
    folder.write("old/data", [old.as_bytes(), b"\0\xff"].concat());
    as_nobody(&folder, &format!("specialize --output old={place}")).fails_with_output(3);
    assert_eq!(names(&folder.path("store/out")), 0);
    assert_eq!(mode(&folder, "store/out"), 0o751);
    // Nor of one that was begun.
    folder.run("rm old/data").ok();
    let break_off = "strace -f -o /dev/null -e inject=utimensat:error=EIO:when=2";
    let program = folder.path("postlink").display().to_string();
    let line = format!("specialize --output old={place}");
    folder.run(&format!("{break_off} {NOBODY} {program} {line}")).fails(1);
    assert_eq!(names(&folder.path("store/out")), 0);
    folder.run("rmdir store/out").ok();
    let refused = "-e inject=mkdirat:error=EPERM:when=1";
    folder.run(&format!("{break_off} {refused} {program} {line}")).fails(1);
    assert_eq!(names(&folder.path("store")), 0);
    let place = given(&folder);
    // Nor where a file cannot be read.
    set_mode(&folder.path("old/bin/script"), 0o600);
    as_nobody(&folder, &format!("specialize --output old={place}")).fails(1);
    assert_eq!(names(&folder.path("store/out")), 0);
    set_mode(&folder.path("old/bin/script"), 0o644);
    as_nobody(&folder, &format!("specialize --output old={place}")).ok();
}

/// It had the group, the access lists and the time of the tree.
#[test]
fn a_folder_that_is_given_back_has_all_that_it_had() {
    let folder = sources();
    let place = folder.path("store/out").display().to_string();
    fs::create_dir(&place).expect("a folder");
    for (name, group, user, date) in [("old", 1, "1", "2001"), ("store/out", 2, "2", "2002")] {
        chown(folder.path(name), None, Some(group)).expect("a group");
        folder.run(&format!("setfacl -m u:{user}:rwx,d:u:{user}:r {name}")).ok();
        folder.run(&format!("setfattr -n user.of_{user} -v text {name}")).ok();
        folder.run(&format!("touch -m -d {date}-02-03 {name}")).ok();
    }
    let has = || {
        let stat = folder.run("stat -c %a,%u,%g,%y store/out").ok();
        stat + &folder.run("getfacl store/out").ok() + &folder.run("getfattr -d store/out").ok()
    };
    let before = has();
    // The last that it gets are the times; each thread is counted by itself.
    let inject = "strace -f -o /dev/null -e inject=mkdirat:error=EPERM:when=1 \
                  -e inject=utimensat:error=EIO:when=3";
    let program = folder.path("postlink").display().to_string();
    let line = format!("specialize --output old={place}");
    let said = folder.run(&format!("{inject} {program} {line}")).fails(1);
    assert!(said.contains("cannot keep the times of") && said.contains("old:"), "{said}");
    assert_eq!(has(), before);
    assert_eq!(names(&folder.path("store/out")), 0);
}

#[test]
fn what_alone_may_be_made_is_made() {
    let folder = sources();
    let place = folder.path("store/out").display().to_string();
    let line = format!("specialize --output old={place}");
    where_the_first_is_refused(&folder, &line).ok();
    assert_eq!(folder.read("store/out/bin/script"), format!("#!{place}/bin/sh\n").as_bytes());
    assert_eq!(names(&folder.path("store")), 1);
    // A tree that is one file.
    let place = folder.path("store/file").display().to_string();
    let line = format!("specialize --output old/bin/script={place}");
    where_the_first_is_refused(&folder, &line).ok();
    assert_eq!(names(&folder.path("store")), 2);
}

#[test]
fn where_nothing_may_be_made_it_says_so() {
    let folder = sources();
    let place = folder.path("store/out").display().to_string();
    let said = as_nobody(&folder, &format!("specialize --output old={place}")).fails(1);
    assert!(said.contains("cannot create a folder in") && said.contains("/store"), "{said}");
    // A folder of somebody else.
    fs::create_dir(&place).expect("a folder");
    as_nobody(&folder, &format!("specialize --output old={place}")).fails(1);
    assert_eq!(names(&folder.path("store/out")), 0);
    // Though it may be written: it could not get the mode of the tree.
    chown(folder.path("store/out"), None, Some(65534)).expect("a group");
    set_mode(&folder.path("store/out"), 0o2775);
    as_nobody(&folder, &format!("specialize --output old={place}")).fails(1);
    assert_eq!((names(&folder.path("store/out")), mode(&folder, "store/out")), (0, 0o2775));
}

/// A folder that another run fills is not taken.
#[test]
fn two_runs_do_not_share_a_folder() {
    let folder = sources();
    let place = given(&folder);
    let lock = fs::File::open(&place).expect("the folder");
    lock.lock().expect("a lock");
    as_nobody(&folder, &format!("specialize --output old={place}")).fails(1);
    drop(lock);
    as_nobody(&folder, &format!("specialize --output old={place}")).ok();
}
