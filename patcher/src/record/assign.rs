//! Which record takes which of the values that are given.

use std::collections::{BTreeMap, BTreeSet};

use postlink_codegen::{Given, Problem, Shape, listed};

use super::values::Assignment;

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
