//! Images: what a fill may change, and what it must not.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use postlink_format::Origin;
use postlink_patcher::fill::{Earlier, FillOptions, Filled, fill};
use postlink_patcher::record::{Assignment, Image, Mode, RecordEdit, Sources, Values, assignments};
use postlink_patcher::scan::{ScanOptions, scan};
use postlink_patcher::specialize::{Ending, Output, SpecializeOptions, specialize};
use postlink_patcher::verify::{Verified, VerifyOptions, verify};

use crate::folder::{Folder, choice};

/// The path that the first inputs were built for, and one for them.
const OLD: &str = "/opt/app-unspecialized";
const NEW: &str = "/opt/other";

/// Mach-O has four ways to begin, and two more where it is universal.
pub(crate) fn macho(data: &[u8]) {
    const MAGICS: [[u8; 4]; 5] = [
        [0xcf, 0xfa, 0xed, 0xfe],
        [0xce, 0xfa, 0xed, 0xfe],
        [0xfe, 0xed, 0xfa, 0xcf],
        [0xca, 0xfe, 0xba, 0xbe],
        [0xca, 0xfe, 0xba, 0xbf],
    ];
    let magic = MAGICS.iter().find(|magic| data.starts_with(*magic)).unwrap_or(&MAGICS[0]);
    image(magic, data);
}

/// Any file that begins like this.
pub(crate) fn image(magic: &[u8], data: &[u8]) {
    let mut bytes = data.to_vec();
    if bytes.len() < magic.len() {
        return;
    }
    bytes[..magic.len()].copy_from_slice(magic);
    let choice = choice(&bytes);
    let folder = Folder::new();
    let original = folder.write("original", &bytes);
    filled(&folder, &original, &bytes, choice);
    carried(&folder, &bytes, choice);
}

/// The values that are given: those that the inputs' fields know.
pub(crate) fn values(original: &Path) -> Vec<Assignment> {
    let Ok(image) = Image::open(original, Mode::Read) else { return Vec::new() };
    let known = |name: &str| {
        image.records().any(|(_, place)| place.shape.fields.iter().any(|field| field.name == name))
    };
    let sets = [("version", "9.8.7"), ("prefix", "/opt/p"), ("name", "a name")];
    let sets = sets.iter().filter(|(name, _)| known(name));
    let sets: Vec<String> = sets.map(|(name, value)| format!("{name}={value}")).collect();
    assignments(&Values { sets, ..Values::default() }, &Sources::default()).expect("values")
}

fn filled(folder: &Folder, original: &Path, bytes: &[u8], choice: u64) {
    let values = values(original);
    let output = folder.path("output");
    let mut options = FillOptions::default();
    options.selection.all = true;
    options.selection.earlier = Earlier::Reset;
    options.rewrite_identity = choice.is_multiple_of(4);
    options.output = Some(&output);
    let done = fill(original, &values, &options);
    let same = |path: &Path, bytes: &[u8]| std::fs::read(path).expect("a file") == bytes;
    assert!(same(original, bytes), "the original changed");
    let Ok(done) = done else {
        assert_eq!(folder.names(), ["original"], "a refused fill left something");
        return;
    };
    assert_eq!(folder.names(), ["original", "output"], "a fill left something");
    let made = std::fs::read(&output).expect("the output");
    only_planned(&done, bytes, &made);
    read_back(&done, &output);
    assert!(accepts(original, &output), "verify refuses what fill made");

    // Again: nothing else comes of it.
    let again = folder.path("again");
    options.output = Some(&again);
    fill(&output, &values, &options).expect("a second fill");
    assert!(same(&again, &made), "a second fill gives other bytes");

    // In place, into a file of its own.
    let own = folder.write("own", bytes);
    options.output = None;
    options.in_place = true;
    options.force = true;
    match fill(&own, &values, &options) {
        Ok(_) => assert!(same(&own, &made), "in place gives other bytes"),
        Err(_) => assert!(same(&own, bytes), "a refused fill in place changed the file"),
    }

    // One bit of what was made.
    let mut flipped = made;
    let bit = usize::try_from(choice >> 8).unwrap_or_default() % (flipped.len() * 8);
    flipped[bit / 8] ^= 1 << (bit % 8);
    let other = folder.write("flipped", &flipped);
    assert!(!accepts(original, &other), "verify accepts the flip of bit {bit}");
}

