//! Small files whose headers describe something very large: little memory, and a clear word.
#![forbid(unsafe_code)]

use postlink_tests::{Folder, Run, postlink};

/// Where the strings of [`minted`] are, in the file and in memory.
const STRINGS: u64 = 0x10_0000;

/// A little-endian ELF file of 64 bits with these entries in its dynamic section, and strings at
/// [`STRINGS`]; it has no section headers.
fn minted(entries: &[(u64, u64)], strings: &[u8]) -> Vec<u8> {
    let mut file = b"\x7fELF\x02\x01\x01".to_vec();
    file.resize(16, 0);
    let segments: [[u64; 3]; 2] =
        [[1, 0, STRINGS + strings.len() as u64], [2, 0x1000, 16 * (entries.len() as u64 + 3)]];
    file.extend([3_u16, 62].map(u16::to_le_bytes).concat());
    file.extend(1_u32.to_le_bytes());
    file.extend([0_u64, 64, 0].map(u64::to_le_bytes).concat());
    file.extend(0_u32.to_le_bytes());
    file.extend([64_u16, 56, segments.len() as u16, 64, 0, 0].map(u16::to_le_bytes).concat());
    for [kind, offset, size] in segments {
        let flags = 6 << 32;
        file.extend(
            [kind | flags, offset, offset, offset, size, size, 8].map(u64::to_le_bytes).concat(),
        );
    }
    file.resize(0x1000, 0);
    let table = [(5, STRINGS), (10, strings.len() as u64)];
    for (tag, value) in entries.iter().chain(&table).chain(&[(0, 0)]) {
        file.extend([*tag, *value].map(u64::to_le_bytes).concat());
    }
    file.resize(STRINGS as usize, 0);
    file.extend(strings);
    file
}

const NEEDED: u64 = 1;
const RUNPATH: u64 = 29;

/// Runs `postlink` with at most 600 MB of memory.
fn limited(folder: &Folder, line: &str) -> Run {
    let program = postlink().display();
    folder.run(&format!("env RAYON_NUM_THREADS=2 prlimit --as=600000000 {program} {line}"))
}

/// `scan` says of the file's reference that it is of this kind.
#[track_caller]
fn scanned_as(folder: &Folder, file: &[u8], kind: &str) {
    folder.write("hostile", file);
    let said = limited(folder, "scan --json --reference /opt/app hostile");
    assert!(said.code == 0 || said.code == 3, "{said:?}");
    let report: serde_json::Value = serde_json::from_str(&said.stdout).expect("one object");
    assert_eq!(report["trees"][0]["findings"][0]["kind"], kind, "{said:?}");
}

/// Each entry names another byte of one long string: 3,000 of them were 3 GB.
#[test]
fn many_names_that_share_one_long_string() {
    let folder = Folder::new();
    let mut strings = vec![b'a'; 1 << 20];
    strings.extend(b"\0/opt/app/lib\0");
    let names = |count: u64| (0..count).map(|at| (NEEDED, at)).collect::<Vec<_>>();
    // It is no file that a loader could read: its bytes are searched all the same.
    scanned_as(&folder, &minted(&names(3000), &strings), "data");
    let paths: Vec<_> = (0..3000).map(|at| (RUNPATH, at)).collect();
    scanned_as(&folder, &minted(&paths, &strings), "data");
    // As many short ones as one likes, if they are the same.
    let same = vec![(NEEDED, 1); 60_000];
    scanned_as(&folder, &minted(&same, b"\0libc.so.6\0/opt/app\0"), "string");
    let different: Vec<_> = (0..60_000).map(|at| (NEEDED, at)).collect();
    let mut strings = vec![0; 60_000];
    strings.extend(b"/opt/app/lib\0");
    scanned_as(&folder, &minted(&different, &strings), "data");
}

/// A list of many folders is longer than a path may be.
#[test]
fn a_runpath_of_many_folders_is_read() {
    let folder = Folder::new();
    let folders = vec!["/opt/app/a/library/among/others/lib"; 1000].join(":") + "\0";
    let file = minted(&[(RUNPATH, 0)], folders.as_bytes());
    scanned_as(&folder, &file, "runpath");
    limited(&folder, "specialize --output hostile=/x/y --rewrite /opt/app=/opt/q --destdir out")
        .ok();
    let out = folder.read("out/x/y");
    let count =
        |file: &[u8], what: &[u8]| file.windows(what.len()).filter(|at| *at == what).count();
    assert_eq!((count(&out, b"/opt/q/a"), count(&out, b"/opt/app")), (1000, 0));
}

/// Java classes begin as a Mach-O file for several processors does.
#[test]
fn a_java_class_is_no_mach_o_file() {
    let folder = Folder::new();
    folder.write("Main.class", b"\xca\xfe\xba\xbe\0\0\0\x41\0\x1d\x0a\0\x02");
    let said = folder.postlink("inspect Main.class").fails(1);
    assert!(said.contains("it is not an ELF, Mach-O or PE file"), "{said}");
    folder.write("universal", b"\xca\xfe\xba\xbe\0\0\0\x02\x01\0\0\x07\0\0\0\x03");
    let said = folder.postlink("inspect universal").fails(1);
    assert!(said.contains("it is a truncated or damaged Mach-O file"), "{said}");
}

/// The libraries of the system and of the compilers, sanitizers too, carry no records.
#[test]
fn a_program_without_a_record_names_libraries_that_may_have_one() {
    let folder = Folder::new();
    folder.write("own.cc", "int own() { return 0; }\n");
    folder.write("main.cc", "#include <cmath>\n#include <string>\nint own();\nint main(int count, char** words) { return own() + std::sqrt(count) + std::stoi(words[0]); }\n");
    folder.run("g++ -shared -fPIC own.cc -o libcown.so").ok();
    folder.run("g++ main.cc -L. -lcown -lpthread -Wl,--no-as-needed -lm -lgcc_s -ldl -lasan -lubsan -o main").ok();
    let said = folder.postlink("inspect main").fails(1);
    assert!(said.contains("carries the record: `libcown.so`\n"), "{said}");
    folder.run("g++ -x c++ own.cc -shared -fPIC -o alone.so").ok();
    let said = folder.postlink("inspect alone.so").fails(1);
    assert!(!said.contains("carries the record"), "{said}");
}
