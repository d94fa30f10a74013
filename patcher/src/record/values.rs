//! The values that a user gives: `--set FIELD=VALUE`, files, and sources that are asked.

use std::collections::{BTreeMap, BTreeSet};

use postlink_codegen::{Field, GitFact, Literal, Problem, Source, Value};

use crate::error::{Error, Result};
use crate::shown::{escaped, line};
use crate::sources::files::FileValues;
use crate::sources::{Answer, Sources};

pub use crate::sources::files::ValueFile;

/// What is given for one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The section's name, if the user named it: `SECTION.FIELD`.
    pub section: Option<String>,
    /// The field's name.
    pub field: String,
    /// What it is from, as a number: of each file one; behind the last come sources, then the command line.
    pub source: usize,
    value: Written,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Written {
    /// From the command line: one text for each `--set`.
    Texts(Vec<String>),
    /// From a file of values.
    Literal(Literal),
    /// From a file of keys.
    Key(Key),
    /// From a source that was asked.
    Answer(Source, Answer),
}

/// A key of a file that another program may have written.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Key {
    name: String,
    text: String,
    /// Where it is, for a message.
    files: String,
}

impl Key {
    /// The value for a field. The text is not empty: a program that found no value writes such a one.
    fn value_for(&self, field: &Field) -> Result<Value, Problem> {
        if self.text.is_empty() {
            let name = &field.name;
            return Err(field.problem(
                format!("`{}` is empty in {}", line(&self.name), self.files),
                format!("mend what wrote the file; or give the value with --set, also an empty one: --set {name}="),
            ));
        }
        field.value_of_texts(&[&self.text])
    }
}

impl Assignment {
    fn new(name: &str, source: usize, value: Written) -> Self {
        let (section, field) = match name.split_once('.') {
            Some((section, field)) => (Some(section.to_owned()), field.to_owned()),
            None => (None, name.to_owned()),
        };
        Self { section, field, source, value }
    }

