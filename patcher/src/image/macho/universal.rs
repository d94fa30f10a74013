//! Universal files: an image or a static library for each of several processors (Apple,
//! `<mach-o/fat.h>`).
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

use std::ops::Range;

use object::macho::{self, FatArch32, FatArch64};
use object::read::ReadRef;
use object::read::macho::{FatArch, MachOFatFile};

use super::header::damaged;
use crate::error::ImageProblem;

/// The part for one processor.
pub(in crate::image) struct Slice {
    /// As `lipo` calls it.
    pub(in crate::image) name: String,
    /// Where it is in the file.
    pub(in crate::image) range: Range<u64>,
}

/// The slices, in the order of the file.
pub(in crate::image) fn slices<'d, R: ReadRef<'d>>(data: R) -> Result<Vec<Slice>, ImageProblem> {
    let length = data.len().map_err(|()| damaged("its length is unknown"))?;
    let mut slices = match data.read_bytes_at(0, 4) {
        Ok([.., 0xbf]) => slices_as::<FatArch64, R>(data)?,
        _ => slices_as::<FatArch32, R>(data)?,
    };
    slices.sort_by_key(|slice| slice.range.start);
    let mut end = 0;
    for Slice { name, range } in &slices {
        if range.end > length {
            return Err(damaged(format!("its part {name} ends behind the end of the file")));
        }
        if range.start < end {
            return Err(damaged(format!("its part {name} begins inside another one")));
        }
        end = range.end;
    }
    let names: Vec<String> = slices.iter().map(|slice| slice.name.clone()).collect();
    for slice in &mut slices {
        // A loader takes the first one that fits; the others are there, and have names of their own.
        if names.iter().filter(|name| **name == slice.name).nth(1).is_some() {
            slice.name = format!("{} at {:#x}", slice.name, slice.range.start);
        }
    }
    Ok(slices)
}

fn slices_as<'d, F: FatArch, R: ReadRef<'d>>(data: R) -> Result<Vec<Slice>, ImageProblem> {
    let file = MachOFatFile::<F>::parse(data).map_err(damaged)?;
    let slice = |arch: &F| {
        let (start, size) = arch.file_range();
        Slice { name: name(arch), range: start..start.saturating_add(size) }
    };
    Ok(file.arches().iter().map(slice).collect())
}

/// The name of a processor, or its numbers. No two processors have one name, and a processor of which no name
/// is known is none of the others.
fn name(arch: &impl FatArch) -> String {
    let subtype = arch.cpusubtype();
    // The upper eight bits are about pointer authentication and libraries of 64 bits.
    let model = subtype.0 & 0x00ff_ffff;
    let known = match (arch.cputype(), model) {
        (macho::CPU_TYPE_ARM64, 0) => "arm64",
        (macho::CPU_TYPE_ARM64, 1) => "arm64v8",
        (macho::CPU_TYPE_ARM64, 2) => "arm64e",
        (macho::CPU_TYPE_ARM64_32, 1) => "arm64_32",
        (macho::CPU_TYPE_X86_64, 3) => "x86_64",
        (macho::CPU_TYPE_X86_64, 8) => "x86_64h",
        (macho::CPU_TYPE_X86, 3) => "i386",
        (macho::CPU_TYPE_ARM, 5) => "armv4t",
        (macho::CPU_TYPE_ARM, 6) => "armv6",
        (macho::CPU_TYPE_ARM, 7) => "armv5e",
        (macho::CPU_TYPE_ARM, 8) => "xscale",
        (macho::CPU_TYPE_ARM, 9) => "armv7",
        (macho::CPU_TYPE_ARM, 11) => "armv7s",
        (macho::CPU_TYPE_ARM, 12) => "armv7k",
        (macho::CPU_TYPE_ARM, 14) => "armv6m",
        (macho::CPU_TYPE_ARM, 15) => "armv7m",
        (macho::CPU_TYPE_ARM, 16) => "armv7em",
        (macho::CPU_TYPE_POWERPC, 0) => "ppc",
        (macho::CPU_TYPE_POWERPC, 10) => "ppc7400",
        (macho::CPU_TYPE_POWERPC, 100) => "ppc970",
        (macho::CPU_TYPE_POWERPC64, 0) => "ppc64",
        (cpu, model) => return format!("processor {}, model {model}", cpu.0),
    };
    known.to_owned()
}
