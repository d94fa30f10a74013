//! What `specialize` does to an image: its records are filled, and what the loader reads is
//! rewritten.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use postlink_codegen::{Given, Problem, Shape, Value};
use postlink_format::Origin;

use crate::edit::Edit;
use crate::error::{Error, Result, SectionProblem};
use crate::files::open::Mode;
use crate::image::data::ImageData;
use crate::image::loader::{LoaderProblem, LoaderText, Role, replace_loader_text};
use crate::record::descriptor;
use crate::record::edit::RecordEdit;
use crate::record::read::{Image, RecordPlace, RecordSection};
use crate::record::values::Assignment;
use crate::shown::shown;
use crate::specialize::plan::Wanted;
use crate::specialize::rewrite::Rewrites;

/// An image and its place.
#[derive(Debug)]
pub struct ImagePlan<'a> {
    /// The path by which it is opened.
    pub path: &'a Path,
    /// The file.
    pub file: &'a File,
    /// The strings that the loader reads, where a reference was found in one of them.
    pub loader: Vec<LoaderText>,
    /// The folder that it will be in; `None` for a program that may not look beside itself.
    pub origin: Option<&'a Path>,
    /// The path that its tree will have.
    pub destination: &'a Path,
}

/// What is done to an image.
#[derive(Debug, Default)]
pub struct Done {
    /// Changes of bytes; none changes the size.
    pub edits: Vec<Edit>,
    /// The assignments that its records took, by their positions.
    pub taken: BTreeSet<usize>,
    /// What is done, in words.
    pub notes: Vec<String>,
}

