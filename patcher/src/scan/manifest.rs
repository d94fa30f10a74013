//! What a scan knows of trees, for `specialize`: with it nothing needs to be searched again.
//!
//! A manifest is one JSON object:
//!
//! - `postlink_manifest`: the version of this format, 3.
//! - `references`: the paths that were searched.
//! - `members`: whether archives and compressed files were looked into.
//! - `trees`: one object for each tree, in the order of the command line, with
//!   - `check`: what the tree must look like for the manifest to fit, 64 hexadecimal digits. It is
//!     the SHA-256 of one line for each entry, sorted by path, component by component: the path, a
//!     NUL, then `directory`, `file SIZE`, `link TARGET` or `special`, and a line feed. In TARGET the
//!     hashes of store paths are hidden as in the checksums of a record, since Nix may replace them, as it
//!     does in the manifest. The root is not among them, and of a tree that is a single file there is one
//!     line, with an empty path.
//!   - `entries`: those files that have a record or a reference, in the same order, with `path`,
//!     `content` (`text`, `image`, `packed`, `data` or `other`) and `records`;
//!   - `findings`: as `postlink scan --json` has them;
//!   - `words`: the values of string fields of its records, and the `findings` of each in text files.
//!
//! What is known of a file is there for each of its names: whether these are hard links is no part of a
//! manifest, since archives and stores split and join them.
//!
//! Paths are written as `escaped` does. Two trees of one build have equal manifests, wherever they
//! were built: sizes, names and places are in it, and no times.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::os::unix::ffi::OsStrExt;

use postlink_format::without_store_hashes;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::trees::{Examined, Scan, ScannedTree};
use super::words;
use crate::error::{Error, Result};
use crate::files::walk::{Entry, EntryKind, Tree};
use crate::scan::classify::Content;
use crate::scan::fields::KnownRecord;
use crate::scan::finding::{Finding, FindingKind};
use crate::search::reference::Reference;
use crate::shown::escaped;
use crate::shown::shown;

/// The version of the format.
pub(crate) const VERSION: u32 = 3;

/// A manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of the format.
    pub postlink_manifest: u32,
    /// The paths that were searched.
    pub references: Vec<String>,
    /// Whether archives and compressed files were looked into.
    pub members: bool,
    /// In the order of the command line.
    pub trees: Vec<ManifestTree>,
}

/// A tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestTree {
    /// What [`check`] gives for it.
    pub check: String,
    /// Files that have a record or a reference.
    pub entries: Vec<ManifestEntry>,
    /// What was found.
    pub findings: Vec<Finding>,
    /// The values of fields that are words, and where texts have them.
    pub words: Vec<ManifestWord>,
}

/// A value of a field, and where it stands as a word in text files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestWord {
    /// The value.
    pub word: String,
    /// Where it stands.
    pub findings: Vec<Finding>,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestEntry {
    /// Its path.
    pub path: String,
    /// What it is.
    pub content: Content,
    /// Its records.
    pub records: Vec<KnownRecord>,
}

/// A tree and what is known of it, from a scan or from a manifest.
#[derive(Debug)]
pub(crate) struct Knowledge {
    /// What is in it.
    pub tree: Tree,
    /// What is known of each entry.
    pub entries: Vec<Examined>,
    /// What was found. A place's reference is a position among those that were asked for.
    pub findings: Vec<Finding>,
    /// Where the values of fields stand in texts; `None` where this was not searched yet.
    words: Option<Vec<ManifestWord>>,
}

impl From<ScannedTree> for Knowledge {
    fn from(ScannedTree { walked, entries, findings, .. }: ScannedTree) -> Self {
        Self { tree: walked, entries, findings, words: None }
    }
}

impl Manifest {
    /// The manifest of a scan.
    ///
    /// # Errors
    /// A file cannot be read.
    pub(crate) fn new(scan: &Scan, members: bool) -> Result<Self> {
        // A value of one output's record may stand in another output's files.
        let mut values = BTreeSet::new();
        for tree in &scan.trees {
            values.append(&mut words::of_records(&tree.walked, &tree.entries)?);
        }
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let tree = |tree: &ScannedTree| {
            let names = Names::of(&tree.walked, &tree.entries);
            let found = names.told_of_each(&words::find(&tree.walked, &tree.entries, &values)?);
            let word = |(position, word): (usize, &&str)| ManifestWord {
                word: (*word).to_owned(),
                findings: of_word(&found, position),
            };
            Ok(ManifestTree {
                check: check(&tree.walked),
                entries: entries(tree),
                findings: names.told_of_each(&tree.findings),
                words: values.iter().enumerate().map(word).collect(),
            })
        };
        Ok(Self {
            postlink_manifest: VERSION,
            references: scan.references.clone(),
            members,
            trees: scan.trees.iter().map(tree).collect::<Result<_>>()?,
        })
    }

