//! What a fill writes: a function of the record's descriptor and the values that are given.

use std::collections::{BTreeMap, BTreeSet};

use postlink_codegen::{Evaluated, Given, Problem, Schema, Shape, hex, listed};
use postlink_format::{Origin, State, VALUES_OFFSET};

use crate::error::{Error, Result};
use crate::records::{Image, Place, Section, place_in_file};
use crate::values::Assignment;
use crate::write::Change;

/// What becomes of values that were set before and are not given now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Earlier {
    /// Refuse to lose them.
    #[default]
    Refuse,
    /// They stay.
    Keep,
    /// They return to their defaults.
    Reset,
}

/// How to fill.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'a> {
    /// What becomes of values that were set before.
    pub earlier: Earlier,
    /// Fill every record of a section that the file has more than one of.
    pub all: bool,
    /// The schema whose fingerprints the records must have; others do not take part.
    pub schema: Option<&'a Schema>,
    /// The one section, as spelled in the file, whose records take part.
    pub spelling: Option<&'a str>,
}

/// A record to be written.
#[derive(Clone, Debug)]
pub struct Edit {
    /// The member of the archive that it is in.
    pub member: Option<String>,
    /// Whether a link with LTO takes something else instead of the record.
    pub has_intermediate: bool,
    /// The section as spelled in the file.
    pub spelling: String,
    /// The record's shape.
    pub shape: Shape,
    /// The values, in the order of the fields.
    pub values: Vec<Evaluated>,
    /// Where the value area begins in the file.
    pub offset: u64,
    /// The size of the record, in bytes.
    pub record_size: usize,
    /// The value area now.
    pub before: Vec<u8>,
    /// The value area as it will be.
    pub after: Vec<u8>,
    /// The parts of the descriptor that will be others; a fill alone changes none.
    pub descriptor: Vec<Change>,
}

impl Edit {
    /// Whether the record will be another.
    #[must_use]
    pub fn changes(&self) -> bool {
        self.before != self.after || self.descriptor.iter().any(|part| part.before != part.after)
    }

    /// Offsets in the file, and the bytes as they will be there.
    pub fn written(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let descriptor = self.descriptor.iter().map(|part| (part.offset, part.after.as_slice()));
        std::iter::once((self.offset, self.after.as_slice())).chain(descriptor)
    }
}

/// Plans the fill of one image. Nothing is written.
///
/// The records that take part are those that a value is given for; all, if no value is given.
///
/// # Errors
/// A value that is not for any record or does not fit; doubled records; another fingerprint;
/// values that would be lost.
pub fn plan(image: &Image, assignments: &[Assignment], options: Options<'_>) -> Result<Vec<Edit>> {
    let records: Vec<(&Section, &Place)> = image
        .records()
        .filter(|(section, place)| {
            let known = |schema: &Schema| schema.section(Some(&place.shape.name)).is_ok();
            options.schema.is_none_or(known)
                && options.spelling.is_none_or(|spelling| section.name == spelling)
        })
        .collect();
    if let (true, Some(schema)) = (records.is_empty(), options.schema) {
        return Err(Error::NoSuchSection {
            path: image.path.clone(),
            section: listed_sections(schema),
            known: image.records().map(|(_, place)| place.shape.name.clone()).collect(),
        });
    }
    if let Some(schema) = options.schema {
        records
            .iter()
            .try_for_each(|(section, place)| check_fingerprint(section, place, schema))?;
    }
    let shapes: Vec<&Shape> = records.iter().map(|(_, place)| &place.shape).collect();
    let given = assign(&shapes, assignments)
        .map_err(|problems| Error::Values { path: image.path.clone(), problems })?;
    let mut edits = Vec::new();
    for (position, (section, place)) in records.iter().enumerate() {
        let Some(given) = given.get(&position) else { continue };
        if !options.all {
            check_single(image, &records, place)?;
        }
        edits.push(edit(section, place, given.clone(), options)?);
    }
    Ok(edits)
}

fn listed_sections(schema: &Schema) -> String {
    let names: Vec<&str> = schema.sections.iter().map(|section| &*section.shape.name).collect();
    names.join("` or `")
}

/// The values for each shape that a value is given for, by its position; for all of them, if no
/// value is given.
///
/// # Errors
/// Every value that is for none of them, or for several, or does not fit, or is given twice.
pub fn assign(
    shapes: &[&Shape],
    assignments: &[Assignment],
) -> Result<BTreeMap<usize, Given>, Vec<Problem>> {
    if assignments.is_empty() {
        return Ok((0..shapes.len()).map(|position| (position, Given::new())).collect());
    }
    let mut given: BTreeMap<usize, Given> = BTreeMap::new();
    let mut problems: Vec<Problem> = Vec::new();
    let mut seen = BTreeSet::new();
    for assignment in assignments {
        let mut found: Vec<&str> = Vec::new();
        for (position, shape) in shapes.iter().enumerate() {
            if assignment.section.as_ref().is_some_and(|section| *section != shape.name) {
                continue;
            }
            let Some(field) = shape.position(&assignment.field) else { continue };
            found.push(&shape.name);
            if !seen.insert((position, field, assignment.source)) {
                let message = "it is set twice, with and without its section's name";
                problems.push(shape.fields[field].problem(message, "set it once"));
            }
            match assignment.value_for(&shape.fields[field]) {
                Ok(value) => {
                    given.entry(position).or_default().insert(field, value);
                }
                Err(problem) => problems.push(problem),
            }
        }
        found.sort_unstable();
        found.dedup();
        match found.as_slice() {
            [] => problems.push(unknown(shapes, assignment.section.as_deref(), &assignment.field)),
            [_] => {}
            [first, ..] => problems.push(Problem {
                field: assignment.field.clone(),
                message: format!("sections {} have a field of this name", listed(&found)),
                help: format!("name the section: `{first}.{}`", assignment.field),
            }),
        }
    }
    problems.dedup();
    if problems.is_empty() { Ok(given) } else { Err(problems) }
}

