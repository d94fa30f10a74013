//! The header of a Mach-O file, its load commands, segments and sections (Apple, `<mach-o/loader.h>`).
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

use std::ops::Range;

use object::Endianness;
use object::macho;
use object::read::ReadRef;
use object::read::macho::{LoadCommandData, LoadCommandVariant, MachHeader, Section, Segment};

use crate::error::ImageProblem;
use crate::shown::text;

/// Calls a generic function with the header type that the file has. Gives what that gives, or the
/// problem that the file ends before its magic number.
macro_rules! with_width {
    ($function:ident, $data:expr $(, $argument:expr)*) => {
        match is_64($data) {
            Ok(false) => $function::<macho::MachHeader32<Endianness>, _>($data $(, $argument)*),
            Ok(true) => $function::<macho::MachHeader64<Endianness>, _>($data $(, $argument)*),
            Err(problem) => Err(problem.into()),
        }
    };
}
pub(super) use with_width;

/// Whether its words have 64 bits.
pub(super) fn is_64<'d, R: ReadRef<'d>>(data: R) -> Result<bool, ImageProblem> {
    match data.read_bytes_at(0, 4) {
        Ok([0xcf, ..] | [.., 0xcf]) => Ok(true),
        Ok(_) => Ok(false),
        Err(()) => Err(damaged("it ends inside its header")),
    }
}

pub(super) fn damaged(why: impl ToString) -> ImageProblem {
    ImageProblem::Damaged("Mach-O", why.to_string())
}

/// Bytes of all load commands: the largest programs have some ten thousand.
const MOST_COMMANDS: u32 = 1 << 20;

/// A file's header, byte order, load commands and sections.
pub(super) struct Mach<'d, H: MachHeader> {
    pub(super) header: &'d H,
    pub(super) endian: Endianness,
    pub(super) commands: Vec<LoadCommandData<'d, Endianness>>,
    pub(super) segments: Vec<&'d H::Segment>,
    /// In the order in which symbols count them, from 1.
    pub(super) sections: Vec<MachSection<'d, H>>,
}

/// A section.
pub(super) struct MachSection<'d, H: MachHeader> {
    pub(super) header: &'d H::Section,
    /// `SEGMENT,SECTION`, as assemblers and linkers write it.
    pub(super) name: String,
    /// Where its bytes are in the file; `None` where it has none there.
    pub(super) range: Option<Range<u64>>,
    /// Whether the kernel decrypts it when it is loaded.
    pub(super) is_encrypted: bool,
}

impl<'d, H: MachHeader<Endian = Endianness>> Mach<'d, H> {
    pub(super) fn read<R: ReadRef<'d>>(data: R) -> Result<Self, ImageProblem> {
        let header = H::parse(data, 0).map_err(damaged)?;
        let endian = header.endian().map_err(damaged)?;
        if header.sizeofcmds(endian) > MOST_COMMANDS {
            return Err(damaged("its load commands have no end"));
        }
        let commands = header.load_commands(endian, data, 0).map_err(damaged)?;
        let commands = commands.collect::<Result<Vec<_>, _>>().map_err(damaged)?;
        let mut mach =
            Self { header, endian, commands, segments: Vec::new(), sections: Vec::new() };
        mach.read_segments()?;
        Ok(mach)
    }

    fn read_segments(&mut self) -> Result<(), ImageProblem> {
        let encrypted = self.encrypted()?;
        // A separate debug file has the headers of all sections, and the bytes of those for debuggers.
        let is_debug_file = self.header.filetype(self.endian) == macho::MH_DSYM;
        for command in &self.commands {
            let segment = H::Segment::from_command(*command).map_err(damaged)?;
            let Some((segment, sections)) = segment else { continue };
            let sections = segment.sections(self.endian, sections).map_err(damaged)?;
            let (_, size) = segment.file_range(self.endian);
            let is_protected = segment.flags(self.endian).contains(macho::SG_PROTECTED_VERSION_1);
            let has_bytes = size > 0 && !(is_debug_file && segment.name() != b"__DWARF");
            for section in segment.section_offsets(self.endian, sections) {
                let (section, offset) = section.map_err(damaged)?;
                let place = section
                    .file_range(self.endian, offset)
                    .filter(|(offset, _)| has_bytes && *offset > 0);
                let range = place.map(|(offset, size)| offset..offset.saturating_add(size));
                let overlaps = |one: &Range<u64>, other: &Range<u64>| {
                    one.start < other.end && other.start < one.end
                };
                let is_encrypted = range.as_ref().is_some_and(|range| {
                    is_protected || encrypted.iter().any(|one| overlaps(one, range))
                });
                self.sections.push(MachSection {
                    header: section,
                    name: format!("{},{}", text(section.segment_name()), text(section.name())),
                    range,
                    is_encrypted,
                });
            }
            self.segments.push(segment);
        }
        Ok(())
    }

    /// The parts of the file that are encrypted (`LC_ENCRYPTION_INFO`, `cryptid`).
    pub(super) fn encrypted(&self) -> Result<Vec<Range<u64>>, ImageProblem> {
        let mut found = Vec::new();
        for command in &self.commands {
            let (offset, size, id) = match command.variant().map_err(damaged)? {
                LoadCommandVariant::EncryptionInfo32(info) => {
                    let endian = self.endian;
                    (
                        info.cryptoff.get(endian),
                        info.cryptsize.get(endian),
                        info.cryptid.get(endian),
                    )
                }
                LoadCommandVariant::EncryptionInfo64(info) => {
                    let endian = self.endian;
                    (
                        info.cryptoff.get(endian),
                        info.cryptsize.get(endian),
                        info.cryptid.get(endian),
                    )
                }
                _ => continue,
            };
            let start = u64::from(offset);
            found.extend((id != 0).then_some(start..start.saturating_add(size.into())));
        }
        Ok(found)
    }

    /// The part of the file that a load command of this kind names.
    pub(super) fn linkedit_data(
        &self,
        kind: macho::LoadCommandType,
    ) -> Result<Vec<Range<u64>>, ImageProblem> {
        let mut found = Vec::new();
        for command in self.commands.iter().filter(|command| command.cmd() == kind) {
            let data: &macho::LinkeditDataCommand<Endianness> = command.data().map_err(damaged)?;
            let start = u64::from(data.dataoff.get(self.endian));
            found.push(start..start.saturating_add(data.datasize.get(self.endian).into()));
        }
        Ok(found)
    }

    /// Where the load commands end.
    pub(super) fn commands_end(&self) -> u64 {
        let size = u64::from(self.header.sizeofcmds(self.endian));
        (size_of::<H>() as u64).saturating_add(size)
    }
}
