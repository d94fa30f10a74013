//! The strings that a loader reads, whatever shares their bytes: an own reading of the string table
//! before and after says what may have changed.

use std::sync::atomic::AtomicBool;

use object::elf;
use object::read::elf::{Dyn, FileHeader, SectionHeader, Sym};
use object::{Endianness, Pod};
use postlink_patcher::specialize::{Ending, Output, SpecializeOptions, specialize};

use crate::folder::{Folder, choice};
use crate::image::values;

/// A library with a RUNPATH below [`OLD`], needed libraries, versions, and symbols whose names share bytes.
const BASE: &[u8] = include_bytes!("../seeds/elf/loader.so");
const OLD: &str = "/opt/app-unspecialized";
const NEWS: [&str; 4] =
    ["/opt/app", "/o/x", "/opt/app-other-same-abc", "/opt/app-unspecialized-and-longer"];

type Header = elf::FileHeader64<Endianness>;

/// The library, with bytes of its tables replaced: three bytes of the input are a place among all tables
/// and a value.
pub(crate) fn dynstr(data: &[u8]) {
    let mut bytes = BASE.to_vec();
    let regions = regions();
    let total: usize = regions.iter().map(|(_, size)| size).sum();
    for patch in data.chunks_exact(3).take(64) {
        let mut at = usize::from(u16::from_le_bytes([patch[0], patch[1]])) % total;
        for (start, size) in &regions {
            if at < *size {
                bytes[start + at] = patch[2];
                break;
            }
            at -= size;
        }
    }
    carried(&bytes, NEWS[usize::try_from(choice(data) % 4).unwrap_or_default()]);
}

/// The library with other places in its tables: symbols, versions and the loader's names share bytes of the
/// RUNPATH and of each other, some strings are cut or begin inside of others, and sometimes there are no
/// section headers. Says whether it was specialized.
///
/// # Panics
/// Something else was changed.
#[must_use]
pub fn shared(random: &mut impl FnMut(usize) -> usize) -> bool {
    let mut bytes = BASE.to_vec();
    let [dynstr, dynsym, dynamic, needs] = regions()[..] else { unreachable!("four regions") };
    let endian = Endianness::Little;
    let tags = [elf::DT_NEEDED, elf::DT_SONAME, elf::DT_RUNPATH, elf::DT_STRSZ];
    // The first symbol is none.
    let mut places: Vec<usize> = (1..dynsym.1 / 24).map(|at| dynsym.0 + at * 24).collect();
    places.extend(version_names(BASE, needs.0));
    let mut runpath = 0;
    let entries = entries::<elf::Dyn64<Endianness>>(BASE, dynamic).iter().enumerate();
    for (at, entry) in entries.filter(|(_, entry)| tags.contains(&entry.d_tag(endian))) {
        // Symbols are many, and the loader's own names few.
        places.extend([dynamic.0 + at * 16 + 8; 3]);
        if entry.d_tag(endian) == elf::DT_RUNPATH {
            runpath = usize::try_from(entry.d_val(endian)).expect("an offset");
        }
    }
    for _ in 0..random(4) {
        let place = places[random(places.len())];
        let target = match random(4) {
            0 => random(dynstr.1 + 2),
            1 => usize::from(bytes[place]) + random(3),
            _ => runpath + random(2 * OLD.len()),
        };
        let target = u32::try_from(target).expect("a small number");
        bytes[place..place + 4].copy_from_slice(&target.to_le_bytes());
    }
    for _ in 0..random(3) {
        let text = [&b"\0"[..], b":", b"/", OLD.as_bytes(), b"/opt/app-unspecialized:"][random(5)];
        let at = dynstr.0 + 1 + random(dynstr.1 - text.len() - 1);
        bytes[at..at + text.len()].copy_from_slice(text);
    }
    if random(4) == 0 {
        // `e_shoff`, and `e_shnum` with `e_shstrndx`.
        bytes[40..48].fill(0);
        bytes[60..64].fill(0);
    }
    carried(&bytes, NEWS[random(4)])
}

/// Carries the library to another path, and compares all strings. Says whether that was done.
fn carried(bytes: &[u8], new: &str) -> bool {
    let folder = Folder::new();
    let file = folder.write("tree/lib/libapp.so", bytes);
    let mut options = SpecializeOptions::default();
    options.outputs = vec![Output { source: folder.path("tree"), destination: new.into() }];
    options.rewrites = vec![(OLD.into(), new.into())];
    options.destdir = Some(folder.path("root"));
    options.assignments = values(&file);
    let done = specialize(&options, &(), &AtomicBool::new(false));
    let copy = folder.path(&format!("root{new}/lib/libapp.so"));
    if !done.is_ok_and(|done| done.ending == Ending::Specialized) {
        assert!(!copy.exists(), "a tree stays of a run that failed");
        return false;
    }
    let made = std::fs::read(copy).expect("the copy");
    let (before, after) = (strings(bytes), strings(&made));
    assert_eq!(before.len(), after.len());
    for ((what, old), (_, made)) in before.iter().zip(&after) {
        if old == made {
            continue;
        }
        assert!(*what == What::Loader, "{what:?} {old} became {made}");
        for (old, made) in old.split(':').zip(made.split(':')) {
            let right = match below(old) {
                Some(rest) => made == format!("{new}{rest}") || made.starts_with("$ORIGIN"),
                None => made == old,
            };
            assert!(right, "{old} became {made}");
        }
    }
    // And what names the old path says the new one.
    let stays = |(what, text): &&(What, String)| *what == What::Loader && is_old(text);
    assert_eq!(after.iter().find(stays), None, "an old path stays");
    true
}

