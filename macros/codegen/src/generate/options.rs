//! The options of a generator: one table for all its command lines.

use std::ffi::OsString;
use std::path::PathBuf;

use super::error::Error;
use crate::words::quoted;

/// The things to generate, and where they go.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Options {
    /// The schema.
    pub schema: PathBuf,
    /// The section; may be left out if the schema has one.
    pub section: Option<String>,
    /// The C++ header.
    pub out_header: Option<PathBuf>,
    /// The C++ source.
    pub out_source: Option<PathBuf>,
    /// A second C++ header, with the macros of old names.
    pub out_macros: Option<PathBuf>,
    /// How the source, and the header of macros, include the header; by default its file name.
    pub include: Option<String>,
    /// The Rust module.
    pub out_rust: Option<PathBuf>,
    /// A file that is written each time, last.
    pub stamp: Option<PathBuf>,
    /// The dependencies of the outputs, or of the stamp if there is one, as a Makefile rule.
    pub depfile: Option<PathBuf>,
    /// `FIELD=VALUE`, several of one field for the items of a list.
    pub defaults: Vec<String>,
    /// Write nothing.
    pub check: bool,
}

/// An option of the command line.
#[derive(Clone, Copy, Debug)]
pub struct Flag {
    /// Its name, without the two dashes.
    pub name: &'static str,
    /// The name of its value; empty where it has none.
    pub value: &'static str,
    /// Another option without which it is refused; may be empty.
    pub needs: &'static str,
    /// A sentence without a full stop.
    pub help: &'static str,
}

const fn flag(
    name: &'static str,
    value: &'static str,
    needs: &'static str,
    help: &'static str,
) -> Flag {
    Flag { name, value, needs, help }
}

/// All options, in the order in which help shows them. `schema` must be there, `default` may come
/// again.
pub const FLAGS: &[Flag] = &[
    flag("schema", "SCHEMA", "", "The schema"),
    flag("section", "NAME", "", "The section to generate; optional if the schema has one"),
    flag("out-header", "FILE", "out-source", "Write the C++ header here"),
    flag("out-source", "FILE", "out-header", "Write the C++ source here"),
    flag(
        "out-macros",
        "FILE",
        "out-header",
        "Write a second C++ header here, with the macros of old names that the schema gives to fields",
    ),
    flag(
        "include",
        "PATH",
        "out-source",
        "How the source, and the header of macros, include the header; by default its file name",
    ),
    flag("out-rust", "FILE", "", "Write the Rust module here"),
    flag(
        "stamp",
        "FILE",
        "",
        "Write this file each time, when all others are what they should be, also if none of them \
         changed: make and CMake then know that they are",
    ),
    flag(
        "depfile",
        "FILE",
        "",
        "Write the dependencies of the outputs, or of the stamp if there is one, here, as a \
         Makefile rule",
    ),
    flag(
        "default",
        "FIELD=VALUE",
        "",
        "Replace a default, or give a required field one; repeat for the items of a list",
    ),
    flag("check", "", "", "Write nothing; end with 3 if an output is not what would be written"),
];

impl Options {
    /// Takes an option of [`FLAGS`], with its value, where it has one.
    ///
    /// # Errors
    /// A value that is not UTF-8, of an option that is no path; a name that is not in the table.
    pub fn set(&mut self, name: &str, value: OsString) -> Result<(), Error> {
        let text = |value: OsString| {
            value.into_string().map_err(|value| Error::Usage {
                message: format!("--{name}={} is not UTF-8", quoted(&value.to_string_lossy())),
                help: "write it in UTF-8".into(),
            })
        };
        match name {
            "schema" => self.schema = value.into(),
            "section" => self.section = Some(text(value)?),
            "out-header" => self.out_header = Some(value.into()),
            "out-source" => self.out_source = Some(value.into()),
            "out-macros" => self.out_macros = Some(value.into()),
            "include" => self.include = Some(text(value)?),
            "out-rust" => self.out_rust = Some(value.into()),
            "stamp" => self.stamp = Some(value.into()),
            "depfile" => self.depfile = Some(value.into()),
            "default" => self.defaults.push(text(value)?),
            "check" => self.check = true,
            _ => {
                return Err(Error::Usage {
                    message: format!("there is no option --{name}"),
                    help: "--help lists the options".into(),
                });
            }
        }
        Ok(())
    }

    /// Refuses to write nothing at all.
    pub(super) fn check_outputs(&self) -> Result<(), Error> {
        if self.out_header.is_some() || self.out_rust.is_some() {
            return Ok(());
        }
        Err(Error::Usage {
            message: "no output is named".into(),
            help: "name --out-header and --out-source, or --out-rust".into(),
        })
    }
}
