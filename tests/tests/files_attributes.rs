//! What a new file, or a copy, has beside its bytes: everything that the system lets us keep, nothing
//! that would let others in, and a sentence about the rest.
#![forbid(unsafe_code)]

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};

use postlink_tests::lix::{build_program, sources};
use postlink_tests::package::set_mode;
use postlink_tests::{Folder, Run, postlink};

const SET: &str = "--set version=1.2.3 --set prefix=/p";
const NOBODY: &str = "setpriv --reuid=65534 --regid=65534 --clear-groups";

/// Runs `postlink` as a user who is not root, and who may write in the folder.
#[track_caller]
fn as_nobody(folder: &Folder, line: &str) -> Run {
    let program = folder.path("postlink");
    if !program.exists() {
        fs::copy(postlink(), &program).expect("the program");
        chown(folder.path(""), Some(65534), Some(65534)).expect("an owner");
        set_mode(&folder.path(""), 0o755);
    }
    folder.run(&format!("{NOBODY} {} {line}", program.display()))
}

/// Gives a file to a user who is not root: with an attribute that only root can set, one that comes
/// behind it, and mode 0750. What is new in the folder lets another user in.
fn give(folder: &Folder, name: &str) {
    chown(folder.path(name), Some(65534), Some(65534)).expect("an owner");
    set_mode(&folder.path(name), 0o750);
    folder.run(&format!("setcap cap_net_raw+ep {name}")).ok();
    folder.run(&format!("setfattr -n user.note -v kept {name}")).ok();
    folder.run("setfacl -d -m u:1000:rwx .").ok();
}

/// After an attribute that was refused, all others were lost, and the folder's access control list
/// stayed: others could read the file.
#[test]
fn what_is_refused_takes_nothing_else_along() {
    let folder = sources();
    build_program(&folder, "g++", "-O1", "program");
    fs::create_dir(folder.path("old")).expect("a folder");
    folder.copy("program", "old/program");
    give(&folder, "old/program");
    folder.run("setfacl -b -k old").ok();
    set_mode(&folder.path("old"), 0o755);
    give(&folder, "program");
    let new = folder.path("new");
    let specialized =
        as_nobody(&folder, &format!("specialize --output old={} {SET}", new.display()));
    let filled = as_nobody(&folder, &format!("fill program {SET}"));
    for (run, name) in [(specialized, "new/program"), (filled, "program")] {
        let said = run.stderr.clone();
        run.ok();
        assert!(said.contains("its extended attribute security.capability was lost"), "{said}");
        assert!(folder.run(&format!("getfattr -n user.note {name}")).ok().contains("kept"));
        let list = folder.run(&format!("getfacl -n {name}")).ok();
        assert!(!list.contains("user:1000") && list.contains("other::---"), "{list}");
        assert_eq!(folder.path(name).metadata().expect(name).mode() & 0o7777, 0o750);
    }
    let list = folder.run("getfacl -n new").ok();
    assert!(!list.contains("user:1000"), "what the folder gave to the folder: {list}");
}

/// Where a list cannot be kept, what stands for its mask in the mode is not given to the group.
#[test]
fn a_lost_access_list_gives_nobody_more() {
    let folder = Folder::new();
    fs::create_dir_all(folder.path("old")).expect("a folder");
    fs::create_dir(folder.path("ram")).expect("a folder");
    folder.write("old/file", "text\n");
    set_mode(&folder.path("old/file"), 0o700);
    folder.run("setfacl -m u:1000:rwx old/file").ok();
    folder.write(
        "try",
        format!(
            "set -e
mount -t ramfs ramfs ram
{} specialize --output old={}
stat -c %a ram/new/file
",
            postlink().display(),
            folder.path("ram/new").display()
        ),
    );
    let run = folder.run("unshare --user --map-root-user --mount sh try");
    assert!(run.stderr.contains("its access control list was lost"), "{}", run.stderr);
    assert!(run.ok().ends_with("\n700\n"));
}

