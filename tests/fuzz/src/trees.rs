//! Trees: texts, links, compressed files, manifests.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use postlink_patcher::scan::{ScanOptions, scan};
use postlink_patcher::specialize::{Ending, Output, SpecializeOptions, specialize};
use postlink_patcher::verify::{Verified, VerifyOptions, verify};

use crate::folder::{Folder, choice};

const OLD: &str = "/opt/old";
const NEWS: [&str; 3] = ["/opt/new", "/o/n", "/opt/much/longer/than/that"];

/// A tree at `tree` that was built for [`OLD`], and goes to `root`.
fn options(folder: &Folder, choice: u64) -> SpecializeOptions {
    let new = NEWS[usize::try_from(choice % 3).unwrap_or_default()];
    let mut options = SpecializeOptions::default();
    options.outputs = vec![Output { source: folder.path("tree"), destination: new.into() }];
    options.rewrites = vec![(OLD.into(), new.into())];
    options.destdir = Some(folder.path("root"));
    options.repack = choice & 8 == 8;
    options.equal_length = choice & 16 == 16;
    options
}

/// Specializes; where that succeeds, `verify` finds nothing, and the place of the copy is given.
fn carried(folder: &Folder, options: &SpecializeOptions) -> Option<PathBuf> {
    let copy = folder.path(&format!("root{}", options.outputs[0].destination.display()));
    let done = specialize(options, &(), &AtomicBool::new(false));
    match done {
        Ok(done) if done.ending == Ending::Specialized => {
            let differences = differences(folder, options, &copy);
            assert_eq!(differences, Some(0), "verify refuses what specialize made");
            Some(copy)
        }
        _ => {
            assert!(!copy.exists(), "a tree stays of a run that failed");
            None
        }
    }
}

fn differences(folder: &Folder, options: &SpecializeOptions, copy: &Path) -> Option<usize> {
    let mut compare = VerifyOptions::default();
    compare.original = folder.path("tree");
    compare.filled = copy.to_owned();
    compare.rewrites.clone_from(&options.rewrites);
    compare.equal_length = options.equal_length;
    compare.repack = options.repack;
    match verify(&compare, &()) {
        Ok(Verified::Trees(report)) => Some(report.differences.len()),
        _ => None,
    }
}

/// How many findings there are of a path, without those that may be a part of something longer: compressed
/// bytes can look like anything.
fn found(tree: &Path, path: &str) -> usize {
    let mut search = ScanOptions::default();
    search.trees = vec![tree.to_owned()];
    search.references = vec![path.into()];
    let scanned = scan(&search, &()).expect("a scan");
    let findings = scanned.scan.trees.iter().flat_map(|tree| &tree.findings);
    findings.filter(|finding| !finding.possible).count()
}

/// A text file: afterwards the old path is found nowhere, what is around it is the same, and no flip
/// passes.
pub(crate) fn text(data: &[u8]) {
    let folder = Folder::new();
    folder.write("tree/file", data);
    let options = options(&folder, choice(data));
    let Some(copy) = carried(&folder, &options) else { return };
    assert_eq!(found(&copy, OLD), 0, "the old path is still found");
    let file = copy.join("file");
    let mut made = std::fs::read(&file).expect("the copy");
    if found(&folder.path("tree"), OLD) == 0 {
        assert_eq!(made, data, "nothing was found, and something changed");
    }
    if !made.is_empty() {
        let bit = usize::try_from(choice(data) >> 8).unwrap_or_default() % (made.len() * 8);
        made[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&file, &made).expect("the copy");
        let differences = differences(&folder, &options, &copy);
        assert_ne!(differences, Some(0), "verify accepts the flip of bit {bit}");
    }
}

/// A compressed file or archive: it is looked into, or told; memory and time are bounded.
pub(crate) fn packed(data: &[u8]) {
    let folder = Folder::new();
    folder.write("tree/file", data);
    found(&folder.path("tree"), OLD);
    let mut options = options(&folder, choice(data));
    options.repack = true;
    if let Some(copy) = carried(&folder, &options) {
        assert_eq!(found(&copy, OLD), 0, "the old path is still found");
    }
}

