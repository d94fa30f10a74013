//! Damaged PE and COFF files: whatever is in their headers, they are refused or filled, at once and in little
//! memory.

use std::ops::Range;
use std::path::Path;

use postlink_patcher::fill::{FillOptions, fill};
use postlink_patcher::record::{Sources, Values, assignments};
use postlink_patcher::scan::{ScanOptions, scan};
use postlink_tests::lix::sources;
use postlink_tests::random::Random;
use postlink_tests::{Folder, matrix};

/// Changes some bytes of these ranges, or whole numbers to ones that are often wrong.
fn mutate(bytes: &mut [u8], ranges: &[Range<usize>], random: &mut Random) {
    let length = bytes.len() as u32;
    let odd = [0, 1, 7, 0xff, 0xffff, 0x7fff_ffff, 0x8000_0000, u32::MAX, length, length - 8];
    for _ in 0..=random.below(4) {
        let range = ranges[random.below(ranges.len())].clone();
        let at = range.start + random.below(range.len() - 4);
        match random.below(4) {
            0 => bytes[at] = random.below(256) as u8,
            1 => bytes[at] ^= 1 << random.below(8),
            2 => {
                let half = random.below(1 << 16) as u16;
                bytes[at & !1..][..2].copy_from_slice(&half.to_le_bytes());
            }
            _ => bytes[at & !3..][..4].copy_from_slice(&odd[random.below(odd.len())].to_le_bytes()),
        }
    }
}

/// Whether it is filled; a search of it ends too.
fn done(file: &Path) -> bool {
    let sets = ["version=2.0.1", "prefix=/x"].map(str::to_owned).into();
    let values = assignments(&Values { sets, ..Values::default() }, &Sources::default());
    let mut options = FillOptions::default();
    options.dry_run = true;
    options.allowed.drop_signature = true;
    let filled = fill(file, &values.expect("values"), &options).is_ok();
    let mut options = ScanOptions::default();
    options.trees = vec![file.to_owned()];
    options.references = vec!["/usr/local".into()];
    scan(&options, &()).expect("a search of any file ends well");
    filled
}

/// Where the tables are that a file names: by section, and by what begins with these bytes.
fn range(bytes: &[u8], begins: &[u8], size: usize) -> Range<usize> {
    let at = bytes.windows(begins.len()).position(|window| window == begins).expect("a table");
    at..(at + size).min(bytes.len())
}

fn attack(folder: &Folder, whole: &[u8], ranges: &[Range<usize>], name: &str) {
    let cases = if matrix::is_full() { 20_000 } else { 500 };
    let path = folder.path(name);
    std::fs::write(&path, whole).expect("a file");
    assert!(done(&path), "{name} as it is");
    let mut random = Random(0x5eed + whole.len() as u64);
    let mut filled = 0;
    for _ in 0..cases {
        let mut bytes = whole.to_vec();
        mutate(&mut bytes, ranges, &mut random);
        if random.below(20) == 0 {
            bytes.truncate(random.below(whole.len()));
        }
        std::fs::write(&path, bytes).expect("a file");
        filled += u32::from(done(&path));
    }
    println!("{name}: {filled} of {cases} are filled all the same");
    assert!(filled > 0 && filled < cases);
}

#[test]
fn headers_are_read_with_care() {
    let folder = sources();
    for (compiler, name) in [("x86_64-w64-mingw32-g++", "64"), ("i686-w64-mingw32-g++", "32")] {
        let line = format!("{compiler} -std=c++17 -Os -shared lix.gen.cc -o {name}.dll -lstdc++");
        folder.run(&line).ok();
        let mut image = folder.read(&format!("{name}.dll"));
        // A signature, so that there is something to remove.
        let start = image.len().next_multiple_of(8);
        image.resize(start, 0);
        image.extend([24, 0, 0, 0, 0, 2, 2, 0, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7]);
        let header = u32::from_le_bytes(image[0x3c..0x40].try_into().expect("four bytes")) as usize;
        let directories = header + 24 + if name == "64" { 112 } else { 96 };
        let entry = [(start as u32).to_le_bytes(), 24_u32.to_le_bytes()].concat();
        image[directories + 32..directories + 40].copy_from_slice(&entry);
        let number =
            |at: usize| u32::from_le_bytes(image[at..at + 4].try_into().expect("four")) as usize;
        let (symbols, count) = (number(header + 12), number(header + 16));
        let ranges = [
            0..0x400,
            header..directories + 128,
            directories..0x400,
            symbols..symbols + 18 * count + 64,
            range(&image, b"KERNEL32", 400),
        ];
        attack(&folder, &image, &ranges, &format!("{name}.exe"));
    }
    let flags = ["", "-Wa,-mbig-obj"];
    for (more, name) in flags.into_iter().zip(["object", "big"]) {
        let gcc = "x86_64-w64-mingw32-g++ -std=c++17 -Os -g";
        folder.run(&format!("{gcc} {more} -c lix.gen.cc -o {name}.obj")).ok();
        let object = folder.read(&format!("{name}.obj"));
        let end = object.len();
        let symbols = if name == "big" { 48 } else { 8 };
        let at = u32::from_le_bytes(object[symbols..symbols + 4].try_into().expect("four bytes"));
        let ranges = [0..60, 0..60, 60..1200, at as usize..end, at as usize..end];
        attack(&folder, &object, &ranges, &format!("{name}.obj"));
    }
}
