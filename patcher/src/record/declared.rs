//! The sources that a record names for its fields itself.
//!
//! A record may be a stranger's, so it does not decide what is read: facts of git and `SOURCE_DATE_EPOCH` are
//! no secrets; a variable of the environment can be one, and is read only where the command line names it.

use postlink_codegen::{Given, Problem, Shape, Source};

use super::values::Assignment;
use crate::error::{Error, Result};
use crate::sources::Sources;

/// The answers for those fields of records that nothing is given for. Beside the shape of each record are the
/// values that stay: for these nothing is asked. `path` is the file, for errors.
///
/// # Errors
/// A source that is not known or is not asked without being named, one without an answer.
pub(crate) fn declared(
    path: &std::path::Path,
    records: &[(&Shape, Given)],
    given: &[Assignment],
    sources: &Sources,
) -> Result<Vec<Assignment>> {
    // The parts of a universal file, and doubled records, name the same.
    let mut problems: Vec<Problem> = Vec::new();
    let mut wanted: Vec<(&str, &str, Source)> = Vec::new();
    for (shape, stay) in records {
        for (position, field) in shape.fields.iter().enumerate() {
            let Some(text) = &field.source else { continue };
            let is_given = given.iter().any(|one| one.is_for(&shape.name, &field.name));
            if is_given || stay.contains_key(&position) {
                continue;
            }
            let problem = match Source::parse(text) {
                Ok(Source::Env(name)) => field.problem(
                    format!("its value is in the environment variable {name}, which is not read because a file says so"),
                    format!("name it: --from {}={text}; or give the value with --set", field.name),
                ),
                Ok(source) => {
                    let one = (&*shape.name, &*field.name, source);
                    if !wanted.contains(&one) {
                        wanted.push(one);
                    }
                    continue;
                }
                Err((message, _)) => field.problem(
                    format!("its value is from elsewhere, but {message}"),
                    "use the version of postlink that the file was built with, or a newer one; or give the value with --set",
                ),
            };
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
    }
    if !problems.is_empty() {
        return Err(Error::Values { path: path.to_owned(), problems });
    }
    let ask = |(section, field, source): (&str, &str, Source)| {
        Ok(Assignment::declared(section, field, sources.ask(field, &source)?))
    };
    wanted.into_iter().map(ask).collect()
}
