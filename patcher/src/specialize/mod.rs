//! Carries trees from the paths that they were built for to their final ones.
//!
//! First everything is looked at and planned, and what cannot be done is refused, all of it at once.
//! Then the trees are copied to folders beside their places, or where only the places may be made, to
//! these; the gate looks for what is left of the old paths, and only then do they take their places.

pub(crate) mod beside;
mod copy;
mod debug_links;
mod destinations;
mod follow;
mod gate;
mod image;
mod listed;
mod options;
mod places;
pub(crate) mod plan;
mod record_left;
mod repack;
pub(crate) mod rewrite;
pub(crate) mod rules;
mod wanted;

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::AtomicBool;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use postlink_codegen::Shape;

use self::beside::Beside;
use self::copy::Staged;
use self::places::Placed;
use self::plan::{TreePlan, plan_tree};
use self::rewrite::Rewrites;
use self::rules::Rules;
use self::wanted::Wanted;
use crate::error::{Error, Imports, Result};
use crate::files::parents::Parents;
use crate::files::temporary::Swept;
use crate::files::walk::Tree;
use crate::record::assign::unknown_fields;
use crate::record::read::Image;
use crate::record::values::Assignment;
use crate::scan::built_for;
use crate::scan::finding::{Finding, FindingKind};
use crate::scan::manifest::Knowledge;
use crate::scan::trees;
use crate::shown::escaped;
use crate::watch::{Stoppable, Watch, not_stopped, start_threads};

pub use self::options::{
    Ending, Output, SpecializeOptions, Specialized, SpecializedTree, Standing,
};
pub use crate::image::Allowed;

/// Carries trees. `stop` may be set at any time: then nothing stays.
///
/// # Errors
/// Everything that cannot be read, done or written; no tree stays then.
pub fn specialize(
    options: &SpecializeOptions,
    watch: &impl Watch,
    stop: &AtomicBool,
) -> Result<Specialized> {
    start_threads()?;
    places::check_apart(&options.outputs)?;
    destinations::check(options)?;
    let allowed = globs(&options.allow_left)?;
    let own: Vec<_> = options.outputs.iter().flat_map(own_rewrites).collect();
    let rewrites = Rewrites::new(&own, &options.rewrites, options.force)?;
    let planned = look(options, rewrites, watch, stop);
    not_stopped(stop)?;
    let places = places::places(&options.outputs, options.destdir.as_deref(), options.dry_run);
    let (Looked { plans, rewrites, standing }, places) = both(planned, places)?;
    let mut left: Vec<(PathBuf, Finding)> = Vec::new();
    let mut warnings = Vec::new();
    for plan in &plans {
        let refused = plan.left.iter().filter(|finding| !allowed.is_match(&finding.path));
        left.extend(refused.map(|finding| (plan.destination.clone(), finding.clone())));
    }
    let stays = |left: &[(PathBuf, Finding)]| left.is_empty() || options.keep_failed;
    if stays(&left) && !options.dry_run {
        let staging = stage(&plans, places, watch, stop)?;
        let more = gate::search(&staging.copies, &rewrites)?;
        left.extend(more.into_iter().filter(|(_, one)| !allowed.is_match(&one.path)));
        if stays(&left) {
            warnings = finish(staging, stop)?;
        }
    }
    warnings.extend(destinations::warnings(&plans, options, &rewrites));
    let ending = match (options.dry_run, left.is_empty()) {
        (true, _) => Ending::Planned,
        (false, true) => Ending::Specialized,
        (false, false) => Ending::Left,
    };
    warnings
        .extend(plans.iter().flat_map(|plan| &plan.entries).flat_map(|one| one.warnings.clone()));
    let trees = plans.into_iter().map(SpecializedTree::from).collect();
    Ok(Specialized { ending, trees, left, standing, warnings })
}

impl From<TreePlan> for SpecializedTree {
    fn from(plan: TreePlan) -> Self {
        let (files, bytes) = plan.size();
        let changes = plan.changes().map(|(entry, one)| (entry.path.clone(), one.notes.clone()));
        Self {
            files,
            bytes,
            changes: changes.collect(),
            source: plan.tree.root,
            destination: plan.destination,
        }
    }
}

/// All that is decided before anything is written.
struct Looked {
    plans: Vec<TreePlan>,
    rewrites: Rewrites,
    standing: Vec<Standing>,
}

