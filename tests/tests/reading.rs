//! What is read from the headers of files that are unusual, and right.
#![forbid(unsafe_code)]

use postlink_patcher::tables::{Tables, tables};
use postlink_tests::Folder;

/// An object file with more sections than its header has bytes, and a text in one of them.
fn object() -> (Folder, Vec<u8>) {
    let folder = Folder::new();
    let empty = (0..100).map(|number| format!(".section .of_{number}, \"a\"\n"));
    let text = ".data\n.ascii \"/opt/app/share\"\n".to_owned();
    folder.write("many.s", empty.chain([text]).collect::<String>());
    folder.run("gcc -c -o object.o many.s").ok();
    let file = folder.read("object.o");
    (folder, file)
}

/// The numbers of an ELF file of 64 bits: `e_shoff`, `e_shnum`.
fn section_headers(file: &[u8]) -> (usize, u16) {
    let offset = u64::from_le_bytes(file[40..48].try_into().expect("8 bytes"));
    (offset as usize, u16::from_le_bytes(file[60..62].try_into().expect("2 bytes")))
}

fn read(folder: &Folder, name: &str, file: &[u8]) -> Tables {
    folder.write(name, file);
    tables(&folder.path(name)).expect("it can be read")
}

/// The first section header tells how many there are, where the ELF header has no room for the number. That
/// was taken for a section without a name, which hid those at the start of the file.
#[test]
fn the_number_of_sections_is_no_section() {
    let (folder, file) = object();
    let (at, count) = section_headers(&file);
    let mut other = file.clone();
    other[60..62].fill(0);
    other[at + 32..at + 40].copy_from_slice(&u64::from(count).to_le_bytes());
    let expected = read(&folder, "object.o", &file);
    assert!(expected.parts.iter().any(|part| part.0 == ".data"), "{expected:?}");
    assert!(expected.parts.iter().all(|part| !part.0.is_empty()), "{expected:?}");
    let found = read(&folder, "other.o", &other);
    assert_eq!((found.parts, found.regions), (expected.parts, expected.regions));
    assert!(folder.run("readelf --sections other.o").ok().contains(".data"));
}

/// A file need not have names of sections. It was called damaged.
#[test]
fn sections_may_have_no_names() {
    let (folder, mut file) = object();
    let named = read(&folder, "object.o", &file);
    // `e_shstrndx`.
    file[62..64].fill(0);
    let nameless = read(&folder, "nameless.o", &file);
    assert_eq!(nameless.problem, None);
    let places = |tables: &Tables| {
        tables.parts.iter().map(|(_, at, size, _)| (*at, *size)).collect::<Vec<_>>()
    };
    assert_eq!(places(&nameless), places(&named));
    assert!(nameless.parts.iter().all(|part| part.0 == "section without a name"), "{nameless:?}");
    let said = folder.postlink("scan nameless.o --reference /opt/app").fails_with_output(3);
    assert!(said.contains("1 found"), "{said}");
}

/// The name of a library stands behind the numbers of its load command. One among these was read as a name,
/// and could have been rewritten.
#[test]
fn the_name_of_a_library_is_not_among_its_numbers() {
    let folder = Folder::new();
    let library = |name_at: u32| {
        let header = [0xfeed_facf, 0x0100_0007, 3, 6, 1, 32, 0, 0];
        let command = [0xc, 32, name_at, 2, 0x1_0000, 0x1_0000];
        let numbers = header.into_iter().chain(command).flat_map(u32::to_le_bytes);
        numbers.chain(*b"a.dylib\0").collect::<Vec<u8>>()
    };
    let right = read(&folder, "right.dylib", &library(24));
    assert_eq!(right.strings, [("name of a library", 56, "a.dylib".to_owned())]);
    let wrong = read(&folder, "wrong.dylib", &library(20));
    let problem = wrong.problem.expect("it is damaged");
    assert!(problem.contains("a string is not in its load command"), "{problem}");
}

/// Templates of C++ have sections with very long names. That one is cut was not told.
#[test]
fn a_name_that_is_cut_says_so() {
    let folder = Folder::new();
    let name = |length: usize| format!(".text${}", "n".repeat(length - 6));
    let source = |length: usize| format!(".section {},\"x\"\n.byte 1\n", name(length));
    for (length, expected) in
        [(255, name(255)), (256, name(256)), (257, name(256) + "…"), (900, name(256) + "…")]
    {
        folder.write("long.s", source(length));
        for assembler in ["as", "x86_64-w64-mingw32-as"] {
            folder.run(&format!("{assembler} -o long.o long.s")).ok();
            let read = tables(&folder.path("long.o")).expect("it can be read");
            let named = |found: &str| found == expected;
            assert!(read.parts.iter().any(|part| named(&part.0)), "{assembler}: {read:?}");
            assert!(read.regions.iter().any(|region| named(&region.0)), "{assembler}: {read:?}");
        }
    }
}
