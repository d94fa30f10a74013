//! `postlink fill`.

use std::path::{Path, PathBuf};

use postlink_codegen::hex;
use postlink_format::Origin;

use super::json;
use super::talk::{Exit, Talk};
use super::values::ValueArgs;
use crate::error::{Error, Result, member_path};
use crate::fill::{Allowed, Durability};
use crate::fill::{FillOptions, Filled, Outcome, Swept, fill};
use crate::record::values::Assignment;
use crate::shown::{escaped, line};

/// Fill the sections of linked files
///
/// The result depends on the file's record, the values given, and what the named sources answer; on
/// nothing else: filling again gives the same bytes as filling a fresh file. Where no value is given at
/// all, the sources are asked that the record names (`from` in the schema), but with --keep not for values
/// that were set before. Without --output or --in-place a new file takes the place of each image, in one
/// step.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The programs and libraries to fill; object files and static libraries too
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<PathBuf>,
    /// Leave the image as it is, write the filled file here
    #[arg(short, long, value_name = "OUT", conflicts_with = "in_place")]
    output: Option<PathBuf>,
    /// Write only the section's bytes, and what follows from them in a signature, into the image itself.
    /// Not for a file that a running program uses
    #[arg(short, long)]
    in_place: bool,
    #[command(flatten)]
    values: ValueArgs,
    /// Refuse records whose fingerprint is not this schema's
    #[arg(long, value_name = "SCHEMA")]
    schema: Option<PathBuf>,
    /// Give the file a new build-id, computed from its content. Debuggers find a separate debug file by
    /// the build-id: name one that was split off before with --debug-file, or it is no longer found. Reads
    /// the whole file, also with --in-place
    #[arg(long)]
    rewrite_build_id: bool,
    /// With --rewrite-build-id: the separate debug file of the image. It gets the same build-id, and the
    /// image's link to it the right checksum. A name .build-id/ab/cdef….debug follows
    #[arg(long, value_name = "FILE")]
    debug_file: Option<PathBuf>,
    /// Leave the debug file as it is, write the new one here; in a folder, as .build-id/ab/cdef….debug
    #[arg(long, value_name = "OUT")]
    debug_output: Option<PathBuf>,
    /// Let an ad-hoc signature take the place of one that only its owner can renew, where the file has
    /// such a one (codesign with a certificate); any other file is filled as without this. Hashes of an
    /// ad-hoc signature are renewed in any case
    #[arg(long)]
    adhoc: bool,
    /// Remove a signature that only its owner can renew, where the format allows a file without one
    /// (Authenticode); any other file is filled as without this
    #[arg(long)]
    drop_signature: bool,
    /// With --in-place: write also into a file that a system may know by its inode (signed, for macOS)
    #[arg(long, requires = "in_place")]
    force: bool,
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
    let talk = talk.as_result(args.dry_run);
    json::or_error(args.json, || {
        if args.output.is_some() && args.images.len() > 1 {
            return Err(Error::usage(
                "--output names one file, and there are several images",
                "fill them one by one, or leave out --output to replace each of them",
            ));
        }
        if args.debug_file.is_some() && args.images.len() > 1 {
            return Err(Error::usage(
                "--debug-file names the file of one image, and there are several images",
                "fill them one by one",
            ));
        }
        args.images.iter().try_for_each(|path| image_is_no_value(path))?;
        let schema = args.schema.as_deref().map(super::values::read_schema).transpose()?;
        let sources = args.values.given.sources();
        let assignments = args.values.given.assignments(&sources, talk.beside_json(args.json))?;
        // Where nothing is given, the file itself may say where its values are.
        let asks = args.values.from_record || (assignments.is_empty() && !args.values.reset);
        let selection = args.values.selection(schema.as_ref(), asks.then_some(&sources));
        let files = args.values.given.paths();
        let read: Vec<&Path> =
            files.iter().map(PathBuf::as_path).chain(args.schema.as_deref()).collect();
        let (stop, swept) = (super::signals::stop()?, Swept::default());
        let options = FillOptions {
            selection,
            read: &read,
            output: args.output.as_deref(),
            in_place: args.in_place,
            rewrite_identity: args.rewrite_build_id,
            debug_file: args.debug_file.as_deref(),
            debug_output: args.debug_output.as_deref(),
            allowed: Allowed::new(args.adhoc, args.drop_signature),
            force: args.force,
            durability: Durability { preserve: args.preserve, sync: args.sync },
            dry_run: args.dry_run,
            stop: Some(&stop),
            swept: Some(&swept),
        };
        let mut exit = Exit::Done;
        let mut images = Vec::new();
        for path in &args.images {
            images.push(match fill_one(path, &assignments, &options, args.json, talk) {
                Ok(image) => image,
                Err(error) => {
                    exit = talk.refuse(&error);
                    json::ImageJson::refused(path, &error)
                }
            });
        }
        if args.json {
            json::print(&json::ImagesJson { images });
        }
        Ok(exit)
    })
}

