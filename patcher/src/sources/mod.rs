//! Where values are, when a file is filled: a git repository, the environment, files of other programs.

mod answer;
pub(crate) mod files;
mod git;
mod lines;
mod process;
mod tree;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use postlink_codegen::{GitFact, Source};

use crate::error::{Error, Result};
use crate::shown::line;

pub(crate) use self::answer::Answer;
use self::answer::moment;
use self::git::Repository;

/// Asks sources, each once.
#[derive(Debug, Default)]
pub struct Sources {
    root: Option<PathBuf>,
    repository: Mutex<Option<Arc<Repository>>>,
    answers: Mutex<BTreeMap<Source, (Answer, String)>>,
    told: Mutex<Vec<String>>,
}

impl Sources {
    /// Those of the repository that a folder is in; `None`: the current folder.
    #[must_use]
    pub fn new(git_root: Option<PathBuf>) -> Self {
        Self { root: git_root, ..Self::default() }
    }

    /// The answer of a source, for a field.
    ///
    /// # Errors
    /// The source has no answer. Never is an answer made up, or empty.
    pub(crate) fn ask(&self, field: &str, source: &Source) -> Result<Answer> {
        let known = locked(&self.answers).get(source).cloned();
        let (answer, place) = match known {
            Some(known) => known,
            None => self.find(source).map_err(|error| for_field(error, field))?,
        };
        locked(&self.answers).insert(source.clone(), (answer.clone(), place.clone()));
        let told = format!("`{field}` is {}, by {source}{place}", answer.told());
        locked(&self.told).push(told);
        Ok(answer)
    }

    /// Sentences about the answers since the last call.
    pub fn told(&self) -> Vec<String> {
        std::mem::take(&mut *locked(&self.told))
    }

    fn find(&self, source: &Source) -> Result<(Answer, String)> {
        let answer = match source {
            Source::Git(fact) => return self.find_git(*fact),
            Source::Epoch => epoch()?,
            Source::EpochDay => epoch()?.day(),
            Source::Env(name) => Answer::Text(variable(name)?),
        };
        Ok((answer, String::new()))
    }

    fn repository(&self) -> Result<Arc<Repository>> {
        let mut known = locked(&self.repository);
        let repository = match known.take() {
            Some(repository) => repository,
            None => Arc::new(Repository::open(self.root.clone())?),
        };
        *known = Some(Arc::clone(&repository));
        Ok(repository)
    }

    fn find_git(&self, fact: GitFact) -> Result<(Answer, String)> {
        let git = self.repository()?;
        let answer = match fact {
            GitFact::Date => git.date()?,
            GitFact::Day => git.date()?.day(),
            GitFact::Describe => Answer::Text(git.describe()?),
            GitFact::Version => Answer::Text(git.version()?),
            GitFact::Commit => Answer::Text(git.commit()),
            GitFact::Short => Answer::Text(git.short()?),
            GitFact::Dirty => Answer::Text(git.is_dirty()?.to_string()),
            GitFact::Tag => Answer::Text(git.tag()?),
            GitFact::Branch => Answer::Text(git.branch()?),
        };
        let rivals = match fact {
            GitFact::Describe | GitFact::Version | GitFact::Tag => git.rivals()?,
            _ => String::new(),
        };
        Ok((answer, format!(" of {}{rivals}", git.place())))
    }
}

/// What a thread that panicked has left there is whole: it is pushed or inserted in one step.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An error says which field is without its value.
fn for_field(error: Error, field: &str) -> Error {
    let help = error.help();
    Error::input(format!("no value for `{}`: {error}", line(field)), help)
}

/// The moment in `SOURCE_DATE_EPOCH`, as reproducible-builds.org specifies it: decimal digits, nothing else.
fn epoch() -> Result<Answer> {
    let digits = variable("SOURCE_DATE_EPOCH").map_err(|error| {
        let help = "set it, for example to the date of the commit: SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)";
        Error::input(error.to_string(), help)
    })?;
    moment(&digits).ok_or_else(|| {
        let message = format!("SOURCE_DATE_EPOCH is `{}`, which is no moment", line(digits));
        Error::input(
            message,
            "set it to seconds since 1970, in decimal digits alone, of a year before 10000",
        )
    })
}

/// The text of an environment variable.
fn variable(name: &str) -> Result<String> {
    let wrong = |what: &str| {
        let message = format!("the environment variable {name} {what}");
        Error::input(message, format!("set {name}, or give the value with --set"))
    };
    let value = std::env::var_os(name).ok_or_else(|| wrong("is not set"))?;
    let text = value.into_string().map_err(|_| wrong("is not UTF-8"))?;
    if text.is_empty() { Err(wrong("is empty")) } else { Ok(text) }
}