    /// What the manifest knows of a tree, for these references. `position` is that of the tree on
    /// the command line.
    ///
    /// # Errors
    /// It is of another tree, or of this one before it was changed; it does not know a reference.
    pub(crate) fn knowledge(
        &self,
        tree: Tree,
        position: usize,
        references: &[Reference],
        may_be_unknown: &dyn Fn(usize) -> bool,
    ) -> Result<Knowledge> {
        const AGAIN: &str = "make it again: postlink scan --manifest";
        if self.postlink_manifest != VERSION {
            return Err(Error::input(
                format!("the manifest has version {}, not {VERSION}", self.postlink_manifest),
                AGAIN,
            ));
        }
        if !self.members {
            return Err(Error::input(
                "the manifest was made without a look into archives and compressed files",
                "make it again, without --no-members: postlink scan --manifest",
            ));
        }
        // Positions in the manifest, and in what is asked for now.
        let mut positions = HashMap::new();
        for (now, reference) in references.iter().enumerate() {
            let path = shown(&reference.path);
            let Some(then) = self.references.iter().position(|known| *known == path) else {
                // The place where a staged tree stands; the path that it was built for is known.
                if may_be_unknown(now) {
                    continue;
                }
                return Err(Error::input(
                    format!("the manifest knows nothing of `{path}`"),
                    format!("{AGAIN} --reference {path}"),
                ));
            };
            positions.insert(then, now);
        }
        // One that was searched and is not asked for hides those that stand in it.
        for (then, known) in self.references.iter().enumerate() {
            let hides = |one: &Reference| {
                known.contains(&*shown(&one.needle)) && *known != shown(&one.path)
            };
            if !positions.contains_key(&then) && references.iter().any(hides) {
                return Err(Error::input(
                    format!("the manifest was made for `{known}` too, which nothing rewrites here"),
                    format!("add --rewrite {known}=NEW, or make it again without that"),
                ));
            }
        }
        let name = escaped(tree.root.as_os_str());
        let expected = check(&tree);
        // Trees that look alike are told apart by their order.
        let fits = |known: &&ManifestTree| known.check == expected;
        let known = self.trees.get(position).filter(fits).or_else(|| self.trees.iter().find(fits));
        let Some(known) = known else {
            return Err(Error::input(
                format!("the manifest does not fit {name}: names, sizes or links are others"),
                AGAIN,
            ));
        };
        let mut of_path: HashMap<&str, &ManifestEntry> =
            known.entries.iter().map(|entry| (entry.path.as_str(), entry)).collect();
        let mut examined = Vec::with_capacity(tree.entries.len());
        for (entry, same_as) in tree.entries.iter().zip(tree.same_files()) {
            let entry = of_path.remove(&*escaped(entry.path.as_os_str()));
            examined.push(match entry.filter(|_| same_as.is_none()) {
                Some(entry) => Examined {
                    content: entry.content,
                    records: entry.records.clone(),
                    same_as,
                    may_be_text: false,
                },
                None => Examined { same_as, ..Examined::default() },
            });
        }
        // Of a file with several names, what is known of its content is told of the first.
        let names = Names::of(&tree, &examined);
        let mut findings = known.findings.clone();
        findings.retain(|finding| names.is_first(finding));
        let mut words = known.words.clone();
        for word in &mut words {
            word.findings.retain(|finding| names.is_first(finding));
        }
        findings.retain_mut(|finding| match &mut finding.place {
            Some(place) => match positions.get(&place.reference) {
                Some(&now) => {
                    place.reference = now;
                    true
                }
                None => false,
            },
            None => true,
        });
        Ok(Knowledge { tree, entries: examined, findings, words: Some(words) })
    }
}

