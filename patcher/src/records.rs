//! The records of one file.

use std::fs::{File, Metadata, TryLockError};
use std::io::Read;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use object::read::ReadCache;
use postlink_codegen::{MAX_RECORD, Shape};
use postlink_format::Record;

use crate::error::{Error, Result, SectionProblem, member_path};
use crate::image;

/// An open image and the records in it.
#[derive(Debug)]
pub struct Image {
    /// The path as the user gave it.
    pub path: PathBuf,
    /// Open for reading, and for writing where that was asked for.
    pub file: File,
    /// The sections that hold records.
    pub sections: Vec<Section>,
}

/// A section's bytes, and what they hold.
#[derive(Debug)]
pub struct Section {
    /// The file; with the member that the section is in, where the file is an archive.
    pub path: PathBuf,
    /// That member.
    pub member: Option<String>,
    /// The name as spelled in the file.
    pub name: String,
    /// Where it begins in the file.
    pub offset: u64,
    /// All its bytes.
    pub bytes: Vec<u8>,
    /// Its records, in order; at least one.
    pub records: Vec<Place>,
    /// Whether a link with LTO takes something else instead of it.
    pub has_intermediate: bool,
}

/// A record in a section.
#[derive(Debug)]
pub struct Place {
    /// Where it begins in the section.
    pub at: usize,
    /// What it describes.
    pub shape: Shape,
}

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// To be read.
    Read,
    /// To be read, and its sections written. No one else writes at the same time.
    Write,
    /// To be read, and a new file put in its place. No one else does so at the same time.
    Replace,
}

impl Section {
    /// The record at a place of this section. Its descriptor was checked when the image was opened.
    ///
    /// # Errors
    /// None, for a place of this section whose bytes have not been changed since.
    pub fn record(&self, place: &Place) -> Result<Record<'_>, postlink_format::Error> {
        Record::parse(self.bytes.get(place.at..).unwrap_or_default())
    }
}

impl Image {
    /// Opens a file and reads its headers and those sections that hold records; nothing else.
    ///
    /// # Errors
    /// No regular file, no image, no record; a section that cannot be read; a damaged record.
    pub fn open(path: &Path, mode: Mode) -> Result<Self> {
        let mut image =
            Self { path: path.to_owned(), file: open(path, mode)?, sections: Vec::new() };
        let cache = ReadCache::new(&image.file);
        let not_image = Error::not_image(path);
        let mut located = image::locate(&cache).map_err(&not_image)?;
        located.sort_by_key(|section| section.offset);
        for pair in located.windows(2) {
            let readable = pair.iter().all(|section| section.problem.is_none());
            if readable && pair[0].offset.saturating_add(pair[0].size) > pair[1].offset {
                let (path, section) = (image.path_of(&pair[1]), pair[1].name.clone());
                return Err(Error::Section { path, section, problem: SectionProblem::Overlaps });
            }
        }
        let mut sections = Vec::new();
        for section in located {
            sections.extend(image.read_section(section)?);
        }
        if sections.is_empty() {
            if let Some(problem) = image::intermediate_only(&cache) {
                return Err(not_image(problem));
            }
            let imports = image::imports(&cache);
            return Err(Error::NoRecord { path: path.to_owned(), imports });
        }
        image.sections = sections;
        Ok(image)
    }

    /// The file and the member that a section is in.
    fn path_of(&self, section: &image::Section) -> PathBuf {
        match &section.member {
            Some(member) => member_path(&self.path, member),
            None => self.path.clone(),
        }
    }

    /// The section and its records; `None` if it only begins like one that holds records.
    fn read_section(&self, section: image::Section) -> Result<Option<Section>> {
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
            Ok(records) => Ok(Some(Section {
                path,
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
    pub fn records(&self) -> impl Iterator<Item = (&Section, &Place)> {
        self.sections
            .iter()
            .flat_map(|section| section.records.iter().map(move |place| (section, place)))
    }

    /// The section with this name, as in the schema or as spelled in the file, which other tools
    /// find by its spelling.
    ///
    /// # Errors
    /// There is none, or several that are spelled alike.
    pub fn section(&self, name: &str) -> Result<&Section> {
        let holds = |section: &&Section| {
            section.name == name || section.records.iter().any(|place| place.shape.name == name)
        };
        let named: Vec<&Section> = self.sections.iter().filter(holds).collect();
        let is_alike = |section: &&Section| named.iter().any(|one| one.name == section.name);
        let found: Vec<&Section> = self.sections.iter().filter(is_alike).collect();
        match found.as_slice() {
            [section] => Ok(section),
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
pub(crate) fn place_in_file(section: &Section, offset: u64) -> String {
    match &section.member {
        Some(member) => format!("{offset:#x} ({member})"),
        None => format!("{offset:#x}"),
    }
}

enum BadRecord {
    Bytes(postlink_format::Error),
    Shape(postlink_codegen::Unsound),
}

fn places(bytes: &[u8]) -> Result<Vec<Place>, BadRecord> {
    let records = postlink_format::records(bytes).map(|record| {
        let (at, record) = record.map_err(BadRecord::Bytes)?;
        let shape = Shape::from_record(&record).map_err(BadRecord::Shape)?;
        Ok(Place { at, shape })
    });
    records.collect()
}

/// Opens a regular file, never waiting for the other end of a pipe or a device.
fn open(path: &Path, mode: Mode) -> Result<File> {
    loop {
        let metadata = path.metadata().map_err(Error::io("open", path))?;
        if let Some(kind) = irregular(metadata.file_type()) {
            return Err(Error::NotRegular { path: path.to_owned(), kind });
        }
        let file = File::options().read(true).write(mode == Mode::Write).open(path);
        let file = file.map_err(Error::io("open", path))?;
        if mode == Mode::Read {
            return Ok(file);
        }
        lock(&file).map_err(Error::io("lock", path))?;
        // While we waited, another fill may have put a new file here.
        let opened = file.metadata().map_err(Error::io("open", path))?;
        if is_same(path, &opened) {
            return Ok(file);
        }
    }
}

/// Fills of one file come one after another. Whoever else holds a lock gets ten seconds.
fn lock(file: &File) -> std::io::Result<()> {
    for _ in 0..1000 {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(10)),
            // Not every file system has locks.
            Ok(()) | Err(TryLockError::Error(_)) => return Ok(()),
        }
    }
    Err(std::io::ErrorKind::WouldBlock.into())
}

/// Whether a path names this file.
#[must_use]
pub(crate) fn is_same(path: &Path, file: &Metadata) -> bool {
    let id = |metadata: &Metadata| (metadata.dev(), metadata.ino());
    path.metadata().is_ok_and(|there| id(&there) == id(file))
}

/// What a path is if it is not a regular file.
pub(crate) fn irregular(file_type: std::fs::FileType) -> Option<&'static str> {
    if file_type.is_file() {
        None
    } else if file_type.is_dir() {
        Some("a directory")
    } else if file_type.is_fifo() {
        Some("a named pipe")
    } else if file_type.is_socket() {
        Some("a socket")
    } else if file_type.is_symlink() {
        Some("a symbolic link to nothing")
    } else {
        Some("a device")
    }
}

/// Reads a text file that the user names.
///
/// # Errors
/// No regular file, or not UTF-8.
pub(crate) fn read_text(path: &Path) -> Result<String> {
    let mut text = String::new();
    let read = open(path, Mode::Read)?.read_to_string(&mut text);
    read.map_err(Error::io("read", path))?;
    Ok(text)
}
