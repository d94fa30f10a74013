//! `postlink verify`: what a fill made is accepted, everything else is named.

use std::fs;

use postlink_tests::lix::{build_library, sources};
use postlink_tests::reads::assert_each_is_needed;
use postlink_tests::{Folder, postlink};

const SET: &str = "--set version=1.2.3 --set prefix=/p";

fn filled() -> Folder {
    let folder = sources();
    build_library(&folder, "g++", "-O1");
    folder.copy("libvalues.so", "fresh.so");
    folder.postlink(&format!("fill libvalues.so {SET}")).ok();
    folder
}

/// Where a section's bytes begin, as readelf says.
fn offset(folder: &Folder, file: &str, section: &str) -> usize {
    let sections = folder.run(&format!("readelf -SW {file}")).ok();
    let line = sections.lines().find(|line| line.contains(&format!(" {section} "))).expect(section);
    let mut words =
        line.split(&format!(" {section} ")).nth(1).expect(line).split_whitespace().skip(2);
    usize::from_str_radix(words.next().expect(line), 16).expect(line)
}

#[test]
fn a_flipped_byte_is_named() {
    let folder = filled();
    folder.postlink("verify fresh.so libvalues.so").ok();
    folder.postlink("verify fresh.so fresh.so").ok();
    let good = folder.read("libvalues.so");
    let record = offset(&folder, "fresh.so", "postlink_lix");
    // A byte of the code, of the descriptor, of a value, behind a value, of the state, of a header.
    let places = [
        (offset(&folder, "fresh.so", ".text") + 5, ".text"),
        (record + 9, "postlink_lix"),
        (record + 50, "postlink_lix"),
        (record + 178, "postlink_lix"),
        (record + 300, "postlink_lix"),
        (record + 80, "postlink_lix"),
        (17, "ELF header"),
    ];
    for (place, region) in places {
        let mut bad = good.clone();
        bad[place] ^= 1;
        folder.write("bad.so", &bad);
        let run = folder.postlink("verify fresh.so bad.so");
        assert!(run.code == 3 || (run.code == 1 && region == "ELF header"), "{place} {run:?}");
        assert!(run.code == 1 || run.stdout.contains(&format!("{region}: ")), "{place} {run:?}");
        let json = folder.postlink("verify --json fresh.so bad.so");
        assert!(serde_json::from_str::<serde_json::Value>(&json.stdout).is_ok(), "{json:?}");
    }
    folder.write("bad.so", [good.as_slice(), b"tail"].concat());
    assert!(folder.postlink("verify fresh.so bad.so").stdout.contains("the file has"));
}

/// One without a record was opened again by its path, where another file could be by then.
#[test]
fn each_file_is_opened_once() {
    let folder = filled();
    folder.write("text", "no image");
    for (filled, code) in [("libvalues.so", 0), ("text", 3)] {
        let line = format!("verify fresh.so {filled}");
        let strace = format!("strace -f -o trace -e trace=open,openat {}", postlink().display());
        folder.run(&format!("{strace} {line}")).fails_with_output(code);
        let trace = String::from_utf8(folder.read("trace")).expect("UTF-8");
        for name in ["fresh.so", filled] {
            assert_eq!(trace.matches(&format!("\"{name}\"")).count(), 1, "{trace}");
        }
    }
}

/// Where the one of two files could not be read, the other was named.
#[test]
fn the_file_that_cannot_be_read_is_named() {
    let folder = filled();
    for place in ["old/x", "new/x"] {
        fs::create_dir_all(folder.path(&place[..3])).expect("a folder");
        folder.write(place, "text".repeat(100));
    }
    for (line, files) in [
        ("verify fresh.so libvalues.so", ["fresh.so", "libvalues.so"]),
        ("verify old new", ["old/x", "new/x"]),
    ] {
        folder.postlink(line).ok();
        for name in files {
            assert_each_is_needed(&folder, line, name);
        }
    }
}

/// A value that no fill would have written, though its checksum is right.
#[test]
fn a_forged_value_is_named() {
    let folder = filled();
    let mut forged = folder.read("libvalues.so");
    let area = offset(&folder, "libvalues.so", "postlink_lix") + 80;
    let header = u32::from_le_bytes(*forged[area - 60..].first_chunk().expect("values_size"));
    let path =
        forged[area..].windows(6).position(|bytes| bytes == b"/p/bin").expect("the value") + area;
    forged[path + 1] = b'q';
    let end = area + header as usize;
    let sum = postlink_format::values_checksum(3, &forged[area + 8..end]);
    forged[area + 4..area + 8].copy_from_slice(&sum.to_le_bytes());
    folder.write("forged.so", &forged);
    let said = folder.postlink("inspect forged.so").fails(1);
    assert!(said.contains("no fill would have written them"), "{said}");
    let run = folder.postlink("verify fresh.so forged.so");
    assert!(run.code == 3 && run.stdout.contains("no fill would have written them"), "{run:?}");
}

#[test]
fn what_objcopy_changes_beyond_the_section_is_listed() {
    let folder = sources();
    folder.run("clang++-19 -std=c++17 -O1 -fuse-ld=lld -fPIC -shared values.cc lix.gen.cc -o libvalues.so").ok();
    folder.copy("libvalues.so", "fresh.so");
    folder.postlink(&format!("payload --image fresh.so --section lix {SET} --output payload")).ok();
    for objcopy in ["objcopy", "llvm-objcopy-19"] {
        folder.copy("fresh.so", "libvalues.so");
        folder.run(&format!("{objcopy} --update-section postlink_lix=payload libvalues.so")).ok();
        let run = folder.postlink("verify fresh.so libvalues.so");
        assert_eq!(run.code, 3, "{objcopy} {run:?}");
        assert!(
            run.stdout.contains("ELF header: ") || run.stdout.contains("bytes differ"),
            "{run:?}"
        );
        assert!(!run.stdout.contains("postlink_lix: "), "the section itself is as filled: {run:?}");
    }
}
