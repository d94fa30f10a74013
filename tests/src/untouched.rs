//! What holds for every run of `postlink`: with 0 it did what it was asked for, with 1 it refused and
//! with 3 a check found something, and nothing changed but the outputs that the command line names. There is
//! no other outcome.

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
    let bytes = (metadata.len() <= MOST_BYTES).then(|| fs::read(path));
    let large = || Content::Large(metadata.len(), metadata.mtime(), metadata.mtime_nsec());
    bytes.and_then(Result::ok).map_or_else(large, Content::Bytes)
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
    // Who sends a signal, or sets a limit, has something else in front of the command.
    assert!((0..4).contains(&code), "postlink {words:?} ended with {code}: {stderr}");
    let (Some(before), Some(after)) = (before, after) else { return };
    let mut changed: Vec<&PathBuf> = before
        .iter()
        .filter(|(path, entry)| after.get(*path) != Some(entry))
        .map(|(path, _)| path)
        .collect();
    changed.extend(after.keys().filter(|path| !before.contains_key(*path)));
    let outputs = outputs(folder, &Line::of(words), end);
    let may = |path: &&PathBuf| outputs.iter().any(|output| output.may(path, before, after));
    let changed: Vec<&PathBuf> = changed.into_iter().filter(|path| !may(path)).collect();
    assert!(
        changed.is_empty(),
        "postlink {words:?} ended with {code}, and changed {changed:?}: {stderr}"
    );
}

/// A command line: what is an option's value is nothing else.
struct Line<'a> {
    command: &'a str,
    options: Vec<(&'a str, &'a str)>,
    operands: Vec<&'a str>,
}

impl<'a> Line<'a> {
    fn of(words: &[&'a str]) -> Self {
        const WITH_VALUES: &str = "-o --output --debug-file --debug-output --set --values --take --from --git \
            --git-root --schema --section --out-header --out-source --out-macros --out-rust --include --stamp \
            --depfile --default --reference --other-path --against --manifest --html --rewrite --destdir --follow \
            --allow-left --image --field";
        let mut line = Self { command: "", options: Vec::new(), operands: Vec::new() };
        let mut words = words.iter().copied();
        while let Some(word) = words.next() {
            if let Some((option, value)) = word.split_once('=').filter(|_| word.starts_with("--")) {
                line.options.push((option, value));
            } else if WITH_VALUES.split_whitespace().any(|option| option == word) {
                line.options.push((word, words.next().unwrap_or_default()));
            } else if word.starts_with('-') {
                line.options.push((word, ""));
            } else if line.command.is_empty() {
                line.command = word;
            } else {
                line.operands.push(word);
            }
        }
        line
    }

    fn has(&self, options: &[&str]) -> bool {
        self.options.iter().any(|(option, _)| options.contains(option))
    }

    fn values(&self, options: &[&str]) -> impl Iterator<Item = &'a str> {
        self.options.iter().filter(|(option, _)| options.contains(option)).map(|(_, value)| *value)
    }
}

/// What a run may change.
#[derive(Clone)]
enum Output {
    /// This file.
    File(PathBuf),
    /// This file, which may have other names.
    InPlace(PathBuf),
    /// All of this folder, and the folders above it where they are new.
    Tree(PathBuf),
    /// Pages of the manual in this folder, and it and the folders above it where they are new.
    Pages(PathBuf),
}

impl Output {
    fn may(
        &self,
        path: &Path,
        before: &BTreeMap<PathBuf, Entry>,
        after: &BTreeMap<PathBuf, Entry>,
    ) -> bool {
        let is_left_over = |output: &Path| {
            // A run that was killed left it beside the place of an output.
            let is_ours = |path: &Path| {
                let name = path.file_name().unwrap_or_default();
                name.to_string_lossy().starts_with(".postlink-") && path.parent() == output.parent()
            };
            !after.contains_key(path) && path.ancestors().any(is_ours)
        };
        match self {
            Self::File(file) => path == file || is_left_over(file),
            Self::InPlace(file) => {
                let inode = |path: &Path| before.get(path).map(|entry| entry.inode);
                path == file || inode(path).is_some() && inode(path) == inode(file)
            }
            Self::Tree(tree) => {
                let is_new = !before.contains_key(path);
                path.starts_with(tree) || is_new && tree.starts_with(path) || is_left_over(tree)
            }
            Self::Pages(folder) => {
                let is_page = path.extension().is_some_and(|end| end == "1" || end == "5");
                let is_new = !before.contains_key(path);
                path.parent() == Some(folder) && is_page || is_new && folder.starts_with(path)
            }
        }
    }
}

