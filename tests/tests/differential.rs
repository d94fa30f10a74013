//! postlink beside GNU objcopy and llvm-objcopy, on many files: the same section, and what else each
//! of them changes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use postlink_tests::lix::{VERSION, expected, long_prefix, sources, unspecialized};
use postlink_tests::{Folder, matrix};
use rayon::prelude::*;

/// Folders of this machine's own files, and of its cross compilers, with the prefix of their objcopy.
const PLACES: [(&str, &str); 9] = [
    ("/usr/bin", ""),
    ("/usr/lib/x86_64-linux-gnu", ""),
    ("/usr/aarch64-linux-gnu/lib", "aarch64-linux-gnu-"),
    ("/usr/arm-linux-gnueabihf/lib", "arm-linux-gnueabihf-"),
    ("/usr/i686-linux-gnu/lib", "i686-linux-gnu-"),
    ("/usr/powerpc-linux-gnu/lib", "powerpc-linux-gnu-"),
    ("/usr/powerpc64le-linux-gnu/lib", "powerpc64le-linux-gnu-"),
    ("/usr/riscv64-linux-gnu/lib", "riscv64-linux-gnu-"),
    ("/usr/s390x-linux-gnu/lib", "s390x-linux-gnu-"),
];

/// Programs that only print, given `--version`.
const COREUTILS: &[&str] = &["cat", "date", "du", "env", "ls", "seq", "sort", "tac", "uname", "wc"];

/// A file to be filled.
struct Case {
    path: PathBuf,
    /// The prefix of GNU objcopy for its machine.
    tools: &'static str,
    /// Whether it carries a record already, from its linker.
    linked: bool,
    /// How it is run.
    arguments: Option<&'static str>,
}

/// What a tool made of a file.
enum Outcome {
    /// The section is right; so many other bytes differ.
    Right {
        others: usize,
    },
    Failed {
        why: String,
    },
}

/// Files of a folder, spread evenly over their names, no larger than `most` bytes.
fn chosen(place: (&str, &'static str), count: usize, most: u64) -> Vec<Case> {
    let entries = std::fs::read_dir(place.0).expect(place.0);
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry"))
        .filter(|entry| {
            let file = entry.metadata().expect("its metadata");
            file.is_file() && file.len() <= most && is_image(&entry.path())
        })
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    let step = paths.len().div_ceil(count).max(1);
    let case = |path| Case { path, tools: place.1, linked: false, arguments: None };
    paths.into_iter().step_by(step).map(case).collect()
}

/// Whether it is an ELF program or shared library.
fn is_image(path: &Path) -> bool {
    use std::io::Read;
    let mut start = [0; 18];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut start));
    // `e_type` in either byte order: ET_EXEC or ET_DYN.
    read.is_ok() && start.starts_with(b"\x7fELF") && matches!(start[16] | start[17], 2 | 3)
}

/// Programs and libraries that carry a record, by each linker and cross compiler, in a folder.
fn linked(folder: &Folder) -> Vec<Case> {
    for source in ["main", "values", "lix.gen"] {
        folder.run(&format!("clang++-19 -std=c++17 -O1 -g1 -fPIC -c {source}.cc")).ok();
    }
    let mut cases = Vec::new();
    for linker in ["bfd", "gold", "lld", "mold"] {
        for (shape, flags) in
            [("pie", "main.o -pie"), ("static", "main.o -static"), ("shared", "-shared")]
        {
            let name = format!("{linker}-{shape}");
            let line = format!("clang++-19 -fuse-ld={linker} {flags} values.o lix.gen.o -o {name}");
            folder.run(&line).ok();
            let arguments = (shape != "shared").then_some("");
            cases.push(Case { path: folder.path(&name), tools: "", linked: true, arguments });
        }
    }
    for (_, tools) in &PLACES[2..] {
        let name = format!("{tools}shared");
        let sources = "values.cc lix.gen.cc";
        folder.run(&format!("{tools}g++ -std=c++17 -O1 -fPIC -shared {sources} -o {name}")).ok();
        cases.push(Case { path: folder.path(&name), tools, linked: true, arguments: None });
    }
    cases
}

/// Where the record's section is, as `readelf` says.
fn section(folder: &Folder, image: &str) -> Option<std::ops::Range<usize>> {
    let listed = folder.run(&format!("readelf --sections --wide {image}")).ok();
    let line = listed.lines().find(|line| line.contains(" postlink_lix "))?;
    let mut words = line.split(" postlink_lix ").nth(1)?.split_whitespace().skip(2);
    let mut number = || usize::from_str_radix(words.next()?, 16).ok();
    let (offset, size) = (number()?, number()?);
    Some(offset..offset + size)
}

/// At how many places a byte differs, but for those of the sections. What moved differs too.
fn other_differences(
    before: (&[u8], &std::ops::Range<usize>),
    after: (&[u8], &std::ops::Range<usize>),
) -> usize {
    let pairs = before.0.iter().zip(after.0).enumerate();
    let others = pairs.filter(|(at, (one, other))| {
        one != other && !(before.1.contains(at) && after.1.contains(at))
    });
    others.count() + before.0.len().abs_diff(after.0.len())
}