/// What is behind the old path, in a path that is it or below it.
fn below(path: &str) -> Option<&str> {
    path.strip_prefix(OLD).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether a RUNPATH or name has a part that is the old path, or below it.
fn is_old(text: &str) -> bool {
    text.split(':').any(|part| below(part).is_some())
}

/// What reads a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// The loader, as a path or name of a file.
    Loader,
    /// A symbol's name.
    Symbol,
    /// A needed library's or version's name.
    Version,
}

/// Where the tables lie in [`BASE`]: offset and size.
fn regions() -> Vec<(usize, usize)> {
    let names = [&b".dynstr"[..], b".dynsym", b".dynamic", b".gnu.version_r"];
    let header = Header::parse(BASE).expect("the base");
    let endian = header.endian().expect("the base");
    let sections = header.sections(endian, BASE).expect("the base");
    let find = |name: &&[u8]| {
        let (_, section) = sections.section_by_name(endian, name).expect("a table");
        let (offset, size) = section.file_range(endian).expect("a table");
        (usize::try_from(offset).expect("an offset"), usize::try_from(size).expect("a size"))
    };
    names.iter().map(find).collect()
}

/// Each place that names a string of the string table, and the string. A table that an input moves is passed over.
fn strings(bytes: &[u8]) -> Vec<(What, String)> {
    let [dynstr, dynsym, dynamic, needs] = regions()[..] else { unreachable!("four regions") };
    let text = |offset: u64| {
        // A loader stops at a NUL, and asks for no size.
        let table = &bytes[dynstr.0..];
        let rest = usize::try_from(offset).ok().and_then(|offset| table.get(offset..));
        let end =
            rest.and_then(|rest| rest.iter().position(|byte| *byte == 0).map(|end| &rest[..end]));
        end.map_or_else(String::new, |text| text.iter().copied().map(char::from).collect())
    };
    let endian = Endianness::Little;
    let all_entries = entries::<elf::Dyn64<Endianness>>(bytes, dynamic).iter();
    let dynamic: Vec<_> = all_entries
        .map(|entry| (entry.d_tag(endian), entry.d_val(endian)))
        .take_while(|(tag, _)| *tag != elf::DT_NULL)
        .collect();
    // These tables have addresses that are their offsets.
    let is_there = |table, place: usize| {
        dynamic
            .iter()
            .rev()
            .find(|(tag, _)| *tag == table)
            .is_some_and(|entry| entry.1 == place as u64)
    };
    let mut all = Vec::new();
    if !is_there(elf::DT_STRTAB, dynstr.0) {
        return all;
    }
    for (tag, value) in &dynamic {
        let what = match *tag {
            elf::DT_NEEDED | elf::DT_SONAME | elf::DT_RPATH | elf::DT_RUNPATH => What::Loader,
            elf::DT_AUXILIARY
            | elf::DT_FILTER
            | elf::DT_CONFIG
            | elf::DT_DEPAUDIT
            | elf::DT_AUDIT => What::Loader,
            _ => continue,
        };
        all.push((what, text(*value)));
    }
    if is_there(elf::DT_SYMTAB, dynsym.0) {
        for symbol in entries::<elf::Sym64<Endianness>>(bytes, dynsym) {
            all.push((What::Symbol, text(u64::from(symbol.st_name(endian)))));
        }
    }
    if is_there(elf::DT_VERNEED, needs.0) {
        let places = version_names(bytes, needs.0).into_iter();
        all.extend(places.map(|at| (What::Version, text(word(bytes, at).unwrap_or_default()))));
    }
    all
}

/// Where the names of needed libraries and versions are written, as a loader follows the records: `vn_file` is at 4
/// of one, `vn_aux` at 8, `vn_next` at 12; `vna_name` at 8 of the others, `vna_next` at 12.
fn version_names(bytes: &[u8], first: usize) -> Vec<usize> {
    let distance = |at: usize| word(bytes, at).and_then(|word| usize::try_from(word).ok());
    let mut places = Vec::new();
    let mut follow = |mut at: usize, name: usize| {
        let mut records = Vec::new();
        while let (Some(_), Some(next)) = (word(bytes, at + name), distance(at + 12)) {
            places.push(at + name);
            records.push(at);
            if next == 0 || records.len() > bytes.len() {
                break;
            }
            at += next;
        }
        records
    };
    for at in follow(first, 4) {
        follow(at + distance(at + 8).unwrap_or_default(), 8);
    }
    places
}

/// A number of four bytes at an offset.
fn word(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?).into())
}

fn entries<T: Pod>(bytes: &[u8], (start, size): (usize, usize)) -> &[T] {
    let count = size / size_of::<T>();
    let read = object::pod::slice_from_bytes::<T>(&bytes[start..start + size], count);
    read.expect("a table").0
}
