//! `postlink scan --against`: no byte of an image differs that is neither explained nor told.
#![forbid(unsafe_code)]

use std::fs::create_dir;

use postlink_tests::Folder;
use postlink_tests::reads::assert_each_is_needed;
use serde_json::Value as Json;

const LINE: &str = "scan one --reference /opt/one --against two";

/// The differences that nothing explains, and the exit code.
#[track_caller]
fn differences(folder: &Folder, code: i32) -> Vec<Json> {
    let run = folder.postlink(&format!("{LINE} --json"));
    assert_eq!(run.code, code, "{run:?}");
    let report: Json = serde_json::from_str(&run.stdout).expect("one object");
    report["against"]["differences"].as_array().expect("differences").clone()
}

/// Bytes that no section has were looked at only where both files have the same size and sections.
#[test]
fn bytes_outside_of_sections_are_told() {
    let folder = Folder::new();
    folder.write("app.cc", "int answer() { return 42; }\n");
    for tree in ["one", "two"] {
        create_dir(folder.path(tree)).expect("a folder");
    }
    folder.run("g++ -shared -fPIC app.cc -o one/liba.so").ok();
    let library = folder.read("one/liba.so");
    let other = |file: &[u8]| folder.write("two/liba.so", file);
    other(&library);
    assert!(differences(&folder, 0).is_empty());
    other(&[library.as_slice(), b"appended payload"].concat());
    let told = differences(&folder, 3);
    assert_eq!(told[0]["section"], "outside all sections", "{told:#?}");
    assert!(told[0]["message"].as_str().expect("a text").ends_with(" in the other"), "{told:#?}");
    folder.write("one/liba.so", [library.as_slice(), b"appended payload"].concat());
    other(&[library.as_slice(), b"appended PAYLOAD"].concat());
    let told = differences(&folder, 3);
    let place = (&told[0]["section"], &told[0]["bytes"]);
    assert_eq!(place, (&"outside all sections".into(), &7.into()), "{told:#?}");
    // Behind a section that is not where it was.
    folder.run("objcopy --set-section-alignment .comment=4096 one/liba.so two/liba.so").ok();
    let moved = folder.read("two/liba.so");
    for (file, payload) in [("one", "appended payload"), ("two", "appended PAYLOAD")] {
        let file = format!("{file}/liba.so");
        let bare = if file.starts_with("one") { &library } else { &moved };
        folder.write(&file, [bare.as_slice(), payload.as_bytes()].concat());
    }
    let told = differences(&folder, 3);
    assert!(told.iter().any(|one| one["section"] == "outside all sections"), "{told:#?}");
}

/// A file that could not be read was taken for one without symbols, records or sections, and nothing differed.
#[test]
fn each_read_is_needed() {
    let folder = Folder::new();
    for (tree, number) in [("one", 1), ("two", 2)] {
        create_dir(folder.path(tree)).expect("a folder");
        folder.write("app.cc", format!("int answer() {{ return {number}; }}\n"));
        folder.run(&format!("g++ -shared -fPIC app.cc -o {tree}/liba.so")).ok();
    }
    let told = differences(&folder, 3);
    assert_eq!(told[0]["symbol"], "answer()", "{told:#?}");
    for name in ["one/liba.so", "two/liba.so"] {
        assert_each_is_needed(&folder, LINE, name);
    }
}

/// What an image without a record takes from elsewhere is far from its headers: that it could not be read was no
/// error, as nobody is told of it here.
#[test]
fn each_read_of_a_library_without_a_record_is_needed() {
    let folder = Folder::new();
    let code =
        "#include <string>\nstd::string answer() { return \"a text that is no immediate\"; }\n";
    for (tree, more) in [("one", ""), ("two", "\n")] {
        create_dir(folder.path(tree)).expect("a folder");
        folder.write("app.cc", [more, code].concat());
        folder.run("g++ -g -O2 -c app.cc").ok();
        folder.run(&format!("ar rcs {tree}/liba.a app.o")).ok();
    }
    // What is inside of an archive, and cannot be read, is told as a finding.
    let line = format!("{LINE} --no-members");
    assert_each_is_needed(&folder, &line, "one/liba.a");
}
