//! Lists of hashes, by which a file of a tree vouches for others as they were: `RECORD` of an installed
//! Python package (PyPA, "Recording installed projects"), and what `sha256sum` and its kin write (GNU
//! coreutils, "md5sum invocation"; with `--tag`, as BSD's programs), in files called `md5sums`, `SHA256SUMS`,
//! `B2SUMS`, `CHECKSUMS` or `app.sha256`; and mtree(5), where a line has the whole path of a file.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

use memchr::memmem;

use crate::error::Result;
use crate::files::walk::{EntryKind, Tree};
use crate::shown::escaped;

/// Bytes of a list that are read: some hundred thousand files.
const LARGEST: u64 = 32 << 20;

/// How a list writes its lines, and from which folder its paths go out.
enum List<'a> {
    /// `path,sha256=…,size`, from the folder that the list's folder is in.
    Python(&'a Path),
    /// `hash  path` or `HASH (path) = hash`, from the list's folder or from the root of the tree.
    Sums(&'a Path),
    /// `./path sha256digest=hash`, likewise.
    Mtree(&'a Path),
}

/// Warnings about the lists of a tree that have hashes of files which change, each with the position of the
/// list. `changes` says of an entry, by its position, whether its bytes do.
///
/// # Errors
/// A list cannot be read.
pub(super) fn stale(tree: &Tree, changes: impl Fn(usize) -> bool) -> Result<Vec<(usize, String)>> {
    let entries = tree.entries.iter().enumerate();
    let changed: BTreeSet<&Path> = entries
        .filter(|(position, _)| changes(*position))
        .map(|(_, entry)| entry.path.as_path())
        .collect();
    let mut warnings = Vec::new();
    if changed.is_empty() {
        return Ok(warnings);
    }
    for (position, entry) in tree.entries.iter().enumerate() {
        let (Some(list), EntryKind::File(size)) = (List::of(&entry.path), &entry.kind) else {
            continue;
        };
        let name = escaped(&entry.path);
        if *size > LARGEST {
            warnings.push((position, format!("{name}: it may have hashes of files that changed")));
            continue;
        }
        let mut text = Vec::new();
        tree.file(entry).read_bytes("read", |file| file.take(LARGEST).read_to_end(&mut text))?;
        let mut stale = text
            .split(|&byte| byte == b'\n')
            .filter_map(|line| list.path_in(line.trim_ascii_end()))
            .filter(|path| list.places(path).any(|place| changed.contains(place.as_path())));
        let Some(first) = stale.next() else { continue };
        let more = match stale.count() {
            0 => String::new(),
            more => format!(", and of {more} more"),
        };
        let first = escaped(first.as_os_str());
        let warning = format!("{name}: it has the hash of {first} as it was{more}: make it anew");
        warnings.push((position, warning));
    }
    Ok(warnings)
}

impl<'a> List<'a> {
    /// What a file is called tells whether it is a list.
    fn of(path: &'a Path) -> Option<Self> {
        let folder = path.parent()?;
        let name = path.file_name()?.to_ascii_lowercase();
        let is = |extension: &str| folder.extension() == Some(OsStr::new(extension));
        if name == "record" && is("dist-info") {
            return folder.parent().map(Self::Python);
        }
        if name == "mtree" || path.extension() == Some(OsStr::new("mtree")) {
            return Some(Self::Mtree(folder));
        }
        let hashes: [&[u8]; 8] =
            [b"md5", b"sha1", b"sha224", b"sha256", b"sha384", b"sha512", b"b2", b"check"];
        let name = name.as_bytes();
        let stem = name.strip_suffix(b".txt").unwrap_or(name);
        let stem = stem.strip_suffix(b"s").unwrap_or(stem);
        let stem = stem.strip_suffix(b"sum").unwrap_or(stem);
        hashes.iter().any(|hash| stem.ends_with(hash)).then_some(Self::Sums(folder))
    }

    /// The path in a line that has a hash.
    fn path_in(&self, line: &[u8]) -> Option<PathBuf> {
        let path = match self {
            Self::Python(_) => {
                let mut fields = line.rsplitn(3, |&byte| byte == b',');
                let (_size, hash, path) = (fields.next()?, fields.next()?, fields.next()?);
                let quoted = path.strip_prefix(b"\"").and_then(|path| path.strip_suffix(b"\""));
                (!hash.is_empty()).then(|| quoted.unwrap_or(path))?
            }
            Self::Sums(_) => {
                let is_digit = |byte: &&u8| byte.is_ascii_hexdigit();
                let is_hash = |length| matches!(length, 32 | 40 | 56 | 64 | 96 | 128);
                let tagged = line.iter().rev().take_while(is_digit).count();
                let rest = &line[..line.len() - tagged];
                if let Some(rest) = rest.strip_suffix(b") = ").filter(|_| is_hash(tagged)) {
                    let open = memmem::find(rest, b" (")?;
                    &rest[open + 2..]
                } else {
                    let digits = line.iter().take_while(is_digit).count();
                    let path = &line[digits..];
                    let path = path.strip_prefix(b"  ").or(path.strip_prefix(b" *"))?;
                    is_hash(digits).then_some(path)?
                }
            }
            Self::Mtree(_) => {
                let mut words = line.split(|byte| b" \t".contains(byte));
                let path = words.next().filter(|path| path.contains(&b'/'))?;
                let is_hash = |word: &[u8]| {
                    [&b"md5"[..], b"sha", b"rmd", b"ripemd"]
                        .iter()
                        .any(|hash| word.starts_with(hash))
                };
                words.any(is_hash).then_some(path)?
            }
        };
        (!path.is_empty()).then(|| OsString::from_vec(path.to_vec()).into())
    }

    /// Where in the tree a path of the list may lead.
    fn places(&self, path: &Path) -> impl Iterator<Item = PathBuf> {
        let from = match self {
            Self::Python(folder) => [Some(*folder), None],
            Self::Sums(folder) | Self::Mtree(folder) => [Some(*folder), Some(Path::new(""))],
        };
        from.into_iter().flatten().filter_map(|folder| inside(folder, path))
    }
}

/// The path from the root of the tree; `None` if it leads out of that.
fn inside(folder: &Path, path: &Path) -> Option<PathBuf> {
    let mut place = folder.to_owned();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::Normal(name) => place.push(name),
            Component::ParentDir => {
                if !place.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(place)
}
