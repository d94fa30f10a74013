//! `postlink payload`.

use std::path::{Path, PathBuf};

use postlink_codegen::Section;
use postlink_format::State;

use super::talk::{Exit, Talk};
use super::values::ValueArgs;
use crate::error::{Error, Result};
use crate::files::open::Mode;
use crate::files::replace;
use crate::fill::{Selection, plan};
use crate::record::assign::assign_all;
use crate::record::declared::declared;
use crate::record::edit::payload;
use crate::record::read::Image;
use crate::record::{Assignment, Sources};
use crate::shown::escaped;

/// Write a section's bytes to a file, for `objcopy --update-section`
///
/// The payload is always the whole section: with --image and no values as it stands in the file,
/// otherwise as `fill` would leave it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Take the record from this program or library
    #[arg(long, required_unless_present = "schema", conflicts_with = "schema")]
    image: Option<PathBuf>,
    /// Make the record from this schema. It fits only a file that was generated from the same schema
    /// with the same defaults: if the file is there, use --image
    #[arg(long, conflicts_with_all = ["keep", "reset", "all"])]
    schema: Option<PathBuf>,
    /// With --schema: a default that was given to `generate`. Can be repeated
    #[arg(long = "default", value_name = "FIELD=VALUE", conflicts_with = "image")]
    defaults: Vec<String>,
    /// The section, as named in the schema or as spelled in the file
    #[arg(long, value_name = "NAME")]
    section: String,
    #[command(flatten)]
    values: ValueArgs,
    /// Write the payload here
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

pub(super) fn run(args: &Args, talk: Talk) -> Result<Exit> {
    let files = args.values.given.files();
    let mut inputs: Vec<&Path> = files.iter().map(|file| file.path.as_path()).collect();
    let sources = args.values.given.sources();
    let assignments = args.values.given.assignments(&sources, talk)?;
    let given = Given { assignments, sources: args.values.from_record.then_some(&sources) };
    let bytes = if let Some(schema) = &args.schema {
        inputs.push(schema);
        from_schema(schema, args, &given)
    } else {
        // Where there is no schema, the parser of the command line asked for an image.
        let image = args.image.as_deref().unwrap_or(Path::new(""));
        inputs.push(image);
        from_image(image, args, &given)
    };
    super::values::tell_sources(&sources, talk);
    let bytes = bytes?;
    replace::files(&[(args.output.clone(), &bytes)], &inputs)?;
    talk.say(&format!("{}: {} bytes", escaped(&args.output), bytes.len()));
    Ok(Exit::Done)
}

/// The values, and what may be asked for others because a record or a schema says so.
struct Given<'a> {
    assignments: Vec<Assignment>,
    sources: Option<&'a Sources>,
}

fn from_image(path: &Path, args: &Args, given: &Given<'_>) -> Result<Vec<u8>> {
    let image = Image::open(path, Mode::Read)?;
    let section = image.section(&args.section)?;
    if given.assignments.is_empty() && !args.values.reset && given.sources.is_none() {
        return Ok(section.bytes.clone());
    }
    let selection = args.values.selection(None, given.sources);
    let selection = Selection { spelling: Some(&section.name), ..selection };
    let records = plan::plan(&image, &given.assignments, selection)?;
    Ok(payload(section, &records))
}

fn from_schema(path: &Path, args: &Args, given: &Given<'_>) -> Result<Vec<u8>> {
    let schema = super::values::read_schema(path)?;
    let known: Vec<String> =
        schema.sections.iter().map(|section| section.shape.name.clone()).collect();
    let named =
        |section: &&Section| section.shape.name == args.section || section.elf == args.section;
    let found = schema.sections.iter().find(named).ok_or_else(|| Error::NoSuchSection {
        path: path.to_owned(),
        section: args.section.clone(),
        known,
    });
    let mut section = found?.clone();
    super::generate::replace_defaults(&mut section, path, &args.defaults)?;
    let shape = &section.shape;
    let refused = |problems| Error::Values { path: path.to_owned(), problems };
    let mut assignments = given.assignments.clone();
    if let Some(sources) = given.sources {
        assignments.extend(declared(
            path,
            &[(shape, postlink_codegen::Given::new())],
            &assignments,
            sources,
        )?);
    }
    let assigned = assign_all(&[shape], &assignments).map_err(refused)?;
    let given = assigned.into_values().next().unwrap_or_default();
    let values = shape.evaluate(&given).map_err(refused)?;
    let missing = shape.missing(&values);
    if !missing.is_empty() {
        return Err(refused(missing));
    }
    Ok(shape.record(State::Filled, &values))
}
