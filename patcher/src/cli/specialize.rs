//! `postlink specialize`.

use std::path::{Component, Path, PathBuf};

use globset::{Glob, GlobSet, GlobSetBuilder};
use serde::Serialize;

use super::progress::Progress;
use super::{Exit, Talk, json};
use crate::error::{Error, Result};
use crate::files::open::read_text;
use crate::record::values;
use crate::scan::finding::Finding;
use crate::scan::manifest::Manifest;
use crate::shown::escaped;
use crate::specialize::gate;
use crate::specialize::plan::{TreePlan, Wanted};
use crate::specialize::rewrite::Rewrites;
use crate::specialize::{self, Output, Watch};

/// Carry a package from the paths that it was built for to its final ones
///
/// Copies each tree and, in the copy, fills declared fields, rewrites RUNPATH, text files and
/// symbolic links. Declared paths that lie in a tree follow it by themselves. Everything is checked
/// before anything is written. Afterwards nothing of the old paths is left; otherwise it ends
/// with 3, lists what is, and no tree stays.
///
/// Each tree takes its place by one rename. Where the process is killed, or the power fails, before
/// that, a folder `.postlink-...` stays beside the place until the next run there; between two of these
/// renames, the first trees have their places and the others do not.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A tree, and its final path; repeat for each output of the package
    #[arg(long = "output", short, value_name = "SRC=DST", required = true)]
    outputs: Vec<String>,
    /// An old path that becomes a new one, beside those of the trees themselves; or a word, such as
    /// the version in text files: 0.0.0-unspecialized=2.97.1
    #[arg(long = "rewrite", value_name = "OLD=NEW")]
    rewrites: Vec<String>,
    /// Put the trees under this folder, as if it were the root of all files
    #[arg(long, value_name = "DIR")]
    destdir: Option<PathBuf>,
    /// Set a field; repeat for the items of a list
    #[arg(long = "set", value_name = "FIELD=VALUE")]
    sets: Vec<String>,
    /// Read values from a file of JSON or TOML, - for JSON on standard input
    #[arg(long = "values", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Take from this file what `scan --manifest` found, and search nothing
    #[arg(long, value_name = "MANIFEST")]
    manifest: Option<PathBuf>,
    /// Rewrite undeclared references in binary files too, where the old and new path are equally long
    #[arg(long)]
    equal_length: bool,
    /// Files in which old paths may stay: a pattern of paths in a tree, `share/doc/**`
    #[arg(long, value_name = "GLOB")]
    allow_left: Vec<String>,
    /// Leave the trees where they are also if something of the old paths is left
    #[arg(long)]
    keep_failed: bool,
    /// Rewrite a path with one component, such as /usr
    #[arg(long)]
    force: bool,
    /// Check everything but the destinations' folders, which need not be there; write nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// The object that `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    /// `specialized`, `planned`, or `left`.
    outcome: &'static str,
    trees: Vec<TreeReport<'a>>,
    /// What is left of old paths.
    left: Vec<Left<'a>>,
}

#[derive(Serialize)]
struct TreeReport<'a> {
    source: String,
    destination: String,
    files: u64,
    bytes: u64,
    changes: Vec<Change<'a>>,
}

#[derive(Serialize)]
struct Change<'a> {
    path: String,
    notes: &'a [String],
}

#[derive(Serialize)]
struct Left<'a> {
    destination: String,
    #[serde(flatten)]
    finding: &'a Finding,
}

impl Watch for Progress {
    fn begin(&self, files: u64, bytes: u64) {
        Self::begin(self, files, bytes);
    }

    fn done(&self, files: u64, bytes: u64) {
        Self::done(self, files, bytes);
    }
}

pub(super) fn run(args: &Args, talk: Talk) -> Result<Exit> {
    json::or_error(args.json, || {
        let outputs = args.outputs.iter().map(|text| output(text)).collect::<Result<Vec<_>>>()?;
        check_apart(&outputs)?;
        let pairs = args.rewrites.iter().map(|text| rewrite(text)).collect::<Result<Vec<_>>>()?;
        let own: Vec<_> = outputs.iter().flat_map(own_rewrites).collect();
        let rewrites = Rewrites::new(&[own, pairs].concat(), args.force)?;
        let assignments = values::assignments(&args.sets, &args.files)?;
        let manifest = args.manifest.as_deref().map(read_manifest).transpose()?;
        let allowed = globs(&args.allow_left)?;
        let wanted = Wanted {
            rewrites: &rewrites,
            assignments: &assignments,
            equal_length: args.equal_length,
        };
        let progress = Progress::new(talk.0.quiet);
        let plans = specialize::plan(&outputs, &wanted, manifest.as_ref(), &progress);
        progress.end();
        let places = specialize::places(&outputs, args.destdir.as_deref(), args.dry_run);
        let (plans, places) = match (plans, places) {
            (Ok(plans), Ok(places)) => (plans, places),
            (plans, places) => {
                return Err(Error::several(plans.err().into_iter().chain(places.err()).collect()));
            }
        };
        let mut left: Vec<(PathBuf, Finding)> = specialize::left(&plans, &allowed)
            .into_iter()
            .map(|(destination, finding)| (destination.to_owned(), finding.clone()))
            .collect();
        let mut outcome = if left.is_empty() { "specialized" } else { "left" };
        if args.dry_run {
            outcome = "planned";
        } else if left.is_empty() || args.keep_failed {
            let progress = Progress::new(talk.0.quiet);
            let stop = super::stopped_by_signals()?;
            let staged = specialize::stage(&plans, places, &progress, &stop);
            progress.end();
            let staged = staged?;
            let more = gate::search(&staged.copies, &rewrites)?;
            left.extend(more.into_iter().filter(|(_, one)| !allowed.is_match(&one.path)));
            if !left.is_empty() {
                outcome = "left";
            }
            if left.is_empty() || args.keep_failed {
                let lost = specialize::finish(staged, &stop)?;
                lost.iter().for_each(|sentence| talk.warn(sentence));
            }
        }
        if args.json {
            json::print(&report(&plans, outcome, &left));
        } else {
            tell(&plans, outcome, &left, args, talk);
        }
        Ok(if left.is_empty() { Exit::Done } else { Exit::Found })
    })
}

