//! Arguments that several commands share.

use super::talk::color;
use crate::error::{Error, Result};
use crate::fill::{Earlier, Selection};
use crate::shown::escaped;

/// The arguments that `fill` and `payload` share: the values, and the records that take them.
#[derive(Debug, clap::Args)]
pub(super) struct ValueArgs {
    /// Give a field its value; repeat for the items of a list, give nothing for the empty list.
    /// Bytes are hexadecimal. FIELD may be SECTION.FIELD
    #[arg(long = "set", value_name = "FIELD=VALUE")]
    sets: Vec<String>,
    /// Read values from a file, JSON or (.toml) TOML; `-` is JSON on standard input. Can be repeated
    #[arg(long, value_name = "FILE")]
    pub(super) values: Vec<std::path::PathBuf>,
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
    pub(super) fn assignments(&self) -> Result<Vec<crate::record::values::Assignment>> {
        crate::record::values::assignments(&self.sets, &self.values)
    }

    pub(super) fn selection<'a>(
        &self,
        schema: Option<&'a postlink_codegen::Schema>,
    ) -> Selection<'a> {
        let earlier = match (self.keep, self.reset) {
            (true, _) => Earlier::Keep,
            (_, true) => Earlier::Reset,
            _ => Earlier::Refuse,
        };
        Selection { earlier, all: self.all, schema, spelling: None }
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
