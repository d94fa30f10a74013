//! What dyld reads from the load commands: names of libraries, folders in which it looks for them, and
//! its own path (Apple, `<mach-o/loader.h>`, `union lc_str`; dyld(1)).
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::ops::Range;

use object::Endianness;
use object::macho;
use object::read::ReadRef;
use object::read::macho::{LoadCommandData, LoadCommandVariant, MachHeader};

use super::LOADER_PATH;
use super::header::{Mach, damaged, is_64, with_width};
use super::places::tables;
use crate::edit::Edit;
use crate::error::ImageProblem;
use crate::image::loader::{LoaderProblem, LoaderText, Reader, Role, Table};

/// Strings that the loader of one file reads: the largest programs need some hundred libraries.
const MOST_TEXTS: usize = 1 << 12;

/// What to do where a text is too long.
const SHORTER: &str = "link it with -Wl,-headerpad_max_install_names, which leaves room for longer \
    paths; or with a longer path, which any shorter one can replace, or with one relative to \
    @loader_path or @rpath";

/// What dyld reads a string for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A library that is needed.
    Needed,
    /// Programs that are linked with this library take the name over: from them it must lead to it too.
    InstallName,
    Rpath,
    Dylinker,
    /// The value of an environment variable, behind its name and `=`: folders, with a `:` between them.
    Environment,
}

impl Kind {
    fn role(self) -> Role {
        match self {
            Self::Needed | Self::InstallName => Role::Library,
            Self::Rpath | Self::Environment => Role::SearchPath,
            Self::Dylinker => Role::Interpreter,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Needed => "name of a library",
            Self::InstallName => "install name",
            Self::Rpath => "rpath",
            Self::Dylinker => "interpreter",
            Self::Environment => "value in LC_DYLD_ENVIRONMENT",
        }
    }

    /// How many bytes of its load command have other meanings: the string begins behind them.
    fn fields(self) -> usize {
        match self {
            Self::Needed | Self::InstallName => size_of::<macho::DylibCommand<Endianness>>(),
            Self::Rpath | Self::Dylinker | Self::Environment => {
                size_of::<macho::RpathCommand<Endianness>>()
            }
        }
    }

    fn origin(self) -> Option<&'static str> {
        match self {
            Self::Needed | Self::Rpath => Some(LOADER_PATH),
            Self::InstallName | Self::Dylinker | Self::Environment => None,
        }
    }
}

/// A string of a load command.
struct Text<'d> {
    kind: Kind,
    command: LoadCommandData<'d, Endianness>,
    /// Where it begins in the command.
    at: usize,
    /// The bytes from there to the end of the command, with a NUL among them.
    bytes: &'d [u8],
}

impl<'d> Text<'d> {
    /// Where it begins in the file.
    fn start(&self) -> u64 {
        self.command.offset().saturating_add(self.at as u64)
    }

    /// Its bytes, without the NUL.
    fn text(&self) -> &'d [u8] {
        self.bytes.split(|&byte| byte == 0).next().unwrap_or_default()
    }
}

pub(in crate::image) fn texts<'d, R: ReadRef<'d>>(
    data: R,
) -> Result<Vec<LoaderText>, ImageProblem> {
    with_width!(texts_as, data)
}

fn texts_as<'d, H, R>(data: R) -> Result<Vec<LoaderText>, ImageProblem>
where
    H: MachHeader<Endian = Endianness>,
    R: ReadRef<'d>,
{
    let mach = Mach::<H>::read(data)?;
    let is_of_program = mach.header.filetype(mach.endian) == macho::MH_EXECUTE;
    let text = |text: Text<'_>| {
        let (start, bytes) = (text.start(), text.text());
        LoaderText {
            role: text.kind.role(),
            name: text.kind.name(),
            is_list: text.kind == Kind::Environment,
            origin: text.kind.origin(),
            is_of_program,
            range: start..start.saturating_add(bytes.len() as u64),
            text: bytes.to_vec(),
        }
    };
    Ok(strings(&mach)?.into_iter().map(text).collect())
}

/// The names of the libraries that are needed.
pub(super) fn needed<'d, H: MachHeader<Endian = Endianness>>(
    mach: &Mach<'d, H>,
) -> Result<Vec<&'d [u8]>, ImageProblem> {
    let needed = strings(mach)?.into_iter().filter(|text| text.kind == Kind::Needed);
    Ok(needed.map(|text| text.text()).collect())
}