/// `SRC=DST`, at the first `=/`.
fn output(text: &str) -> Result<Output> {
    let (source, destination) = pair(text)?;
    Ok(Output { source, destination })
}

/// `OLD=NEW`, at the first `=/`.
fn pair(text: &str) -> Result<(PathBuf, PathBuf)> {
    match text.split_once("=/") {
        Some((old, new)) if !old.is_empty() => Ok((old.into(), format!("/{new}").into())),
        _ => Err(Error::usage(
            format!("`{text}` is not OLD=NEW with an absolute new path"),
            "write the path that there is, `=`, and the path that it becomes: old=/opt/new",
        )),
    }
}

/// `OLD=NEW`: of paths at the first `=/`, of words at the first `=`.
pub(super) fn rewrite(text: &str) -> Result<(PathBuf, PathBuf)> {
    match text.split_once('=') {
        Some((old, new)) if !text.starts_with('/') => Ok((old.into(), new.into())),
        _ => pair(text),
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

/// Refuses trees of which one is in another, or that have one destination.
fn check_apart(outputs: &[Output]) -> Result<()> {
    for (at, one) in outputs.iter().enumerate() {
        for other in &outputs[at + 1..] {
            let within = |a: &Path, b: &Path| a.starts_with(b) || b.starts_with(a);
            if within(&one.destination, &other.destination) {
                let (one, other) = (one.destination.display(), other.destination.display());
                return Err(Error::usage(
                    format!("the destinations {one} and {other} are in one another"),
                    "give each tree a place of its own",
                ));
            }
        }
    }
    Ok(())
}

fn read_manifest(path: &Path) -> Result<Manifest> {
    serde_json::from_str(&read_text(path)?).map_err(|error| {
        Error::input(
            format!("{}: {error}", path.display()),
            "name a file that `postlink scan --manifest` wrote",
        )
    })
}

fn globs(patterns: &[String]) -> Result<GlobSet> {
    let wrong = |error: globset::Error| {
        Error::usage(format!("--allow-left: {error}"), "write a pattern such as `share/doc/**`")
    };
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        set.add(Glob::new(pattern).map_err(wrong)?);
    }
    set.build().map_err(wrong)
}

fn report<'a>(
    plans: &'a [TreePlan],
    outcome: &'static str,
    left: &'a [(PathBuf, Finding)],
) -> Report<'a> {
    let tree = |plan: &'a TreePlan| {
        let (files, bytes) = plan.size();
        let changes = plan.changes().map(|(entry, planned)| Change {
            path: escaped(entry.path.as_os_str()),
            notes: &planned.notes,
        });
        TreeReport {
            source: escaped(plan.tree.root.as_os_str()),
            destination: escaped(plan.destination.as_os_str()),
            files,
            bytes,
            changes: changes.collect(),
        }
    };
    let left = left.iter().map(|(destination, finding)| Left {
        destination: escaped(destination.as_os_str()),
        finding,
    });
    Report { outcome, trees: plans.iter().map(tree).collect(), left: left.collect() }
}

fn tell(plans: &[TreePlan], outcome: &str, left: &[(PathBuf, Finding)], args: &Args, talk: Talk) {
    let stays = left.is_empty() || args.keep_failed || args.dry_run;
    for plan in plans.iter().filter(|_| stays) {
        let (files, _) = plan.size();
        let changed = plan.changes().count();
        let verb = if outcome == "planned" { "would become" } else { "is now" };
        talk.say(&format!(
            "{} {verb} {}: {files} files, {changed} of them or their links changed",
            plan.tree.root.display(),
            plan.destination.display(),
        ));
        for (entry, planned) in plan.changes() {
            for note in &planned.notes {
                talk.detail(&format!("  {}: {note}", escaped(entry.path.as_os_str())));
            }
        }
    }
    if left.is_empty() {
        return;
    }
    super::print(&format!("{} references to old paths are left:", left.len()));
    for (destination, finding) in left {
        super::print(&format!("  {}/{}", destination.display(), super::scan::line_of(finding)));
    }
    let mut advice: Vec<&str> = left.iter().map(|(_, finding)| &*finding.advice).collect();
    advice.sort_unstable();
    advice.dedup();
    for advice in advice.into_iter().filter(|advice| !advice.is_empty()) {
        super::print(&format!("  help: {advice}"));
    }
    super::print("  help: where it may stay: --allow-left GLOB");
}