/// Files, folders and links, one from each line: the name, and where a NUL or `>` follows, the target. A
/// link into the tree then leads to the same entry of the copy; nothing lies elsewhere.
pub(crate) fn links(data: &[u8]) {
    let folder = Folder::new();
    let tree = folder.path("tree");
    std::fs::create_dir(&tree).expect("a folder");
    let text = String::from_utf8_lossy(data).replace('\0', "");
    for line in text.lines().take(24) {
        let (name, target) = line.split_once('>').map_or((line, None), |(a, b)| (a, Some(b)));
        let parts = name.split('/').filter(|part| !["", ".", ".."].contains(part));
        let path: PathBuf = parts.take(6).collect();
        // Never through a link, so that all of it stays in the tree.
        let through = path.ancestors().skip(1).any(|parent| tree.join(parent).is_symlink());
        let whole = tree.join(&path);
        if path.as_os_str().is_empty() || through || whole.symlink_metadata().is_ok() {
            continue;
        }
        if std::fs::create_dir_all(whole.parent().expect("a folder")).is_err() {
            continue;
        }
        // What the system refuses, such as a long name, is not there.
        let _ = match target {
            Some(target) => symlink(target, &whole),
            None => std::fs::write(&whole, name),
        };
    }
    let before = listing(&tree);
    let options = options(&folder, choice(data));
    let copy = carried(&folder, &options);
    assert_eq!(listing(&tree), before, "the tree changed");
    let Some(copy) = copy else { return };
    let new = options.outputs[0].destination.display().to_string();
    let after = listing(&copy);
    assert_eq!(after.len(), before.len());
    for ((name, old), (other, made)) in before.iter().zip(&after) {
        assert_eq!(name, other);
        let (Some(old), Some(made)) = (old, made) else { continue };
        let into = old.strip_prefix(OLD).filter(|rest| rest.is_empty() || rest.starts_with('/'));
        match into {
            // `..` may lead out again, and a doubled slash may become one.
            Some(rest) if !rest.contains("..") && !rest.contains("//") => {
                assert_eq!(*made, format!("{new}{rest}"), "{name}");
            }
            None if !old.starts_with('/') => assert_eq!(made, old, "{name}"),
            _ => {}
        }
    }
}

/// The entries below a folder, sorted, each with its target where it is a link.
fn listing(folder: &Path) -> Vec<(String, Option<String>)> {
    let mut all = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).expect("a folder") {
            let path = entry.expect("an entry").path();
            let target = std::fs::read_link(&path).ok();
            let name = path.strip_prefix(folder).expect("below").display().to_string();
            if target.is_none() && path.is_dir() {
                folders.push(path);
            }
            all.push((name, target.map(|target| target.display().to_string())));
        }
    }
    all.sort();
    all
}

/// A manifest: one that does not fit is refused.
pub(crate) fn manifest(data: &[u8]) {
    let folder = Folder::new();
    let content = format!("prefix={OLD}\n");
    folder.write("tree/file", content.as_bytes());
    symlink(format!("{OLD}/file"), folder.path("tree/link")).expect("a link");
    // What stands for the check of this tree, so that inputs get past it.
    let mut search = ScanOptions::default();
    search.trees = vec![folder.path("tree")];
    search.references = vec![OLD.into()];
    search.manifest = true;
    let own = scan(&search, &()).expect("a scan").manifest.expect("a manifest");
    let check = &own.trees[0].check;
    let text = String::from_utf8_lossy(data).replace("CHECK", check);
    let Ok(manifest) = serde_json::from_str(&text) else { return };
    let mut options = options(&folder, 0);
    options.manifest = Some(manifest);
    let copy = folder.path("root/opt/new");
    let done = specialize(&options, &(), &AtomicBool::new(false));
    let kept = std::fs::read_to_string(folder.path("tree/file")).expect("the file");
    assert_eq!(kept, content, "the tree changed");
    match done {
        Ok(done) if done.ending == Ending::Specialized => {
            let made = std::fs::read_to_string(copy.join("file")).expect("the copy");
            // Whoever leaves something out of a manifest is trusted; a wrong place is not.
            assert!(made == content || made == "prefix=/opt/new\n", "{made}");
        }
        _ => assert!(!copy.exists(), "a tree stays of a run that failed"),
    }
}