/// The strings, in the order of the load commands, each of which has one at most.
fn strings<'d, H: MachHeader<Endian = Endianness>>(
    mach: &Mach<'d, H>,
) -> Result<Vec<Text<'d>>, ImageProblem> {
    let mut found = Vec::new();
    for command in &mach.commands {
        let (kind, text) = match command.variant().map_err(damaged)? {
            LoadCommandVariant::Dylib(dylib) => (Kind::Needed, dylib.dylib.name),
            LoadCommandVariant::IdDylib(dylib) => (Kind::InstallName, dylib.dylib.name),
            LoadCommandVariant::Rpath(rpath) => (Kind::Rpath, rpath.path),
            LoadCommandVariant::LoadDylinker(dylinker) => (Kind::Dylinker, dylinker.name),
            LoadCommandVariant::DyldEnvironment(one) => (Kind::Environment, one.name),
            _ => continue,
        };
        let mut at = text.offset.get(mach.endian) as usize;
        let outside = || damaged("a string is not in its load command");
        let bytes = command.raw_data().get(at..).filter(|bytes| bytes.contains(&0));
        let mut bytes = bytes.filter(|_| at >= kind.fields()).ok_or_else(outside)?;
        if kind == Kind::Environment {
            // Without a name it has no effect.
            let name = memchr::memchr2(b'=', 0, bytes).filter(|&end| bytes.get(end) == Some(&b'='));
            let Some(name) = name.map(|end| end.saturating_add(1)) else { continue };
            at = at.saturating_add(name);
            bytes = bytes.get(name..).unwrap_or_default();
        }
        if found.len() == MOST_TEXTS {
            return Err(damaged("its loader would read more strings than it can"));
        }
        found.push(Text { kind, command: *command, at, bytes });
    }
    Ok(found)
}

/// The edits that put new texts in the place of old ones. Where one has too little room in its load
/// command, that becomes larger, and those behind it move into the unused zero bytes between the load
/// commands and the first section: what `install_name_tool` does, and what
/// `-headerpad_max_install_names` is for. Nothing else in a file says where a load command is.
pub(in crate::image) fn replace<'d, R: ReadRef<'d>>(
    data: R,
    changes: &[(LoaderText, &[u8])],
) -> Result<Vec<Edit>, LoaderProblem> {
    with_width!(replace_as, data, changes)
}

fn replace_as<'d, H, R>(
    data: R,
    changes: &[(LoaderText, &[u8])],
) -> Result<Vec<Edit>, LoaderProblem>
where
    H: MachHeader<Endian = Endianness>,
    R: ReadRef<'d>,
{
    let mach = Mach::<H>::read(data)?;
    let strings = strings(&mach)?;
    if changes.iter().any(|(old, _)| is_repeated(&strings, changes, old)) {
        return Err(LoaderProblem::Repeated);
    }
    let in_place = changes.iter().map(|(old, new)| replace_one(&strings, old, new)).collect();
    match in_place {
        Err(LoaderProblem::TooLong { .. }) => moved(&mach, &strings, data, changes),
        done => done,
    }
}

/// Why each of these texts cannot be where the old one is; `None` where it can.
pub(in crate::image) fn problems<'d, R: ReadRef<'d>>(
    data: R,
    changes: &[(LoaderText, &[u8])],
) -> Vec<Option<LoaderProblem>> {
    let problems: Result<_, ImageProblem> = with_width!(problems_as, data, changes);
    problems.unwrap_or_else(|problem| vec![Some(problem.into()); changes.len()])
}

fn problems_as<'d, H, R>(
    data: R,
    changes: &[(LoaderText, &[u8])],
) -> Result<Vec<Option<LoaderProblem>>, ImageProblem>
where
    H: MachHeader<Endian = Endianness>,
    R: ReadRef<'d>,
{
    let strings = strings(&Mach::<H>::read(data)?)?;
    let problem = |(old, new): &(LoaderText, &[u8])| match is_repeated(&strings, changes, old) {
        true => Some(LoaderProblem::Repeated),
        false => replace_one(&strings, old, new).err(),
    };
    Ok(changes.iter().map(problem).collect())
}

/// Whether an rpath would be that of another load command after these changes, and was not before: dyld
/// of macOS 15.4 and later does not load such a file.
fn is_repeated(strings: &[Text<'_>], changes: &[(LoaderText, &[u8])], old: &LoaderText) -> bool {
    let rpaths = || strings.iter().filter(|text| text.kind == Kind::Rpath);
    let new_of = |text: &Text<'_>| {
        let change = changes.iter().find(|(old, _)| old.range.start == text.start());
        change.map_or(text.text().to_vec(), |(_, new)| new.to_vec())
    };
    let Some(this) = rpaths().find(|text| text.start() == old.range.start) else { return false };
    let new = new_of(this);
    let is_other = |text: &&Text<'_>| text.start() != this.start() && text.text() != this.text();
    rpaths().filter(is_other).any(|text| new_of(text) == new)
}