/// Plans an image.
///
/// # Errors
/// Everything in it that cannot be done.
pub fn plan_image(image: &ImagePlan<'_>, wanted: &Wanted<'_>) -> Result<Done> {
    let mut done = Done::default();
    let mut errors = Vec::new();
    match Image::open(image.path, Mode::Read) {
        Ok(records) => {
            if let Err(error) = fill(&records, wanted, &mut done) {
                errors.push(error);
            }
        }
        Err(Error::NoRecord { .. } | Error::NotImage { .. }) => {}
        Err(Error::Section { problem: SectionProblem::NoBits, .. }) => {
            done.notes.push("a separate debug file: its records have no values".into());
        }
        Err(error) => errors.push(error),
    }
    for text in &image.loader {
        match loader_text(image, text, wanted.rewrites) {
            Ok(Some((edit, note))) => {
                done.notes.push(note);
                done.edits.push(edit);
            }
            Ok(None) => {}
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(done) } else { Err(Error::several(errors)) }
}

/// Fills every record that is given a value, or that has one which changes with the paths.
fn fill(image: &Image, wanted: &Wanted<'_>, done: &mut Done) -> Result<()> {
    let mut errors = Vec::new();
    for (section, place) in image.records() {
        match record(section, place, wanted, &mut done.taken) {
            Ok(Some(record)) => {
                done.notes.push(format!("section `{}` filled", place.shape.name));
                done.edits.extend(record.edits().filter(|edit| edit.changes()).cloned());
            }
            Ok(None) => {}
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(Error::several(errors)) }
}

fn record(
    section: &RecordSection,
    place: &RecordPlace,
    wanted: &Wanted<'_>,
    taken: &mut BTreeSet<usize>,
) -> Result<Option<RecordEdit>> {
    let shape = &place.shape;
    let mut given = assigned(section, shape, wanted.assignments, taken)?;
    let bad_record = |source| {
        let (path, section) = (section.path.clone(), section.name.clone());
        Error::Record { path, section, source }
    };
    let record = section.record(place).map_err(bad_record)?;
    if given.is_empty() && wanted.rewrites.text(record.bytes()).is_none() {
        return Ok(None);
    }
    let values = shape.values_of(&record);
    let (_, values) = values.map_err(Error::bad_values(&section.path, &section.name))?;
    for (position, value) in values.into_iter().enumerate() {
        // What was set before stays set; all else follows the defaults, which are rewritten too.
        if let (Origin::Set, Some(now), false) =
            (value.origin, value.value, given.contains_key(&position))
        {
            let new = rewritten(&now, wanted.rewrites).unwrap_or(now);
            given.insert(position, new);
        }
    }
    descriptor::rewrite(section, place, &given, &|text| wanted.rewrites.string(text)).map(Some)
}

/// The values that are given for the fields of a record.
fn assigned(
    section: &RecordSection,
    shape: &Shape,
    assignments: &[Assignment],
    taken: &mut BTreeSet<usize>,
) -> Result<Given> {
    let mut given = Given::new();
    let mut problems: Vec<Problem> = Vec::new();
    for (number, assignment) in assignments.iter().enumerate() {
        if assignment.section.as_ref().is_some_and(|name| *name != shape.name) {
            continue;
        }
        let Some(position) = shape.position(&assignment.field) else { continue };
        taken.insert(number);
        match assignment.value_for(&shape.fields[position]) {
            Ok(value) => {
                given.insert(position, value);
            }
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        Ok(given)
    } else {
        Err(Error::Values { path: section.path.clone(), problems })
    }
}

/// A value with its paths rewritten; `None` if it stays what it is.
fn rewritten(value: &Value, rewrites: &Rewrites) -> Option<Value> {
    match value {
        Value::Text(text) => rewrites.string(text).map(Value::Text),
        Value::List(items) => {
            let new: Vec<String> = items
                .iter()
                .map(|item| rewrites.string(item).unwrap_or_else(|| item.clone()))
                .collect();
            (new != *items).then_some(Value::List(new))
        }
        _ => None,
    }
}

/// What becomes of a string that the loader reads: its absolute paths are rewritten, and where that
/// does not fit, those inside the tree become relative to the image.
fn loader_text(
    image: &ImagePlan<'_>,
    text: &LoaderText,
    rewrites: &Rewrites,
) -> Result<Option<(Edit, String)>> {
    let Some(absolute) = rewrites.text(&text.text) else { return Ok(None) };
    let name = match text.role {
        Role::Runpath => "RUNPATH",
        Role::Interpreter => "interpreter",
        Role::Library => "library's name",
    };
    let data = ImageData::new(image.file);
    let refused = |problem: LoaderProblem| {
        let help = problem.help();
        let old = shown(&text.text);
        Error::input(
            format!(
                "{}: the {name} `{old}` cannot become `{}`: {problem}",
                image.path.display(),
                shown(&absolute)
            ),
            help,
        )
    };
    // The loader would read another path: there is no way to write these.
    let means_more = |new: &[u8]| {
        let count = |text: &[u8]| text.iter().filter(|byte| b":$".contains(byte)).count();
        text.role == Role::Runpath && count(new) != count(&text.text)
    };
    if means_more(&absolute) {
        return Err(Error::input(
            format!(
                "{}: the {name} `{}` cannot become `{}`: the loader takes `:` for the end of a path, and `$` for a variable",
                image.path.display(),
                shown(&text.text),
                shown(&absolute)
            ),
            "name a destination without `:` and `$`",
        ));
    }
    let note = |new: &[u8]| format!("{name} {}", shown(new));
    match replace_loader_text(&data, text, &absolute) {
        Ok(change) => Ok(Some((change, note(&absolute)))),
        Err(problem) => {
            let relative = match (text.role, image.origin) {
                (Role::Runpath, Some(folder)) => relative(&absolute, folder, image.destination),
                _ => None,
            };
            match relative {
                Some(relative) => match replace_loader_text(&data, text, &relative) {
                    Ok(change) => Ok(Some((change, note(&relative)))),
                    Err(problem) => Err(refused(problem)),
                },
                None => Err(refused(problem)),
            }
        }
    }
}

/// A RUNPATH whose folders inside the tree are relative to the image's; `None` if it has none.
fn relative(runpath: &[u8], folder: &Path, tree: &Path) -> Option<Vec<u8>> {
    let mut changed = false;
    let mut parts: Vec<Vec<u8>> = Vec::new();
    for part in runpath.split(|&byte| byte == b':') {
        let path = Path::new(std::ffi::OsStr::from_bytes(part));
        parts.push(match path.starts_with(tree).then(|| from_origin(path, folder)) {
            Some(new) if new.as_os_str().len() < part.len() => {
                changed = true;
                new.into_os_string().into_encoded_bytes()
            }
            _ => part.to_vec(),
        });
    }
    changed.then(|| parts.join(&b':'))
}

/// `$ORIGIN/…`: the way from a folder to another.
fn from_origin(to: &Path, folder: &Path) -> PathBuf {
    let same = to.components().zip(folder.components()).take_while(|(a, b)| a == b).count();
    let up = folder.components().skip(same).map(|_| Path::new(".."));
    let down = to.components().skip(same);
    let mut path = PathBuf::from("$ORIGIN");
    up.for_each(|part| path.push(part));
    down.for_each(|part| path.push(part));
    path
}
