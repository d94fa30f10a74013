//! What a scan knows of trees, for `specialize`: with it nothing needs to be searched again.
//!
//! A manifest is one JSON object:
//!
//! - `postlink_manifest`: the version of this format, 1.
//! - `references`: the paths that were searched.
//! - `members`: whether archives and compressed files were looked into.
//! - `trees`: one object for each tree, in the order of the command line, with
//!   - `check`: what the tree must look like for the manifest to fit, 64 hexadecimal digits. It is
//!     the SHA-256 of one line for each entry, sorted by path, component by component: the path, a
//!     NUL, then `directory`, `file SIZE`, `link TARGET` or `special`, and a line feed. The root is
//!     not among them, and of a tree that is a single file there is one line, with an empty path.
//!   - `entries`: those that have a record or a reference, in the same order, with `path`; of a file
//!     its `size`, its `content` (`text`, `image`, `packed`, `data` or `other`), its `sha256`, its
//!     `records`, and in `same_as` the path of another name of the same file, where all this is
//!     told; and `findings`, as `postlink scan --json` has them.
//!
//! Paths are written as [`escaped`] does.

use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::classify::{Content, RecordPlace};
use super::finding::{Finding, escaped};
use super::scan::{Scan, Scanned};
use super::search::open;
use super::walk::{Kind, Tree};
use crate::error::{Error, Result};

/// The version of the format.
pub const VERSION: u32 = 1;

/// A manifest.
#[derive(Debug, Serialize)]
pub struct Manifest<'a> {
    /// [`VERSION`].
    pub postlink_manifest: u32,
    /// The paths that were searched.
    pub references: &'a [String],
    /// Whether archives and compressed files were looked into.
    pub members: bool,
    /// In the order of the command line.
    pub trees: Vec<ManifestTree<'a>>,
}

/// A tree.
#[derive(Debug, Serialize)]
pub struct ManifestTree<'a> {
    /// What [`check`] gives for it.
    pub check: String,
    /// Those that something is known of.
    pub entries: Vec<ManifestEntry<'a>>,
}

/// An entry.
#[derive(Debug, Serialize)]
pub struct ManifestEntry<'a> {
    /// Its path.
    pub path: String,
    /// Of a file.
    #[serde(flatten)]
    pub file: Option<ManifestFile<'a>>,
    /// The path of another name of this file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub same_as: Option<String>,
    /// What was found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<&'a Finding>,
}

/// What a file is.
#[derive(Debug, Serialize)]
pub struct ManifestFile<'a> {
    /// In bytes.
    pub size: u64,
    /// What it is.
    pub content: Content,
    /// Of its bytes.
    pub sha256: String,
    /// Its records.
    pub records: &'a [RecordPlace],
}

impl<'a> Manifest<'a> {
    /// The manifest of a scan.
    ///
    /// # Errors
    /// A file that cannot be read any more.
    pub fn new(scan: &'a Scan, members: bool) -> Result<Self> {
        let trees = scan
            .trees
            .iter()
            .map(|tree| Ok(ManifestTree { check: check(&tree.walked), entries: entries(tree)? }));
        Ok(Self {
            postlink_manifest: VERSION,
            references: &scan.references,
            members,
            trees: trees.collect::<Result<_>>()?,
        })
    }
}

/// The hash of all names, sizes and link targets of a tree.
#[must_use]
pub fn check(tree: &Tree) -> String {
    let mut hash = Sha256::new();
    let root_is_file = tree.entries.len() == 1;
    for entry in tree.entries.iter().skip(usize::from(!root_is_file)) {
        hash.update(entry.path.as_os_str().as_bytes());
        hash.update(b"\0");
        match &entry.kind {
            Kind::Directory => hash.update(b"directory"),
            Kind::File(size) => hash.update(format!("file {size}")),
            Kind::Symlink(target) => {
                hash.update(b"link ");
                hash.update(target.as_os_str().as_bytes());
            }
            Kind::Special(_) => hash.update(b"special"),
        }
        hash.update(b"\n");
    }
    hexadecimal(hash)
}

fn hexadecimal(hash: Sha256) -> String {
    postlink_codegen::hex(&hash.finalize())
}

fn entries(tree: &Scanned) -> Result<Vec<ManifestEntry<'_>>> {
    let mut findings: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in &tree.findings {
        findings.entry(&finding.path).or_default().push(finding);
    }
    let path_of = |position: usize| escaped(tree.walked.entries[position].path.as_os_str());
    let mut entries = Vec::new();
    for (position, (entry, known)) in tree.walked.entries.iter().zip(&tree.entries).enumerate() {
        let path = path_of(position);
        let first = known.same_as.unwrap_or(position);
        let is_told =
            findings.contains_key(&*path_of(first)) || !tree.entries[first].records.is_empty();
        let found = findings.get(&*path).cloned().unwrap_or_default();
        if found.is_empty() && !is_told {
            continue;
        }
        let file = match entry.kind {
            Kind::File(size) if known.same_as.is_none() => Some(ManifestFile {
                size,
                content: known.content,
                sha256: sha256(&tree.walked.path(entry))?,
                records: &known.records,
            }),
            _ => None,
        };
        entries.push(ManifestEntry {
            path,
            file,
            same_as: known.same_as.map(path_of),
            findings: found,
        });
    }
    Ok(entries)
}

fn sha256(path: &std::path::Path) -> Result<String> {
    let failed = |error| Error::io("search", path)(error);
    let mut file = open(path).map_err(failed)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    loop {
        match file.read(&mut buffer).map_err(failed)? {
            0 => return Ok(hexadecimal(hash)),
            read => hash.update(&buffer[..read]),
        }
    }
}
