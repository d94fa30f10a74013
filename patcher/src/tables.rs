//! Everything that is read from the headers of a file, in one piece. No command shows it: the tests
//! compare it with what other readers find there.

use std::path::Path;

use serde::Serialize;

use crate::error::{Error, ImageProblem, Result};
use crate::files::open::{Mode, open};
use crate::image::archive::ArchiveMember;
use crate::image::data::ImageData;
use crate::image::loader::LoaderText;
use crate::image::places::{Part, Purpose};
use crate::image::{self, Region};

/// What is read from the headers of a file. Offsets are in bytes from the start of the file; in an
/// archive, and a universal file, names begin with those of the member and the processor.
#[derive(Debug, Default, Serialize)]
pub struct Tables {
    /// Why it is no image, or no archive, that can be read; or has no sections.
    pub problem: Option<String>,
    /// The members of an archive: name, offset, size.
    pub members: Vec<(String, u64, u64)>,
    /// Headers, tables and sections, as `verify` names them: name, offset, size.
    pub regions: Vec<(String, u64, u64)>,
    /// Sections, as `scan` names them: name, offset, size, what they are for.
    pub parts: Vec<(String, u64, u64, &'static str)>,
    /// Strings that the loader reads: what for, offset, text.
    pub strings: Vec<(&'static str, u64, String)>,
    /// The libraries that may carry a record.
    pub libraries: Vec<String>,
}

/// Reads the headers of a file.
///
/// # Errors
/// The file cannot be opened or read. What is no image has a [`problem`](Tables::problem).
pub fn tables(path: &Path) -> Result<Tables> {
    let file = open(path, Mode::Read)?;
    let data = ImageData::new(&file);
    let mut tables = Tables::default();
    // Each is asked, whatever the others say: a file may have what the loader reads, and no sections.
    let regions = image::regions(&data).map(|found| {
        let region = |one: Region| (one.name, one.offset, one.size);
        tables.regions = found.into_iter().map(region).collect();
    });
    let places = image::places(&data, &[]).map(|found| {
        let part = |part: Part| {
            let size = part.range.end.saturating_sub(part.range.start);
            (part.name, part.range.start, size, purpose(part.purpose))
        };
        tables.parts = found.parts.into_iter().map(part).collect();
        let string = |one: LoaderText| (one.name, one.range.start, crate::shown::text(&one.text));
        tables.strings = found.strings.into_iter().map(string).collect();
    });
    if let Ok(members) = image::archive::members(&data) {
        let member = |one: ArchiveMember| (one.name, one.offset, one.size);
        tables.members = members.into_iter().map(member).collect();
    }
    tables.libraries = image::known(path, image::imports(&data))?.libraries;
    match regions.and(places) {
        Ok(()) => Ok(tables),
        Err(problem @ ImageProblem::Unread(_)) => Err(Error::not_image(path)(problem)),
        Err(problem) => Ok(Tables { problem: Some(problem.to_string()), ..tables }),
    }
}

fn purpose(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Code => "code",
        Purpose::Data => "data",
        Purpose::Debug => "debug",
        Purpose::BuildId => "build-id",
        Purpose::Signature => "signature",
        Purpose::Stamp => "stamp",
        Purpose::DebugLink => "debug link",
        Purpose::Other => "other",
    }
}
