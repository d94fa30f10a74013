//! The values that a user gives: `--set FIELD=VALUE`, and files of JSON or TOML.

use std::fmt;
use std::io::Read;
use std::path::Path;

use postlink_codegen::{Field, Literal, Problem, Value};
use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::error::{Error, Result};
use crate::files::open::read_text;
use crate::shown::escaped;

/// What is given for one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The section's name, if the user named it: `SECTION.FIELD`.
    pub section: Option<String>,
    /// The field's name.
    pub field: String,
    /// Which file it is from; the command line is behind the last.
    pub source: usize,
    value: Written,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Written {
    /// From the command line: one text for each `--set`.
    Texts(Vec<String>),
    /// From a file.
    Literal(Literal),
}

impl Assignment {
    fn new(name: &str, source: usize, value: Written) -> Self {
        let (section, field) = match name.split_once('.') {
            Some((section, field)) => (Some(section.to_owned()), field.to_owned()),
            None => (None, name.to_owned()),
        };
        Self { section, field, source, value }
    }

    /// The value for a field.
    ///
    /// # Errors
    /// It does not fit.
    pub fn value_for(&self, field: &Field) -> Result<Value, Problem> {
        match &self.value {
            Written::Texts(texts) => {
                field.value_of_texts(&texts.iter().map(String::as_str).collect::<Vec<_>>())
            }
            Written::Literal(literal) => field.value_of_literal(literal),
        }
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

/// All assignments: those of `files`, each overridden by the next and all by `sets`, in this order.
///
/// # Errors
/// A `--set` without `=`, a file that cannot be read.
pub fn assignments(sets: &[String], files: &[impl AsRef<Path>]) -> Result<Vec<Assignment>> {
    let mut all: Vec<Assignment> = Vec::new();
    for (source, path) in files.iter().enumerate() {
        for (name, value) in read(path.as_ref())? {
            all.push(Assignment::new(&name, source, Written::Literal(value)));
        }
    }
    let files_end = all.len();
    for set in sets {
        let (name, text) = split(set)?;
        let assignment = Assignment::new(name, files.len(), Written::Texts(vec![text.to_owned()]));
        let before = all[files_end..].iter_mut().find(|other| other.name() == assignment.name());
        match before.map(|before| &mut before.value) {
            Some(Written::Texts(texts)) => texts.push(text.to_owned()),
            _ => all.push(assignment),
        }
    }
    Ok(all)
}

/// `FIELD=VALUE`, at the first `=`.
///
/// # Errors
/// There is no `=`.
pub(crate) fn split(set: &str) -> Result<(&str, &str)> {
    Ok(postlink_codegen::generate::field_and_value(set)?)
}

/// The names and values of a file.
fn read(path: &Path) -> Result<Vec<(String, Literal)>> {
    let mut text = String::new();
    if path == Path::new("-") {
        let read = std::io::stdin().read_to_string(&mut text);
        read.map_err(Error::io("read", "standard input"))?;
    } else {
        text = read_text(path)?;
    }
    let wrong = |message: String| {
        let help = "write a file of JSON, or of TOML if its name ends in .toml: FIELD to VALUE, or SECTION to such a table";
        Error::input(format!("{}: {}", escaped(path), message.trim_end()), help)
    };
    let is_toml = path.extension().is_some_and(|extension| extension == "toml");
    let tree: Tree = if is_toml {
        toml::from_str(&text).map_err(|error| wrong(error.to_string()))?
    } else {
        serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?
    };
    let Tree::Table(table) = tree else {
        return Err(wrong("the values are not in a table".into()));
    };
    let mut values = Vec::new();
    for (name, value) in table {
        match value {
            Tree::Table(fields) => values.extend(
                fields
                    .into_iter()
                    .map(|(field, value)| (format!("{name}.{field}"), value.literal())),
            ),
            value => values.push((name, value.literal())),
        }
    }
    Ok(values)
}

/// JSON and TOML alike; a key that comes twice is refused.
enum Tree {
    Table(Vec<(String, Self)>),
    Value(Literal),
}

impl Tree {
    fn literal(self) -> Literal {
        match self {
            Self::Value(literal) => literal,
            Self::Table(_) => Literal::Other("a table"),
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Value(Literal::Bool(value)))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Tree, E> {
        Ok(Tree::Value(Literal::Integer(number.into())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Tree, E> {
        Ok(Tree::Value(Literal::Integer(number.into())))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Tree, E> {
        Ok(Tree::Value(Literal::Other("a number that is no 64-bit integer")))
    }

    fn visit_str<E>(self, text: &str) -> Result<Tree, E> {
        Ok(Tree::Value(Literal::Text(text.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Value(Literal::Other("null")))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element::<Tree>()? {
            list.push(item.literal());
        }
        Ok(Tree::Value(Literal::List(list)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Tree, A::Error> {
        let mut table: Vec<(String, Tree)> = Vec::new();
        while let Some((key, value)) = entries.next_entry::<String, Tree>()? {
            if table.iter().any(|(known, _)| *known == key) {
                return Err(A::Error::custom(format!("`{key}` is there twice")));
            }
            table.push((key, value));
        }
        // The toml crate makes such a table of a date.
        if table.iter().any(|(key, _)| key.starts_with("$__toml")) {
            return Ok(Tree::Value(Literal::Other("a date or time")));
        }
        Ok(Tree::Table(table))
    }
}
