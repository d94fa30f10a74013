//! Which record takes which of the values that are given.

use std::collections::{BTreeMap, BTreeSet};

use postlink_codegen::{Given, Problem, Shape, listed};

use super::values::Assignment;

/// The values that the records of one image take.
#[derive(Debug, Default)]
pub(crate) struct Assigned {
    /// By the position of the record's shape; only those that a value is given for.
    pub(crate) given: BTreeMap<usize, Given>,
    /// The positions of the assignments that some record took.
    pub(crate) taken: BTreeSet<usize>,
}

/// The values for each shape that a value is given for, and every value that is for several sections,
/// or does not fit, or is given twice. An assignment that is for none of the shapes is not taken.
pub(crate) fn assign(shapes: &[&Shape], assignments: &[Assignment]) -> (Assigned, Vec<Problem>) {
    let mut assigned = Assigned::default();
    let mut problems: Vec<Problem> = Vec::new();
    let mut seen = BTreeSet::new();
    for (number, assignment) in assignments.iter().enumerate() {
        let mut found: Vec<&str> = Vec::new();
        for (position, shape) in shapes.iter().enumerate() {
            if assignment.section.as_ref().is_some_and(|section| *section != shape.name) {
                continue;
            }
            let Some(field) = shape.position(&assignment.field) else { continue };
            found.push(&shape.name);
            assigned.taken.insert(number);
            if !seen.insert((position, field, assignment.source)) {
                let message = "it is set twice, with and without its section's name";
                problems.push(shape.fields[field].problem(message, "set it once"));
            }
            // A key of a file that another program wrote counts only where nothing overrides it.
            let is_for = |later: &Assignment| later.is_for(&shape.name, &assignment.field);
            if assignment.is_key() && assignments.iter().skip(number + 1).any(is_for) {
                continue;
            }
            match assignment.value_for(&shape.fields[field]) {
                Ok(value) => {
                    assigned.given.entry(position).or_default().insert(field, value);
                }
                Err(problem) => problems.push(problem),
            }
        }
        found.sort_unstable();
        found.dedup();
        if let [first, _, ..] = found.as_slice() {
            problems.push(Problem {
                field: assignment.field.clone(),
                message: format!("sections {} have a field of this name", listed(&found)),
                help: format!("name the section: `{first}.{}`", assignment.field),
            });
        }
    }
    problems.dedup();
    (assigned, problems)
}

/// [`assign`], where each assignment has to be for one of the shapes. Where no value is given at all,
/// every shape takes part, with none.
///
/// # Errors
/// As those of [`assign`], and every assignment that is for none of the shapes.
pub(crate) fn assign_all(
    shapes: &[&Shape],
    assignments: &[Assignment],
) -> Result<BTreeMap<usize, Given>, Vec<Problem>> {
    if assignments.is_empty() {
        return Ok((0..shapes.len()).map(|position| (position, Given::new())).collect());
    }
    let (assigned, mut problems) = assign(shapes, assignments);
    problems.extend(unknown_fields(shapes, assignments, &assigned.taken));
    if problems.is_empty() { Ok(assigned.given) } else { Err(problems) }
}

/// A problem for each assignment that was not taken.
pub(crate) fn unknown_fields(
    shapes: &[&Shape],
    assignments: &[Assignment],
    taken: &BTreeSet<usize>,
) -> Vec<Problem> {
    let lost = assignments.iter().enumerate().filter(|(number, _)| !taken.contains(number));
    let problem = |(_, one): (usize, &Assignment)| {
        let mut problem = unknown(shapes, one.section.as_deref(), &one.field);
        if one.is_key() {
            problem.help += "\nto take single keys of a file: --take FIELD=KEY";
        }
        problem
    };
    lost.map(problem).collect()
}

/// The problem of a field that none of the shapes has.
#[must_use]
pub(crate) fn unknown(shapes: &[&Shape], section: Option<&str>, field: &str) -> Problem {
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
