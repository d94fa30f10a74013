//! What a run removes that others left: only what is its own, and what nobody else can have put there.
#![forbid(unsafe_code)]

use std::fs::{self, create_dir, create_dir_all};
use std::os::unix::fs::chown;

use postlink_tests::Folder;
use postlink_tests::package::set_mode;

/// A small tree.
fn tree() -> Folder {
    let folder = Folder::new();
    create_dir_all(folder.path("old/share")).expect("a folder");
    folder.write("old/share/readme", "text");
    folder
}

/// What somebody else gives a name of ours to is not ours to remove.
#[test]
fn a_folder_that_others_can_rename_is_not_swept() {
    let folder = tree();
    create_dir_all(folder.path("shared/.postlink-abcdefghijklmnop/private")).expect("a folder");
    create_dir(folder.path("shared/.postlink-ponmlkjihgfedcba")).expect("a folder");
    let kept = folder.path("shared/.postlink-abcdefghijklmnop");
    let line = format!("specialize --output old={}", folder.path("shared/new").display());
    let run = || {
        folder.postlink(&line).ok();
        fs::remove_dir_all(folder.path("shared/new")).expect("the new tree");
    };
    for mode in [0o777, 0o775] {
        set_mode(&folder.path("shared"), mode);
        run();
        assert!(kept.join("private").is_dir(), "{mode:o}");
    }
    // An empty one they could remove as well.
    assert!(!folder.path("shared/.postlink-ponmlkjihgfedcba").exists());
    chown(folder.path("shared"), Some(1000), None).expect("an owner");
    set_mode(&folder.path("shared"), 0o755);
    run();
    assert!(kept.is_dir());
    // Where nobody else can, or only the owner of a name, it goes.
    chown(folder.path("shared"), Some(0), None).expect("an owner");
    set_mode(&folder.path("shared"), 0o1777);
    run();
    assert!(!kept.exists());
}

/// In a shared folder, somebody gives a file of ours a second name that looks left over: the file stays.
#[test]
fn a_hard_link_that_is_swept_leaves_the_file() {
    let folder = tree();
    create_dir(folder.path("tmp")).expect("a folder");
    set_mode(&folder.path("tmp"), 0o1777);
    folder.write("precious", "text");
    let name = folder.path("tmp/.postlink-abcdefghijklmnop");
    fs::hard_link(folder.path("precious"), &name).expect("a link");
    folder.postlink(&format!("specialize --output old={}", folder.path("tmp/new").display())).ok();
    assert!(!name.exists());
    assert_eq!(folder.read("precious"), b"text");
}

/// Root writes files for other users: what it leaves belongs to them.
#[test]
fn root_sweeps_what_it_left_of_a_file_of_somebody_else() {
    let folder = tree();
    folder.write(".postlink-abcdefghijklmnop", "new");
    chown(folder.path(".postlink-abcdefghijklmnop"), Some(1000), None).expect("an owner");
    folder.postlink(&format!("specialize --output old={}", folder.path("new").display())).ok();
    assert!(!folder.path(".postlink-abcdefghijklmnop").exists());
}
