//! Carries trees from the paths that they were built for to their final ones.
//!
//! First everything is looked at and planned, and what cannot be done is refused, all of it at once.
//! Then the trees are copied beside their places, the gate looks for what is left of the old paths,
//! and only then do they take their places.
//!
//! The [`gate`](super::gate) is between the last two steps.

pub mod copy;
pub mod gate;
pub mod image;
pub mod plan;
#[cfg_attr(not(test), expect(dead_code, reason = "nothing asks for it yet"))]
mod repack;
pub mod rewrite;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use globset::GlobSet;
use rustix::fs::{Access, access};

use self::copy::{Parents, Staged, free, not_stopped};
use self::plan::{TreePlan, Wanted, plan_tree};
use crate::error::{Error, Result};
use crate::files::open::Mode;
use crate::files::walk::Tree;
use crate::record::assign::unknown;
use crate::record::read::Image;
use crate::scan::finding::Finding;
use crate::scan::manifest::{Knowledge, Manifest};
use crate::scan::trees;

/// A tree, and the path that it gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Where it is now.
    pub source: PathBuf,
    /// Its final path.
    pub destination: PathBuf,
}

/// What is told of the work as it goes on.
pub trait Watch: Sync {
    /// There are so many files and bytes more to look at or to copy.
    fn begin(&self, files: u64, bytes: u64);
    /// So many are done.
    fn done(&self, files: u64, bytes: u64);
}

/// Plans all trees. Nothing is written.
///
/// # Errors
/// Everything that cannot be done.
pub fn plan(
    outputs: &[Output],
    wanted: &Wanted<'_>,
    manifest: Option<&Manifest>,
    watch: &impl Watch,
) -> Result<Vec<TreePlan>> {
    let references = wanted.rewrites.references();
    let known: Vec<Knowledge> = match manifest {
        Some(manifest) => {
            let know = |(position, output): (usize, &Output)| {
                manifest.knowledge(Tree::walk(&output.source)?, position, &references)
            };
            all(outputs.iter().enumerate().map(know).collect())?
        }
        None => {
            let roots: Vec<PathBuf> = outputs.iter().map(|output| output.source.clone()).collect();
            let begin = |files, bytes| watch.begin(files, bytes);
            let done = |files, bytes| watch.done(files, bytes);
            let scan = trees::trees(&roots, references, true, &begin, &done)?;
            scan.trees.into_iter().map(Knowledge::from).collect()
        }
    };
    let plans: Vec<Result<TreePlan>> = known
        .into_iter()
        .zip(outputs)
        .map(|(known, output)| plan_tree(known, &output.destination, wanted))
        .collect();
    let plans = all(plans)?;
    check_assignments(&plans, wanted)?;
    Ok(plans)
}

fn all<T>(results: Vec<Result<T>>) -> Result<Vec<T>> {
    let mut done = Vec::new();
    let mut errors = Vec::new();
    for result in results {
        match result {
            Ok(one) => done.push(one),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(done) } else { Err(Error::several(errors)) }
}

/// A value that no record of any tree takes is refused.
fn check_assignments(plans: &[TreePlan], wanted: &Wanted<'_>) -> Result<()> {
    let taken: BTreeSet<usize> = plans.iter().flat_map(|plan| plan.taken.iter().copied()).collect();
    let ours = wanted.assignments.iter().enumerate();
    let lost: Vec<_> = ours.filter(|(number, _)| !taken.contains(number)).collect();
    let (Some(_), Some(first)) = (lost.first(), plans.first()) else { return Ok(()) };
    let mut shapes = Vec::new();
    for plan in plans {
        for (entry, planned) in plan.tree.entries.iter().zip(&plan.entries) {
            if planned.has_records {
                let image = Image::open(&plan.tree.path(entry), Mode::Read)?;
                shapes.extend(image.records().map(|(_, place)| place.shape.clone()));
            }
        }
    }
    let path = first.tree.root.clone();
    if shapes.is_empty() {
        return Err(Error::NoRecord { path, imports: crate::error::Imports::default() });
    }
    let shapes: Vec<_> = shapes.iter().collect();
    let problems =
        lost.iter().map(|(_, one)| unknown(&shapes, one.section.as_deref(), &one.field)).collect();
    Err(Error::Values { path, problems })
}

/// What stays of old paths and is not known to be harmless, each with its tree's destination.
#[must_use]
pub fn left<'a>(plans: &'a [TreePlan], allowed: &GlobSet) -> Vec<(&'a Path, &'a Finding)> {
    plans
        .iter()
        .flat_map(|plan| plan.left.iter().map(|finding| (plan.destination.as_path(), finding)))
        .filter(|(_, finding)| !allowed.is_match(&finding.path))
        .collect()
}

