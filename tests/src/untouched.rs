//! What holds for every run of `postlink`: with 0 it did what it was asked for, with 1 it refused and
//! with 3 a check found something, and nothing changed that the command line does not name. There is no
//! other outcome.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

/// What is in a folder before and after a run; `None` where that is too much to look at.
pub(crate) type Snapshot = Option<BTreeMap<PathBuf, Entry>>;

/// Everything of an entry that a run must not change.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Type and rights.
    mode: u32,
    inode: u64,
    owner: (u32, u32),
    content: Content,
}

#[derive(Debug, PartialEq, Eq)]
enum Content {
    /// Of a folder, device and the like.
    None,
    Link(PathBuf),
    Bytes(Vec<u8>),
    /// Of a large file its size, and when it was written.
    Large(u64, i64, i64),
}

/// More entries and bytes are not looked at.
const MOST_ENTRIES: usize = 4000;
const MOST_BYTES: u64 = 2 << 20;

/// What is in a folder now.
pub(crate) fn snapshot(folder: &Path) -> Snapshot {
    let mut entries = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        // A folder that may not be read, or that is gone, has nothing to compare.
        for entry in fs::read_dir(&next).into_iter().flatten().flatten() {
            let path = entry.path();
            let Ok(metadata) = path.symlink_metadata() else { continue };
            if metadata.is_dir() {
                open.push(path.clone());
            }
            let content = content(&path, &metadata);
            let mode = metadata.mode();
            let (inode, owner) = (metadata.ino(), (metadata.uid(), metadata.gid()));
            entries.insert(path, Entry { mode, inode, owner, content });
        }
        if entries.len() > MOST_ENTRIES {
            return None;
        }
    }
    Some(entries)
}

fn content(path: &Path, metadata: &Metadata) -> Content {
    if metadata.is_symlink() {
        return Content::Link(fs::read_link(path).unwrap_or_default());
    }
    if !metadata.is_file() {
        return Content::None;
    }
    match fs::read(path) {
        Ok(bytes) if metadata.len() <= MOST_BYTES => Content::Bytes(bytes),
        _ => Content::Large(metadata.len(), metadata.mtime(), metadata.mtime_nsec()),
    }
}

/// The end of a run: what it printed, and its exit code.
pub(crate) struct End<'a> {
    pub(crate) words: &'a [&'a str],
    pub(crate) code: i32,
    pub(crate) stderr: &'a str,
}

/// Asserts that a run in a folder changed nothing that it may not.
///
/// # Panics
/// It did; or it ended in no way that is promised.
#[track_caller]
pub(crate) fn check(folder: &Path, before: &Snapshot, after: &Snapshot, end: &End<'_>) {
    let End { words, code, stderr } = *end;
    // What is more than 127 is a signal that a test sent, but for that of a panic.
    let is_promised = (0..4).contains(&code) || (code > 128 && code != 134);
    assert!(is_promised, "postlink {words:?} ended with {code}: {stderr}");
    let (Some(before), Some(after)) = (before, after) else { return };
    if code > 3 {
        return;
    }
    let mut changed: Vec<&PathBuf> = before
        .iter()
        .filter(|(path, entry)| after.get(*path) != Some(entry))
        .map(|(path, _)| path)
        .collect();
    changed.extend(after.keys().filter(|path| !before.contains_key(*path)));
    let may = |path: &&PathBuf| may_change(folder, path, before, end);
    let changed: Vec<&PathBuf> = changed.into_iter().filter(|path| !may(path)).collect();
    assert!(
        changed.is_empty(),
        "postlink {words:?} ended with {code}, and changed {changed:?}: {stderr}"
    );
}

/// Whether a run that ended so may have changed this.
fn may_change(
    folder: &Path,
    path: &Path,
    before: &BTreeMap<PathBuf, Entry>,
    end: &End<'_>,
) -> bool {
    let command = end.words.iter().find(|word| !word.starts_with('-')).copied().unwrap_or_default();
    let has = |option: &str| end.words.contains(&option);
    let reads = ["inspect", "verify"].contains(&command);
    if reads || end.code == 2 || has("--dry-run") || has("--check") {
        return false;
    }
    let named = |words: &[&str]| words.iter().any(|word| names(folder, word, path, before));
    match (end.code, command) {
        // A search writes its list and its page whatever it finds.
        (0 | 3, "scan") => {
            let outputs: Vec<&str> = end
                .words
                .windows(2)
                .filter(|pair| ["--manifest", "--html"].contains(&pair[0]))
                .map(|pair| pair[1])
                .collect();
            named(&outputs)
        }
        (3, _) => has("--keep-failed"),
        // Of several files, those that were not refused are done.
        (1, "fill") => {
            let is_told = path
                .strip_prefix(folder)
                .is_ok_and(|path| end.stderr.contains(&format!("{}:", path.display())));
            !is_told
                && end.words.iter().filter(|word| folder.join(word).is_file()).count() > 1
                && named(end.words)
        }
        (1, _) => false,
        _ => named(end.words),
    }
}

/// Whether a word of a command line, or what is behind an `=` in it, names this entry, a folder that it is
/// in, or another name of the same file.
fn names(folder: &Path, word: &str, path: &Path, before: &BTreeMap<PathBuf, Entry>) -> bool {
    let ends = word.match_indices('=').map(|(at, _)| &word[at + 1..]);
    ends.chain([word, word.split('=').next().unwrap_or_default()]).any(|part| {
        let named = plain(&folder.join(part));
        let real = fs::canonicalize(&named).unwrap_or_else(|_| named.clone());
        let inode = |path: &Path| before.get(path).map(|entry| entry.inode);
        let is_same =
            inode(path).is_some() && (inode(path) == inode(&named) || inode(path) == inode(&real));
        // The folders above it may be new as well.
        let is_above = |named: &Path| path.starts_with(named) || named.starts_with(path);
        !part.is_empty() && named != folder && (is_same || is_above(&named) || is_above(&real))
    })
}

/// A path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}
