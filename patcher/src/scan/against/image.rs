//! Two builds of one image: section by section, and which function differs.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::ops::Range;
use std::path::Path;

use super::Unexplained;
use crate::error::{Error, Result};
use crate::files::compare::{UnreadFile, pairs};
use crate::files::open::size;
use crate::files::tree_file::TreeFile;
use crate::files::window::Window;
use crate::image;
use crate::image::data::ImageData;
use crate::image::loader::Role;
use crate::image::places;
use crate::image::places::{Part, Places, Purpose, Symbol, containing};
use crate::record::area::{RecordArea, areas};
use crate::record::read::Image;
use crate::search::boundary::Fit;
use crate::search::encoding::Encoding;
use crate::search::hits::Hit;
use crate::search::text::around;

/// Runs of differing bytes of one image that are looked at.
const MOST_RUNS: usize = 1 << 16;
/// Bytes between two runs that are taken for one.
const GAP: u64 = 4;

const BUILD_LONGER: &str = "build both trees for paths and versions of the same length";
const IN_CODE: &str = "the compiler folded a value into this code: declare it in schema.toml and \
                       read it through the accessor";
const IN_DATA: &str = "declare it in schema.toml and read it through the accessor";
const IN_DEBUG: &str = "compile with -ffile-prefix-map=OLD=NEW, or strip it off";
const IN_TABLE: &str = "names or sizes depend on the path or version: declare it in schema.toml";

/// What was found in one pair.
#[derive(Default)]
pub(super) struct Compared {
    /// An explanation for each difference that has one.
    pub(super) explained: Vec<&'static str>,
    pub(super) differences: Vec<Unexplained>,
}

/// A run of bytes that differ.
struct Run<'a> {
    part: &'a Part,
    ours: Range<u64>,
    theirs: u64,
    bytes: u64,
}

