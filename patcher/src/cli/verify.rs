//! `postlink verify`.

use std::path::PathBuf;

use super::json;
use super::progress::Progress;
use super::scan::count;
use super::talk::{Exit, Talk};
use crate::error::Result;
use crate::shown::{escaped, line};
use crate::verify::{Change, ImageReport, TreeReport, Verified, VerifyOptions, verify};

/// Check that a filled file differs from its original in nothing but the values of declared fields
///
/// Changed defaults in a filled record are accepted, and named: `specialize` writes them. A changed
/// build-id is accepted if it is the one that `fill --rewrite-build-id` computes from the filled file; the
/// checksum of a separate debug file, if there is one that has it, and the file's build-id.
/// Hashes of a signature have to be those that follow from the other changes.
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
    /// The separate debug file of the filled file, where it is not beside it or in the tree; or a folder
    /// of such files. Can be repeated
    #[arg(long = "debug-file", value_name = "FILE")]
    debug_files: Vec<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, talk: Talk) -> Result<Exit> {
    let talk = talk.as_result(true);
    json::or_error(args.json, || {
        let rewrites = args.rewrites.iter().map(|text| super::specialize::rewrite(text));
        let options = VerifyOptions {
            original: args.original.clone(),
            filled: args.filled.clone(),
            rewrites: rewrites.collect::<Result<_>>()?,
            equal_length: args.equal_length,
            possible: args.possible,
            repack: args.repack,
            debug_files: args.debug_files.clone(),
            force: args.force,
        };
        let progress = Progress::new(talk.global.quiet).ends_at_signals();
        let verified = verify(&options, &progress);
        progress.end();
        let has_none = match verified? {
            Verified::Images(report) => {
                match args.json {
                    true => json::print(&report),
                    false => tell_images(&report, args, talk),
                }
                report.differences.is_empty()
            }
            Verified::Trees(report) => {
                match args.json {
                    true => json::print(&report),
                    false => tell(&report, talk),
                }
                report.differences.is_empty()
            }
        };
        Ok(if has_none { Exit::Done } else { Exit::Found })
    })
}

fn tell_images(report: &ImageReport, args: &Args, talk: Talk) {
    for difference in &report.differences {
        let (region, offset) = (line(&difference.region), difference.offset);
        super::talk::print(&match difference.reason.as_str() {
            "" => {
                format!("{region}: {} bytes differ, the first at {offset:#x}", difference.bytes)
            }
            reason => format!("{region}: {}", line(reason)),
        });
    }
    if !report.differences.is_empty() {
        return;
    }
    let filled = escaped(&args.filled);
    for changed in &report.changed_values {
        let change = Change::Value(changed.clone()).to_string();
        talk.detail(&format!("{filled}: {}", line(change)));
    }
    if !report.changed_defaults.is_empty() {
        let fields = report.changed_defaults.join(", ");
        talk.say(&format!("{filled}: defaults changed: {fields}"));
    }
    report.notes.iter().for_each(|note| talk.say(&format!("{filled}: {note}")));
    if let Some(name) = &report.changed_debug_link {
        talk.say(&format!("{filled}: it has the checksum of its debug file {name}"));
    }
    let following = report.following_bytes;
    talk.say(&match report.declared_bytes {
        bytes if report.rewritten_build_id => format!(
            "{filled}: nothing but declared values ({bytes} bytes) and the build-id differs"
        ),
        bytes if following > 0 => format!(
            "{filled}: nothing but declared values ({bytes} bytes) and what follows from them \
             ({following} bytes of a signature or checksum) differs"
        ),
        0 => format!("{filled}: the same file, nothing was filled"),
        bytes => format!("{filled}: nothing but declared values differs ({bytes} bytes)"),
    });
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
    super::talk::print(&match report.differences.len() {
        1 => "1 difference is not explained:".to_owned(),
        many => format!("{many} differences are not explained:"),
    });
    let mut path = None;
    for different in &report.differences {
        if path != Some(&different.path) {
            super::talk::print(&format!("{}:", different.path));
            path = Some(&different.path);
        }
        let found = &different.difference;
        let place = match (&found.region, found.line) {
            (Some(region), _) => format!("{}: ", line(region)),
            (None, Some(line)) => format!("line {line}: "),
            (None, None) => String::new(),
        };
        super::talk::print(&format!("  {place}{}", line(&found.reason)));
    }
    if let Some((old, new)) = &report.unnamed {
        let (old, new) = (escaped(old), escaped(new));
        super::talk::print(&format!(
            "help: {old}, which the original was built for, is {new} in the other tree; if it was to become \
             that: --rewrite {old}={new}"
        ));
    }
}

/// The number of identical files, and of files that changed in each way.
fn summary(report: &TreeReport) -> String {
    let changed = |is: fn(&Change) -> bool| {
        report.changed.iter().filter(|changed| changed.changes.iter().any(is)).count()
    };
    let mut parts = vec![format!("{} identical", count(report.identical as usize, "file"))];
    let counts = [
        (changed(|one| matches!(one, Change::Value(_) | Change::Default { .. })), "filled"),
        (changed(|one| matches!(one, Change::Runpath { .. })), "with a changed RUNPATH"),
        (changed(|one| matches!(one, Change::Loader { .. })), "with changed names for the loader"),
        (changed(|one| matches!(one, Change::Strings { .. })), "with changed strings"),
        (changed(|one| matches!(one, Change::BuildId)), "with a changed build-id"),
        (
            changed(|one| matches!(one, Change::DebugLink { .. })),
            "with the checksum of a changed debug file",
        ),
        (
            changed(|one| matches!(one, Change::Following { .. })),
            "with a signature or checksum that follows",
        ),
    ];
    let counts = counts.into_iter().filter(|&(count, _)| count > 0);
    parts.extend(counts.map(|(count, what)| format!("{count} {what}")));
    let rewritten = [
        (changed(|one| matches!(one, Change::Text { .. })), "text"),
        (changed(|one| matches!(one, Change::Link { .. })), "link"),
    ];
    let rewritten = rewritten.into_iter().filter(|&(number, _)| number > 0);
    parts.extend(rewritten.map(|(number, thing)| format!("{} rewritten", count(number, thing))));
    parts.join(", ")
}
