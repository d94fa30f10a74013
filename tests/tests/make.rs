//! The guide for make and autotools, as it is written there.
#![forbid(unsafe_code)]

use postlink_tests::Folder;
use postlink_tests::page::Page;

/// Runs the commands of a part in a folder with the page's files; what the program in it prints is what
/// the page says.
fn runs(heading: &str, files: &[(&str, &str)]) -> Folder {
    let page = Page::read("patcher/guides/make.md");
    let part = page.part(heading);
    let folder = Folder::new();
    folder.write("schema.toml", &page.blocks("toml")[0]);
    folder.write("lib.cc", &page.blocks("cpp")[0]);
    folder.write("main.cc", &page.blocks("cpp")[1]);
    files.iter().for_each(|(name, language)| folder.write(name, &part.blocks(language)[0]));
    let said = part.run(&folder);
    let is_of_program = |line: &&str| line.starts_with("app ") && line.contains(" in /");
    let printed: Vec<&str> = said.lines().filter(is_of_program).collect();
    let promised: Vec<&str> = part.text().lines().filter(is_of_program).collect();
    assert_eq!(printed, promised, "{said}");
    assert_eq!(printed.len(), 2);
    folder
}

#[test]
fn with_make() {
    let folder = runs("With make", &[("Makefile", "make")]);
    folder.postlink("verify libapp.so stage/opt/app/lib/libapp.so").ok();
}

/// `make distcheck`, the last of the commands, also builds from the packed archive in another folder.
#[test]
fn with_autotools() {
    let files = [("configure.ac", "m4"), ("Makefile.am", "automake")];
    let folder = runs("With autotools", &files);
    assert!(folder.path("app-2.1.0.tar.gz").exists());
    folder.postlink("inspect stage/opt/app/lib/libapp.so").ok();
}
