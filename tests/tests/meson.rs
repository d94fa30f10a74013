//! The page for meson, as it is written there, from an empty folder.
#![forbid(unsafe_code)]

use postlink_tests::page::Page;
use postlink_tests::{Folder, fixture};

/// An empty folder with the files that the page names.
fn meson_project() -> Folder {
    let (cpp, meson) = (Page::read("patcher/guides/cpp.md"), Page::read("patcher/guides/meson.md"));
    let folder = Folder::new();
    folder.write("schema.toml", &cpp.blocks("toml")[0]);
    folder.write("lib.cc", &cpp.blocks("cpp")[0]);
    folder.write("meson.build", &meson.blocks("meson")[0]);
    folder.write("main.cc", &meson.blocks("cpp")[0]);
    folder
}

fn in_a_cpp_project(tools: &str, folder: &Folder) {
    let _ = Page::read("patcher/guides/meson.md").run_with(tools, folder);
}

#[test]
fn in_a_cpp_project_on_meson() {
    in_a_cpp_project("python", &meson_project());
}

/// The project demands no newer meson than it needs, and no older one than is tried.
#[test]
fn the_oldest_meson() {
    let oldest = fixture("../../target/python-oldest/bin/meson").display().to_string();
    let folder = meson_project();
    let version = folder.run(&format!("{oldest} --version")).ok();
    let project = String::from_utf8(folder.read("meson.build")).expect("text");
    assert!(project.contains(&format!("meson_version : '>={}'", version.trim())), "{version}");
    in_a_cpp_project("python-oldest", &folder);
}
