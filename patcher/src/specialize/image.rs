//! What `specialize` does to an image: its records are filled, and what the loader reads is
//! rewritten.

use std::collections::BTreeSet;
use std::path::Path;

use postlink_codegen::{Given, Shape};
use postlink_format::Origin;

use super::rules::{FilePlace, Rules};
use super::wanted::Wanted;
use crate::edit::Edit;
use crate::error::{Error, Result};
use crate::files::tree_file::TreeFile;
use crate::image::data::ImageData;
use crate::image::loader::LoaderText;
use crate::record::assign::assign;
use crate::record::descriptor;
use crate::record::edit::RecordEdit;
use crate::record::read::{Image, RecordPlace, RecordSection};
use crate::shown::shown;

/// An image and its place.
#[derive(Debug)]
pub(super) struct ImagePlan<'a> {
    /// The file.
    pub(super) file: TreeFile<'a>,
    /// Its path, for messages.
    pub(super) path: &'a Path,
    /// Its bytes.
    pub(super) data: &'a ImageData<'a>,
    /// Whether it has records.
    pub(super) has_records: bool,
    /// The strings that the loader reads, where a reference was found in one of them.
    pub(super) loader: &'a [LoaderText],
    /// Where it will be.
    pub(super) place: FilePlace<'a>,
}

/// What is done to an image.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// None changes the size.
    pub(super) edits: Vec<Edit>,
    /// The records among them.
    pub(super) records: Vec<RecordEdit>,
    /// The assignments that its records took, by their positions.
    pub(super) taken: BTreeSet<usize>,
    /// What is done, in words.
    pub(super) notes: Vec<String>,
}

/// Plans an image.
///
/// # Errors
/// Everything in it that cannot be done.
pub(super) fn plan_image(image: &ImagePlan<'_>, wanted: &Wanted<'_>) -> Result<Done> {
    let mut done = Done::default();
    let mut errors = Vec::new();
    // Records that the search saw, and that were not understood, are among what is left.
    if image.has_records {
        let filled =
            Image::of_file(image.file).and_then(|records| fill(&records, wanted, &mut done));
        errors.extend(filled.err());
    }
    match wanted.rules.loader(image.data, image.path, image.loader, &image.place) {
        Ok((edits, changes)) => {
            let note =
                |(text, new): (&LoaderText, Vec<u8>)| format!("{} {}", text.name, shown(&new));
            done.notes.extend(changes.into_iter().map(note));
            done.edits.extend(edits);
        }
        Err(error) => errors.push(error),
    }
    if errors.is_empty() { Ok(done) } else { Err(Error::several(errors)) }
}

/// Fills every record that is given a value, or that has one which changes with the paths. None stays
/// without a value that it requires: nobody fills it afterwards.
fn fill(image: &Image, wanted: &Wanted<'_>, done: &mut Done) -> Result<()> {
    let shapes: Vec<&Shape> = image.records().map(|(_, place)| &place.shape).collect();
    let (mut assigned, problems) = assign(&shapes, wanted.assignments);
    if !problems.is_empty() {
        return Err(Error::Values { path: image.path.clone(), problems });
    }
    done.taken.append(&mut assigned.taken);
    let mut errors = Vec::new();
    for (position, (section, place)) in image.records().enumerate() {
        let given = assigned.given.remove(&position).unwrap_or_default();
        match record(section, place, given, wanted.rules) {
            Ok(Some(record)) => {
                done.notes.push(format!("section `{}` filled", place.shape.name));
                done.edits.extend(record.edits().filter(|edit| edit.changes()).cloned());
                done.records.push(record);
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
    mut given: Given,
    rules: &Rules<'_>,
) -> Result<Option<RecordEdit>> {
    let shape = &place.shape;
    let bad_record = |source| {
        let (path, section) = (section.path.clone(), section.name.clone());
        Error::Record { path, section, source }
    };
    let record = section.record(place).map_err(bad_record)?;
    let has_default = || record.fields().any(|field| rules.rewrites.text(field.default).is_some());
    let has_value = || rules.rewrites.text(record.value_area()).is_some();
    let values = shape.values_of(&record);
    if given.is_empty() && !has_default() && !has_value() {
        // A record that says nothing of its values is among what is left.
        let missing = values.map(|(_, values)| shape.missing(&values)).unwrap_or_default();
        return match missing.is_empty() {
            true => Ok(None),
            false => Err(Error::Values { path: section.path.clone(), problems: missing }),
        };
    }
    let (_, values) = values.map_err(Error::bad_values(&section.path, &section.name))?;
    for (position, value) in values.into_iter().enumerate() {
        // A value that was set before stays set; all others follow the defaults, which are rewritten too.
        if let (Origin::Set, Some(now), false) =
            (value.origin, value.value, given.contains_key(&position))
        {
            let new = rules.value(&now).unwrap_or(now);
            given.insert(position, new);
        }
    }
    descriptor::rewrite(section, place, &given, &|text| rules.string(text)).map(Some)
}
