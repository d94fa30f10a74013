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
    /// How often it may be there.
    pub times: Times,
    /// Another option without which it is refused; may be empty.
    pub needs: &'static str,
    /// A sentence without a full stop.
    pub help: &'static str,
    set: Set,
}

/// How often an option may be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// Once, or not at all.
    Optional,
    /// Once.
    Once,
    /// As often as one likes.
    Any,
}

/// The part of [`Options`] that an option sets.
#[derive(Clone, Copy, Debug)]
enum Set {
    Path(fn(&mut Options, PathBuf)),
    Text(fn(&mut Options, String)),
    Switch(fn(&mut Options)),
}

/// All options, in the order in which help shows them.
pub const FLAGS: &[Flag] = &[
    Flag {
        times: Times::Once,
        ..flag("schema", "SCHEMA", Set::Path(|options, path| options.schema = path), "The schema")
    },
    flag(
        "section",
        "NAME",
        Set::Text(|options, name| options.section = Some(name)),
        "The section to generate; optional if the schema has one",
    ),
    Flag {
        needs: "out-source",
        ..flag(
            "out-header",
            "FILE",
            Set::Path(|options, path| options.out_header = Some(path)),
            "Write the C++ header here",
        )
    },
    Flag {
        needs: "out-header",
        ..flag(
            "out-source",
            "FILE",
            Set::Path(|options, path| options.out_source = Some(path)),
            "Write the C++ source here",
        )
    },
    Flag {
        needs: "out-header",
        ..flag(
            "out-macros",
            "FILE",
            Set::Path(|options, path| options.out_macros = Some(path)),
            "Write a second C++ header here, with the macros of old names that the schema gives to fields",
        )
    },
    Flag {
        needs: "out-source",
        ..flag(
            "include",
            "PATH",
            Set::Text(|options, path| options.include = Some(path)),
            "How the source, and the header of macros, include the header; by default its file name",
        )
    },
    flag(
        "out-rust",
        "FILE",
        Set::Path(|options, path| options.out_rust = Some(path)),
        "Write the Rust module here",
    ),
    flag(
        "stamp",
        "FILE",
        Set::Path(|options, path| options.stamp = Some(path)),
        "Write this file each time, when all others are what they should be, also if none of them \
         changed: make and CMake then know that they are",
    ),
    flag(
        "depfile",
        "FILE",
        Set::Path(|options, path| options.depfile = Some(path)),
        "Write the dependencies of the outputs, or of the stamp if there is one, here, as a \
         Makefile rule",
    ),
    Flag {
        times: Times::Any,
        ..flag(
            "default",
            "FIELD=VALUE",
            Set::Text(|options, text| options.defaults.push(text)),
            "Replace a default, or give a required field one; repeat for the items of a list",
        )
    },
    flag(
        "check",
        "",
        Set::Switch(|options| options.check = true),
        "Write nothing; end with 3 if an output is not what would be written",
    ),
];

const fn flag(name: &'static str, value: &'static str, set: Set, help: &'static str) -> Flag {
    Flag { name, value, times: Times::Optional, needs: "", help, set }
}

impl Flag {
    /// Sets what the option, which is there, stands for; `value` is empty where it has none.
    ///
    /// # Errors
    /// A sentence: the value is not UTF-8, and the option is no path.
    pub fn set(&self, options: &mut Options, value: OsString) -> Result<(), String> {
        match self.set {
            Set::Path(set) => set(options, value.into()),
            Set::Switch(set) => set(options),
            Set::Text(set) => {
                let text = value.into_string().map_err(|value| {
                    let value = quoted(&value.to_string_lossy());
                    format!("--{}={value} is not UTF-8: write it in UTF-8", self.name)
                });
                set(options, text?);
            }
        }
        Ok(())
    }
}

impl Options {
    /// Refuses to write nothing at all.
    pub(super) fn refuse_no_output(&self) -> Result<(), Error> {
        if self.out_header.is_some() || self.out_rust.is_some() {
            return Ok(());
        }
        Err(Error::Usage {
            message: "no output is named".into(),
            help: "name --out-header and --out-source, or --out-rust".into(),
        })
    }
}
