//! The sources that a record names for its fields itself.
//!
//! A record may be a stranger's, so it does not decide what is read: facts of git and `SOURCE_DATE_EPOCH` are
//! no secrets; a variable of the environment can be one, and is read only where the command line names it.

use postlink_codegen::{Problem, Shape, Source};

use super::values::Assignment;
use crate::error::{Error, Result};
use crate::sources::Sources;

/// The answers for those fields that nothing is given for. `path` is the file, for errors.
///
/// # Errors
/// A source that is not known or is not asked without being named, one without an answer.
pub(crate) fn declared(
    path: &std::path::Path,
    shapes: &[&Shape],
    given: &[Assignment],
    sources: &Sources,
) -> Result<Vec<Assignment>> {
    let mut problems: Vec<Problem> = Vec::new();
    let mut wanted: Vec<(&str, &str, Source)> = Vec::new();
    for shape in shapes {
        for field in &shape.fields {
            let Some(text) = &field.source else { continue };
            if given.iter().any(|one| one.is_for(&shape.name, &field.name)) {
                continue;
            }
            match Source::parse(text) {
                Ok(Source::Env(name)) => problems.push(field.problem(
                    format!("its value is in the environment variable {name}, which is not read because a file says so"),
                    format!("name it: --from {}={text}; or give the value with --set", field.name),
                )),
                Ok(source) => {
                    let one = (&*shape.name, &*field.name, source);
                    // The parts of a universal file, and doubled records, name the same.
                    if !wanted.contains(&one) {
                        wanted.push(one);
                    }
                }
                Err((message, _)) => problems.push(field.problem(
                    format!("its value is from elsewhere, but {message}"),
                    "use the version of postlink that the file was built with, or a newer one; or give the value with --set",
                )),
            }
        }
    }
    problems.dedup();
    if !problems.is_empty() {
        return Err(Error::Values { path: path.to_owned(), problems });
    }
    let ask = |(section, field, source): (&str, &str, Source)| {
        Ok(Assignment::declared(section, field, sources.ask(field, &source)?))
    };
    wanted.into_iter().map(ask).collect()
}
