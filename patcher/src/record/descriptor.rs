//! Other defaults in a record that is there: what a build for another place would have written.
//!
//! A build knows its own place, and its record's descriptor has it as a default. A fill leaves the
//! descriptor alone; where a whole tree moves, the defaults move with it. **The rule:** the record
//! is written anew, with each default rewritten, and filled. It is byte for byte the record of a
//! build that had these defaults, filled with the same values, if that record is as large. A smaller
//! one is followed by zero bytes, up to the end of the old one. A larger one has no room: then
//! defaults that were rewritten are left out until it fits, first of fields that a value is given
//! for, then of others, the longest first. Their fields are required from then on; one without a
//! given value is set to what would have been its default. A derivation without a given value is
//! never left out, for its value would no longer follow.

use std::cmp::Reverse;

use postlink_codegen::{Default, Field, Given, Shape, Template, Value};
use postlink_format::{State, VALUES_OFFSET};

use super::edit::RecordEdit;
use super::read::{RecordPlace, RecordSection};
use crate::edit::Edit;
use crate::error::{Error, Result};

/// The edit that writes a record anew, filled with these values and with other defaults. `other`
/// has the text for one that changes: a string, a path, an item of a list, a literal part of a
/// derivation.
///
/// # Errors
/// A value or a default that does not fit its field, a required field without a value, defaults that
/// the record has no room for.
pub(crate) fn rewrite(
    section: &RecordSection,
    place: &RecordPlace,
    given: &Given,
    other: &dyn Fn(&str) -> Option<String>,
) -> Result<RecordEdit> {
    let bad_record = |source| Error::Record {
        path: section.path.clone(),
        section: section.name.clone(),
        source,
    };
    let refused = |problems| Error::Values { path: section.path.clone(), problems };
    let record = section.record(place).map_err(bad_record)?;
    let size = record.bytes().len();
    let mut shape = place.shape.clone();
    let mut given = given.clone();
    let rewritten = rewrite_defaults(&mut shape, &given, other).map_err(refused)?;
    leave_out(&mut shape, &mut given, rewritten, size as u64).map_err(refused)?;
    let values = shape.evaluate(&given).map_err(refused)?;
    let missing = shape.missing(&values);
    if !missing.is_empty() {
        return Err(refused(missing));
    }
    let mut new = shape.record(State::Filled, &values);
    let record_size = new.len();
    new.resize(size, 0);
    let start = section.offset + place.at as u64;
    let values_start = VALUES_OFFSET as usize;
    let values_end = values_start + record.value_area().len();
    let part = |from: usize, to: usize| Edit {
        offset: start + from as u64,
        before: record.bytes()[from..to].to_vec(),
        after: new[from..to].to_vec(),
    };
    let area = part(values_start, values_end);
    Ok(RecordEdit {
        member: section.member.clone(),
        has_intermediate: section.has_intermediate,
        spelling: section.name.clone(),
        record_size,
        area,
        descriptor: vec![part(0, values_start), part(values_end, size)],
        shape,
        values,
    })
}

/// The fields whose default changed in a record that was written anew; `None` if it is not such
/// a record: other fields, or defaults that [`rewrite`] would not have made of the old ones.
#[must_use]
pub(crate) fn rewritten<'a>(old: &'a Shape, new: &Shape) -> Option<Vec<&'a str>> {
    let mut names = Vec::new();
    let mut expected = old.clone();
    for (field, now) in expected.fields.iter_mut().zip(&new.fields) {
        if field.default != now.default {
            let is_rewritten = match (&field.default, &now.default) {
                (Some(_), None) => field.ty.is_text() || field.ty.is_list(),
                (Some(Default::Value(old)), Some(Default::Value(new))) => match (old, new) {
                    (Value::Text(_), Value::Text(_)) => true,
                    (Value::List(old), Value::List(new)) => old.len() == new.len(),
                    _ => false,
                },
                (Some(Default::Derived(old)), Some(Default::Derived(new))) => {
                    let same =
                        |(old, new): (&Template, &Template)| old.references().eq(new.references());
                    old.len() == new.len() && old.iter().zip(new).all(same)
                }
                _ => false,
            };
            if !is_rewritten {
                return None;
            }
            field.default.clone_from(&now.default);
            names.push(old.fields[old.position(&field.name)?].name.as_str());
        }
    }
    (expected == *new).then_some(names)
}

