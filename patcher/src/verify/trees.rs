//! Whether two trees differ in nothing but what `specialize` may change.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Serialize;

use super::debug_files::DebugFiles;
use super::options::VerifyOptions;
use crate::error::{Error, Result};
use crate::files::compare::is_equal;
use crate::files::walk::{Entry, EntryKind, Tree};
use crate::scan::against::kind;
use crate::scan::built_for::{self, BuiltFor};
use crate::search::reference::Reference;
use crate::shown::escaped;
use crate::shown::shown;
use crate::specialize::beside::Beside;
use crate::specialize::rewrite::Rewrites;
use crate::specialize::rules::{Rules, normal};
use crate::verify::change::{Change, TreeDifference};
use crate::verify::explain::{Explained, Explainer, Pair, link};
use crate::watch::Watch;

/// The result of a comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TreeReport {
    /// The rewrites: old path, new path.
    pub rewrites: Vec<(String, String)>,
    /// How many files have the same bytes. One with several names counts once for each.
    pub identical: u64,
    /// Entries that changed in an allowed way, sorted by path.
    pub changed: Vec<Changed>,
    /// All other differences, sorted by path, and within a file as they were found.
    pub differences: Vec<Different>,
    /// A rewrite that nothing names, where there are differences: the path that the first tree was built for,
    /// and the one that the other was.
    #[serde(skip)]
    pub unnamed: Option<(PathBuf, PathBuf)>,
}

/// An entry that changed in an allowed way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// Relative to the tree, with `\\xNN` for a byte that cannot be shown; `.` is the tree itself.
    pub path: String,
    /// In which way.
    pub changes: Vec<Change>,
}

/// A difference that is not allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Different {
    /// Relative to the tree.
    pub path: String,
    /// What it is.
    #[serde(flatten)]
    pub difference: TreeDifference,
}

/// Compares two trees. Accepted are:
///
/// - what [`images`](crate::verify::images::images) accepts, where defaults are what the rewrites make of them;
/// - strings that the loader reads, if they are what the rewrites give; in a RUNPATH also `$ORIGIN/…`
///   for a folder of the tree;
/// - texts that are what the rewrites give, and nothing else;
/// - absolute links that are what the rewrites give;
/// - with `equal_length`, undeclared strings in programs, libraries and data that are.
///
/// Names, kinds and modes have to be the same. Owners, times, extended attributes, and which names
/// are of one file, are not looked at. Nor is what should have changed, and did not: `scan` finds it.
///
/// # Errors
/// Everything that cannot be read, all of it at once; rewrites that contradict each other.
pub(super) fn trees(wanted: &VerifyOptions, watch: &impl Watch) -> Result<TreeReport> {
    let absolute = |path: &Path| {
        let path = std::path::absolute(path).map_err(Error::io("open", path))?;
        Ok::<_, Error>(normal(&path))
    };
    let (original, filled) = (absolute(&wanted.original)?, absolute(&wanted.filled)?);
    // Under another root the tree stands where its new path ends.
    let pairs = wanted.rewrites.iter();
    let of_original = pairs.clone().find(|(old, _)| *old == original);
    let under_root = || pairs.clone().find(|(_, new)| is_under_root(&filled, new));
    let destination = of_original.or_else(under_root).map(|(_, new)| new.clone());
    let destination: PathBuf = destination.unwrap_or_else(|| filled.clone());
    let own = [(original, destination.clone())];
    // Nothing is written: a path with one component does no harm here.
    let rewrites = Rewrites::new(&own, &wanted.rewrites, true)?;
    let rules = Rules {
        rewrites: &rewrites,
        equal_length: wanted.equal_length,
        possible: wanted.possible,
        repack: wanted.repack,
    };
    let (before, after) = (Tree::walk(&wanted.original)?, Tree::walk(&wanted.filled)?);
    let beside = Beside::of(&[(&before, &destination)], &rules);
    let debug_files = DebugFiles::new(&wanted.debug_files, Some(&after))?;
    let explainer = Explainer::new(&rules, &beside, &destination, &debug_files, wanted.force)?;
    let comparison = Comparison { before: &before, after: &after, rules: &rules, explainer };
    let mut report = comparison.compare(watch)?;
    let shown_pair = |(old, new): (&Reference, &[u8])| (shown(&old.path), shown(new));
    report.rewrites = rewrites.pairs().map(shown_pair).collect();
    if !report.differences.is_empty() {
        report.unnamed = unnamed(&before, &after, &[&own, &*wanted.rewrites].concat())?;
    }
    Ok(report)
}

/// The paths that two trees were built for, if no rewrite says that the one becomes the other.
fn unnamed(
    before: &Tree,
    after: &Tree,
    rewrites: &[(PathBuf, PathBuf)],
) -> Result<Option<(PathBuf, PathBuf)>> {
    let [before, after] = [before, after].map(|tree| built_for::paths(tree, &|_, _| false));
    let (before, after) = (before?, after?);
    let only = |all: &[BuiltFor], others: &[BuiltFor]| {
        let is_other = |path: &Path| others.iter().any(|other| other.path == path);
        all.iter().map(|one| one.path.clone()).find(|path| !is_other(path))
    };
    let pair = only(&before, &after).zip(only(&after, &before));
    Ok(pair.filter(|pair| !rewrites.contains(pair)))
}

/// Whether a tree stands at this path below some other folder.
fn is_under_root(place: &Path, path: &Path) -> bool {
    path.strip_prefix("/").is_ok_and(|below| place.ends_with(below))
}

