//! Where a value usually comes from: what `from` in a schema says, and `--from` on a command line.

use std::fmt;

use postlink_format::Type;

use crate::words::{listed, nearest, quoted};

/// The most bytes of a source's text.
const LONGEST: usize = 255;

/// A place that has the value of a field when a file is filled.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// `git:FACT`: a fact of the commit that a git repository is at.
    Git(GitFact),
    /// `epoch`: the moment in the environment variable `SOURCE_DATE_EPOCH`, in seconds since 1970, as
    /// reproducible-builds.org specifies it.
    Epoch,
    /// `epoch:day`: its day in UTC, `2026-11-24`.
    EpochDay,
    /// `env:NAME`: an environment variable.
    Env(String),
}

/// A fact of the commit that a git repository is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GitFact {
    /// What `git describe --tags --always --dirty` says.
    Describe,
    /// The same without the `v` of the tag; there must be a tag.
    Version,
    /// The full name of the commit, in hexadecimal digits.
    Commit,
    /// Its abbreviated name.
    Short,
    /// Whether tracked files differ from the commit.
    Dirty,
    /// The moment at which it was committed.
    Date,
    /// Its day in UTC.
    Day,
    /// The tag that is at the commit.
    Tag,
    /// The branch.
    Branch,
}

impl GitFact {
    /// All of them, with their names.
    pub const ALL: [(&'static str, Self); 9] = [
        ("describe", Self::Describe),
        ("version", Self::Version),
        ("commit", Self::Commit),
        ("short", Self::Short),
        ("dirty", Self::Dirty),
        ("date", Self::Date),
        ("day", Self::Day),
        ("tag", Self::Tag),
        ("branch", Self::Branch),
    ];

    /// The fact of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, fact)| *fact)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, fact)| *fact == self).map_or("", |(name, _)| name)
    }
}

impl Source {
    /// Reads the text of a source, such as `git:describe`.
    ///
    /// # Errors
    /// No source is called so: the fault, and the way out.
    pub fn parse(text: &str) -> Result<Self, (String, String)> {
        if let Some(fact) = text.strip_prefix("git:") {
            return GitFact::named(fact).map(Self::Git).ok_or_else(|| {
                let names = GitFact::ALL.map(|(name, _)| name);
                let near = nearest(fact, names).map(|near| format!("did you mean `git:{near}`? "));
                let message = format!("{} is not a fact that git is asked for", quoted(fact));
                (message, near.unwrap_or_default() + "The facts are " + &listed(&names))
            });
        }
        if let Some(name) = text.strip_prefix("env:") {
            let first = name.starts_with(|each: char| each.is_ascii_alphabetic() || each == '_');
            let rest = name.chars().all(|each| each.is_ascii_alphanumeric() || each == '_');
            if first && rest && text.len() <= LONGEST {
                return Ok(Self::Env(name.to_owned()));
            }
            let message = format!("{} is not the name of an environment variable", quoted(name));
            return Err((message, "a name has ASCII letters, digits and `_`".into()));
        }
        match text {
            "epoch" => Ok(Self::Epoch),
            "epoch:day" => Ok(Self::EpochDay),
            _ => Err((
                format!("{} is not a source", quoted(text)),
                "the sources are `git:FACT`, such as `git:describe`; `env:VARIABLE`; and `epoch` or \
                 `epoch:day`, which are the moment in SOURCE_DATE_EPOCH"
                    .into(),
            )),
        }
    }

    /// Refuses a type of fields that do not take their values from it.
    ///
    /// # Errors
    /// The fault, and the way out.
    pub fn check(&self, ty: Type) -> Result<(), (String, String)> {
        if self.fits(ty) {
            return Ok(());
        }
        let message =
            format!("a field of type {} does not take its value from `{self}`", ty.name());
        Err((message, format!("`{self}` is for {}", listed(&self.types()))))
    }

    /// The names of the types of fields that take their values from it.
    #[must_use]
    pub fn types(&self) -> Vec<&'static str> {
        Type::ALL.iter().filter(|ty| self.fits(**ty)).map(|ty| ty.name()).collect()
    }

    /// Whether a field of this type takes its value from it.
    fn fits(&self, ty: Type) -> bool {
        let more = match self {
            Self::Git(GitFact::Date) | Self::Epoch => ty.integer_range().is_some(),
            Self::Git(GitFact::Dirty) => ty == Type::Bool,
            Self::Git(GitFact::Commit) => ty == Type::Bytes,
            Self::Git(GitFact::Tag | GitFact::Branch) => ty == Type::Enum,
            Self::Git(_) | Self::EpochDay => false,
            Self::Env(_) => !ty.is_list(),
        };
        more || ty == Type::String
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Git(fact) => write!(f, "git:{}", fact.name()),
            Self::Epoch => f.write_str("epoch"),
            Self::EpochDay => f.write_str("epoch:day"),
            Self::Env(name) => write!(f, "env:{name}"),
        }
    }
}

/// Whether a text of a record can be a source's, perhaps of a later version: printable ASCII, for it is
/// shown, and not long.
pub(crate) fn is_well_formed(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}
