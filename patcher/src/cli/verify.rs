//! `postlink verify`.

use std::path::PathBuf;

use super::{Exit, Talk, json};
use crate::error::Result;
use crate::verify;

/// Check that a filled file differs from its original in nothing but the values of declared fields
///
/// Other defaults in a record that is filled are accepted, and named: `specialize` writes them.
/// Another build-id is accepted if it is the one that `fill --rewrite-build-id` makes of the filled
/// file.
///
/// Ends with 3 if something else differs, and lists it by section and offset.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file as it was built
    original: PathBuf,
    /// The file after `fill`
    filled: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, talk: Talk) -> Result<Exit> {
    json::or_error(args.json, || {
        let report = verify::images(&args.original, &args.filled)?;
        if args.json {
            json::print(&report);
        } else {
            for difference in &report.differences {
                let (region, offset) = (&difference.region, difference.offset);
                super::print(&match difference.reason.as_str() {
                    "" => format!(
                        "{region}: {} bytes differ, the first at {offset:#x}",
                        difference.bytes
                    ),
                    reason => format!("{region}: {reason}"),
                });
            }
            if report.differences.is_empty() {
                let filled = args.filled.display();
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
