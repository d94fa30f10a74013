//! `postlink specialize` where the system, other programs or its own arguments are against it: the
//! sources stay as they are, and what fails leaves nothing.
#![forbid(unsafe_code)]

use std::fs;
use std::os::unix::fs::symlink;

use postlink_tests::package::set_mode;
use postlink_tests::{Folder, Run};

/// A tree `old` with a text and a link that name it. Everyone may reach it.
fn tree() -> Folder {
    let folder = Folder::new();
    set_mode(&folder.path(""), 0o755);
    let old = folder.path("old");
    fs::create_dir_all(old.join("lib")).expect("a folder");
    fs::write(old.join("lib/values.pc"), format!("prefix={}\n", old.display())).expect("a text");
    symlink(old.join("lib/values.pc"), old.join("link")).expect("a link");
    folder
}

/// Specializes in the folder, where `@` stands for its path.
#[track_caller]
fn specialize(folder: &Folder, line: &str) -> Run {
    let path = folder.path("");
    let path = path.display().to_string();
    folder.postlink(&format!("specialize {}", line.replace('@', path.trim_end_matches('/'))))
}

/// A link such as `result`, which a build leaves, and a path with `..`.
#[test]
fn a_tree_is_known_by_its_real_path_too() {
    let folder = tree();
    symlink("old", folder.path("result")).expect("a link");
    for source in ["result", "old/../old", "old/", "./old"] {
        specialize(&folder, &format!("--output {source}=@/new")).ok();
        let new = folder.path("new");
        let text = String::from_utf8(folder.read("new/lib/values.pc")).expect("a text");
        assert_eq!(text, format!("prefix={}\n", new.display()), "{source}");
        assert_eq!(fs::read_link(new.join("link")).expect("a link"), new.join("lib/values.pc"));
        fs::remove_dir_all(new).expect("the tree");
    }
}