/// Looks at the trees, and plans.
fn look(
    options: &SpecializeOptions,
    rewrites: Rewrites,
    watch: &impl Watch,
    stop: &AtomicBool,
) -> Result<Looked> {
    let mut known = know(options, &rewrites, &Stoppable(watch, stop))?;
    check_built_for(&known, options, &rewrites)?;
    let (rewrites, standing) = follow::follow(&mut known, options, rewrites)?;
    let rules = Rules {
        rewrites: &rewrites,
        equal_length: options.equal_length,
        possible: options.possible,
        repack: options.repack,
    };
    let plans = plan(known, options, &rules, stop)?;
    Ok(Looked { plans, rewrites, standing })
}

/// What is known of the trees, from the manifest or from a search.
fn know(
    options: &SpecializeOptions,
    rewrites: &Rewrites,
    watch: &impl Watch,
) -> Result<Vec<Knowledge>> {
    let references = rewrites.references();
    if let Some(manifest) = &options.manifest {
        let know = |(position, output): (usize, &Output)| {
            let tree = Tree::walk(&output.source)?;
            manifest.knowledge(tree, position, &references, &|one| rewrites.may_be_unknown(one))
        };
        return Error::all(options.outputs.iter().enumerate().map(know).collect());
    }
    let roots: Vec<PathBuf> = options.outputs.iter().map(|output| output.source.clone()).collect();
    let search = trees::Search { references, others: &options.other_paths, look_inside: true };
    let scan = trees::trees(&roots, search, watch)?;
    Ok(scan.trees.into_iter().map(Knowledge::from).collect())
}

/// Refuses a tree that names another place as the one that it was built for, and none that becomes its own.
fn check_built_for(
    known: &[Knowledge],
    options: &SpecializeOptions,
    rewrites: &Rewrites,
) -> Result<()> {
    let mut errors = Vec::new();
    for (known, output) in known.iter().zip(&options.outputs) {
        let is_own = |finding: &Finding| {
            let place = finding.place.as_ref();
            place.is_some_and(|place| rewrites.leads_to(place.reference, &output.destination))
        };
        let own = known.findings.iter().filter(|finding| is_own(finding)).count() as u64;
        let is_given = |section: &str, field: &str| {
            options.assignments.iter().any(|one| {
                one.field == field && one.section.as_deref().is_none_or(|name| name == section)
            })
        };
        for built in built_for::paths(&known.tree, &is_given)? {
            let is_final = |output: &Output| built.path.starts_with(&output.destination);
            let is_known = options.outputs.iter().any(is_final) || rewrites.covers(&built.path);
            // A tree that names its own place more often may have something of another package.
            if is_known || own > built.places {
                continue;
            }
            let old = escaped(built.path.as_os_str());
            let new = escaped(output.destination.as_os_str());
            let times = match built.places {
                1 => "once".to_owned(),
                many => format!("{many} times"),
            };
            errors.push(Error::input(
                format!(
                    "{} was built for {old}, which it names {times}, and nothing says what becomes of that",
                    escaped(output.source.as_os_str())
                ),
                format!("add --rewrite {old}={new}; or --rewrite {old}={old}, if it is to stay"),
            ));
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(Error::several(errors)) }
}

/// Plans all trees.
fn plan(
    known: Vec<Knowledge>,
    options: &SpecializeOptions,
    rules: &Rules<'_>,
    stop: &AtomicBool,
) -> Result<Vec<TreePlan>> {
    let destinations = options.outputs.iter().map(|output| output.destination.as_path());
    let trees: Vec<(&Tree, &Path)> =
        known.iter().map(|known| &known.tree).zip(destinations).collect();
    let beside = Beside::of(&trees, rules);
    let old = gate::searcher(rules.rewrites)?;
    let wanted = Wanted {
        rules,
        old: &old,
        assignments: &options.assignments,
        allowed: options.allowed,
        beside: &beside,
        stop,
    };
    let plans = known.into_iter().zip(&options.outputs);
    let mut plans = Error::all(
        plans.map(|(known, output)| plan_tree(known, &output.destination, &wanted)).collect(),
    )?;
    check_assignments(&plans, &options.assignments)?;
    debug_links::follow(&mut plans, &wanted)?;
    Ok(plans)
}

/// A value that no record of any tree takes is refused.
fn check_assignments(plans: &[TreePlan], assignments: &[Assignment]) -> Result<()> {
    let taken: BTreeSet<usize> = plans.iter().flat_map(|plan| plan.taken.iter().copied()).collect();
    let (true, Some(first)) = (taken.len() < assignments.len(), plans.first()) else {
        return Ok(());
    };
    let mut shapes: Vec<Shape> = Vec::new();
    for plan in plans {
        for (entry, planned) in plan.tree.entries.iter().zip(&plan.entries) {
            if planned.has_records {
                let image = Image::of_file(plan.tree.file(entry))?;
                shapes.extend(image.records().map(|(_, place)| place.shape.clone()));
            }
        }
    }
    let path = first.tree.root.clone();
    if shapes.is_empty() {
        let is_record = |finding: &&Finding| finding.kind == FindingKind::Record;
        let unfilled = plans.iter().flat_map(|plan| &plan.left).find(is_record);
        return Err(match unfilled {
            Some(Finding { path: file, text, .. }) => Error::input(
                format!("{}: no record can be filled; {file}: {text}", escaped(path.as_os_str())),
                FindingKind::Record.advice(),
            ),
            None => Error::NoRecord { path, imports: Imports::default() },
        });
    }
    let shapes: Vec<&Shape> = shapes.iter().collect();
    Err(Error::Values { path, problems: unknown_fields(&shapes, assignments, &taken) })
}

fn both<A, B>(one: Result<A>, other: Result<B>) -> Result<(A, B)> {
    match (one, other) {
        (Ok(one), Ok(other)) => Ok((one, other)),
        (one, other) => Err(Error::several(one.err().into_iter().chain(other.err()).collect())),
    }
}

/// A tree's own path becomes that of its destination: the path as it was given, and the real one
/// where that leads through links.
fn own_rewrites(output: &Output) -> Vec<(PathBuf, PathBuf)> {
    let is_plain = |path: &PathBuf| !path.components().any(|part| part == Component::ParentDir);
    // A tree that is not there is refused when it is listed.
    let real = output.source.canonicalize();
    let named = std::path::absolute(&output.source).ok().filter(is_plain);
    let mut paths: Vec<PathBuf> = named.into_iter().chain(real).collect();
    paths.dedup();
    paths.into_iter().map(|path| (path, output.destination.clone())).collect()
}

/// Patterns of paths in a tree. A `*` stands for a part of one name, `**` for any names.
fn globs(patterns: &[String]) -> Result<GlobSet> {
    let wrong = |error: globset::Error| {
        Error::usage(format!("--allow-left: {error}"), "write a pattern such as `share/doc/**`")
    };
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        set.add(GlobBuilder::new(pattern).literal_separator(true).build().map_err(wrong)?);
    }
    set.build().map_err(wrong)
}