struct Comparison<'a> {
    before: &'a Tree,
    after: &'a Tree,
    rules: &'a Rules<'a>,
    explainer: Explainer<'a>,
}

/// What is known of one path.
enum Found {
    /// The same file as before.
    Identical,
    Explained(Explained),
}

/// The entries of one path, where there are any.
type Entries<'a> = (Option<&'a Entry>, Option<&'a Entry>);

impl Comparison<'_> {
    fn compare(&self, watch: &impl Watch) -> Result<TreeReport> {
        let mut by_path: BTreeMap<&Path, Entries<'_>> = BTreeMap::new();
        for entry in &self.before.entries {
            by_path.entry(&entry.path).or_default().0 = Some(entry);
        }
        for entry in &self.after.entries {
            by_path.entry(&entry.path).or_default().1 = Some(entry);
        }
        let entries: Vec<(&Path, Entries<'_>)> = by_path.into_iter().collect();
        let earlier = earlier_names(&entries);
        let size = |at: usize| match entries[at].1.0?.kind {
            EntryKind::File(size) if earlier[at].is_none() => Some(size),
            _ => None,
        };
        let sizes: Vec<Option<u64>> = (0..entries.len()).map(size).collect();
        watch.begin(sizes.iter().flatten().count() as u64, sizes.iter().flatten().sum());
        let first: Vec<Option<Result<Found>>> = entries
            .par_iter()
            .enumerate()
            .map(|(at, &(_, entries))| {
                let found = earlier[at].is_none().then(|| self.entries(entries));
                sizes[at].inspect(|&size| watch.done(1, size));
                found
            })
            .collect();
        // Another name of a file that is not identical may lie in another folder.
        let is_identical = |at: usize| matches!(first[at], Some(Ok(Found::Identical)));
        let again: Vec<Option<Result<Found>>> = entries
            .par_iter()
            .zip(&earlier)
            .map(|(&(_, entries), &earlier)| match earlier? {
                at if is_identical(at) => Some(Ok(Found::Identical)),
                _ => Some(self.entries(entries)),
            })
            .collect();
        let found = first.into_iter().zip(again).filter_map(|(first, again)| first.or(again));
        report(entries.into_iter().map(|(path, _)| path).zip(found))
    }

    fn entries(&self, entries: Entries<'_>) -> Result<Found> {
        match entries {
            (Some(old), Some(new)) => self.entry(old, new),
            (Some(old), None) => Ok(told(format!("{} is missing", kind(&old.kind)))),
            (None, Some(new)) => Ok(told(format!("{} was added", kind(&new.kind)))),
            (None, None) => Ok(Found::Explained(Explained::default())),
        }
    }

    /// Compares entries of one name.
    fn entry(&self, old: &Entry, new: &Entry) -> Result<Found> {
        let mut found = match (&old.kind, &new.kind) {
            (EntryKind::File(_), EntryKind::File(_)) => self.file(old, new)?,
            (EntryKind::Symlink(old), EntryKind::Symlink(new)) => {
                return Ok(Found::Explained(link(old, new, self.rules)));
            }
            (EntryKind::Directory, EntryKind::Directory) => Found::Explained(Explained::default()),
            (EntryKind::Special(kind), EntryKind::Special(_)) => {
                told(format!("{kind}, which specialize does not copy"))
            }
            (old, new) => return Ok(told(format!("{} became {}", kind(old), kind(new)))),
        };
        if old.mode != new.mode {
            let reason = format!("mode {:04o} became {:04o}", old.mode, new.mode);
            let difference = TreeDifference { reason, ..TreeDifference::default() };
            let mut explained = match found {
                Found::Identical => Explained::default(),
                Found::Explained(explained) => explained,
            };
            explained.differences.insert(0, difference);
            found = Found::Explained(explained);
        }
        Ok(found)
    }

    fn file(&self, old: &Entry, new: &Entry) -> Result<Found> {
        let (original, filled) = (self.before.file(old), self.after.file(new));
        if is_equal(original, filled)? {
            return Ok(Found::Identical);
        }
        let pair = Pair { original, filled };
        self.explainer.file(&pair).map(Found::Explained)
    }
}

/// For each path, the position of an earlier one whose two files are the same as here.
fn earlier_names(entries: &[(&Path, Entries<'_>)]) -> Vec<Option<usize>> {
    let mut first_names = HashMap::new();
    let earlier = |(position, (_, entries)): (usize, &(&Path, Entries<'_>))| {
        let (Some(old), Some(new)) = entries else { return None };
        let first = *first_names.entry((old.id, new.id)).or_insert(position);
        (first != position).then_some(first)
    };
    entries.iter().enumerate().map(earlier).collect()
}

/// What was found of all paths, in their order.
fn report<'a>(found: impl Iterator<Item = (&'a Path, Result<Found>)>) -> Result<TreeReport> {
    let mut report = TreeReport::default();
    let mut errors = Vec::new();
    for (path, found) in found {
        let path = match path.as_os_str() {
            root if root.is_empty() => ".".into(),
            path => escaped(path),
        };
        match found {
            Ok(Found::Identical) => report.identical += 1,
            Ok(Found::Explained(Explained { changes, differences })) => {
                let different = |difference| Different { path: path.clone(), difference };
                report.differences.extend(differences.into_iter().map(different));
                if !changes.is_empty() {
                    report.changed.push(Changed { path, changes });
                }
            }
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(report) } else { Err(Error::several(errors)) }
}

fn told(reason: String) -> Found {
    let differences = vec![TreeDifference { reason, ..TreeDifference::default() }];
    Found::Explained(Explained { changes: Vec::new(), differences })
}