impl Knowledge {
    /// Where these words stand in texts. A place's reference is the position of the word.
    ///
    /// # Errors
    /// A file cannot be read; a word that the manifest does not know.
    pub(crate) fn words(&self, words: &[&str]) -> Result<Vec<Finding>> {
        let Some(known) = &self.words else {
            return words::find(&self.tree, &self.entries, words);
        };
        let mut findings = Vec::new();
        for (position, word) in words.iter().enumerate() {
            let Some(known) = known.iter().find(|known| known.word == *word) else {
                return Err(Error::input(
                    format!("the manifest knows nothing of the value `{}`", shown(word.as_bytes())),
                    "make it again, of all trees at once: postlink scan --manifest",
                ));
            };
            for mut finding in known.findings.clone() {
                if let Some(place) = &mut finding.place {
                    place.reference = position;
                }
                findings.push(finding);
            }
        }
        Ok(findings)
    }
}

/// The names of files that have several.
struct Names {
    /// Behind the first name of a file, its others.
    others: HashMap<String, Vec<String>>,
    /// All that are not the first.
    second: HashSet<String>,
}

impl Names {
    fn of(tree: &Tree, examined: &[Examined]) -> Self {
        let mut names = Self { others: HashMap::new(), second: HashSet::new() };
        for (entry, known) in tree.entries.iter().zip(examined) {
            let first = known.same_as.and_then(|first| tree.entries.get(first));
            let Some(first) = first else { continue };
            let name = escaped(&entry.path);
            names.others.entry(escaped(&first.path)).or_default().push(name.clone());
            names.second.insert(name);
        }
        names
    }

    /// The findings, those in a file's content once for each of its names.
    fn told_of_each(&self, findings: &[Finding]) -> Vec<Finding> {
        let mut all = findings.to_vec();
        for finding in findings.iter().filter(|finding| finding.kind != FindingKind::Name) {
            let others = self.others.get(&finding.path).into_iter().flatten();
            all.extend(others.map(|name| Finding { path: name.clone(), ..finding.clone() }));
        }
        all.sort_by(|a, b| (a.kind, &a.path).cmp(&(b.kind, &b.path)));
        all
    }

    /// Whether a finding is of a file's first name, or in that name itself.
    fn is_first(&self, finding: &Finding) -> bool {
        finding.kind == FindingKind::Name || !self.second.contains(&finding.path)
    }
}

fn of_word(findings: &[Finding], position: usize) -> Vec<Finding> {
    let is_of = |finding: &&Finding| {
        finding.place.as_ref().is_some_and(|place| place.reference == position)
    };
    let mut findings: Vec<Finding> = findings.iter().filter(is_of).cloned().collect();
    for finding in &mut findings {
        if let Some(place) = &mut finding.place {
            place.reference = 0;
        }
    }
    findings
}

/// The hash of all names, sizes and link targets of a tree.
#[must_use]
pub(crate) fn check(tree: &Tree) -> String {
    let mut hash = Sha256::new();
    let root_is_file = tree.entries.len() == 1;
    for entry in tree.entries.iter().skip(usize::from(!root_is_file)) {
        hash.update(entry.path.as_os_str().as_bytes());
        hash.update(b"\0");
        match &entry.kind {
            EntryKind::Directory => hash.update(b"directory"),
            EntryKind::File(size) => hash.update(format!("file {size}")),
            EntryKind::Symlink(target) => {
                hash.update(b"link ");
                let target = without_store_hashes(target.as_os_str().as_bytes());
                hash.update(target.collect::<Vec<u8>>());
            }
            EntryKind::Special(_) => hash.update(b"special"),
        }
        hash.update(b"\n");
    }
    postlink_codegen::hex(&hash.finalize())
}

/// What is known of each file, by each of its names.
fn entries(tree: &ScannedTree) -> Vec<ManifestEntry> {
    let found: HashSet<&str> = tree.findings.iter().map(|one| one.path.as_str()).collect();
    let mut entries = Vec::new();
    let all = tree.walked.entries.iter().zip(&tree.entries);
    for (entry, known) in all.filter(|(entry, _)| matches!(entry.kind, EntryKind::File(_))) {
        let (first, known) = match known.same_as {
            Some(first) => (&tree.walked.entries[first], &tree.entries[first]),
            None => (entry, known),
        };
        let is_told = |entry: &Entry| found.contains(&*escaped(&entry.path));
        if is_told(entry) || is_told(first) || !known.records.is_empty() {
            let (content, records) = (known.content, known.records.clone());
            entries.push(ManifestEntry { path: escaped(&entry.path), content, records });
        }
    }
    entries
}