/// Whether a default is what [`rewrite`] makes of another: left out, or with its texts rewritten.
#[must_use]
pub(crate) fn follows(
    old: Option<&Default>,
    new: Option<&Default>,
    other: &dyn Fn(&str) -> Option<String>,
) -> bool {
    new.is_none() || old.and_then(|old| with_texts(old, other)).as_ref() == new
}

/// A default with its texts rewritten; `None` for one that has no texts.
fn with_texts(default: &Default, other: &dyn Fn(&str) -> Option<String>) -> Option<Default> {
    let text = |text: &String| other(text).unwrap_or_else(|| text.clone());
    Some(match default {
        Default::Value(Value::Text(old)) => Default::Value(Value::Text(text(old))),
        Default::Value(Value::List(items)) => {
            Default::Value(Value::List(items.iter().map(text).collect()))
        }
        Default::Derived(templates) => {
            Default::Derived(templates.iter().map(|template| template.with_texts(other)).collect())
        }
        Default::Value(_) => return None,
    })
}

type Problems = Vec<postlink_codegen::Problem>;

/// Rewrites the defaults, and returns the fields whose default changed.
fn rewrite_defaults(
    shape: &mut Shape,
    given: &Given,
    other: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<usize>, Problems> {
    let mut rewritten = Vec::new();
    let mut problems = Vec::new();
    for (position, field) in shape.fields.iter_mut().enumerate() {
        let Some(default) = field.default.as_ref().and_then(|old| with_texts(old, other)) else {
            continue;
        };
        if field.default.as_ref() == Some(&default) {
            continue;
        }
        let misfit = match &default {
            Default::Value(value) => field.check(value).err(),
            Default::Derived(_) => None,
        };
        field.default = match misfit {
            Some(_) if given.contains_key(&position) => None,
            Some(mut problem) => {
                problem.message = format!("its default would be another: {}", problem.message);
                problem.help = format!("give it a value: --set {}=VALUE", field.name);
                problems.push(problem);
                continue;
            }
            None => {
                rewritten.push(position);
                Some(default)
            }
        };
    }
    if problems.is_empty() { Ok(rewritten) } else { Err(problems) }
}

/// Leaves out rewritten defaults until the record has no more than `room` bytes.
fn leave_out(
    shape: &mut Shape,
    given: &mut Given,
    mut rewritten: Vec<usize>,
    room: u64,
) -> Result<(), Problems> {
    let order = |&position: &usize| {
        let field: &Field = &shape.fields[position];
        (!given.contains_key(&position), Reverse(field.default_size()))
    };
    rewritten.sort_by_key(order);
    rewritten.retain(|&position| {
        let default = &shape.fields[position].default;
        let is_derived = matches!(default, Some(Default::Derived(_)));
        let may_go = given.contains_key(&position) || !is_derived;
        if shape.record_size() <= room || !may_go {
            return true;
        }
        if let Some(Default::Value(value)) = shape.fields[position].default.take() {
            given.entry(position).or_insert(value);
        }
        false
    });
    let size = shape.record_size();
    if size <= room {
        return Ok(());
    }
    let problem = |position: usize| {
        let field = &shape.fields[position];
        field.problem(
            format!("its default would be longer, and the record would have {size} bytes, its room is {room}"),
            format!(
                "give it a value: --set {}=VALUE; or build with paths that are at least as long",
                field.name
            ),
        )
    };
    Err(rewritten.into_iter().map(problem).collect())
}
