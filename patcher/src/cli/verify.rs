//! `postlink verify`.

use std::path::PathBuf;

use super::progress::Progress;
use super::{Exit, Talk, json};
use crate::error::Result;
use crate::shown::{escaped, line};
use crate::verify::change::Change;
use crate::verify::images::images;
use crate::verify::trees::{TreeReport, Trees, trees};

/// Check that a filled file differs from its original in nothing but the values of declared fields
///
/// Changed defaults in a filled record are accepted, and named: `specialize` writes them. A changed
/// build-id is accepted if it is the one that `fill --rewrite-build-id` computes from the filled file.
///
/// Between two trees, exactly the changes that `specialize` makes are accepted: RUNPATH, texts and
/// absolute links have to be as the rewrites make them, and modes have to be the same. The original
/// tree's path becomes the other tree's, unless --rewrite says otherwise: a tree that was made with
/// --destdir needs that, and so does each path of the package's other outputs. Owners, times and
/// extended attributes are not compared. With -v all changes are listed.
///
/// Ends with 3 if anything else differs, and lists it by section and offset, or line.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file or tree as it was built
    original: PathBuf,
    /// The file after `fill`, or the tree that `specialize` made
    filled: PathBuf,
    /// In trees, or in a file that `specialize` made: an old path that became a new one; or a word,
    /// also one of `specialize --follow`. Can be repeated
    #[arg(long = "rewrite", value_name = "OLD=NEW")]
    rewrites: Vec<String>,
    /// In trees: undeclared references in binary files were rewritten too, where the old and new
    /// path are equally long
    #[arg(long)]
    equal_length: bool,
    /// With --equal-length: also references that may be a part of a longer path
    #[arg(long, requires = "equal_length")]
    possible: bool,
    /// In trees: compressed texts were rewritten too
    #[arg(long)]
    repack: bool,
    /// In trees: short words were rewritten wherever texts have them; otherwise only in the Version:
    /// line of .pc files, as `specialize --follow` does
    #[arg(long)]
    force: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, talk: Talk) -> Result<Exit> {
    json::or_error(args.json, || {
        // A single file that was rewritten is a tree of one file.
        let is_tree = args.original.is_dir() && args.filled.is_dir();
        if is_tree || !args.rewrites.is_empty() || args.equal_length || args.repack {
            return compare_trees(args, talk);
        }
        let report = images(&args.original, &args.filled)?;
        if args.json {
            json::print(&report);
        } else {
            for difference in &report.differences {
                let (region, offset) = (line(&difference.region), difference.offset);
                super::print(&match difference.reason.as_str() {
                    "" => format!(
                        "{region}: {} bytes differ, the first at {offset:#x}",
                        difference.bytes
                    ),
                    reason => format!("{region}: {}", line(reason)),
                });
            }
            if report.differences.is_empty() {
                let filled = escaped(&args.filled);
                for changed in &report.changed_values {
                    talk.detail(&format!(
                        "{filled}: {}",
                        line(Change::Value(changed.clone()).to_string())
                    ));
                }
                if !report.changed_defaults.is_empty() {
                    let fields = report.changed_defaults.join(", ");
                    talk.say(&format!("{filled}: defaults changed: {fields}"));
                }
                talk.say(&match report.declared_bytes {
                    bytes if report.rewritten_build_id => format!(
                        "{filled}: nothing but declared values ({bytes} bytes) and the build-id differs"
                    ),
                    0 => format!("{filled}: the same file, nothing was filled"),
                    bytes => {
                        format!("{filled}: nothing but declared values differs ({bytes} bytes)")
                    }
                });
            }
        }
        Ok(if report.differences.is_empty() { Exit::Done } else { Exit::Found })
    })
}

fn compare_trees(args: &Args, talk: Talk) -> Result<Exit> {
    let pair = |text: &String| super::specialize::rewrite(text);
    let wanted = Trees {
        original: &args.original,
        filled: &args.filled,
        rewrites: args.rewrites.iter().map(pair).collect::<Result<_>>()?,
        equal_length: args.equal_length,
        possible: args.possible,
        repack: args.repack,
        force: args.force,
    };
    let progress = Progress::new(talk.0.quiet).ends_at_signals();
    let report = trees(&wanted, &progress);
    progress.end();
    let report = report?;
    if args.json {
        json::print(&report);
    } else {
        tell(&report, talk);
    }
    Ok(if report.differences.is_empty() { Exit::Done } else { Exit::Found })
}

fn tell(report: &TreeReport, talk: Talk) {
    for changed in &report.changed {
        talk.detail(&format!("{}:", changed.path));
        for change in &changed.changes {
            talk.detail(&format!("  {}", line(change.to_string())));
        }
    }
    talk.say(&summary(report));
    if report.differences.is_empty() {
        return;
    }
    super::print(&format!("{} differences are not explained:", report.differences.len()));
    let mut path = None;
    for different in &report.differences {
        if path != Some(&different.path) {
            super::print(&format!("{}:", different.path));
            path = Some(&different.path);
        }
        let found = &different.difference;
        let place = match (&found.region, found.line) {
            (Some(region), _) => format!("{}: ", line(region)),
            (None, Some(line)) => format!("line {line}: "),
            (None, None) => String::new(),
        };
        super::print(&format!("  {place}{}", line(&found.reason)));
    }
}

/// The number of identical files, and of files that changed in each way.
fn summary(report: &TreeReport) -> String {
    let changed = |is: fn(&Change) -> bool| {
        report.changed.iter().filter(|changed| changed.changes.iter().any(is)).count()
    };
    let mut parts = vec![format!("{} files identical", report.identical)];
    let counts = [
        (changed(|one| matches!(one, Change::Value(_) | Change::Default { .. })), "filled"),
        (changed(|one| matches!(one, Change::Runpath { .. })), "with a changed RUNPATH"),
        (changed(|one| matches!(one, Change::Loader { .. })), "with changed names for the loader"),
        (changed(|one| matches!(one, Change::Strings { .. })), "with changed strings"),
        (changed(|one| matches!(one, Change::BuildId)), "with a changed build-id"),
        (changed(|one| matches!(one, Change::Text { .. })), "texts rewritten"),
        (changed(|one| matches!(one, Change::Link { .. })), "links rewritten"),
    ];
    let counts = counts.into_iter().filter(|&(count, _)| count > 0);
    parts.extend(counts.map(|(count, what)| format!("{count} {what}")));
    parts.join(", ")
}
