//! The values that a user gives: `--set FIELD=VALUE`, and files of JSON or TOML.

use std::io::Read;
use std::path::Path;

use postlink_codegen::{Field, Literal, Problem, Value};
use serde_json::Value as Json;

use crate::error::{Error, Result};
use crate::records::read_text;

/// What is given for one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The section's name, if the user named it: `SECTION.FIELD`.
    pub section: Option<String>,
    /// The field's name.
    pub field: String,
    value: Given,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Given {
    /// From the command line: one text for each `--set`.
    Texts(Vec<String>),
    /// From a file.
    Literal(Literal),
}

impl Assignment {
    /// The value for a field.
    ///
    /// # Errors
    /// It does not fit.
    pub fn value_for(&self, field: &Field) -> Result<Value, Problem> {
        match &self.value {
            Given::Texts(texts) => {
                field.value_of_texts(&texts.iter().map(String::as_str).collect::<Vec<_>>())
            }
            Given::Literal(literal) => field.value_of_literal(literal),
        }
    }

    /// Whether it is from the command line, not from a file.
    #[must_use]
    pub fn is_set(&self) -> bool {
        matches!(self.value, Given::Texts(_))
    }

    /// The field as the user wrote it.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.section {
            Some(section) => format!("{section}.{}", self.field),
            None => self.field.clone(),
        }
    }
}

/// All assignments: those of `files` in order, each overridden by the next and all by `sets`.
///
/// # Errors
/// A `--set` without `=`, a file that cannot be read.
pub fn assignments(sets: &[String], files: &[impl AsRef<Path>]) -> Result<Vec<Assignment>> {
    let mut all: Vec<Assignment> = Vec::new();
    for path in files {
        for assignment in read(path.as_ref())? {
            all.retain(|other| other.name() != assignment.name());
            all.push(assignment);
        }
    }
    let mut given: Vec<Assignment> = Vec::new();
    for set in sets {
        let (name, text) = split(set)?;
        let assignment = assignment(name, Given::Texts(vec![text.to_owned()]));
        let before = given.iter_mut().find(|other| other.name() == assignment.name());
        match before.map(|before| &mut before.value) {
            Some(Given::Texts(texts)) => texts.push(text.to_owned()),
            _ => given.push(assignment),
        }
    }
    all.retain(|assignment| given.iter().all(|other| other.name() != assignment.name()));
    all.append(&mut given);
    Ok(all)
}

/// `FIELD=VALUE`, at the first `=`.
///
/// # Errors
/// There is no `=`.
pub fn split(set: &str) -> Result<(&str, &str)> {
    set.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(|| {
        Error::input(
            format!("`{set}` is not FIELD=VALUE"),
            "write the field's name, `=`, and its value",
        )
    })
}

fn assignment(name: &str, value: Given) -> Assignment {
    let (section, field) = match name.split_once('.') {
        Some((section, field)) => (Some(section.to_owned()), field.to_owned()),
        None => (None, name.to_owned()),
    };
    Assignment { section, field, value }
}

fn read(path: &Path) -> Result<Vec<Assignment>> {
    let mut text = String::new();
    if path == Path::new("-") {
        let read = std::io::stdin().read_to_string(&mut text);
        read.map_err(Error::io("read", "standard input"))?;
    } else {
        text = read_text(path)?;
    }
    let wrong = |message: String| {
        let help = "write a file of JSON, or of TOML if its name ends in .toml: FIELD to VALUE, or SECTION to such a table";
        Error::input(format!("{}: {message}", path.display()), help)
    };
    let is_toml = path.extension().is_some_and(|extension| extension == "toml");
    let json: Json = if is_toml {
        toml::from_str(&text).map_err(|error| wrong(error.to_string().trim_end().to_owned()))?
    } else {
        serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?
    };
    let Json::Object(table) = json else {
        return Err(wrong("the values are not in a table".into()));
    };
    let mut assignments = Vec::new();
    for (name, value) in table {
        match value {
            Json::Object(fields) => assignments.extend(fields.into_iter().map(|(field, value)| {
                assignment(&format!("{name}.{field}"), Given::Literal(literal(value)))
            })),
            value => assignments.push(assignment(&name, Given::Literal(literal(value)))),
        }
    }
    Ok(assignments)
}

fn literal(json: Json) -> Literal {
    match json {
        Json::Bool(value) => Literal::Bool(value),
        Json::String(text) => Literal::Text(text),
        Json::Array(items) => Literal::List(items.into_iter().map(literal).collect()),
        Json::Number(number) => {
            let integer = number.as_i64().map(i128::from).or(number.as_u64().map(i128::from));
            integer.map_or(Literal::Other("a number that is no 64-bit integer"), Literal::Integer)
        }
        Json::Null => Literal::Other("null"),
        Json::Object(_) => Literal::Other("a table"),
    }
}
