//! Finds where trees refer to paths, and says what can be done about each place.

pub(crate) mod against;
pub(crate) mod built_for;
pub(crate) mod classify;
mod fields;
pub(crate) mod finding;
pub(crate) mod manifest;
mod propose;
mod repacked;
pub(crate) mod trees;
pub(crate) mod words;

use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::files::walk::Tree;
use crate::search::reference::Reference;
use crate::watch::{Watch, start_threads};

use self::trees::Search;

pub use self::against::{Comparison, Unexplained};
pub use self::built_for::BuiltFor;
pub use self::finding::{Action, Finding, FindingKind, Place};
pub use self::manifest::Manifest;
pub use self::trees::{Scan, ScannedTree, Unset};
pub use crate::search::encoding::Encoding;

/// What is looked for, and where.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ScanOptions {
    /// Trees of files, or single files.
    pub trees: Vec<PathBuf>,
    /// Absolute paths, or words such as a version; none: the paths that the trees were built for.
    pub references: Vec<PathBuf>,
    /// Longer paths that only begin or end like one of these.
    pub other_paths: Vec<PathBuf>,
    /// Another build of the first tree, for a path or version of the same length.
    pub against: Option<PathBuf>,
    /// Do not look into archives and compressed files.
    pub skip_members: bool,
    /// Make a manifest of what was found.
    pub manifest: bool,
    /// Compressed texts are such that `specialize` rewrites: it gets the same option.
    pub repack: bool,
}

/// What was found.
#[derive(Debug)]
#[non_exhaustive]
pub struct Scanned {
    /// The findings.
    pub scan: Scan,
    /// The comparison with another build.
    pub against: Option<Comparison>,
    /// The manifest.
    pub manifest: Option<Manifest>,
}

/// Scans trees, and compares the first with another build.
///
/// # Errors
/// A reference that is neither a path nor a word; everything that cannot be read.
pub fn scan(options: &ScanOptions, watch: &impl Watch) -> Result<Scanned> {
    start_threads()?;
    let built = match options.references.is_empty() {
        true => built_for(&options.trees)?,
        false => Vec::new(),
    };
    let paths = built.iter().flatten().map(|built| &built.path);
    let mut references: Vec<Reference> = Vec::new();
    for path in options.references.iter().chain(paths) {
        let reference = Reference::named(path.as_os_str())?;
        if !references.contains(&reference) {
            references.push(reference);
        }
    }
    let search = Search {
        references: references.clone(),
        others: &options.other_paths,
        look_inside: !options.skip_members,
    };
    let mut scan = trees::trees(&options.trees, search, watch)?;
    for (tree, built) in scan.trees.iter_mut().zip(built) {
        tree.built_for = Some(built);
    }
    let against = match (&options.against, scan.trees.as_slice()) {
        (None, _) => None,
        (Some(other), [tree]) => Some(against::compare(tree, references, other)?),
        (Some(_), _) => {
            return Err(Error::usage(
                "--against compares two trees, and more than one is named besides",
                "name one tree, and the other one with --against",
            ));
        }
    };
    let manifest = match options.manifest {
        true => Some(Manifest::new(&scan, !options.skip_members)?),
        false => None,
    };
    if options.repack {
        scan.trees.iter_mut().try_for_each(repacked::mark)?;
    }
    Ok(Scanned { scan, against, manifest })
}

/// The paths that each of these trees was built for.
fn built_for(trees: &[PathBuf]) -> Result<Vec<Vec<BuiltFor>>> {
    let mut all = Vec::new();
    let mut errors = Vec::new();
    for tree in trees {
        match Tree::walk(tree).and_then(|tree| built_for::paths(&tree, &|_, _| false)) {
            Ok(built) => all.push(built),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(all) } else { Err(Error::several(errors)) }
}
