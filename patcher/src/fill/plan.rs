//! What a fill writes: a function of the record's descriptor and the values that are given.

use postlink_codegen::{Given, Schema, Shape, hex};
use postlink_format::{Origin, Record, State, VALUES_OFFSET};

use crate::edit::Edit;
use crate::error::{Error, Result};
use crate::record::assign::assign_all;
use crate::record::declared::declared;
use crate::record::edit::RecordEdit;
use crate::record::read::{Image, RecordPlace, RecordSection, place_in_file};
use crate::record::values::Assignment;
use crate::shown::escaped;
use crate::sources::Sources;

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

/// Which records are filled, and how.
#[derive(Clone, Copy, Debug, Default)]
pub struct Selection<'a> {
    /// What becomes of values that were set before.
    pub earlier: Earlier,
    /// Fill every record of a section that the file has more than one of.
    pub all: bool,
    /// The schema whose fingerprints the records must have; others do not take part.
    pub schema: Option<&'a Schema>,
    /// The one section, as spelled in the file, whose records take part.
    pub spelling: Option<&'a str>,
    /// Where to ask for the values of fields whose record says where they come from, and that nothing is given
    /// for; `None`: they are not asked for.
    pub sources: Option<&'a Sources>,
}

/// The way out where a fill has no values.
pub(crate) const NO_VALUE: &str =
    "give some with --set, --values or --git, or fill with the defaults alone: --reset";

/// Plans the fill of one image. Nothing is written.
///
/// The records that take part are those that a value is given or asked for; all, if there is no value.
///
/// # Errors
/// A value that is not for any record or does not fit; doubled records; another fingerprint;
/// values that would be lost.
pub(crate) fn plan(
    image: &Image,
    assignments: &[Assignment],
    selection: Selection<'_>,
) -> Result<Vec<RecordEdit>> {
    let records: Vec<(&RecordSection, &RecordPlace)> = image
        .records()
        .filter(|(section, place)| {
            let known = |schema: &Schema| schema.section(Some(&place.shape.name)).is_ok();
            selection.schema.is_none_or(known)
                && selection.spelling.is_none_or(|spelling| section.name == spelling)
        })
        .collect();
    if let (true, Some(schema)) = (records.is_empty(), selection.schema) {
        return Err(Error::NoSuchSection {
            path: image.path.clone(),
            section: listed_sections(schema),
            known: image.records().map(|(_, place)| place.shape.name.clone()).collect(),
        });
    }
    if let Some(schema) = selection.schema {
        records
            .iter()
            .try_for_each(|(section, place)| check_fingerprint(section, place, schema))?;
    }
    let shapes: Vec<&Shape> = records.iter().map(|(_, place)| &place.shape).collect();
    let by_hand = assignments;
    let mut assignments = assignments.to_vec();
    if let Some(sources) = selection.sources {
        let stay = |(section, place): &(&RecordSection, &'_ RecordPlace)| match selection.earlier {
            Earlier::Keep => earlier(section, place, by_hand, Earlier::Keep),
            Earlier::Refuse | Earlier::Reset => Ok(Given::new()),
        };
        let stay = records.iter().map(stay).collect::<Result<Vec<Given>>>()?;
        let records: Vec<(&Shape, Given)> = shapes.iter().copied().zip(stay).collect();
        assignments.extend(declared(&image.path, &records, by_hand, sources)?);
        let mut fields = shapes.iter().flat_map(|shape| &shape.fields);
        let has_source = fields.any(|field| field.source.is_some());
        if assignments.is_empty() && !has_source && selection.earlier != Earlier::Reset {
            return Err(Error::usage(
                format!(
                    "no value is given, and no field of {} says where its value comes from",
                    escaped(&image.path)
                ),
                NO_VALUE,
            ));
        }
    }
    let given = assign_all(&shapes, &assignments)
        .map_err(|problems| Error::Values { path: image.path.clone(), problems })?;
    let mut edits = Vec::new();
    for (position, (section, place)) in records.iter().enumerate() {
        let Some(given) = given.get(&position) else { continue };
        if !selection.all {
            check_single(image, &records, section, place)?;
        }
        let earlier = earlier(section, place, by_hand, selection.earlier)?;
        edits.push(edit(section, place, given.clone(), earlier, selection.earlier)?);
    }
    Ok(edits)
}