/// The outputs of a run that ended so, as its command's help tells them.
fn outputs(folder: &Path, line: &Line<'_>, end: &End<'_>) -> Vec<Output> {
    if line.has(&["-n", "--dry-run", "--check"]) {
        return Vec::new();
    }
    // By the name that was given, and where that is a link, what it leads to.
    let paths = |name: &str| {
        let named = plain(&folder.join(name));
        // That may be gone now.
        let target = || fs::read_link(&named).map(|target| named.with_file_name(target));
        let real = fs::canonicalize(&named).or_else(|_| target());
        [real.unwrap_or_else(|_| named.clone()), named]
    };
    let files = |options: &[&str]| {
        line.values(options).flat_map(paths).map(Output::File).collect::<Vec<_>>()
    };
    match (line.command, end.code) {
        ("generate", 0) => files(&[
            "--out-header",
            "--out-source",
            "--out-macros",
            "--out-rust",
            "--stamp",
            "--depfile",
        ]),
        // A search writes its list and its page whatever it finds.
        ("scan", 0 | 3) => files(&["--manifest", "--html"]),
        ("payload", 0) => files(&["-o", "--output"]),
        ("fill", 0) if line.has(&["-o", "--output"]) => {
            [files(&["-o", "--output"]), debug_outputs(line, paths)].concat()
        }
        ("fill", 0) => [images(line, &line.operands, paths), debug_outputs(line, paths)].concat(),
        // Of several files, those that were not refused are done.
        ("fill", 1) if line.operands.len() > 1 => {
            let is_told = |image: &str| end.stderr.contains(&format!("{image}:"));
            let done: Vec<&str> =
                line.operands.iter().copied().filter(|image| !is_told(image)).collect();
            images(line, &done, paths)
        }
        ("specialize", code) if code == 0 || code == 3 && line.has(&["--keep-failed"]) => {
            let root = line.values(&["--destdir"]).next();
            let place = |pair: &str| {
                let (_, place) = pair.split_once("=/").expect("it would have been refused");
                paths(&format!("{}/{place}", root.unwrap_or_default()))
            };
            line.values(&["-o", "--output"]).flat_map(place).map(Output::Tree).collect()
        }
        ("man", 0) => {
            line.operands.iter().flat_map(|name| paths(name)).map(Output::Pages).collect()
        }
        ("demo", 0) => {
            line.operands.iter().flat_map(|name| paths(name)).map(Output::Tree).collect()
        }
        _ => Vec::new(),
    }
}

fn images(line: &Line<'_>, images: &[&str], paths: impl Fn(&str) -> [PathBuf; 2]) -> Vec<Output> {
    let output = if line.has(&["-i", "--in-place"]) { Output::InPlace } else { Output::File };
    images.iter().flat_map(|image| paths(image)).map(output).collect()
}

/// The debug file of a fill. In a folder `.build-id`, its name follows from its content.
fn debug_outputs(line: &Line<'_>, paths: impl Fn(&str) -> [PathBuf; 2]) -> Vec<Output> {
    const BY_ID: &str = ".build-id";
    let outputs = line.values(&["--debug-output"]).flat_map(&paths).map(|output| {
        if output.is_dir() { Output::Tree(output.join(BY_ID)) } else { Output::File(output) }
    });
    let outputs: Vec<Output> = outputs.collect();
    if !outputs.is_empty() {
        return outputs;
    }
    let files = line.values(&["--debug-file"]).flat_map(&paths);
    let by_id = |file: &PathBuf| {
        file.ancestors().find(|folder| folder.ends_with(BY_ID)).map(Path::to_owned)
    };
    files.map(|file| by_id(&file).map_or(Output::File(file), Output::Tree)).collect()
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
