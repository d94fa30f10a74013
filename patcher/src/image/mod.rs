//! Files that carry sections. What belongs to one file format only is in its module.

pub(crate) mod archive;
pub(crate) mod data;
pub(crate) mod debug_link;
mod elf;
pub(crate) mod finish;
pub(crate) mod loader;
mod macho;
mod pe;
mod pieces;
pub(crate) mod places;
mod regions;
mod section;
mod single;
mod strings;

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use self::data::ImageData;
use self::debug_link::DebugLink;
use self::finish::{Finish, edits_in};
use self::loader::{LoaderProblem, LoaderText};
use self::pieces::{Piece, pieces};
use self::places::{Part, Places, Purpose};
use self::single::{Carrier, Format, carrier, format};
use crate::edit::Edit;
use crate::error::{Error, ImageProblem, Imports, Result};
use crate::files::compare::UnreadFile;

pub use self::finish::Allowed;
pub(crate) use self::regions::regions;
pub(crate) use self::section::{Candidate, Region};

/// How a path begins that a loader reads as one beside the image, or in a folder of its list.
pub(crate) const RELATIVE: [&[&str]; 2] = [&elf::ORIGIN, &macho::RELATIVE];

/// Where a signed bundle has a file with hashes of its others, from the folder that these are in. It is a
/// text, which has each path from that folder between `<key>` and `</key>`.
pub(crate) const SEAL: &str = macho::SEAL;

/// The sections that hold, or may hold, records. Reads the headers only, and the first bytes of
/// sections.
///
/// # Errors
/// The file is no image, or damaged.
pub(crate) fn locate(data: &ImageData<'_>) -> Result<Vec<Candidate>, ImageProblem> {
    data.ask(|data| {
        let mut found = Vec::new();
        for piece in pieces(data)? {
            // A member that is no object file (a text, an index of a language's own) holds no record.
            let Some(format) = piece.image()? else { continue };
            let located = match format.locate(data.part(&piece.range)) {
                Err(ImageProblem::NoSectionHeaders) if piece.is_member() => continue,
                located => located.map_err(|problem| piece.problem(problem))?,
            };
            found.extend(located.into_iter().map(|section| Candidate {
                slice: piece.slice.clone(),
                member: piece.name(),
                offset: section.offset.saturating_add(piece.range.start),
                ..section
            }));
        }
        Ok(found)
    })
}

/// The processors of a universal file that have no record, where others have one.
///
/// # Errors
/// The image is damaged, or cannot be read.
pub(crate) fn slices_without(
    data: &ImageData<'_>,
    with: &[&str],
) -> Result<Vec<String>, ImageProblem> {
    data.ask(|data| {
        let slices = pieces(data)?.into_iter().filter_map(|piece| piece.slice);
        let mut slices: Vec<String> =
            slices.filter(|slice| !with.contains(&slice.as_str())).collect();
        slices.dedup();
        Ok(slices)
    })
}

/// What the image takes from elsewhere.
///
/// # Errors
/// The file is no image, or damaged.
pub(crate) fn imports(data: &ImageData<'_>) -> Result<Imports, ImageProblem> {
    data.ask(|data| {
        let pieces = pieces(data)?;
        // An archive may have no members.
        let mut all = Imports { unlinked: pieces.is_empty(), ..Imports::default() };
        for piece in pieces {
            if piece.is_member() {
                all.unlinked = true;
                continue;
            }
            let Some(format) = piece.image()? else { continue };
            let imports = format.imports(data.part(&piece.range))?;
            all.accessors |= imports.accessors;
            all.unlinked |= imports.unlinked;
            let is_new = |library: &String| !all.libraries.contains(library);
            let new: Vec<String> = imports.libraries.into_iter().filter(is_new).collect();
            all.libraries.extend(new);
        }
        Ok(all)
    })
}

/// The edit that gives an image the identity that follows from its content after other edits: of ELF
/// files the build-id, by the rule of `build_id`. The whole file is read.
///
/// # Errors
/// The image has no identity, or several; it cannot be read.
pub(crate) fn new_identity(file: &File, path: &Path, edits: &[Edit]) -> Result<Edit> {
    match ImageData::new(file).ask(carrier).map_err(Error::not_image(path))? {
        Carrier::Image(format) => format.new_identity(file, path, edits),
        Carrier::Universal => Format::MachO.new_identity(file, path, edits),
        Carrier::Archive => Err(Error::BuildIds { path: path.to_owned(), count: 0 }),
    }
}

/// The identity of an image, by which a debugger finds its debug file, as an edit that changes nothing.
///
/// # Errors
/// The image has no identity that could be another one, or several; it cannot be read.
pub(crate) fn identity(file: &File, path: &Path) -> Result<Edit> {
    let format = ImageData::new(file).ask(format).map_err(Error::not_image(path))?;
    let place = format.identity(file, path)?;
    let mut bytes = vec![0; place.end.saturating_sub(place.start) as usize];
    file.read_exact_at(&mut bytes, place.start).map_err(Error::io("read", path))?;
    Ok(Edit { offset: place.start, before: bytes.clone(), after: bytes })
}

