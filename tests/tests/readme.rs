//! The README, from an empty folder to a packaged program.
#![forbid(unsafe_code)]

use postlink_tests::Folder;
use postlink_tests::page::Page;
use postlink_tests::rust::example;

/// One chapter takes the files of the one before.
#[test]
fn from_a_schema_to_a_package() {
    let readme = Page::read("README.md");
    let (cpp, packager) = (readme.part("In C++"), readme.part("For a packager"));
    let folder = Folder::new();
    folder.write("schema.toml", &cpp.blocks("toml")[0]);
    folder.write("main.cc", &cpp.blocks("cpp")[0]);
    let said = cpp.run(&folder);
    assert_eq!(said.matches(" reads ").count(), 2, "{said}");
    let _ = packager.run(&folder);
    assert_eq!(folder.read("final/srv/app/app.conf"), b"data: /srv/app/share/app\n");
}

#[test]
fn in_rust() {
    let readme = Page::read("README.md");
    let (cpp, rust) = (readme.part("In C++"), readme.part("In Rust"));
    let schema = format!("[section.app]\nowner = \"rust\"\n{}", cpp.blocks("toml")[0]);
    let folder = example(&schema, &rust.blocks("rust")[0]);
    let said = rust.run(&folder);
    assert!(said.contains("2.0.0 reads"), "{said}");
}

/// Whoever wants more has the book.
#[test]
fn it_is_short() {
    let lines = Page::read("README.md").text().lines().count();
    assert!(lines <= 150, "{lines} lines");
}