/// The set-user-ID bit was gone after a fill in place that was refused.
#[test]
fn rights_that_cannot_be_put_back_are_not_taken() {
    let folder = sources();
    build_program(&folder, "g++", "-O1", "program");
    let before = folder.read("program");
    for mode in [0o4777, 0o2777] {
        set_mode(&folder.path("program"), mode);
        let said = as_nobody(&folder, &format!("fill --in-place program {SET}")).fails(1);
        assert!(said.contains("set-user-ID") && said.contains("--output"), "{said}");
        assert_eq!(folder.path("program").metadata().expect("it").mode() & 0o7777, mode);
        assert!(folder.read("program") == before);
    }
    // Whoever is not in the file's group loses its bit without an error, also as the owner.
    chown(folder.path("program"), Some(65534), Some(0)).expect("an owner");
    set_mode(&folder.path("program"), 0o2755);
    as_nobody(&folder, &format!("fill --in-place program {SET}")).fails(1);
    assert_eq!(folder.path("program").metadata().expect("it").mode() & 0o7777, 0o2755);
    // Its owner may put them back.
    chown(folder.path("program"), Some(65534), Some(65534)).expect("an owner");
    set_mode(&folder.path("program"), 0o6755);
    as_nobody(&folder, &format!("fill --in-place program {SET}")).ok();
    assert_eq!(folder.path("program").metadata().expect("it").mode() & 0o7777, 0o6755);
}

/// A copy that belongs to another user does not run as the first one.
#[test]
fn a_copy_for_another_user_has_no_set_user_id_bit() {
    let folder = Folder::new();
    fs::create_dir(folder.path("old")).expect("a folder");
    folder.write("old/file", "text\n");
    set_mode(&folder.path("old/file"), 0o4755);
    let line = format!("specialize --output old={}", folder.path("new").display());
    let run = as_nobody(&folder, &line);
    assert!(run.stderr.contains("set-user-ID"), "{}", run.stderr);
    run.ok();
    assert_eq!(folder.path("new/file").metadata().expect("it").mode() & 0o7777, 0o755);
}

#[test]
fn a_new_output_obeys_the_umask() {
    let folder = sources();
    build_program(&folder, "g++", "-O1", "program");
    set_mode(&folder.path("program"), 0o775);
    let mode = |name: &str| folder.path(name).metadata().expect(name).mode() & 0o7777;
    for (umask, expected) in [("077", 0o700), ("022", 0o755), ("0", 0o775)] {
        let line =
            format!("umask {umask}; rm -f new; {} fill program -o new {SET}", postlink().display());
        folder.run_words("sh".as_ref(), &["-c", &line]).ok();
        assert_eq!(mode("new"), expected, "{umask}");
    }
    assert_eq!(mode("program"), 0o775);
}

/// 20 KiB on the disk became 2 GiB.
#[test]
fn holes_stay_holes() {
    let folder = sources();
    build_program(&folder, "g++", "-O1", "program");
    let file = fs::File::options().append(true).open(folder.path("program")).expect("the program");
    file.set_len(2 << 30).expect("a hole");
    for line in ["fill program -o new", "fill program"] {
        folder.postlink(&format!("{line} {SET}")).ok();
    }
    for name in ["new", "program"] {
        let metadata = folder.path(name).metadata().expect(name);
        assert_eq!(metadata.len(), 2 << 30);
        assert!(metadata.blocks() * 512 < 1 << 20, "{name}: {} blocks", metadata.blocks());
        folder.run(&format!("./{name}")).ok();
    }
}

/// What a group might read, another one may not: `--output` over a file took its bits for the runner's group.
#[test]
fn an_output_over_a_file_gives_no_other_group_its_rights() {
    let folder = sources();
    build_program(&folder, "g++", "-O1", "program");
    let mode = || fs::metadata(folder.path("there")).expect("a file").mode() & 0o777;
    let fill = || folder.postlink(&format!("fill program --output there {SET}")).ok();
    for (set, most) in
        [("chgrp 0 there", 0o740), ("chgrp 4 there", 0o700), ("setfacl -m u:1000:rw there", 0o700)]
    {
        let _ = fs::remove_file(folder.path("there"));
        folder.write("there", "old");
        set_mode(&folder.path("there"), 0o640);
        folder.run(set).ok();
        fill();
        assert_eq!(mode(), most, "{set}");
    }
}