/// The problem of a field that none of the shapes has.
#[must_use]
pub fn unknown(shapes: &[&Shape], section: Option<&str>, field: &str) -> Problem {
    let named = shapes.iter().find(|shape| section == Some(&*shape.name));
    if let (None, Some(section)) = (named, section) {
        let known: Vec<&str> = shapes.iter().map(|shape| shape.name.as_str()).collect();
        return Problem {
            field: format!("{section}.{field}"),
            message: format!("no section `{section}` is to be filled here"),
            help: format!("what is to be filled is {}", listed(&known)),
        };
    }
    let shapes = named.map_or(shapes, std::slice::from_ref);
    let all: Vec<Problem> = shapes.iter().map(|shape| shape.unknown_field(field)).collect();
    let join = |part: fn(&Problem) -> &str, between| {
        let mut parts: Vec<&str> = all.iter().map(part).collect();
        parts.dedup();
        parts.join(between)
    };
    Problem {
        field: field.to_owned(),
        message: join(|problem| &problem.message, "; "),
        help: join(|problem| &problem.help, "\n"),
    }
}

/// Refuses a record that is not the only one of its section.
fn check_single(image: &Image, records: &[(&Section, &Place)], place: &Place) -> Result<()> {
    let name = &place.shape.name;
    let same = records.iter().filter(|(_, other)| other.shape.name == *name);
    let places: Vec<String> = same
        .map(|(section, other)| place_in_file(section, section.offset + other.at as u64))
        .collect();
    if places.len() == 1 {
        return Ok(());
    }
    Err(Error::Doubled { path: image.path.clone(), section: name.clone(), places })
}

/// Refuses a record of another schema.
fn check_fingerprint(section: &Section, place: &Place, schema: &Schema) -> Result<()> {
    let shape = &place.shape;
    let expected = schema.section(Some(&shape.name)).map(|section| section.shape.fingerprint());
    match expected {
        Ok(expected) if expected != shape.fingerprint() => Err(Error::Fingerprint {
            path: section.path.clone(),
            section: shape.name.clone(),
            found: hex(&shape.fingerprint()),
            expected: hex(&expected),
        }),
        _ => Ok(()),
    }
}

fn edit(section: &Section, place: &Place, mut given: Given, options: Options<'_>) -> Result<Edit> {
    let shape = &place.shape;
    let path = &section.path;
    let bad_record =
        |source| Error::Record { path: path.clone(), section: section.name.clone(), source };
    let record = section.record(place).map_err(bad_record)?;
    match (shape.values_of(&record), options.earlier) {
        (_, Earlier::Reset) => {}
        (Err(error), _) => return Err(Error::bad_values(path, &section.name)(error)),
        (Ok((_, values)), earlier) => {
            let set =
                values.into_iter().enumerate().filter(|(_, value)| value.origin == Origin::Set);
            let lost: Given = set
                .filter(|(position, _)| !given.contains_key(position))
                .filter_map(|(position, value)| Some((position, value.value?)))
                .collect();
            if earlier == Earlier::Refuse && !lost.is_empty() {
                return Err(Error::Dropped {
                    path: path.clone(),
                    section: shape.name.clone(),
                    fields: lost
                        .keys()
                        .map(|&position| shape.fields[position].name.clone())
                        .collect(),
                });
            }
            given.extend(lost);
        }
    }
    let refused = |problems| Error::Values { path: path.clone(), problems };
    let values = shape.evaluate(&given).map_err(refused)?;
    let missing = shape.missing(&values);
    if !missing.is_empty() {
        return Err(refused(missing));
    }
    Ok(Edit {
        member: section.member.clone(),
        has_intermediate: section.has_intermediate,
        spelling: section.name.clone(),
        offset: section.offset + place.at as u64 + u64::from(VALUES_OFFSET),
        record_size: record.bytes().len(),
        before: record.value_area().to_vec(),
        after: shape.value_area(State::Filled, &values),
        descriptor: Vec::new(),
        shape: shape.clone(),
        values,
    })
}

/// The bytes of a section as they are after the edits.
#[must_use]
pub fn apply(section: &Section, edits: &[Edit]) -> Vec<u8> {
    let mut bytes = section.bytes.clone();
    for (offset, after) in edits.iter().flat_map(Edit::written) {
        let at = offset.checked_sub(section.offset).and_then(|at| usize::try_from(at).ok());
        let part = at.and_then(|at| bytes.get_mut(at..at.checked_add(after.len())?));
        if let Some(part) = part {
            part.copy_from_slice(after);
        }
    }
    bytes
}