/// The bytes that differ outside of the records are few: an identity, hashes, a checksum.
fn only_planned(done: &Filled, before: &[u8], after: &[u8]) {
    assert_eq!(before.len(), after.len(), "the length changed");
    let planned = |at: usize| {
        let inside = |start: u64, len: usize| {
            let start = usize::try_from(start).expect("an offset");
            (start..start + len).contains(&at)
        };
        let mut edits = done.records.iter().flat_map(RecordEdit::edits);
        edits.any(|edit| inside(edit.offset, edit.after.len()))
    };
    let other = before.iter().zip(after).enumerate();
    let other = other.filter(|(at, (old, new))| old != new && !planned(*at)).count();
    let is_elf = before.starts_with(b"\x7fELF") && done.identity.is_none();
    assert!(!is_elf || other == 0, "{other} bytes changed outside of the records");
}

/// The values are those that were given.
fn read_back(done: &Filled, output: &Path) {
    let image = Image::open(output, Mode::Read).expect("what was filled can be read");
    for record in &done.records {
        let at = record.record_offset();
        let found = image.records().find(|(section, place)| section.offset + place.at as u64 == at);
        let (section, place) = found.expect("the record");
        let record = section.record(place).expect("a record");
        let values = record.values().expect("values");
        for (field, value) in values.iter() {
            let given = match field.name {
                "version" => "9.8.7",
                "prefix" => "/opt/p",
                _ => continue,
            };
            if value.origin == Origin::Set {
                assert_eq!(value.bytes, given.as_bytes(), "{}", field.name);
            }
        }
    }
}

/// Whether nothing differs that may not.
fn accepts(original: &Path, filled: &Path) -> bool {
    let mut options = VerifyOptions::default();
    options.original = original.to_owned();
    options.filled = filled.to_owned();
    match verify(&options, &()) {
        Ok(Verified::Images(report)) => report.differences.is_empty(),
        Ok(Verified::Trees(report)) => report.differences.is_empty(),
        Err(_) => false,
    }
}

/// The file as the only one of a tree.
fn carried(folder: &Folder, bytes: &[u8], choice: u64) {
    let file = folder.write("tree/lib/file", bytes);
    let mut search = ScanOptions::default();
    search.trees = vec![folder.path("tree")];
    search.references = vec![OLD.into()];
    scan(&search, &()).expect("a scan");
    let mut options = SpecializeOptions::default();
    options.outputs = vec![Output { source: folder.path("tree"), destination: NEW.into() }];
    options.rewrites = vec![(OLD.into(), NEW.into())];
    options.destdir = Some(folder.path("root"));
    options.equal_length = choice & 2 == 2;
    options.repack = choice & 4 == 4;
    options.assignments = values(&file);
    let done = specialize(&options, &(), &AtomicBool::new(false));
    assert_eq!(std::fs::read(file).expect("the file"), bytes, "the tree changed");
    let copy = folder.path("root/opt/other");
    match done {
        Ok(done) if done.ending == Ending::Specialized => {
            let mut compare = VerifyOptions::default();
            compare.original = folder.path("tree");
            compare.filled = copy;
            compare.rewrites = options.rewrites;
            compare.equal_length = options.equal_length;
            compare.repack = options.repack;
            let Ok(Verified::Trees(report)) = verify(&compare, &()) else { panic!("no report") };
            assert_eq!(report.differences, [], "verify refuses what specialize made");
        }
        _ => assert!(!copy.exists(), "a tree stays of a run that failed"),
    }
}
