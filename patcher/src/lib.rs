#![doc = include_str!("../README.md")]
//!
//! Each of these is one function, which does all of it: it plans, refuses, writes and checks. The
//! command ([`cli`]) parses, calls it, and prints.
//!
//! **[`fill`](fill::fill)** puts values into the records of one file:
//!
//! ```no_run
//! use postlink_patcher::fill::{FillOptions, fill};
//! use postlink_patcher::record::{Sources, Values, assignments};
//!
//! let values = Values { sets: vec!["version=2.1.0".to_owned()], ..Values::default() };
//! let values = assignments(&values, &Sources::default())?;
//! let filled = fill("libapp.so".as_ref(), &values, &FillOptions::default())?;
//! assert!(filled.records.iter().any(|record| record.shape.name == "app"));
//! # Ok::<(), postlink_patcher::error::Error>(())
//! ```
//!
//! **[`scan`](scan::scan)** finds what refers to a path, and says what can be done about it: see above.
//!
//! **[`specialize`](specialize::specialize)** carries trees to their final paths:
//!
//! ```
//! use std::sync::atomic::AtomicBool;
//!
//! use postlink_patcher::specialize::{Ending, Output, SpecializeOptions, specialize};
//!
//! # let folder = tempfile::tempdir()?;
//! # let (source, destination) = (folder.path().join("built"), folder.path().join("final"));
//! # std::fs::create_dir(&source)?;
//! std::fs::write(source.join("app.pc"), format!("prefix={}\n", source.display()))?;
//! let mut options = SpecializeOptions::default();
//! options.outputs = vec![Output { source, destination: destination.clone() }];
//! let done = specialize(&options, &(), &AtomicBool::new(false))?;
//! assert_eq!(done.ending, Ending::Specialized);
//! let text = std::fs::read_to_string(destination.join("app.pc"))?;
//! assert_eq!(text, format!("prefix={}\n", destination.display()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! **[`verify`](verify::verify)** compares what was made with what it was made of.
#![forbid(unsafe_code)]

pub mod cli;
pub mod edit;
pub mod error;
pub(crate) mod files;
pub mod fill;
pub(crate) mod image;
pub mod record;
pub mod scan;
pub(crate) mod search;
pub(crate) mod shown;
pub(crate) mod sources;
pub mod specialize;
#[doc(hidden)]
pub mod tables;
pub mod verify;
pub mod watch;