/// The values of a record that were set before, and that nothing is given for; none, where they return to
/// their defaults.
fn earlier(
    section: &RecordSection,
    place: &RecordPlace,
    given: &[Assignment],
    rule: Earlier,
) -> Result<Given> {
    if rule == Earlier::Reset {
        return Ok(Given::new());
    }
    let shape = &place.shape;
    let values = shape.values_of(&record(section, place)?);
    let (_, values) = values.map_err(Error::bad_values(&section.path, &section.name))?;
    let set = values.into_iter().enumerate().filter(|(position, value)| {
        let name = &shape.fields[*position].name;
        value.origin == Origin::Set && !given.iter().any(|one| one.is_for(&shape.name, name))
    });
    Ok(set.filter_map(|(position, value)| Some((position, value.value?))).collect())
}

fn record<'a>(section: &'a RecordSection, place: &RecordPlace) -> Result<Record<'a>> {
    section.record(place).map_err(|source| Error::Record {
        path: section.path.clone(),
        section: section.name.clone(),
        source,
    })
}

fn listed_sections(schema: &Schema) -> String {
    let names: Vec<&str> = schema.sections.iter().map(|section| &*section.shape.name).collect();
    names.join("` or `")
}

/// Refuses a record that is not the only one of its section. The parts of a universal file are one
/// program, of which a system takes the one for its processor: each has a record, and all are filled.
fn check_single(
    image: &Image,
    records: &[(&RecordSection, &RecordPlace)],
    section: &RecordSection,
    place: &RecordPlace,
) -> Result<()> {
    let name = &place.shape.name;
    let same = records.iter().filter(|(other_section, other)| {
        other.shape.name == *name && other_section.slice == section.slice
    });
    let places: Vec<String> = same
        .map(|(section, other)| place_in_file(section, section.offset + other.at as u64))
        .collect();
    if places.len() == 1 {
        return Ok(());
    }
    Err(Error::Doubled { path: image.path.clone(), section: name.clone(), places })
}

/// Refuses a record of another schema.
fn check_fingerprint(section: &RecordSection, place: &RecordPlace, schema: &Schema) -> Result<()> {
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

fn edit(
    section: &RecordSection,
    place: &RecordPlace,
    mut given: Given,
    mut earlier: Given,
    rule: Earlier,
) -> Result<RecordEdit> {
    let shape = &place.shape;
    let path = &section.path;
    let record = record(section, place)?;
    if rule == Earlier::Refuse {
        earlier.retain(|position, _| !given.contains_key(position));
        if !earlier.is_empty() {
            let required = |&position: &usize| shape.fields[position].default.is_none();
            let names = earlier.keys().map(|&position| shape.fields[position].name.clone());
            return Err(Error::Dropped {
                path: path.clone(),
                required: earlier.keys().any(required),
                section: shape.name.clone(),
                fields: names.collect(),
            });
        }
    }
    // They win over the answers of sources, which another record of the section may need.
    given.extend(earlier);
    let refused = |problems| Error::Values { path: path.clone(), problems };
    let values = shape.evaluate(&given).map_err(refused)?;
    let missing = shape.missing(&values);
    if !missing.is_empty() {
        return Err(refused(missing));
    }
    Ok(RecordEdit {
        member: section.member.clone(),
        has_intermediate: section.has_intermediate,
        spelling: section.name.clone(),
        record_size: record.bytes().len(),
        area: Edit {
            offset: section.offset + place.at as u64 + u64::from(VALUES_OFFSET),
            before: record.value_area().to_vec(),
            after: shape.value_area(State::Filled, &values),
        },
        descriptor: Vec::new(),
        shape: shape.clone(),
        values,
    })
}
