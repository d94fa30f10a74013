//! `postlink specialize`.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::json;
use super::progress::Progress;
use super::scan::{count, named};
use super::talk::{Exit, Talk};
use super::values::GivenArgs;
use crate::error::{Error, Result};
use crate::files::below::path_below;
use crate::files::open::read_text;
use crate::scan::finding::Finding;
use crate::scan::manifest::Manifest;
use crate::shown::{escaped, line};
use crate::specialize::{
    Allowed, Ending, Output, SpecializeOptions, Specialized, SpecializedTree, Standing, specialize,
};
use crate::watch::Watch;

/// Carry a package from the paths that it was built for to its final ones
///
/// Copies each tree and, in the copy, fills declared fields, rewrites RUNPATH (on macOS rpaths and
/// install names; hashes of ad-hoc signatures follow), text files and symbolic links. Declared paths that lie in a tree follow it by themselves. Everything is checked
/// before anything is written. Afterwards nothing of the old paths is left; otherwise it ends
/// with 3, lists what is, and no tree stays.
///
/// Each tree takes its place by one rename. Where the process is killed before that,
/// a folder `.postlink-...` stays beside the place until the next run there; between two of these
/// renames, the first trees have their places and the others do not. Where nothing may be made beside a
/// place, the tree is made in the place itself, and such a run leaves a part of it there.
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
    #[command(flatten)]
    given: GivenArgs,
    /// Take from this file what `scan --manifest` found, and search nothing
    #[arg(long, value_name = "MANIFEST")]
    manifest: Option<PathBuf>,
    /// A longer path that only begins or ends like an old one and has nothing to do with it: /opt/apple for
    /// /opt/app. With --manifest, `scan` has to know it
    #[arg(long = "other-path", value_name = "PATH", conflicts_with = "manifest")]
    other_paths: Vec<PathBuf>,
    /// Rewrite the old value of this field, which has to be set, also where text files have it as a
    /// word, and in the Version: line of .pc files
    #[arg(long, value_name = "FIELD")]
    follow: Vec<String>,
    /// Rewrite compressed texts, such as manual pages: single files of gzip, xz, zstd and bzip2
    #[arg(long)]
    repack: bool,
    /// Rewrite undeclared references in binary files too, where the old and new path are equally long
    #[arg(long)]
    equal_length: bool,
    /// With --equal-length: also references that may be a part of a longer path
    #[arg(long, requires = "equal_length")]
    possible: bool,
    /// Let an ad-hoc signature take the place of one that only its owner can renew, in files that change
    /// and have such a one (codesign with a certificate); it has no meaning for others
    #[arg(long)]
    adhoc: bool,
    /// Remove a signature that only its owner can renew, from files that change and have such a
    /// one (Authenticode); it has no meaning for others
    #[arg(long)]
    drop_signature: bool,
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
    trees: Vec<TreeReport>,
    /// What is left of old paths.
    left: Vec<Place<'a>>,
    /// Where texts still have old values of fields that were set.
    standing: Vec<StandingJson<'a>>,
    /// What the copies could not keep, and what is to be looked at, in sentences.
    warnings: &'a [String],
}

#[derive(Serialize)]
struct StandingJson<'a> {
    field: &'a str,
    old: &'a str,
    new: &'a str,
    places: Vec<Place<'a>>,
}

#[derive(Serialize)]
struct TreeReport {
    source: String,
    destination: String,
    files: u64,
    bytes: u64,
    changes: Vec<ChangeJson>,
}

#[derive(Serialize)]
struct ChangeJson {
    path: String,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct Place<'a> {
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
        let options = options(args, talk)?;
        let progress = Progress::new(talk.global.quiet);
        let done = specialize(&options, &progress, &*super::signals::stop()?);
        progress.end();
        let done = done?;
        done.warnings.iter().for_each(|warning| talk.warn(warning));
        if args.json {
            json::print(&report(&done));
        } else {
            tell(&done, args, talk.as_result(args.dry_run));
        }
        Ok(if done.left.is_empty() { Exit::Done } else { Exit::Found })
    })
}

fn options(args: &Args, talk: Talk) -> Result<SpecializeOptions> {
    Ok(SpecializeOptions {
        outputs: args.outputs.iter().map(|text| output(text)).collect::<Result<_>>()?,
        rewrites: args.rewrites.iter().map(|text| rewrite(text)).collect::<Result<_>>()?,
        assignments: args.given.assignments(&args.given.sources(), talk.beside_json(args.json))?,
        destdir: args.destdir.clone(),
        manifest: args.manifest.as_deref().map(read_manifest).transpose()?,
        other_paths: args.other_paths.clone(),
        follow: args.follow.clone(),
        repack: args.repack,
        equal_length: args.equal_length,
        possible: args.possible,
        allowed: Allowed::new(args.adhoc, args.drop_signature),
        allow_left: args.allow_left.clone(),
        keep_failed: args.keep_failed,
        force: args.force,
        dry_run: args.dry_run,
    })
}

/// `SRC=DST`, at the first `=/`.
fn output(text: &str) -> Result<Output> {
    let (source, destination) = pair(text, "SRC=DST")?;
    Ok(Output { source, destination })
}