/// Compares two images; `None` where one of them is none.
pub(super) fn compare(
    (ours, theirs): (&File, &File),
    found: (TreeFile<'_>, TreeFile<'_>),
) -> Result<Option<Compared>> {
    let (path, their_path) = (found.0.path(), found.1.path());
    let (path, their_path) = (path.as_path(), their_path.as_path());
    let known = |file, path| image::known(path, places(&ImageData::new(file), &[]).map(Some));
    let (Some(mut our_places), Some(mut their_places)) =
        (known(ours, path)?, known(theirs, their_path)?)
    else {
        return Ok(None);
    };
    let range = |part: &Part| (part.name.clone(), part.range.clone());
    let are_alike = our_places.parts.iter().map(range).eq(their_places.parts.iter().map(range));
    for (parts, file, path) in
        [(&mut our_places.parts, ours, path), (&mut their_places.parts, theirs, their_path)]
    {
        // Where sections moved, headers differ: that follows from the sections, which are told.
        let headers = match are_alike {
            true => 0,
            false => {
                let regions = image::known(path, image::regions(&ImageData::new(file)))?;
                let ends = regions.iter().map(|one| one.offset.saturating_add(one.size));
                ends.max().unwrap_or_default()
            }
        };
        let size = size(file).map_err(Error::io("search", path))?;
        add_headers(parts, headers, size);
    }
    let failed = |unread: UnreadFile| unread.of("search", path, their_path);
    let mut compared = Compared::default();
    let mut runs = Vec::new();
    for (one, other) in aligned(&our_places.parts, &their_places.parts) {
        let (Some(one), Some(other)) = (one, other) else {
            let tree = if one.is_some() { "first" } else { "second" };
            let part = one.or(other);
            compared.differences.push(Unexplained {
                message: format!("a section is in the {tree} tree only"),
                section: part.map(|part| part.name.clone()),
                ..Unexplained::default()
            });
            continue;
        };
        let size = |part: &Part| part.range.end - part.range.start;
        if size(one) == size(other) {
            find_runs(ours, theirs, one, other, &mut runs).map_err(failed)?;
        } else {
            compared.differences.push(Unexplained {
                message: format!(
                    "has {} bytes in one tree, {} in the other",
                    size(one),
                    size(other)
                ),
                section: Some(one.name.clone()),
                offset: Some(one.range.start),
                advice: if one.purpose == Purpose::Debug { IN_DEBUG } else { BUILD_LONGER },
                ..Unexplained::default()
            });
        }
    }
    let areas = match Image::of_file(found.0) {
        Ok(image) => areas(&image),
        Err(error) if error.is_of_reading() => return Err(error),
        // Without records, nothing is declared.
        Err(_) => Vec::new(),
    };
    let starts: Vec<u64> = runs.iter().map(|run| run.ours.start).collect();
    let symbols = image::known(path, places(&ImageData::new(ours), &starts))?.symbols;
    // What has no symbols differs nevertheless.
    let symbols = symbols.into_iter().chain(std::iter::repeat(None));
    // One difference for each function or object, or section where there is none.
    let mut groups: BTreeMap<(u64, Option<String>), (Unexplained, Purpose)> = BTreeMap::new();
    let mut order: Vec<(u64, Option<String>)> = Vec::new();
    for (run, symbol) in runs.iter().zip(symbols) {
        let reason = explanation((ours, theirs), &our_places, &areas, run);
        if let Some(reason) = reason.map_err(failed)? {
            compared.explained.push(reason);
            continue;
        }
        let part = run.part;
        let symbol = symbol.filter(Symbol::contains);
        let texts = match part.purpose {
            Purpose::Data => texts((ours, path), (theirs, their_path), run)?,
            _ => None,
        };
        // Strings have no symbols: each is a difference of its own.
        let name = symbol.as_ref().map(|symbol| symbol.name.clone());
        let name = name.or_else(|| texts.as_ref().map(|(text, _)| text.clone()));
        let key = (part.range.start, name);
        let group = groups.entry(key.clone()).or_insert_with(|| {
            order.push(key);
            let new = Unexplained {
                section: Some(part.name.clone()),
                symbol: symbol.map(|symbol| symbol.name),
                offset: Some(run.ours.start),
                bytes: Some(0),
                texts,
                ..Unexplained::default()
            };
            (new, part.purpose)
        });
        group.0.bytes = group.0.bytes.map(|bytes| bytes + run.bytes);
    }
    for key in order {
        let Some((mut difference, purpose)) = groups.remove(&key) else { continue };
        difference.message = format!("{} bytes differ", difference.bytes.unwrap_or_default());
        difference.advice = match purpose {
            Purpose::Code => IN_CODE,
            Purpose::Data => IN_DATA,
            Purpose::Debug => IN_DEBUG,
            _ => IN_TABLE,
        };
        compared.differences.push(difference);
    }
    if runs.len() >= MOST_RUNS {
        compared.differences.push(Unexplained {
            message: format!("more than {MOST_RUNS} places differ: the rest was not looked at"),
            advice: BUILD_LONGER,
            ..Unexplained::default()
        });
    }
    let nothing_told = compared.differences.is_empty();
    if nothing_told && (compared.explained.is_empty() || !are_alike) {
        let message = match are_alike {
            true => "bytes outside its sections differ",
            false => "its sections lie elsewhere: what is between them was not compared",
        };
        compared.differences.push(Unexplained {
            message: message.into(),
            advice: BUILD_LONGER,
            ..Unexplained::default()
        });
    }
    Ok(Some(compared))
}

/// Adds all that lies between the sections, and behind the last: headers, padding, what was appended. Only from
/// `at` on.
fn add_headers(parts: &mut Vec<Part>, mut at: u64, size: u64) {
    let mut between = Vec::new();
    for range in parts.iter().map(|part| part.range.clone()).chain(std::iter::once(size..size)) {
        between.extend((at < range.start).then_some(at..range.start));
        at = at.max(range.end);
    }
    parts.extend(between.into_iter().map(|range| Part {
        name: "outside all sections".into(),
        range,
        purpose: Purpose::Other,
        compressed: None,
    }));
    parts.sort_by_key(|part| part.range.start);
}

/// The sections of the same name, in the order of the first image; of several, one after another.
fn aligned<'a>(ours: &'a [Part], theirs: &'a [Part]) -> Vec<(Option<&'a Part>, Option<&'a Part>)> {
    let mut by_name: BTreeMap<&str, VecDeque<&Part>> = BTreeMap::new();
    for part in theirs {
        by_name.entry(&part.name).or_default().push_back(part);
    }
    let mut pairs: Vec<_> = ours
        .iter()
        .map(|part| (Some(part), by_name.get_mut(&*part.name).and_then(VecDeque::pop_front)))
        .collect();
    pairs.extend(by_name.into_values().flatten().map(|part| (None, Some(part))));
    pairs
}

