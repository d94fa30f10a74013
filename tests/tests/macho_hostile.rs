//! Damaged Mach-O files: whatever is in their headers and signatures, they are refused or filled, at once.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use postlink_patcher::fill::{FillOptions, fill};
use postlink_patcher::record::{Sources, Values, assignments};
use postlink_patcher::specialize::{Output, SpecializeOptions, specialize};
use postlink_tests::Folder;
use postlink_tests::macho::mint;
use postlink_tests::matrix::is_full;
use postlink_tests::random::Random;

/// Files of each kind that are tried.
fn cases() -> u32 {
    if is_full() { 40_000 } else { 2_000 }
}

/// Changes some bytes of these ranges, or whole numbers to ones that are often wrong.
fn mutate(bytes: &mut [u8], ranges: &[std::ops::Range<usize>], random: &mut Random) {
    const ODD: [u32; 9] =
        [0, 1, 7, 0xff, 0x1000, 0x7fff_ffff, 0x8000_0000, 0xffff_fff8, 0xffff_ffff];
    for _ in 0..=random.below(3) {
        let range = ranges[random.below(ranges.len())].clone();
        let at = range.start + random.below(range.len() - 4);
        match random.below(3) {
            0 => bytes[at] = random.below(256) as u8,
            1 => bytes[at] ^= 1 << random.below(8),
            _ => {
                let at = at & !3;
                let odd = ODD[random.below(ODD.len())];
                let odd = if random.below(2) == 0 { odd.to_le_bytes() } else { odd.to_be_bytes() };
                bytes[at..at + 4].copy_from_slice(&odd);
            }
        }
    }
}

fn fill_each_way(file: &Path) -> usize {
    let values = Values { sets: vec!["version=2.0.1".to_owned()], ..Values::default() };
    let values = assignments(&values, &Sources::default()).expect("values");
    let mut done = 0;
    for adhoc in [false, true] {
        let mut options = FillOptions::default();
        options.dry_run = true;
        options.allowed.adhoc = adhoc;
        done += usize::from(fill(file, &values, &options).is_ok());
    }
    done
}

fn carry(tree: &Path, destination: &str) -> bool {
    let mut options = SpecializeOptions::default();
    let destination = destination.into();
    options.outputs = vec![Output { source: tree.to_owned(), destination }];
    options.rewrites = vec![("/opt/old".into(), "/opt/a/longer/one".into())];
    options.allowed.adhoc = true;
    options.dry_run = true;
    specialize(&options, &(), &AtomicBool::new(false)).is_ok()
}

#[test]
fn load_commands_and_signatures_are_read_with_care() {
    let folder = Folder::new();
    let how = r#"{"directories": [{"hash": 1, "power": 12, "team": "T"}, {"hash": 2, "power": 14}, {"hash": 4, "power": 0}],
        "requirements": 80, "entitlements": "<plist/>", "cms": 200, "rpaths": ["/opt/old/lib", "@loader_path"]}"#;
    mint(&folder, "lib.dylib", how);
    let whole = folder.read("lib.dylib");
    std::fs::create_dir(folder.path("tree")).expect("a folder");
    let path = folder.path("tree/lib.dylib");
    let mut random = Random(0x5eed);
    let mut counts = [0, 0];
    let (headers, signature) = (0..700, 0x8040..whole.len());
    for case in 0..cases() {
        let mut bytes = whole.clone();
        match case % 3 {
            0 => mutate(&mut bytes, std::slice::from_ref(&headers), &mut random),
            1 => mutate(&mut bytes, std::slice::from_ref(&signature), &mut random),
            _ => mutate(&mut bytes, &[headers.clone(), signature.clone()], &mut random),
        }
        if case % 50 == 0 {
            bytes.truncate(random.below(whole.len()));
        }
        std::fs::write(&path, &bytes).expect("a file");
        counts[0] += fill_each_way(&path);
        if case % 5 == 0 {
            counts[1] += usize::from(carry(&folder.path("tree"), "/opt/nowhere"));
        }
    }
    // Some changes do no harm, and most do.
    println!("{counts:?} of {} were as good as before", cases());
    assert!(counts.iter().all(|&count| count > 0 && count < 2 * cases() as usize), "{counts:?}");
}

#[test]
fn universal_files_are_read_with_care() {
    let folder = Folder::new();
    mint(&folder, "arm64.dylib", r#"{"directories": [{"hash": 2}]}"#);
    folder.run("llvm-lipo-19 -create arm64.dylib -output fat.dylib").ok();
    folder.write("text", "no object file\n");
    folder.run("llvm-ar-19 rcS lib.a arm64.dylib text").ok();
    let path = folder.path("case");
    let mut random = Random(0xfa7);
    let mut done = 0;
    for (file, headers) in [("fat.dylib", 0..32), ("lib.a", 0..140)] {
        let whole = folder.read(file);
        for _ in 0..cases() / 5 {
            let mut bytes = whole.clone();
            mutate(&mut bytes, std::slice::from_ref(&headers), &mut random);
            std::fs::write(&path, &bytes).expect("a file");
            done += fill_each_way(&path);
        }
    }
    assert!(done > 0);
}
