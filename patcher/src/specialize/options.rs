//! What `specialize` is told, and what it tells.

use std::path::PathBuf;

use crate::image::Allowed;
use crate::record::values::Assignment;
use crate::scan::finding::Finding;
use crate::scan::manifest::Manifest;

/// A tree, and the path that it gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Where it is now.
    pub source: PathBuf,
    /// Its final path.
    pub destination: PathBuf,
}

/// What is carried where, and how.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SpecializeOptions {
    /// The trees, at least one.
    pub outputs: Vec<Output>,
    /// Old paths that become new ones, beside those of the trees themselves; or old words and new ones.
    pub rewrites: Vec<(PathBuf, PathBuf)>,
    /// Values of declared fields.
    pub assignments: Vec<Assignment>,
    /// The folder under which the trees are put, as if it were the root of all files.
    pub destdir: Option<PathBuf>,
    /// What a scan found in these trees: then nothing is searched.
    pub manifest: Option<Manifest>,
    /// Longer paths that only begin or end like an old one.
    pub other_paths: Vec<PathBuf>,
    /// Fields whose old value becomes the new one in texts too.
    pub follow: Vec<String>,
    /// Rewrite compressed texts.
    pub repack: bool,
    /// Rewrite undeclared references in binary files, where old and new path are equally long.
    pub equal_length: bool,
    /// Among these also references that may be a part of a longer path.
    pub possible: bool,
    /// What may become of the signatures of images that change.
    pub allowed: Allowed,
    /// Patterns of paths in a tree, of files in which old paths may stay.
    pub allow_left: Vec<String>,
    /// Let the trees take their places also where something is left.
    pub keep_failed: bool,
    /// Rewrite also paths with one component, and short words.
    pub force: bool,
    /// Plan and check, write nothing.
    pub dry_run: bool,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The trees are at their places.
    Specialized,
    /// They would be.
    Planned,
    /// Something of the old paths is left: no tree stays, unless that was wanted.
    Left,
}

/// What was done, or planned.
#[derive(Debug)]
#[non_exhaustive]
pub struct Specialized {
    /// How it ended.
    pub ending: Ending,
    /// In the order of the outputs.
    pub trees: Vec<SpecializedTree>,
    /// What is left of old paths, each with the path of its tree.
    pub left: Vec<(PathBuf, Finding)>,
    /// Where the old values of fields that were set still stand.
    pub standing: Vec<Standing>,
    /// What the copies could not keep, and what is to be looked at, in sentences.
    pub warnings: Vec<String>,
}

/// A tree that was carried.
#[derive(Debug)]
#[non_exhaustive]
pub struct SpecializedTree {
    /// Where it was.
    pub source: PathBuf,
    /// The path that it has.
    pub destination: PathBuf,
    /// How many files it has; one with several names counts once.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The entries that were changed, relative to the tree, and how, in words.
    pub changes: Vec<(PathBuf, Vec<String>)>,
}

/// The old value of a field that was set, where texts still have it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Standing {
    /// The field.
    pub field: String,
    /// Its old value.
    pub old: String,
    /// The new one.
    pub new: String,
    /// Whether it is followed: then these places are unclear, or the word is short.
    pub followed: bool,
    /// Each place with the path that its tree gets.
    pub places: Vec<(PathBuf, Finding)>,
}