/// Refuses `FIELD=VALUE` where `--set` was forgotten.
fn image_is_no_value(path: &Path) -> Result<()> {
    let name = escaped(path);
    if name.contains('=') && path.symlink_metadata().is_err() {
        return Err(Error::usage(
            format!("`{name}` is neither a file, nor a value behind --set"),
            format!("write `--set {name}`"),
        ));
    }
    Ok(())
}

fn fill_one(
    path: &Path,
    assignments: &[Assignment],
    options: &FillOptions<'_>,
    json: bool,
    talk: Talk,
) -> Result<json::ImageJson> {
    let filled = fill(path, assignments, options);
    let sources = options.selection.sources;
    if let Some(sources) = sources {
        super::values::tell_sources(sources, talk.beside_json(json));
    }
    let filled = filled?;
    let identity = filled.identity.as_deref().map(hex);
    if !json {
        say(&filled, talk);
        if sources.is_none() {
            say_sources(&filled, talk);
        }
        if let Some(identity) = &identity {
            talk.say(&format!("{}: build-id {identity}", escaped(&filled.output)));
        }
        if let Some(path) = &filled.debug_file {
            talk.say(&format!("{}: debug file {}", escaped(&filled.output), escaped(path)));
        }
    }
    for warning in &filled.warnings {
        talk.warn(&format!("{}: {warning}", escaped(&filled.output)));
    }
    Ok(json::ImageJson {
        outcome: Some(outcome_name(filled.outcome)),
        build_id: identity,
        records: filled.records.iter().map(json::planned).collect(),
        warnings: Some(filled.warnings),
        ..json::ImageJson::at(path, Some(&filled.output), filled.debug_file.as_deref())
    })
}

fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Filled => "filled",
        Outcome::Unchanged => "unchanged",
        Outcome::Planned => "planned",
    }
}

/// Tells the fields that have their defaults, though the record says where their values usually come from.
fn say_sources(filled: &Filled, talk: Talk) {
    for record in &filled.records {
        for (field, value) in record.shape.fields.iter().zip(&record.values) {
            if let (Some(source), true) = (&field.source, value.origin != Origin::Set) {
                talk.say(&format!(
                    "`{}` has its default; its value is usually from {source}: --from-record asks there",
                    field.name
                ));
            }
        }
    }
}

fn say(filled: &Filled, talk: Talk) {
    for record in &filled.records {
        let names = record.shape.fields.iter().zip(&record.values);
        let count = |origin| record.values.iter().filter(|value| value.origin == origin).count();
        let place = match &record.member {
            Some(member) => member_path(&filled.output, member),
            None => filled.output.clone(),
        };
        talk.say(&format!(
            "{}: section `{}` {}; fields: {} set, {} derived, {} default",
            escaped(place),
            record.shape.name,
            match filled.outcome {
                Outcome::Planned => "would be filled",
                done => outcome_name(done),
            },
            count(Origin::Set),
            count(Origin::Derived),
            count(Origin::Default)
        ));
        for (field, value) in names {
            let shown = value.value.as_ref().map(|value| line(field.display(value)));
            talk.detail(&format!(
                "  {} = {} ({})",
                field.name,
                shown.unwrap_or_default(),
                value.origin.name()
            ));
        }
    }
}