    /// The answer of a source that the record of a section names itself.
    pub(crate) fn declared(section: &str, field: &str, source: Source, answer: Answer) -> Self {
        let (section, field) = (Some(section.to_owned()), field.to_owned());
        Self { section, field, source: usize::MAX, value: Written::Answer(source, answer) }
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
            Written::Key(key) => key.value_for(field),
            Written::Answer(source, answer) => {
                source.check(field.ty).map_err(|(message, help)| field.problem(message, help))?;
                answer.value_for(field)
            }
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

    /// Whether its name is a key of a file that another program may have written.
    pub(crate) fn is_key(&self) -> bool {
        matches!(self.value, Written::Key(_))
    }

    /// Whether it is for this field.
    pub(crate) fn is_for(&self, section: &str, field: &str) -> bool {
        self.field == field && self.section.as_deref().is_none_or(|named| named == section)
    }
}

/// Values as a command line has them.
#[derive(Clone, Debug, Default)]
pub struct Values {
    /// `FIELD=VALUE`.
    pub sets: Vec<String>,
    /// Files.
    pub files: Vec<ValueFile>,
    /// `FIELD=KEY`: what is taken from those files that have keys of their own.
    pub takes: Vec<String>,
    /// `FIELD=SOURCE`.
    pub from: Vec<String>,
    /// `FIELD=FACT` of git, or a fact alone for the field of that name.
    pub git: Vec<String>,
}

/// All assignments: those of the files, each overridden by the next, by what is taken and asked, and all by
/// the sets, in this order.
///
/// # Errors
/// A text without `=`, a file that cannot be read, a key that is not there, a source without an answer.
pub fn assignments(values: &Values, sources: &Sources) -> Result<Vec<Assignment>> {
    if values.files.iter().filter(|file| file.is_standard_input()).count() > 1 {
        return Err(Error::usage(
            "--values takes standard input twice, and the second time it is empty",
            "write one of the two to a file",
        ));
    }
    let mut all: Vec<Assignment> = Vec::new();
    let mut keys = Keys::default();
    for (source, file) in values.files.iter().enumerate() {
        match file.read()? {
            FileValues::Fields(fields) => all.extend(
                fields
                    .into_iter()
                    .map(|(name, value)| Assignment::new(&name, source, Written::Literal(value))),
            ),
            FileValues::Keys(pairs) if values.takes.is_empty() => {
                all.extend(pairs.into_iter().map(|(name, text)| {
                    let key = Key { name: name.clone(), text, files: escaped(&file.path) };
                    Assignment::new(&name, source, Written::Key(key))
                }));
            }
            FileValues::Keys(pairs) => keys.add(escaped(&file.path), pairs),
        }
    }
    let behind = values.files.len();
    let taken = values.takes.iter().map(|take| split(take)).collect::<Result<Vec<_>>>()?;
    let asked = asked(values)?;
    let names = taken.iter().map(|(name, _)| *name).chain(asked.iter().map(|(name, _)| &**name));
    refuse_twice(names)?;
    for (name, key) in taken {
        all.push(Assignment::new(name, behind, Written::Key(keys.take(name, key)?)));
    }
    for (name, source) in asked {
        let answer = sources.ask(&name, &source)?;
        all.push(Assignment::new(&name, behind, Written::Answer(source, answer)));
    }
    let files_end = all.len();
    for set in &values.sets {
        let (name, text) = split(set)?;
        let assignment = Assignment::new(name, behind + 1, Written::Texts(vec![text.to_owned()]));
        let earlier = all[files_end..].iter_mut().find(|other| other.name() == assignment.name());
        match earlier.map(|earlier| &mut earlier.value) {
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

/// Refuses a field that comes twice.
fn refuse_twice<'a>(names: impl Iterator<Item = &'a str>) -> Result<()> {
    let mut seen = BTreeSet::new();
    let mut names = names;
    match names.find(|name| !seen.insert(*name)) {
        Some(twice) => Err(Error::usage(
            format!("`{}` is to have two values", line(twice)),
            "name each field in one --take, --from or --git",
        )),
        None => Ok(()),
    }
}

/// The sources that are to be asked, each with its field.
fn asked(values: &Values) -> Result<Vec<(String, Source)>> {
    let usage = |(message, help): (String, String)| Error::usage(message, help);
    let from = values.from.iter().map(|text| {
        let (name, source) = split(text)?;
        Ok((name.to_owned(), Source::parse(source).map_err(usage)?))
    });
    let git = values.git.iter().map(|text| {
        if let Some((name, fact)) = text.split_once('=') {
            return Ok((name.to_owned(), Source::parse(&format!("git:{fact}")).map_err(usage)?));
        }
        let word = text.rsplit('.').next().unwrap_or_default();
        let fact = GitFact::named(word).ok_or_else(|| {
            let names = GitFact::ALL.map(|(name, _)| name);
            Error::usage(
                format!("`--git {0}` does not say which fact of git `{0}` is", line(text)),
                format!(
                    "write `--git {}=FACT`; the facts are {}",
                    line(text),
                    postlink_codegen::listed(&names)
                ),
            )
        })?;
        Ok((text.clone(), Source::Git(fact)))
    });
    from.chain(git).collect()
}

/// The keys of files whose keys are no fields; of equal ones, that of the last file.
#[derive(Default)]
struct Keys {
    files: Vec<String>,
    texts: BTreeMap<String, String>,
}

impl Keys {
    fn add(&mut self, file: String, pairs: Vec<(String, String)>) {
        self.files.push(file);
        self.texts.extend(pairs);
    }

    fn take(&self, field: &str, key: &str) -> Result<Key> {
        if self.files.is_empty() {
            return Err(Error::usage(
                format!("`--take {}={}` has no file to take it from", line(field), line(key)),
                "name a file of keys: --values stable-status.txt, --values status:FILE, env:FILE or os-release:FILE",
            ));
        }
        let files = self.files.join(", ");
        match self.texts.get(key) {
            Some(text) => Ok(Key { name: key.to_owned(), text: text.clone(), files }),
            None => Err(Error::input(
                format!("no value for `{}`: {files} has no key `{}`", line(field), line(key)),
                format!(
                    "its keys are {}",
                    postlink_codegen::listed(&self.texts.keys().collect::<Vec<_>>())
                ),
            )),
        }
    }
}
