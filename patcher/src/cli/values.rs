//! Arguments that several commands share.

use std::path::PathBuf;

use super::talk::{Talk, color};
use crate::error::{Error, Result};
use crate::fill::{Earlier, Selection};
use crate::record::{Assignment, Sources, ValueFile, Values, assignments};
use crate::shown::escaped;

/// The values.
#[derive(Debug, clap::Args)]
pub(super) struct GivenArgs {
    /// Give a field its value; repeat for the items of a list, give nothing for the empty list.
    /// Numbers are decimal, or hexadecimal behind 0x; bytes are hexadecimal. FIELD may be SECTION.FIELD
    #[arg(long = "set", value_name = "FIELD=VALUE")]
    sets: Vec<String>,
    /// Read values from a file: JSON; by its name TOML (.toml), KEY=VALUE (.env, os-release) or KEY VALUE
    /// (status.txt, of Bazel). In front of any other name say which: `status:FILE`, also `json:`, `toml:`,
    /// `env:`, `os-release:`. The file `-` is standard input. Can be repeated
    #[arg(long, value_name = "FILE")]
    values: Vec<PathBuf>,
    /// Give a field the value of a key in these files. Without this option each key has to be a field; with
    /// it, files of KEY=VALUE and KEY VALUE give nothing else
    #[arg(long = "take", value_name = "FIELD=KEY")]
    takes: Vec<String>,
    /// Give a field the value of a source: `git:FACT`, `env:VARIABLE`, `epoch` or `epoch:day` (the moment in
    /// SOURCE_DATE_EPOCH)
    #[arg(long, value_name = "FIELD=SOURCE")]
    from: Vec<String>,
    /// Give a field a fact of the git repository: describe, version, commit, short, dirty, date, day, tag or
    /// branch. Where the field is called like the fact, its name is enough
    #[arg(long, value_name = "FIELD[=FACT]")]
    git: Vec<String>,
    /// The folder whose repository is asked; otherwise the current one
    #[arg(long, value_name = "FOLDER")]
    git_root: Option<PathBuf>,
}

impl GivenArgs {
    /// What is asked for values, where the options want it.
    pub(super) fn sources(&self) -> Sources {
        Sources::new(self.git_root.clone())
    }

    fn files(&self) -> Vec<ValueFile> {
        self.values.iter().map(|path| ValueFile::named(path)).collect()
    }

    /// The files that values are read from, without standard input.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        let files = self.files().into_iter().filter(|file| !file.is_standard_input());
        files.map(|file| file.path).collect()
    }

    /// The values; what is asked is told.
    pub(super) fn assignments(&self, sources: &Sources, talk: Talk) -> Result<Vec<Assignment>> {
        let values = Values {
            sets: self.sets.clone(),
            files: self.files(),
            takes: self.takes.clone(),
            from: self.from.clone(),
            git: self.git.clone(),
        };
        let assignments = assignments(&values, sources);
        tell_sources(sources, talk);
        assignments
    }
}

/// Says what sources have answered since the last call.
pub(super) fn tell_sources(sources: &Sources, talk: Talk) {
    sources.told().iter().for_each(|text| talk.say(text));
}

/// The arguments that `fill` and `payload` share: the values, and the records that take them.
#[derive(Debug, clap::Args)]
pub(super) struct ValueArgs {
    #[command(flatten)]
    pub(super) given: GivenArgs,
    /// Ask for the values of fields that are not given, nor kept, where the file says that they come from:
    /// facts of git, and SOURCE_DATE_EPOCH
    #[arg(long)]
    pub(super) from_record: bool,
    /// Keep the values that were set before and are not given now
    #[arg(long, conflicts_with = "reset")]
    keep: bool,
    /// Let values that were set before and are not given now return to their defaults
    #[arg(long)]
    pub(super) reset: bool,
    /// Fill all records of a section, where the file has several
    #[arg(long)]
    all: bool,
}

impl ValueArgs {
    /// Which records are filled, and how. `sources` are those that may be asked because a record says so.
    pub(super) fn selection<'a>(
        &self,
        schema: Option<&'a postlink_codegen::Schema>,
        sources: Option<&'a Sources>,
    ) -> Selection<'a> {
        let earlier = match (self.keep, self.reset) {
            (true, _) => Earlier::Keep,
            (_, true) => Earlier::Reset,
            _ => Earlier::Refuse,
        };
        Selection { earlier, all: self.all, schema, spelling: None, sources }
    }
}

/// Reads a schema from a file.
///
/// # Errors
/// The file cannot be read; or all faults of the schema.
pub(super) fn read_schema(path: &std::path::Path) -> Result<postlink_codegen::Schema> {
    let text = crate::files::open::read_text(path)?;
    let schema = postlink_codegen::Schema::parse(&escaped(path), &text);
    schema.map_err(|diagnostics| wrong_schema(path, &diagnostics))
}

/// The error of a schema at `path` with something wrong in it.
pub(super) fn wrong_schema(path: &std::path::Path, wrong: &postlink_codegen::Diagnostics) -> Error {
    Error::Schema {
        rendered: wrong.render(color()),
        count: wrong.list().len(),
        path: path.to_owned(),
    }
}