/// What a tool made: whether its section is the payload, and the file still runs.
fn judge(folder: &Folder, case: &Case, image: &str, payload: &[u8]) -> Outcome {
    let failed = |why: &str| Outcome::Failed { why: why.to_owned() };
    let (before, after) = (folder.read("input"), folder.read(image));
    let was = section(folder, "input").expect("the input has a section");
    let Some(is) = section(folder, image) else { return failed("the section is gone") };
    if after.get(is.clone()) != Some(payload) {
        return failed("the section is another");
    }
    if let Some(arguments) = case.arguments {
        let run = |image: &str| folder.run(&format!("./{image} {arguments}"));
        let (expected, printed) = if case.linked {
            (expected(VERSION, &long_prefix(), true), run(image).stdout)
        } else {
            // Their help and version name the program as it was called.
            (run("input").ok(), run(image).stdout.replace(image, "input"))
        };
        if printed != expected {
            return failed("the program prints something else");
        }
    }
    Outcome::Right { others: other_differences((&before, &was), (&after, &is)) }
}

/// Gives the file a record, unless it has one, and lets each tool fill it. `None`: GNU objcopy cannot
/// give it one.
fn compare(case: &Case, record: &Path) -> Option<[Outcome; 3]> {
    let folder = Folder::new();
    std::fs::copy(&case.path, folder.path("input")).expect("a copy");
    if !case.linked {
        let add = format!("--add-section postlink_lix={}", record.display());
        let added = folder.run(&format!("{}objcopy {add} input", case.tools));
        if added.code != 0 {
            return None;
        }
    } else if case.arguments.is_some() {
        assert_eq!(folder.run("./input").ok(), unspecialized());
    }
    let set = format!("--set version={VERSION} --set prefix={}", long_prefix());
    folder.postlink(&format!("payload --image input --section lix {set} --output payload")).ok();
    let payload = folder.read("payload");
    folder.postlink(&format!("fill input --output ours {set}")).ok();
    folder.copy("input", "in_place");
    folder.postlink(&format!("fill --in-place in_place {set}")).ok();
    let path = case.path.display();
    assert!(folder.read("in_place") == folder.read("ours"), "{path}");
    assert_eq!(folder.read("input").len(), folder.read("ours").len(), "{path}");
    let everything = |image: &str| folder.run(&format!("readelf --all --wide {image}")).stdout;
    assert!(everything("input") == everything("ours"), "{path}: readelf sees another file");

    let ours = judge(&folder, case, "ours", &payload);
    let theirs = |objcopy: &str, image: &str| {
        let line = format!("{objcopy} --update-section postlink_lix=payload input {image}");
        let run = folder.run(&line);
        if run.code == 0 {
            judge(&folder, case, image, &payload)
        } else {
            let why = run.stderr.lines().last().unwrap_or_default().rsplit(": ").next();
            let words: String =
                why.unwrap_or_default().chars().filter(|char| !char.is_ascii_digit()).collect();
            Outcome::Failed { why: words }
        }
    };
    let gnu = theirs(&format!("{}objcopy", case.tools), "by_gnu");
    Some([ours, gnu, theirs("llvm-objcopy-19", "by_llvm")])
}

/// A sample; several hundred files in the full matrix.
#[test]
fn nothing_but_the_section_differs() {
    let (count, most) = if matrix::is_full() { (60, 32 << 20) } else { (8, 300_000) };
    let folder = sources();
    let mut cases = linked(&folder);
    folder.postlink("payload --image bfd-shared --section lix --output record").ok();
    cases.extend(PLACES.into_iter().flat_map(|place| chosen(place, count, most)));
    cases.extend(COREUTILS.iter().map(|name| Case {
        path: Path::new("/bin").join(name),
        tools: "",
        linked: false,
        arguments: Some("--version"),
    }));
    let record = folder.path("record");
    let compared: Vec<_> = cases.par_iter().map(|case| compare(case, &record)).collect();

    let refused: Vec<String> = cases
        .iter()
        .zip(&compared)
        .filter(|(_, outcomes)| outcomes.is_none())
        .map(|(case, _)| case.path.display().to_string())
        .collect();
    println!("{} files; GNU objcopy cannot add a section to {refused:?}", cases.len());
    for linked in [true, false] {
        let of: Vec<&[Outcome; 3]> = cases
            .iter()
            .zip(&compared)
            .filter(|(case, _)| case.linked == linked)
            .filter_map(|(_, outcomes)| outcomes.as_ref())
            .collect();
        let from = if linked { "its linker" } else { "GNU objcopy" };
        println!("{} files that have the section from {from}:", of.len());
        for (at, tool) in ["postlink", "GNU objcopy", "llvm-objcopy"].iter().enumerate() {
            let (mut right, mut clean, mut others) = (0, 0, 0);
            let mut failures: BTreeMap<&str, usize> = BTreeMap::new();
            for outcomes in &of {
                match &outcomes[at] {
                    Outcome::Right { others: bytes } => {
                        right += 1;
                        clean += usize::from(*bytes == 0);
                        others += bytes;
                    }
                    Outcome::Failed { why } => *failures.entry(why).or_default() += 1,
                }
            }
            println!(
                "{tool:>13}: {right} right, {clean} of them with no other byte changed; \
                 {others} others in all; failures: {failures:?}"
            );
            if at == 0 {
                assert_eq!((right, others), (of.len(), 0), "postlink");
            }
        }
    }
    assert!(refused.len() * 10 < cases.len(), "too few files are compared");
}
