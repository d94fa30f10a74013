//! The records of one file.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use postlink_codegen::{MAX_RECORD, Shape};
use postlink_format::Record;

use crate::error::{Error, Result, SectionProblem, member_path};
use crate::files::open::{Mode, Stamp, open};
use crate::files::tree_file::TreeFile;
use crate::image::data::ImageData;
use crate::image::{self, Candidate};

/// An open image and the records in it.
#[derive(Debug)]
pub struct Image {
    /// The path as the user gave it.
    pub path: PathBuf,
    /// Open for reading, and for writing where that was asked for.
    pub file: File,
    /// The sections that hold records.
    pub sections: Vec<RecordSection>,
}

/// A section's bytes, and what they hold.
#[derive(Debug)]
pub struct RecordSection {
    /// The file; with the part that the section is in, where the file has several.
    pub path: PathBuf,
    /// The processor that it is for, in a universal file.
    pub slice: Option<String>,
    /// That part: the processor, and the member of the archive.
    pub member: Option<String>,
    /// The name as spelled in the file.
    pub name: String,
    /// Where it begins in the file.
    pub offset: u64,
    /// All its bytes.
    pub bytes: Vec<u8>,
    /// Its records, in order; at least one.
    pub records: Vec<RecordPlace>,
    /// Whether a link with LTO takes something else instead of it.
    pub has_intermediate: bool,
}

/// A record in a section.
#[derive(Debug)]
pub struct RecordPlace {
    /// Where it begins in the section.
    pub at: usize,
    /// What it describes.
    pub shape: Shape,
}

impl RecordSection {
    /// The record at a place of this section. Its descriptor was checked when the image was opened.
    ///
    /// # Errors
    /// None, for a place of this section whose bytes have not been changed since.
    pub fn record(&self, place: &RecordPlace) -> Result<Record<'_>, postlink_format::Error> {
        Record::parse(self.bytes.get(place.at..).unwrap_or_default())
    }
}

impl Image {
    /// Opens a file and reads its headers and those sections that hold records; nothing else.
    ///
    /// # Errors
    /// No regular file, no image, no record; a section that cannot be read; a damaged record.
    pub fn open(path: &Path, mode: Mode) -> Result<Self> {
        Self::of(open(path, mode)?, path.to_owned())
    }

    /// The same of an open file, which has a path for messages.
    pub(crate) fn of(file: File, path: PathBuf) -> Result<Self> {
        let mut image = Self { path, file, sections: Vec::new() };
        let path = image.path.as_path();
        let before = Stamp::of_file(&image.file, path)?;
        let sections = image.read_sections();
        // What was read of a file that changes meanwhile is no answer.
        before.check(&image.file, path)?;
        image.sections = sections?;
        Ok(image)
    }

    /// The same of a file of a tree.
    ///
    /// # Errors
    /// Also a file that is not as it was when it was listed.
    pub(crate) fn of_file(file: TreeFile<'_>) -> Result<Self> {
        let opened = file.open("open")?;
        let mut image = Self { path: file.path(), file: opened, sections: Vec::new() };
        let sections = image.read_sections();
        file.check(&image.file)?;
        image.sections = sections?;
        Ok(image)
    }

    /// Reads the sections that hold records.
    fn read_sections(&self) -> Result<Vec<RecordSection>> {
        let path = self.path.as_path();
        let cache = ImageData::new(&self.file);
        let not_image = Error::not_image(path);
        let mut located = image::locate(&cache).map_err(&not_image)?;
        located.sort_by_key(|section| section.offset);
        for pair in located.windows(2) {
            let readable = pair.iter().all(|section| section.problem.is_none());
            if readable && pair[0].offset.saturating_add(pair[0].size) > pair[1].offset {
                let (path, section) = (self.path_of(&pair[1]), pair[1].name.clone());
                return Err(Error::Section { path, section, problem: SectionProblem::Overlaps });
            }
        }
        let mut sections = Vec::new();
        for section in located {
            sections.extend(self.read_section(section)?);
        }
        if sections.is_empty() {
            if let Some(problem) = image::known(path, image::intermediate_only(&cache))? {
                return Err(not_image(problem));
            }
            let imports = image::known(path, image::imports(&cache))?;
            return Err(Error::NoRecord { path: path.to_owned(), imports });
        }
        Ok(sections)
    }

