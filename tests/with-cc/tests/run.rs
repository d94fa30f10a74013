//! The program is run as it was built, and filled.

use postlink_tests::Folder;

#[test]
fn both_languages_read_what_is_filled() {
    let folder = Folder::new();
    std::fs::copy(env!("CARGO_BIN_EXE_with-cc"), folder.path("program")).expect("a copy");
    assert_eq!(folder.run("./program").ok(), "C++: hello, nobody\nRust: hello, nobody\n");
    folder.postlink("fill program --set greeting=hi --set names=you --set names=me").ok();
    assert_eq!(
        folder.run("./program").ok(),
        "C++: hi, you\nC++: hi, me\nRust: hi, you\nRust: hi, me\n"
    );
}