/// The same bytes; nothing, where the image has no identity.
///
/// # Errors
/// The image cannot be read.
pub(crate) fn known_identity(file: &File, path: &Path) -> Result<Vec<u8>> {
    match identity(file, path) {
        Ok(edit) => Ok(edit.before),
        Err(error) if error.is_of_reading() => Err(error),
        Err(_) => Ok(Vec::new()),
    }
}

/// What an image says of itself. A damaged one says nothing to a debugger either; one that the system does
/// not give is another matter.
///
/// # Errors
/// The image cannot be read.
pub(crate) fn known<T: Default>(path: &Path, answer: Result<T, ImageProblem>) -> Result<T> {
    match answer {
        Ok(answer) => Ok(answer),
        Err(problem @ ImageProblem::Unread(_)) => Err(Error::not_image(path)(problem)),
        Err(_) => Ok(T::default()),
    }
}

/// The link to a separate debug file that an image has; none, where the file is no single image.
///
/// # Errors
/// The image is damaged, or has several.
pub(crate) fn debug_link(data: &ImageData<'_>) -> Result<Option<DebugLink>, ImageProblem> {
    data.ask(|data| match format(data) {
        Ok(format) => format.debug_link(data),
        Err(_) => Ok(None),
    })
}

/// Where the identity of an image is, if it differs in another file, and is the one that
/// [`new_identity`] would have given to that.
///
/// # Errors
/// One of both files cannot be read.
pub(crate) fn changed_identity(
    before: &File,
    after: &File,
) -> Result<Option<Range<u64>>, UnreadFile> {
    match ImageData::new(before).ask(format) {
        Ok(format) => format.changed_identity(before, after),
        Err(ImageProblem::Unread(number)) => {
            Err(UnreadFile::Ours(io::Error::from_raw_os_error(number)))
        }
        Err(_) => Ok(None),
    }
}

/// What these edits of a file make necessary elsewhere in it; see [`finish`](mod@finish). Nothing, for
/// what is no image.
///
/// # Errors
/// The file would be wrong afterwards, or cannot be read.
pub(crate) fn finish(file: &File, path: &Path, edits: &[Edit], allowed: Allowed) -> Result<Finish> {
    let mut refused = None;
    let finished = ImageData::new(file).ask(|data| {
        let mut all = Finish::default();
        let pieces = match pieces(data) {
            Ok(pieces) => pieces,
            // It may have a signature, which nobody finds.
            Err(problem @ (ImageProblem::Damaged(..) | ImageProblem::Member(..))) => {
                return Err(problem);
            }
            Err(_) => return Ok(all),
        };
        for piece in pieces {
            let part = data.part(&piece.range);
            let finished = edits_in(edits, &piece.range).and_then(|inside| {
                let (Ok(format), false) = (&piece.format, inside.is_empty()) else {
                    return Ok(());
                };
                let finish = format.finish(part, &inside, allowed)?;
                all.add(finish, piece.range.start, piece.name().as_deref())
            });
            if let Err(problem) = finished {
                refused = Some(problem.of(piece.name()));
                break;
            }
        }
        Ok(all)
    });
    // Where the system refused a read, that is the reason.
    let finished = finished.map_err(Error::not_image(path))?;
    match refused {
        Some(problem) => Err(problem.error(path)),
        None => Ok(finished),
    }
}

/// Whether a file that begins with these bytes may be an image, or hold one for each of several
/// processors; and no archive.
pub(crate) fn begins_image(start: &[u8]) -> bool {
    matches!(carrier(start), Ok(Carrier::Image(_) | Carrier::Universal)) || pe::kind::begins(start)
}

/// Whether a file that begins with these bytes is an archive of object files.
pub(crate) fn begins_archive(start: &[u8]) -> bool {
    carrier(start) == Ok(Carrier::Archive)
}

/// Where the record may be in an image that has none: only in intermediate code, of the object
/// file or of a member.
///
/// # Errors
/// The file is no image, or damaged.
pub(crate) fn intermediate_only(
    data: &ImageData<'_>,
) -> Result<Option<ImageProblem>, ImageProblem> {
    data.ask(|data| {
        let is_intermediate = |piece: &Piece| match &piece.format {
            Ok(format) => format.is_intermediate(data.part(&piece.range)),
            Err(problem) => *problem == ImageProblem::Intermediate,
        };
        let piece = pieces(data)?.into_iter().find(is_intermediate);
        Ok(piece.map(|piece| piece.problem(ImageProblem::Intermediate)))
    })
}

/// The strings that the loader reads: each once, in the order of the file's headers.
///
/// # Errors
/// The file is no image, or damaged.
pub(crate) fn loader_texts(data: &ImageData<'_>) -> Result<Vec<LoaderText>, ImageProblem> {
    data.ask(|data| {
        let mut texts = Vec::new();
        for piece in pieces(data)?.into_iter().filter(|piece| !piece.is_member()) {
            let Some(format) = piece.image()? else { continue };
            let found = format.loader_texts(data.part(&piece.range));
            let found = found.map_err(|problem| piece.problem(problem))?;
            texts.extend(found.into_iter().map(|text| text.moved(piece.range.start)));
        }
        Ok(texts)
    })
}

