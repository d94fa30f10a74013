//! Files of values, in the forms that build systems write.

use std::io::Read;
use std::path::{Path, PathBuf};

use postlink_codegen::Literal;

use super::lines;
use super::tree::Nested;
use crate::error::{Error, Result};
use crate::files::open::{PIPE, read_text};
use crate::shown::{escaped, line};

/// A file of values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueFile {
    /// Where it is; `-` is standard input.
    pub path: PathBuf,
    form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Json,
    Toml,
    /// `KEY VALUE`.
    Status,
    /// `KEY=VALUE`.
    Env,
    /// `KEY=VALUE` of os-release(5).
    OsRelease,
}

const FORMS: [(&str, Form); 5] = [
    ("json", Form::Json),
    ("toml", Form::Toml),
    ("status", Form::Status),
    ("env", Form::Env),
    ("os-release", Form::OsRelease),
];

/// What a file has.
#[derive(Debug)]
pub(crate) enum FileValues {
    /// Values of fields, by their names.
    Fields(Vec<(String, Literal)>),
    /// Texts, by keys that may be of any kind.
    Keys(Vec<(String, String)>),
}

/// Whether `git archive` replaces something in a text. An older git, and one that has replaced another
/// `%(describe)` before, leaves this one as it is.
fn is_template(text: &str) -> bool {
    text.contains("$Format:") || text.contains("%(describe")
}

impl FileValues {
    /// The name of a value in which `git archive` would replace something, and has not.
    fn unreplaced(&self) -> Option<&str> {
        fn is_one(literal: &Literal) -> bool {
            match literal {
                Literal::Text(text) => is_template(text),
                Literal::List(items) => items.iter().any(is_one),
                _ => false,
            }
        }
        match self {
            Self::Fields(fields) => {
                fields.iter().find(|(_, value)| is_one(value)).map(|(name, _)| &**name)
            }
            Self::Keys(pairs) => {
                pairs.iter().find(|(_, text)| is_template(text)).map(|(key, _)| &**key)
            }
        }
    }
}

impl ValueFile {
    /// From `FORM:FILE`, or `FILE`, whose name tells the form.
    #[must_use]
    pub fn named(text: &Path) -> Self {
        let word = text.to_str().and_then(|text| text.split_once(':'));
        let named = word.and_then(|(word, rest)| {
            let (_, form) = FORMS.iter().find(|(name, _)| *name == word)?;
            Some(Self { path: rest.into(), form: *form })
        });
        named.unwrap_or_else(|| Self { path: text.to_owned(), form: Form::of(text) })
    }

    /// Whether it is no file, but standard input.
    pub(crate) fn is_standard_input(&self) -> bool {
        self.path == Path::new("-")
    }

    /// Reads the file.
    ///
    /// # Errors
    /// It cannot be read, or does not have its form.
    pub(crate) fn read(&self) -> Result<FileValues> {
        let mut text = String::new();
        if self.is_standard_input() {
            let read = std::io::stdin().read_to_string(&mut text);
            read.map_err(Error::io("read", "standard input"))?;
        } else {
            text = read_text(&self.path).map_err(|error| match error {
                Error::NotRegular { kind: PIPE, .. } => Error::input(
                    error.to_string(),
                    "what another program writes comes by standard input: --values - (with a form: env:-)",
                ),
                error => error,
            })?;
        }
        let wrong_line = |(number, what): (usize, String)| {
            let message = format!("{}, line {number}: {}", escaped(&self.path), line(what));
            Error::input(message, self.form.help())
        };
        let values = match self.form {
            Form::Json | Form::Toml => FileValues::Fields(self.tree(&text)?),
            Form::Status => FileValues::Keys(lines::status(&text).map_err(wrong_line)?),
            Form::Env => FileValues::Keys(lines::assignments(&text, true).map_err(wrong_line)?),
            Form::OsRelease => {
                FileValues::Keys(lines::assignments(&text, false).map_err(wrong_line)?)
            }
        };
        match values.unreplaced() {
            Some(name) => Err(Error::input(
                format!(
                    "{}: the value of `{}` is as in the repository: `git archive` replaces `$Format:…$`, and in one \
                     file of an archive `%(describe)`",
                    escaped(&self.path),
                    line(name)
                ),
                "take the file from an archive that `git archive` made, where .gitattributes names it with \
                 `export-subst`; or give the value with --set or --git",
            )),
            None => Ok(values),
        }
    }

    fn tree(&self, text: &str) -> Result<Vec<(String, Literal)>> {
        let wrong = |message: String| {
            let message = format!("{}: {}", escaped(&self.path), message.trim_end());
            Error::input(message, self.form.help())
        };
        let tree: Nested = match self.form {
            Form::Toml => toml::from_str(text).map_err(|error| wrong(toml_error(text, &error)))?,
            _ => serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?,
        };
        let Nested::Table(table) = tree else {
            return Err(wrong("the values are not in a table".into()));
        };
        let mut values = Vec::new();
        for (name, value) in table {
            match value {
                Nested::Table(fields) => values.extend(
                    fields
                        .into_iter()
                        .map(|(field, value)| (format!("{name}.{field}"), value.literal())),
                ),
                value => values.push((name, value.literal())),
            }
        }
        Ok(values)
    }
}

/// A fault of TOML on one line, as JSON's is told.
fn toml_error(text: &str, error: &toml::de::Error) -> String {
    let message = error.message().replace('\n', ", ");
    let Some(before) = error.span().and_then(|span| text.get(..span.start)) else { return message };
    let line = before.rsplit('\n').next().unwrap_or_default();
    format!(
        "{message} at line {} column {}",
        before.matches('\n').count() + 1,
        line.chars().count() + 1
    )
}

impl Form {
    /// The form that a file's name tells.
    fn of(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        match () {
            () if name.ends_with(".toml") => Self::Toml,
            () if name == ".env" || name.ends_with(".env") || name.starts_with(".env.") => {
                Self::Env
            }
            () if name == "os-release" => Self::OsRelease,
            () if name.ends_with("status.txt") => Self::Status,
            () => Self::Json,
        }
    }

    fn help(self) -> &'static str {
        match self {
            Self::Json | Self::Toml => {
                "write a file of JSON, or of TOML if its name ends in .toml: FIELD to VALUE, or SECTION to such a \
                 table; for a file of keys say which: --values status:FILE (KEY VALUE), env:FILE or os-release:FILE"
            }
            Self::Status => "a line is KEY VALUE, with one space, as Bazel writes it",
            Self::Env | Self::OsRelease => {
                "a line is KEY=VALUE, KEY='VALUE' or KEY=\"VALUE\", empty, or a comment that begins with `#`; nothing is replaced in it"
            }
        }
    }
}