/// Puts a text in the place of another one in its load command.
fn replace_one(strings: &[Text<'_>], old: &LoaderText, new: &[u8]) -> Result<Edit, LoaderProblem> {
    let at = strings.binary_search_by_key(&old.range.start, Text::start);
    let text = at.ok().and_then(|at| strings.get(at)).ok_or(LoaderProblem::Changed)?;
    if new.is_empty() {
        return Err(LoaderProblem::Invalid);
    }
    let reader = Reader { at: 0, role: Some(text.kind.role()), name: text.kind.name() };
    let (start, bytes) = (text.start(), text.bytes);
    Table { start, bytes, readers: vec![reader], shorter: SHORTER }.replace(old, new)
}

/// All load commands anew, with these texts.
fn moved<'d, H, R>(
    mach: &Mach<'d, H>,
    strings: &[Text<'d>],
    data: R,
    changes: &[(LoaderText, &[u8])],
) -> Result<Vec<Edit>, LoaderProblem>
where
    H: MachHeader<Endian = Endianness>,
    R: ReadRef<'d>,
{
    let new_texts: BTreeMap<u64, &(LoaderText, &[u8])> =
        changes.iter().map(|change| (change.0.range.start, change)).collect();
    let mut strings = strings.iter().peekable();
    let mut new_commands = Vec::new();
    let mut done = 0_usize;
    for command in &mach.commands {
        let text = strings.next_if(|text| text.command.offset() == command.offset());
        let change = text.and_then(|text| Some((text, *new_texts.get(&text.start())?)));
        let Some((text, (old, new))) = change else {
            new_commands.extend_from_slice(command.raw_data());
            continue;
        };
        if text.text() != old.text || text.kind.role() != old.role {
            return Err(LoaderProblem::Changed);
        }
        if new.is_empty() || new.contains(&0) {
            return Err(LoaderProblem::Invalid);
        }
        done = done.saturating_add(1);
        new_commands.extend(with_text(mach, text, new)?);
    }
    if done != changes.len() {
        return Err(LoaderProblem::Changed);
    }
    let begin = size_of::<H>() as u64;
    let room = room_for_commands(mach, data)?;
    let too_long = |problem| match problem {
        None => LoaderProblem::TooLong {
            needed: new_commands.len(),
            room: usize::try_from(room).unwrap_or(usize::MAX),
            help: SHORTER,
        },
        Some(problem) => LoaderProblem::Image(problem),
    };
    if new_commands.len() as u64 > room {
        return Err(too_long(None));
    }
    let before = data.read_bytes_at(begin, new_commands.len() as u64);
    let before = before.map_err(|()| too_long(Some(damaged("it ends inside its header"))))?;
    let size = u32::try_from(new_commands.len()).map_err(|_| too_long(None))?;
    // `mach_header.sizeofcmds`; the number of commands stays.
    let sizes = [mach.header.sizeofcmds(mach.endian), size].map(|size| {
        let bytes = size.to_le_bytes();
        if mach.header.is_little_endian() { bytes.to_vec() } else { size.to_be_bytes().to_vec() }
    });
    let [old_size, new_size] = sizes;
    Ok(vec![
        Edit { offset: 20, before: old_size, after: new_size },
        Edit { offset: begin, before: before.to_vec(), after: new_commands },
    ])
}

/// A load command with another text: as large as before, if that is enough.
fn with_text<H: MachHeader<Endian = Endianness>>(
    mach: &Mach<'_, H>,
    text: &Text<'_>,
    new: &[u8],
) -> Result<Vec<u8>, LoaderProblem> {
    let alignment = if mach.header.is_type_64() { 8 } else { 4 };
    let raw = text.command.raw_data();
    let needed = text.at.saturating_add(new.len()).saturating_add(1);
    let size = needed.checked_next_multiple_of(alignment).unwrap_or(needed).max(raw.len());
    let number = u32::try_from(size).map_err(|_| LoaderProblem::Invalid)?;
    let mut bytes = raw.get(..text.at).unwrap_or_default().to_vec();
    bytes.extend_from_slice(new);
    bytes.resize(size, 0);
    let number = match mach.header.is_little_endian() {
        true => number.to_le_bytes(),
        false => number.to_be_bytes(),
    };
    if let Some(place) = bytes.get_mut(4..8) {
        place.copy_from_slice(&number);
    }
    Ok(bytes)
}

/// How many bytes the load commands may have: up to the first thing that lies behind them, and as far as
/// there are only zero bytes.
fn room_for_commands<'d, H, R>(mach: &Mach<'d, H>, data: R) -> Result<u64, ImageProblem>
where
    H: MachHeader<Endian = Endianness>,
    R: ReadRef<'d>,
{
    use object::read::macho::Segment;
    let (begin, end) = (size_of::<H>() as u64, mach.commands_end());
    let sections = mach.sections.iter().filter_map(|section| section.range.clone());
    let segments = mach.segments.iter().map(|segment| {
        let (start, size) = segment.file_range(mach.endian);
        start..start.saturating_add(size)
    });
    let tables = tables(mach)?.into_iter().map(|table| table.range);
    // The UUID lies among them, and the first segment begins with them.
    let is_behind = |range: &Range<u64>| range.start >= end && range.start < range.end;
    let length = data.len().map_err(|()| damaged("its length is unknown"))?;
    let first = sections.chain(segments).chain(tables).filter(is_behind).map(|range| range.start);
    let first = first.chain([length]).min().unwrap_or(end).max(end);
    // More than any linker leaves, even for the longest install names.
    let padding = first.saturating_sub(end).min(1 << 20);
    let padding = data.read_bytes_at(end, padding).unwrap_or_default();
    let zeros = padding.iter().take_while(|&&byte| byte == 0).count();
    Ok(end.saturating_add(zeros as u64).saturating_sub(begin))
}