/// The edits that put new texts in the place of old ones; what is left over becomes zero bytes.
///
/// There is as much room as the old text has, and the unused zero bytes behind it; and where the format
/// has room elsewhere, that. Linkers let strings share bytes where one is the end of another: everything else that is read from the same bytes reads the same text
/// afterwards.
///
/// # Errors
/// There is too little room, or another string would change.
pub(crate) fn replace_loader_texts(
    data: &ImageData<'_>,
    changes: &[(&LoaderText, &[u8])],
) -> Result<Vec<Edit>, LoaderProblem> {
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    let mut refused = None;
    let edits = data.ask(|data| {
        let mut edits = Vec::new();
        for piece in pieces(data)?.into_iter().filter(|piece| !piece.is_member()) {
            let start = piece.range.start;
            let inside = changes.iter().filter(|(text, _)| piece.range.contains(&text.range.start));
            let inside: Vec<(LoaderText, &[u8])> =
                inside.map(|(text, new)| (text.moved_back(start), *new)).collect();
            let (Ok(format), false) = (&piece.format, inside.is_empty()) else { continue };
            match format.replace_loader_texts(data.part(&piece.range), &inside) {
                Ok(new) => edits.extend(new.into_iter().map(|edit| edit.moved(start))),
                Err(problem) => refused = Some(problem),
            }
        }
        Ok(edits)
    });
    let edits = edits?;
    match refused {
        Some(problem) => Err(problem),
        None => Ok(edits),
    }
}

/// Why each of these new texts cannot be where the old one is; `None` where it can.
///
/// # Errors
/// The file is no image, or damaged.
pub(crate) fn loader_problems(
    data: &ImageData<'_>,
    changes: &[(&LoaderText, &[u8])],
) -> Result<Vec<Option<LoaderProblem>>, ImageProblem> {
    let mut problems = vec![Some(LoaderProblem::Changed); changes.len()];
    if changes.is_empty() {
        return Ok(problems);
    }
    data.ask(|data| {
        for piece in pieces(data)?.into_iter().filter(|piece| !piece.is_member()) {
            let start = piece.range.start;
            let (mut slots, mut inside) = (Vec::new(), Vec::new());
            for ((text, new), slot) in changes.iter().zip(&mut problems) {
                if piece.range.contains(&text.range.start) {
                    slots.push(slot);
                    inside.push((text.moved_back(start), *new));
                }
            }
            let (Ok(format), false) = (&piece.format, inside.is_empty()) else { continue };
            let found = format.loader_problems(data.part(&piece.range), &inside);
            slots.into_iter().zip(found).for_each(|(slot, problem)| *slot = problem);
        }
        Ok(())
    })?;
    Ok(problems)
}

/// What an image is made of, and the symbols at these offsets. The sections of an archive are those
/// of its members, each with the member's name before its own.
///
/// # Errors
/// The file is no image, or damaged.
pub(crate) fn places(data: &ImageData<'_>, offsets: &[u64]) -> Result<Places, ImageProblem> {
    data.ask(|data| {
        let mut all = Places { symbols: vec![None; offsets.len()], ..Places::default() };
        let mut sorted: Vec<(u64, usize)> = offsets.iter().copied().zip(0..).collect();
        sorted.sort_unstable();
        for piece in pieces(data)? {
            let (range, start) = (piece.range.clone(), piece.range.start);
            let first = sorted.partition_point(|(offset, _)| *offset < start);
            let behind = sorted.partition_point(|(offset, _)| *offset < range.end);
            let asked = sorted.get(first..behind).unwrap_or_default();
            let inside: Vec<u64> =
                asked.iter().map(|(offset, _)| offset.saturating_sub(start)).collect();
            let part = data.part(&range);
            let places = piece.format.clone().and_then(|format| format.places(part, &inside));
            let places = match places {
                Ok(places) => places,
                Err(_) if piece.is_member() => {
                    // A text, an index of the linker, or of another language.
                    let name = piece.name().unwrap_or_default();
                    let purpose = Purpose::Other;
                    all.parts.push(Part { name, range, purpose, compressed: None });
                    continue;
                }
                Err(problem) => return Err(piece.problem(problem)),
            };
            all.parts.extend(places.parts.into_iter().map(|part| Part {
                name: piece.named(&part.name),
                range: start.saturating_add(part.range.start)..start.saturating_add(part.range.end),
                compressed: part.compressed.map(|(how, at)| (how, start.saturating_add(at))),
                purpose: part.purpose,
            }));
            let strings = places.strings.into_iter().filter(|_| !piece.is_member());
            all.strings.extend(strings.map(|string| string.moved(start)));
            for ((_, at), symbol) in asked.iter().zip(places.symbols) {
                if let Some(slot) = all.symbols.get_mut(*at) {
                    *slot = symbol;
                }
            }
        }
        Ok(all)
    })
}
