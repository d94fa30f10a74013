//! Programs and libraries for macOS that others built, with Apple's own tools: several hundred, from PyPI
//! and npm.

use postlink_tests::{Folder, fixture, matrix, postlink};

/// It takes half an hour, some gigabytes and the network, so only the full matrix has it.
#[test]
fn files_of_apples_tools() {
    if !matrix::is_full() {
        println!("POSTLINK_MATRIX=full tries files of PyPI and npm");
        return;
    }
    let folder = Folder::kept("macos");
    let python = fixture("../../target/python/bin/python");
    let script = fixture("../macho_foreign.py").display().to_string();
    let here = folder.path("").display().to_string();
    let postlink = postlink().display().to_string();
    let said = folder.run_words(python.as_os_str(), &[&script, &postlink, &here]).ok();
    println!("{said}");
    assert!(said.contains("carried to a path that is as long"), "{said}");
}
