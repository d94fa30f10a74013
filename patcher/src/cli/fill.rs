//! `postlink fill`.

use std::path::{Path, PathBuf};

use postlink_codegen::hex;
use postlink_format::Origin;

use super::{Exit, Talk, ValueArgs, json};
use crate::error::{Error, Result, member_path};
use crate::fill::{self, Edit, Options};
use crate::records::{Image, Mode, is_same};
use crate::values::Assignment;
use crate::{build_id, warnings, write};

/// Fill the sections of linked files
///
/// The result depends on the file's record and the values given, on nothing else: filling again
/// gives the same bytes as filling a fresh file. Without --output or --in-place a new file takes
/// the place of each image, in one step.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The programs and libraries to fill; object files and static libraries too
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<PathBuf>,
    /// Leave the image as it is, write the filled file here
    #[arg(short, long, value_name = "OUT", conflicts_with = "in_place")]
    output: Option<PathBuf>,
    /// Write only the section's bytes into the image itself. Not while a program runs that uses it
    #[arg(short, long)]
    in_place: bool,
    #[command(flatten)]
    values: ValueArgs,
    /// Refuse records whose fingerprint is not this schema's
    #[arg(long, value_name = "SCHEMA")]
    schema: Option<PathBuf>,
    /// Give the file a new build-id, made of its content. A separate debug file is found by the
    /// build-id: one that was split off before no longer is. Reads the whole file, also in place
    #[arg(long)]
    rewrite_build_id: bool,
    /// Keep the time of the last modification
    #[arg(short = 'p', long)]
    preserve: bool,
    /// Wait until the disk has the result
    #[arg(long)]
    sync: bool,
    /// Check everything, write nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, talk: Talk) -> Result<Exit> {
    json::or_error(args.json, || {
        if args.output.is_some() && args.images.len() > 1 {
            return Err(Error::usage(
                "--output names one file, and there are several images",
                "fill them one by one, or leave out --output to replace each of them",
            ));
        }
        let schema = args.schema.as_deref().map(super::read_schema).transpose()?;
        let assignments = args.values.assignments()?;
        if assignments.is_empty() && !args.values.reset {
            return Err(Error::usage(
                "no value is given",
                "give some with --set or --values, or fill with the defaults alone: --reset",
            ));
        }
        let options = args.values.options(schema.as_ref());
        let mut exit = Exit::Done;
        let mut images = Vec::new();
        for path in &args.images {
            images.push(match fill_one(path, args, &assignments, options, talk) {
                Ok(image) => image,
                Err(error) => {
                    exit = talk.refuse(&error);
                    json::Image::refused(path, &error)
                }
            });
        }
        if args.json {
            json::print(&json::Images { images });
        }
        Ok(exit)
    })
}

fn fill_one(
    path: &Path,
    args: &Args,
    assignments: &[Assignment],
    options: Options<'_>,
    talk: Talk,
) -> Result<json::Image> {
    let output = args.output.as_deref().unwrap_or(path);
    // An output may be the image itself under another name.
    let replaces = path.metadata().is_ok_and(|metadata| is_same(output, &metadata));
    let mode = match (args.dry_run || !replaces, args.in_place) {
        (true, _) => Mode::Read,
        (false, true) => Mode::Write,
        (false, false) => Mode::Replace,
    };
    let image = Image::open(path, mode)?;
    let edits = fill::plan(&image, assignments, options)?;
    write::target(output)?;
    let build_id = match args.rewrite_build_id {
        true => Some(build_id::rewrite(&image, &edits)?),
        false => None,
    };
    let plan = write::Plan { edits: &edits, change: build_id.as_ref() };
    let changed = plan.changes();
    let warnings = if changed { warnings::of(&image, &edits, replaces)? } else { Vec::new() };
    let how = write::Options { preserve: args.preserve, sync: args.sync };
    let outcome = if args.dry_run {
        "planned"
    } else if !changed && replaces {
        "unchanged"
    } else {
        if args.in_place {
            write::in_place(&image.file, path, plan, how)?;
        } else {
            write::copy(&image.file, output, plan, how)?;
        }
        "filled"
    };
    if !args.json {
        say(output, outcome, &edits, talk);
        if let Some(build_id) = &build_id {
            talk.say(&format!("{}: build-id {}", output.display(), hex(&build_id.after)));
        }
    }
    for warning in &warnings {
        talk.warn(&format!("{}: {warning}", output.display()));
    }
    Ok(json::Image {
        path: path.display().to_string(),
        output: Some(output.display().to_string()),
        outcome: Some(outcome),
        build_id: build_id.map(|build_id| hex(&build_id.after)),
        warnings: Some(warnings),
        records: edits.iter().map(json::planned).collect(),
        error: None,
    })
}

fn say(output: &Path, outcome: &str, edits: &[Edit], talk: Talk) {
    for edit in edits {
        let names = edit.shape.fields.iter().zip(&edit.values);
        let count = |origin| edit.values.iter().filter(|value| value.origin == origin).count();
        let place = match &edit.member {
            Some(member) => member_path(output, member),
            None => output.to_owned(),
        };
        talk.say(&format!(
            "{}: section `{}` {}; fields: {} set, {} derived, {} default",
            place.display(),
            edit.shape.name,
            if outcome == "planned" { "would be filled" } else { outcome },
            count(Origin::Set),
            count(Origin::Derived),
            count(Origin::Default)
        ));
        for (field, value) in names {
            let shown = value.value.as_ref().map(|value| super::shown(&field.display(value)));
            talk.detail(&format!(
                "  {} = {} ({})",
                field.name,
                shown.unwrap_or_default(),
                value.origin.name()
            ));
        }
    }
}