fn find_runs<'a>(
    ours: &File,
    theirs: &File,
    one: &'a Part,
    other: &Part,
    runs: &mut Vec<Run<'a>>,
) -> Result<(), UnreadFile> {
    let (start, their_start) = (one.range.start, other.range.start);
    let first = runs.len();
    pairs(ours, theirs, (start, their_start), one.range.end - start, |at, ours, theirs| {
        if ours == theirs {
            return true;
        }
        for (byte, _) in ours.iter().zip(theirs).enumerate().filter(|(_, (a, b))| a != b) {
            let at = at + byte as u64;
            let is_full = runs.len() >= MOST_RUNS;
            match runs.get_mut(first..).and_then(<[Run<'_>]>::last_mut) {
                Some(run) if start + at < run.ours.end + GAP => {
                    run.ours.end = start + at + 1;
                    run.bytes += 1;
                }
                _ if is_full => return false,
                _ => runs.push(Run {
                    part: one,
                    ours: start + at..start + at + 1,
                    theirs: their_start + at,
                    bytes: 1,
                }),
            }
        }
        true
    })
}

/// Why a run may differ.
fn explanation(
    (ours, theirs): (&File, &File),
    places: &Places,
    areas: &[RecordArea],
    run: &Run<'_>,
) -> Result<Option<&'static str>, UnreadFile> {
    // The bytes between two places may be a part of the run: each byte that differs counts.
    let all = |is_explained: &dyn Fn(u64) -> bool| {
        let (at, mut all) = (run.ours.start, true);
        pairs(ours, theirs, (at, run.theirs), run.ours.end - at, |from, ours, theirs| {
            let mut bytes = (at + from..).zip(ours.iter().zip(theirs));
            all &= bytes.all(|(at, (one, other))| one == other || is_explained(at));
            all
        })?;
        Ok::<_, UnreadFile>(all)
    };
    let area = |at: u64| containing(areas, |area| &area.record, at);
    let is_value = |at: u64| area(at).is_some_and(|area| area.values.contains(&at));
    let is_default = |at: u64| {
        area(at).is_some_and(|area| {
            let is_in = |(_, range): &(String, Range<u64>)| range.contains(&at);
            area.checksum.contains(&at) || area.defaults.iter().any(is_in)
        })
    };
    let is_runpath = |at: u64| places.role(at) == Some(Role::SearchPath);
    let purpose = |at: u64| places.part(at).map(|part| part.purpose);
    let reasons: [(&'static str, &dyn Fn(u64) -> bool); 7] = [
        ("value of a declared field", &is_value),
        ("default of a declared field", &is_default),
        ("RUNPATH", &is_runpath),
        ("build-id", &|at| purpose(at) == Some(Purpose::BuildId)),
        ("time, checksum or hash of the linker", &|at| purpose(at) == Some(Purpose::Stamp)),
        ("signature of the other bytes", &|at| purpose(at) == Some(Purpose::Signature)),
        ("name and checksum of a separate debug file", &|at| {
            purpose(at) == Some(Purpose::DebugLink)
        }),
    ];
    for (reason, is_explained) in reasons {
        if is_explained(run.ours.start) && all(is_explained)? {
            return Ok(Some(reason));
        }
    }
    Ok(None)
}

/// The text at a run in both images.
fn texts(
    ours: (&File, &Path),
    theirs: (&File, &Path),
    run: &Run<'_>,
) -> Result<Option<(String, String)>> {
    let at = |(file, path): (&File, &Path), offset| {
        let length = run.ours.end - run.ours.start;
        let hit =
            Hit { offset, length, reference: 0, encoding: Encoding::Plain, fit: Fit::Certain };
        around(&mut Window::new(file), &hit)
            .map(|(text, _)| text)
            .map_err(Error::io("search", path))
    };
    let texts = (at(ours, run.ours.start)?, at(theirs, run.theirs)?);
    Ok((!texts.0.is_empty() || !texts.1.is_empty()).then_some(texts))
}