/// Two paths, which help calls by these names, at the first `=/`.
fn pair(text: &str, names: &str) -> Result<(PathBuf, PathBuf)> {
    match text.split_once("=/") {
        Some((old, new)) if !old.is_empty() => Ok((old.into(), format!("/{new}").into())),
        _ => Err(Error::usage(
            format!("`{text}` is not {names} with an absolute path behind `=`"),
            "write the path that there is, `=`, and the path that it becomes: old=/opt/new",
        )),
    }
}

/// `OLD=NEW`: of paths at the first `=/`, of words at the first `=`.
pub(super) fn rewrite(text: &str) -> Result<(PathBuf, PathBuf)> {
    match text.split_once('=') {
        Some((old, new)) if !text.starts_with('/') => Ok((old.into(), new.into())),
        _ => pair(text, "OLD=NEW"),
    }
}

fn read_manifest(path: &Path) -> Result<Manifest> {
    serde_json::from_str(&read_text(path)?).map_err(|error| {
        Error::input(
            format!("{}: {error}", escaped(path)),
            "name a file that `postlink scan --manifest` wrote",
        )
    })
}

fn report(done: &Specialized) -> Report<'_> {
    let tree = |tree: &'_ SpecializedTree| {
        let changes = tree.changes.iter().map(|(path, notes)| ChangeJson {
            path: escaped(path.as_os_str()),
            notes: notes.clone(),
        });
        TreeReport {
            source: escaped(tree.source.as_os_str()),
            destination: escaped(tree.destination.as_os_str()),
            files: tree.files,
            bytes: tree.bytes,
            changes: changes.collect(),
        }
    };
    Report {
        outcome: match done.ending {
            Ending::Specialized => "specialized",
            Ending::Planned => "planned",
            Ending::Left => "left",
        },
        trees: done.trees.iter().map(tree).collect(),
        left: done.left.iter().map(place).collect(),
        standing: done.standing.iter().map(StandingJson::from).collect(),
        warnings: &done.warnings,
    }
}

fn place((destination, finding): &(PathBuf, Finding)) -> Place<'_> {
    Place { destination: escaped(destination.as_os_str()), finding }
}

impl<'a> From<&'a Standing> for StandingJson<'a> {
    fn from(standing: &'a Standing) -> Self {
        let Standing { field, old, new, places, .. } = standing;
        Self { field, old, new, places: places.iter().map(place).collect() }
    }
}

fn tell(done: &Specialized, args: &Args, talk: Talk) {
    let stays = done.left.is_empty() || args.keep_failed || args.dry_run;
    for tree in done.trees.iter().filter(|_| stays) {
        let is_planned = done.ending == Ending::Planned;
        let (source, destination) = (escaped(&tree.source), escaped(&tree.destination));
        let became = match args.destdir.as_deref().map(|root| path_below(root, &tree.destination)) {
            Some(place) => {
                let verb = if is_planned { "would be" } else { "is" };
                format!("{} {verb} {source} for {destination}", escaped(&place))
            }
            None => {
                let verb = if is_planned { "would become" } else { "is now" };
                format!("{source} {verb} {destination}")
            }
        };
        talk.say(&format!(
            "{became}: {}; {} changed",
            count(tree.files as usize, "file"),
            match tree.changes.len() {
                1 => "1 file or link".to_owned(),
                many => format!("{many} files or links"),
            },
        ));
        for (path, notes) in &tree.changes {
            let path = escaped(path.as_os_str());
            for note in notes {
                talk.detail(&format!("  {}: {}", named(&path, &source), line(note)));
            }
        }
    }
    for standing in &done.standing {
        tell_standing(standing, talk);
    }
    if done.left.is_empty() {
        return;
    }
    let left = match done.left.len() {
        1 => "1 reference to an old path is left:".to_owned(),
        many => format!("{many} references to old paths are left:"),
    };
    super::talk::print(&left);
    for (destination, finding) in &done.left {
        super::talk::print(&format!("  {}", super::scan::line_of(destination, finding)));
    }
    let mut advice: Vec<&str> = done.left.iter().map(|(_, finding)| &*finding.advice).collect();
    advice.sort_unstable();
    advice.dedup();
    for advice in advice.into_iter().filter(|advice| !advice.is_empty()) {
        super::talk::print(&format!("  help: {advice}"));
    }
    super::talk::print("  help: where it may stay: --allow-left GLOB");
}

/// Says where the old value of a field still stands. A text may name an old version rightly.
fn tell_standing(standing: &Standing, talk: Talk) {
    const SHOWN: usize = 8;
    let Standing { field, old, places, followed, .. } = standing;
    let (places_have, old) = (count(places.len(), "place"), line(old));
    let (have, times) = (if places.len() == 1 { "has" } else { "have" }, places.len());
    let way = match followed {
        false => format!("--follow {field} rewrites them"),
        true => "a short word may mean something else: --force rewrites it everywhere".to_owned(),
    };
    talk.say(&format!(
        "`{field}` was `{old}`, which {places_have} in text files still {have}; {way}:"
    ));
    for (destination, finding) in places.iter().take(SHOWN) {
        talk.say(&format!("  {}", super::scan::line_of(destination, finding)));
    }
    if times > SHOWN {
        talk.say(&format!("  … and {} more", times - SHOWN));
    }
}
