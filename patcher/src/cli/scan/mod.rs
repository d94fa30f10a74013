//! `postlink scan`.

mod html;
mod report;

pub(super) use report::{count, line_of, named};

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::json;
use super::progress::Progress;
use super::talk::{Exit, Talk};
use crate::error::Result;
use crate::files::below::outside;
use crate::files::replace;
use crate::scan::against::Comparison;
use crate::scan::trees::Scan;
use crate::scan::{ScanOptions, Scanned, scan};
use crate::shown::escaped;

/// Find the places where trees refer to a path, and tell which of them `specialize` rewrites
///
/// Looks at every byte of every file, at the targets of symbolic links, and inside gzip, xz, zstd,
/// bzip2, zip and ar, for the path as plain bytes and in UTF-16 and UTF-32. A store path is found by
/// its hash wherever that stands, any other path in a text where it is a path of its own: /opt/app is
/// not found in /opt/apple or /x/opt/app. In other files it is told as possible there. Ends with 3 if
/// `specialize` does nothing about one of them, if --against finds a difference that nothing explains, and if
/// nothing was looked for: without --reference, in trees that name no path as their own.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Trees of files, or single files; symbolic links in them are not followed
    #[arg(required = true)]
    tree: Vec<PathBuf>,
    /// Look for this path: absolute, as it stands in the files; or for a word, such as a version. Can
    /// be repeated. Without it, look for the paths that the trees were built for, and tell them
    #[arg(long, value_name = "PATH")]
    reference: Vec<PathBuf>,
    /// A longer path that only begins or ends like one that is looked for and has nothing to do with it:
    /// /opt/apple for /opt/app
    #[arg(long = "other-path", value_name = "PATH")]
    other_paths: Vec<PathBuf>,
    /// Compare with another build of the same package, for another path or version of the same
    /// length: every byte that differs must be explained by the reference or a declared field
    #[arg(long, value_name = "TREE")]
    against: Option<PathBuf>,
    /// Write the findings to a file, so that `specialize` need not search again
    #[arg(long, value_name = "OUT")]
    manifest: Option<PathBuf>,
    /// Do not look inside archives and compressed files
    #[arg(long)]
    no_members: bool,
    /// Take compressed texts, such as manual pages, for such as specialize --repack rewrites
    #[arg(long, conflicts_with = "no_members")]
    repack: bool,
    /// Write the report as a web page: one file, which needs no other and no network. What needs a hand
    /// comes first, with what solves it; all findings can be searched and filtered
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// The object that `--json` prints.
#[derive(Serialize)]
struct Output<'a> {
    #[serde(flatten)]
    scan: &'a Scan,
    /// What has to be known of the findings, in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
    /// Findings that `specialize` does something about.
    handled: usize,
    /// Those that it does nothing about.
    unhandled: usize,
    /// The comparison with another build.
    #[serde(skip_serializing_if = "Option::is_none")]
    against: Option<Comparison>,
}

/// Refuses outputs that would change what is scanned, before a long scan.
fn check_outputs(args: &Args) -> Result<()> {
    let outputs: Vec<&Path> =
        args.manifest.iter().chain(&args.html).map(PathBuf::as_path).collect();
    // A tree that is not there is told by the scan.
    let trees = args.tree.iter().chain(&args.against).filter_map(|tree| tree.canonicalize().ok());
    let trees: Vec<PathBuf> = trees.collect();
    let targets = replace::targets(&outputs, &[])?;
    outputs.iter().zip(&targets).try_for_each(|(shown, real)| outside(shown, real, &trees))
}

pub(super) fn run(args: &Args, talk: Talk) -> Result<Exit> {
    json::or_error(args.json, || {
        let mut options = ScanOptions::default();
        options.trees.clone_from(&args.tree);
        options.references.clone_from(&args.reference);
        options.other_paths.clone_from(&args.other_paths);
        options.against.clone_from(&args.against);
        options.skip_members = args.no_members;
        options.repack = args.repack;
        options.manifest = args.manifest.is_some();
        check_outputs(args)?;
        let progress = Progress::new(talk.global.quiet).ends_at_signals();
        let scanned = scan(&options, &progress);
        progress.end();
        let Scanned { scan, against, manifest } = scanned?;
        let mut outputs: Vec<(PathBuf, String)> = Vec::new();
        if let (Some(path), Some(manifest)) = (&args.manifest, &manifest) {
            outputs.push((path.clone(), json::text(manifest) + "\n"));
        }
        if let Some(path) = &args.html {
            outputs.push((
                path.clone(),
                html::page(&scan, against.as_ref(), std::env::args_os().skip(1)),
            ));
        }
        replace::files(&outputs, &[])?;
        let all = scan.trees.iter().map(|tree| tree.findings.len()).sum::<usize>();
        let unhandled = scan.trees.iter().map(|tree| tree.unhandled().count()).sum();
        let explained = against.as_ref().is_none_or(|against| against.differences.is_empty());
        if args.json {
            let note = report::note(&scan);
            let handled = all - unhandled;
            json::print(&Output { scan: &scan, note, handled, unhandled, against });
        } else {
            report::print(&scan, against.as_ref(), talk);
            for (path, _) in &outputs {
                talk.say(&format!("{}: written", escaped(path)));
            }
        }
        // Where nothing was looked for, nothing is known.
        Ok(if unhandled == 0 && explained && !scan.references.is_empty() {
            Exit::Done
        } else {
            Exit::Found
        })
    })
}