    /// The file and the member that a section is in.
    fn path_of(&self, section: &Candidate) -> PathBuf {
        match &section.member {
            Some(member) => member_path(&self.path, member),
            None => self.path.clone(),
        }
    }

    /// The section and its records; `None` if it only begins like one that holds records.
    fn read_section(&self, section: Candidate) -> Result<Option<RecordSection>> {
        let (path, name) = (self.path_of(&section), section.name.clone());
        if let Some(problem) = section.problem {
            return Err(Error::Section { path, section: name, problem });
        }
        // A record is no larger than this, and a section holds few.
        let size =
            usize::try_from(section.size).ok().filter(|&size| size <= 4 * MAX_RECORD as usize);
        let Some(size) = size else {
            return Err(Error::Section { path, section: name, problem: SectionProblem::TooLarge });
        };
        let mut bytes = vec![0; size];
        let read = self.file.read_exact_at(&mut bytes, section.offset);
        read.map_err(Error::io("read", &path))?;
        match places(&bytes) {
            Ok(records) if records.is_empty() => Ok(None),
            Ok(records) => Ok(Some(RecordSection {
                path,
                slice: section.slice,
                member: section.member,
                name,
                offset: section.offset,
                bytes,
                records,
                has_intermediate: section.has_intermediate,
            })),
            Err(_) if !section.by_name => Ok(None),
            Err(BadRecord::Bytes(source)) => Err(Error::Record { path, section: name, source }),
            Err(BadRecord::Shape(source)) => Err(Error::Unsound { path, section: name, source }),
        }
    }

    /// Each record with its section.
    pub fn records(&self) -> impl Iterator<Item = (&RecordSection, &RecordPlace)> {
        self.sections
            .iter()
            .flat_map(|section| section.records.iter().map(move |place| (section, place)))
    }

    /// The section with this name, as in the schema or as spelled in the file, which other tools
    /// find by its spelling.
    ///
    /// # Errors
    /// There is none, or several that are spelled alike.
    pub fn section(&self, name: &str) -> Result<&RecordSection> {
        let holds = |section: &&RecordSection| {
            section.name == name || section.records.iter().any(|place| place.shape.name == name)
        };
        let named: Vec<&RecordSection> = self.sections.iter().filter(holds).collect();
        let is_alike = |section: &&RecordSection| named.iter().any(|one| one.name == section.name);
        let found: Vec<&RecordSection> = self.sections.iter().filter(is_alike).collect();
        match found.as_slice() {
            [section] => Ok(section),
            // A universal file has one payload for all processors, if it is the same.
            [section, others @ ..]
                if section.slice.is_some()
                    && others.iter().all(|other| {
                        other.bytes == section.bytes && other.slice != section.slice
                    }) =>
            {
                Ok(section)
            }
            [] => Err(Error::NoSuchSection {
                path: self.path.clone(),
                section: name.to_owned(),
                known: self.records().map(|(_, place)| place.shape.name.clone()).collect(),
            }),
            [..] => Err(Error::SeveralSections {
                path: self.path.clone(),
                section: name.to_owned(),
                places: found
                    .iter()
                    .map(|section| place_in_file(section, section.offset))
                    .collect(),
            }),
        }
    }
}

/// An offset in the file, as messages show it.
pub(crate) fn place_in_file(section: &RecordSection, offset: u64) -> String {
    match &section.member {
        Some(member) => format!("{offset:#x} ({member})"),
        None => format!("{offset:#x}"),
    }
}

enum BadRecord {
    Bytes(postlink_format::Error),
    Shape(postlink_codegen::Unsound),
}

fn places(bytes: &[u8]) -> Result<Vec<RecordPlace>, BadRecord> {
    let records = postlink_format::records(bytes).map(|record| {
        let (at, record) = record.map_err(BadRecord::Bytes)?;
        let shape = Shape::from_record(&record).map_err(BadRecord::Shape)?;
        Ok(RecordPlace { at, shape })
    });
    records.collect()
}