/// Copies of trees that are not in use yet. What was made for them goes away unless they are finished.
#[derive(Debug)]
struct Staging<'a> {
    /// In the order of the plans.
    copies: Vec<Staged<'a>>,
    // Behind the copies, since it goes away behind them.
    _parents: Parents,
}

/// Copies the trees, unless `stop` is set.
fn stage<'a>(
    plans: &'a [TreePlan],
    places: Vec<Placed>,
    watch: &impl Watch,
    stop: &AtomicBool,
) -> Result<Staging<'a>> {
    let mut parents = Parents::default();
    let (mut copies, swept) = (Vec::new(), Swept::default());
    for (plan, place) in plans.iter().zip(places) {
        let (files, bytes) = plan.size();
        watch.begin(files, bytes);
        let parent = place.parent(&mut parents)?;
        let copy = Staged::new(plan, place.path, parent, &swept)?;
        copy.copy(&|files, bytes| watch.done(files, bytes), stop)?;
        copies.push(copy);
    }
    Ok(Staging { copies, _parents: parents })
}

/// Puts all trees into their places, unless `stop` is set. Where one cannot, none stays. Gives sentences
/// about what the copies could not keep.
fn finish(mut staging: Staging<'_>, stop: &AtomicBool) -> Result<Vec<String>> {
    // The step that may fail for many reasons comes first.
    staging.copies.iter().try_for_each(Staged::close)?;
    staging.copies.iter_mut().try_for_each(Staged::put)?;
    not_stopped(stop)?;
    let lost = staging.copies.iter().flat_map(Staged::lost).collect();
    staging.copies.into_iter().for_each(Staged::keep);
    Ok(lost)
}