/// The places of trees; under `destdir`, if that is given. A trial may be made where the places'
/// folders are not there.
///
/// # Errors
/// Each that a tree cannot be put into: something is there already, the folder that it is in is not
/// there or cannot be written, or it is in one of the trees, which would change.
pub fn places(outputs: &[Output], destdir: Option<&Path>, is_trial: bool) -> Result<Vec<PathBuf>> {
    let sources: Vec<PathBuf> =
        outputs.iter().filter_map(|output| output.source.canonicalize().ok()).collect();
    let place = |output: &Output| {
        let place = match destdir {
            Some(root) => {
                root.join(output.destination.strip_prefix("/").unwrap_or(&output.destination))
            }
            None => output.destination.clone(),
        };
        free(&place, output.source.is_file())?;
        let parent = place.parent().unwrap_or(Path::new("/"));
        let there = parent.ancestors().find(|folder| folder.symlink_metadata().is_ok());
        // A relative path begins in the current folder.
        let there = there.unwrap_or(Path::new("."));
        // What is missing under `destdir` is made.
        let needed = if destdir.is_some() { there } else { parent };
        if !is_trial {
            access(needed, Access::WRITE_OK | Access::EXEC_OK)
                .map_err(|error| Error::io("create a folder in", needed)(error.into()))?;
        }
        let real = there.canonicalize().map_err(Error::io("create a folder in", there))?;
        let real = real.join(place.strip_prefix(there).unwrap_or(&place));
        match sources.iter().find(|source| real.starts_with(source)) {
            Some(source) => Err(Error::input(
                format!("{} is in the tree {}", place.display(), source.display()),
                "a tree that is copied does not change: name a place outside of it",
            )),
            None => Ok(place),
        }
    };
    all(outputs.iter().map(place).collect())
}

/// Copies of trees beside their places. What was made for them goes away unless they are finished.
#[derive(Debug)]
pub struct Staging<'a> {
    /// In the order of the plans.
    pub copies: Vec<Staged<'a>>,
    // Behind the copies, since it goes away behind them.
    _parents: Parents,
}

/// Copies the trees beside their places, unless `stop` is set.
///
/// # Errors
/// What cannot be read or written; it was stopped. Then nothing stays.
pub fn stage<'a>(
    plans: &'a [TreePlan],
    places: Vec<PathBuf>,
    watch: &impl Watch,
    stop: &AtomicBool,
) -> Result<Staging<'a>> {
    let mut parents = Parents::default();
    let mut copies = Vec::new();
    for (plan, place) in plans.iter().zip(places) {
        let (files, bytes) = plan.size();
        watch.begin(files, bytes);
        if let (Some(parent), true) = (place.parent(), place != plan.destination) {
            parents.make(parent)?;
        }
        let copy = Staged::new(plan, place)?;
        copy.copy(&|files, bytes| watch.done(files, bytes), stop)?;
        copies.push(copy);
    }
    Ok(Staging { copies, _parents: parents })
}

/// Puts all trees into their places, unless `stop` is set.
///
/// # Errors
/// What the system refuses; it was stopped. Then those that had theirs are removed again.
pub fn finish(mut staging: Staging<'_>, stop: &AtomicBool) -> Result<()> {
    // What may fail for many reasons comes first.
    staging.copies.iter().try_for_each(Staged::close)?;
    staging.copies.iter_mut().try_for_each(Staged::put)?;
    not_stopped(stop)?;
    staging.copies.into_iter().for_each(Staged::keep);
    Ok(())
}
