//! Whether two images differ in nothing but the values of declared fields.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use postlink_codegen::{Evaluated, Field, Shape};
use postlink_format::{Record, State, VALUES_OFFSET};
use serde::Serialize;

use super::debug_files::DebugFiles;
use super::options::VerifyOptions;
use crate::edit::Edit;
use crate::error::{Error, Result};
use crate::files::compare::{UnreadFile, holds, pairs};
use crate::files::open::{Mode, Stamp, open, read_at};
use crate::image::data::ImageData;
use crate::image::finish::Finish;
use crate::image::places::containing;
use crate::image::{self, Allowed, Region};
use crate::record::descriptor;
use crate::record::read::Image;

/// A difference that is not allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImageDifference {
    /// The header, table or section that it lies in, in the original.
    pub region: String,
    /// The first byte that differs, in bytes from the start of the file.
    pub offset: u64,
    /// How many bytes differ.
    pub bytes: u64,
    /// What is wrong, where it is more than other bytes.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// A declared field whose value changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChangedValue {
    /// The section's name in the schema.
    pub section: String,
    /// The field.
    pub field: String,
    /// What it was, as text; `None` if it had no value. A list is `["one", "two"]`.
    pub old: Option<String>,
    /// What it is.
    pub new: Option<String>,
}

/// The result of a comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ImageReport {
    /// Bytes that differ and may: values of declared fields, and the descriptor where defaults differ.
    pub declared_bytes: u64,
    /// Whether the build-id differs, and is what the rule of build-ids makes of the filled file.
    pub rewritten_build_id: bool,
    /// The name of the debug file whose checksum the image has now, where that differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed_debug_link: Option<String>,
    /// Other bytes that differ and may: they follow from these, as hashes of a signature or a checksum do.
    pub following_bytes: u64,
    /// What the change did beside, in sentences.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The fields whose value changed.
    pub changed_values: Vec<ChangedValue>,
    /// The fields whose default changed, in records that were written anew.
    pub changed_defaults: Vec<String>,
    /// Everything else that differs, in the order of the file.
    pub differences: Vec<ImageDifference>,
}

/// Compares an original with the file that was made from it by filling.
///
/// Accepted are other bytes in value areas, if a fill of the same descriptor writes exactly these;
/// records with other defaults, as [`descriptor`] writes them; another build-id, if it is the one
/// that the rule of build-ids gives to the filled file; the checksum of a debug file that has the same
/// build-id; and what [`image::finish`] makes of all these.
///
/// # Errors
/// A file that cannot be read, and an original that is no image or has no record.
pub(super) fn images(options: &VerifyOptions) -> Result<ImageReport> {
    let (original, filled) = (options.original.as_path(), options.filled.as_path());
    let debug_files = DebugFiles::new(&options.debug_files, None)?;
    let opened = |path| {
        let file = open(path, Mode::Read)?;
        Ok::<_, Error>((Stamp::of_file(&file, path)?, file))
    };
    let (old, file) = opened(original)?;
    let before = Image::of(file, original.to_owned())?;
    let (new, file) = opened(filled)?;
    let again = file.try_clone().map_err(Error::io("open", filled))?;
    // The descriptor itself may be what was damaged: then its bytes are told like all others.
    let problem = match Image::of(again, filled.to_owned()) {
        Ok(_) => None,
        Err(
            error @ (Error::Record { .. }
            | Error::Unsound { .. }
            | Error::NoRecord { .. }
            | Error::NotImage { .. }
            | Error::Section { .. }),
        ) => Some(error),
        Err(error) => return Err(error),
    };
    let report = compare(&before, &file, filled, &Permitted::of(&debug_files));
    // What was read of a file that changes meanwhile is no answer.
    old.check(&before.file, original)?;
    new.check(&file, filled)?;
    let mut report = report?;
    let damaged = problem.map(|error| ImageDifference::of("records", 0, error.to_string()));
    report.differences.splice(0..0, damaged);
    Ok(report)
}

/// What a text becomes; `None` if it stays what it is.
type Rewrite<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// What may differ in an image beside the values of its records.
pub(super) struct Permitted<'a> {
    /// Bytes that were found to be what they have to be.
    pub(super) explained: Vec<Range<u64>>,
    /// What a text in a default has to become; where this is not known, any other is accepted.
    pub(super) text: Option<&'a Rewrite<'a>>,
    /// What the image may have a link to.
    pub(super) debug_files: &'a DebugFiles<'a>,
}

impl<'a> Permitted<'a> {
    /// Nothing but links to these.
    pub(super) const fn of(debug_files: &'a DebugFiles<'a>) -> Self {
        Self { explained: Vec::new(), text: None, debug_files }
    }
}

/// Compares an original with another file, at the path `filled`.
///
/// # Errors
/// A file that cannot be read.
pub(super) fn compare(
    before: &Image,
    file: &File,
    filled: &Path,
    permitted: &Permitted<'_>,
) -> Result<ImageReport> {
    let mut report = ImageReport::default();
    let original = &before.path;
    let length = |file: &File, path: &Path| {
        file.metadata().map(|metadata| metadata.len()).map_err(Error::io("open", path))
    };
    let sizes = (length(&before.file, original)?, length(file, filled)?);
    let areas = areas(before, file, permitted, &mut report).map_err(Error::io("read", filled))?;
    let explained = merged(permitted.explained.clone());
    let build_id = image::changed_identity(&before.file, file)
        .map_err(|unread| unread.of("read", original, filled))?;
    report.rewritten_build_id = build_id.is_some();
    // Headers that are damaged give no names.
    let regions = image::known(original, image::regions(&ImageData::new(&before.file)))?;
    let link = permitted.debug_files.changed((&before.file, original), (file, filled))?;
    let identity: Vec<Range<u64>> =
        build_id.into_iter().chain(link.as_ref().map(|link| link.edit.range())).collect();
    let identity = merged(identity);
    let ranges = areas.iter().chain(&explained).chain(&identity).cloned().collect();
    let planned = differing(&before.file, file, ranges)
        .map_err(|unread| unread.of("read", original, filled))?;
    let finish = finished(before, (file, filled), &planned, &regions, &mut report)?;
    let follows: Vec<Range<u64>> = merged(finish.edits.iter().map(Edit::range).collect());
    if finish.length.unwrap_or(sizes.0) != sizes.1 {
        report.differences.push(ImageDifference {
            region: "end of file".into(),
            offset: sizes.0.min(sizes.1),
            bytes: sizes.0.abs_diff(sizes.1),
            reason: match finish.length {
                Some(length) => {
                    format!("the file has {} bytes, where it should have {length}", sizes.1)
                }
                None => format!("the file has {} bytes, it had {}", sizes.1, sizes.0),
            },
        });
    }
    match link {
        Some(link) if link.is_right => report.changed_debug_link = Some(link.name),
        Some(link) => {
            let offset = link.edit.offset;
            let reason = format!(
                "the checksum of the debug file {}: none is known that has it, and the build-id of this \
                 file; --debug-file names one",
                link.name
            );
            report.differences.push(ImageDifference::of(region(&regions, offset), offset, reason));
        }
        None => {}
    }
    let mut differences = Collector::new(&regions);
    let look = |at: u64, old: &[u8], new: &[u8]| {
        if old != new {
            for (byte, _) in old.iter().zip(new).enumerate().filter(|(_, (old, new))| old != new) {
                let offset = at + byte as u64;
                if containing(&areas, |area| area, offset).is_some() {
                    report.declared_bytes += 1;
                } else if containing(&follows, |range| range, offset).is_some() {
                    report.following_bytes += 1;
                } else if containing(&explained, |range| range, offset).is_none()
                    && containing(&identity, |range| range, offset).is_none()
                {
                    differences.add(offset);
                }
            }
        }
        true
    };
    pairs(&before.file, file, (0, 0), sizes.0.min(sizes.1), look)
        .map_err(|unread| unread.of("compare", original, filled))?;
    report.differences.append(&mut differences.found);
    report.differences.sort_by_key(|difference| difference.offset);
    Ok(report)
}

/// The bytes of these ranges, where they differ.
fn differing(
    before: &File,
    after: &File,
    ranges: Vec<Range<u64>>,
) -> Result<Vec<Edit>, UnreadFile> {
    let mut edits = Vec::new();
    for range in merged(ranges) {
        let mut bytes = (vec![0; (range.end - range.start) as usize], Vec::new());
        before.read_exact_at(&mut bytes.0, range.start).map_err(UnreadFile::Ours)?;
        bytes.1.resize(bytes.0.len(), 0);
        let read = read_at(after, &mut bytes.1, range.start).map_err(UnreadFile::Theirs)?;
        bytes.1.truncate(read);
        let edit = Edit { offset: range.start, before: bytes.0, after: bytes.1 };
        edits.extend(Some(edit).filter(|edit| edit.changes() && edit.keeps_size()));
    }
    Ok(edits)
}

/// The name of the region that an offset lies in.
fn region(regions: &[Region], offset: u64) -> &str {
    let mut found = regions.iter().filter(|region| {
        (region.offset..region.offset.saturating_add(region.size)).contains(&offset)
    });
    found.next().map_or("outside all sections", |region| &region.name)
}

/// What has to follow from these edits, as far as the other file has it. What it has not is told.
fn finished(
    before: &Image,
    (after, filled): (&File, &Path),
    planned: &[Edit],
    regions: &[Region],
    report: &mut ImageReport,
) -> Result<Finish> {
    if planned.is_empty() {
        return Ok(Finish::default());
    }
    let finish = |allowed| image::finish(&before.file, &before.path, planned, allowed);
    let is_there =
        |edit: &Edit| holds(after, edit.offset, &edit.after).map_err(Error::io("read", filled));
    // The options of the fill are not known, but the result shows them.
    let mut found = Err(Error::changed(&before.path));
    for allowed in Allowed::EACH {
        let one = finish(allowed);
        let is_done = match &one {
            Ok(one) => {
                one.edits.iter().map(is_there).collect::<Result<Vec<_>>>()?.iter().all(|&done| done)
            }
            Err(error) if error.is_of_reading() => return one,
            Err(_) => false,
        };
        if found.is_err() || is_done {
            found = one;
        }
    }
    let mut finish = match found {
        Ok(finish) => finish,
        Err(error) if error.is_of_reading() => return Err(error),
        Err(error) => {
            let reason = format!("this file could not have been changed: {error}");
            report.differences.push(ImageDifference::of("signature", 0, reason));
            return Ok(Finish::default());
        }
    };
    let mut kept = Vec::new();
    for edit in finish.edits {
        if is_there(&edit)? {
            kept.push(edit);
            continue;
        }
        let name = region(regions, edit.offset);
        let reason = format!(
            "the {} bytes at {:#x} are not what has to follow from the other changes",
            edit.after.len(),
            edit.offset
        );
        report.differences.push(ImageDifference::of(name, edit.offset, reason));
    }
    finish.edits = kept;
    report.notes.append(&mut finish.warnings);
    Ok(finish)
}

/// The same bytes in ranges that are sorted, and do not overlap.
pub(crate) fn merged(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.sort_by_key(|range| range.start);
    ranges.dedup_by(|next, last| {
        let overlaps = next.start <= last.end;
        if overlaps {
            last.end = last.end.max(next.end);
        }
        overlaps
    });
    ranges
}

/// The value areas whose bytes are those of a fill, and the records that were written anew. Others
/// are told, and compared like all bytes.
fn areas(
    before: &Image,
    after: &File,
    permitted: &Permitted<'_>,
    report: &mut ImageReport,
) -> io::Result<Vec<Range<u64>>> {
    let mut areas = Vec::new();
    for (section, place) in before.records() {
        let start = section.offset + place.at as u64;
        let Ok(old) = section.record(place) else { continue };
        let mut bytes = vec![0; old.bytes().len()];
        let read = read_at(after, &mut bytes, start)?;
        let checked = if read == bytes.len() {
            check(&place.shape, &old, &bytes, permitted)
        } else {
            Err("it is not there".into())
        };
        match checked {
            Ok(changed) => {
                areas.push(if changed.defaults.is_empty() {
                    let from = start + u64::from(VALUES_OFFSET);
                    from..from + old.value_area().len() as u64
                } else {
                    start..start + old.bytes().len() as u64
                });
                report.changed_defaults.extend(changed.defaults);
                report.changed_values.extend(changed.values);
            }
            Err(reason) => {
                let region = match &section.member {
                    Some(member) => format!("{member}: {}", section.name),
                    None => section.name.clone(),
                };
                let reason = format!("record `{}`: {reason}", place.shape.name);
                report.differences.push(ImageDifference::of(&region, start, reason));
            }
        }
    }
    Ok(areas)
}

impl ImageDifference {
    /// One that is told in words.
    pub(crate) fn of(region: &str, offset: u64, reason: String) -> Self {
        Self { region: region.to_owned(), offset, bytes: 0, reason }
    }
}

/// What a fill changed in a record.
#[derive(Default)]
struct Changed {
    /// The fields whose default changed.
    defaults: Vec<String>,
    values: Vec<ChangedValue>,
}

/// Whether these bytes are a fill of this record, or the record as it was.
fn check(
    shape: &Shape,
    old: &Record<'_>,
    bytes: &[u8],
    permitted: &Permitted<'_>,
) -> Result<Changed, String> {
    if old.bytes() == bytes {
        return Ok(Changed::default());
    }
    let new = Record::parse(bytes).map_err(|error| error.to_string())?;
    let now = Shape::from_record(&new).map_err(|error| error.to_string())?;
    let defaults = descriptor::rewritten(shape, &now).ok_or("its descriptor differs")?;
    if let Some(text) = permitted.text {
        let has_other =
            |name: &&&str| !descriptor::follows(default(shape, name), default(&now, name), text);
        if let Some(name) = defaults.iter().find(has_other) {
            return Err(format!("the default of `{name}` is not what the rewrites make of it"));
        }
    }
    if bytes[new.bytes().len()..].iter().any(|&byte| byte != 0) {
        return Err("a byte behind it, where it was longer, is not zero".into());
    }
    let values = match now.values_of(&new) {
        Ok((State::Filled, values)) => values,
        Ok(_) => {
            let reason = "it is not filled: were the two files swapped? The original comes first";
            return Err(reason.into());
        }
        Err(error) => return Err(error.to_string()),
    };
    // A record that a killed fill left has no values.
    let earlier = shape.values_of(old).map(|(_, values)| values).unwrap_or_default();
    Ok(Changed {
        defaults: defaults.into_iter().map(str::to_owned).collect(),
        values: changed_values(&now, &earlier, &values),
    })
}

fn default<'a>(shape: &'a Shape, field: &str) -> Option<&'a postlink_codegen::Default> {
    shape.fields.get(shape.position(field)?)?.default.as_ref()
}

fn changed_values(shape: &Shape, old: &[Evaluated], new: &[Evaluated]) -> Vec<ChangedValue> {
    let text = |field: &Field, value: Option<&Evaluated>| {
        let value = value.and_then(|value| value.value.as_ref());
        value.map(|value| field.display(value))
    };
    let changed = |(position, (field, now)): (usize, (&Field, &Evaluated))| {
        let before = old.get(position);
        let is_other = before.and_then(|before| before.value.as_ref()) != now.value.as_ref();
        is_other.then(|| ChangedValue {
            section: shape.name.clone(),
            field: field.name.clone(),
            old: text(field, before),
            new: text(field, Some(now)),
        })
    };
    shape.fields.iter().zip(new).enumerate().filter_map(changed).collect()
}

/// Differing bytes, summed up for each region.
struct Collector<'a> {
    regions: &'a [Region],
    /// The regions that begin behind the last byte, by their positions; the next one is the last.
    ahead: Vec<usize>,
    /// Those that have begun. Of several that a byte lies in, the first one counts.
    begun: BTreeSet<usize>,
    found: Vec<ImageDifference>,
    /// The difference of each region; `None` stands for what lies in no region.
    known: HashMap<Option<&'a str>, usize>,
    /// How far bytes lie where the last one lies, and the difference there: bytes come in order.
    last: (Range<u64>, usize),
}

impl<'a> Collector<'a> {
    fn new(regions: &'a [Region]) -> Self {
        let mut ahead: Vec<usize> = (0..regions.len()).collect();
        ahead.sort_by_key(|&position| Reverse(regions[position].offset));
        let (begun, known) = (BTreeSet::new(), HashMap::new());
        Self { regions, ahead, begun, found: Vec::new(), known, last: (0..0, 0) }
    }

    fn add(&mut self, offset: u64) {
        if !self.last.0.contains(&offset) {
            let (region, end) = self.region(offset);
            let position = *self.known.entry(region).or_insert(self.found.len());
            if position == self.found.len() {
                let region = region.unwrap_or("outside all sections");
                self.found.push(ImageDifference::of(region, offset, String::new()));
            }
            self.last = (offset..end, position);
        }
        self.found[self.last.1].bytes += 1;
    }

    /// The name of the region that a byte lies in, and where another region may follow.
    fn region(&mut self, offset: u64) -> (Option<&'a str>, u64) {
        let start = |position: &usize| self.regions[*position].offset;
        let end = |position: usize| {
            let region = &self.regions[position];
            region.offset.saturating_add(region.size)
        };
        while let Some(next) = self.ahead.pop_if(|next| start(next) <= offset) {
            self.begun.insert(next);
        }
        let next = self.ahead.last().map_or(u64::MAX, start);
        while let Some(&first) = self.begun.first() {
            if end(first) > offset {
                return (Some(&self.regions[first].name), next.min(end(first)));
            }
            self.begun.pop_first();
        }
        (None, next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(
        regions: &[Region],
        offsets: impl IntoIterator<Item = u64>,
    ) -> Vec<(String, u64, u64)> {
        let mut collector = Collector::new(regions);
        offsets.into_iter().for_each(|offset| collector.add(offset));
        let told = |one: ImageDifference| (one.region, one.offset, one.bytes);
        collector.found.into_iter().map(told).collect()
    }

    fn region(name: &str, offset: u64, size: u64) -> Region {
        Region { name: name.to_owned(), offset, size }
    }

    /// A member comes behind its parts, and where regions overlap the first one counts.
    #[test]
    fn bytes_lie_in_the_first_region_that_has_them() {
        let regions = [
            region("header", 10, 2),
            region("text", 20, 5),
            region("notes", 22, 8),
            region("member", 10, 30),
            region("text", 50, 1),
            region("none", 52, 0),
        ];
        let told = |name: &str, offset, bytes| (name.to_owned(), offset, bytes);
        let expected = [
            told("outside all sections", 9, 16),
            told("header", 10, 2),
            told("member", 12, 18),
            told("text", 20, 6),
            told("notes", 25, 5),
        ];
        assert_eq!(found(&regions, 9..56), expected);
        assert_eq!(
            found(&regions, [13, 24, 51]),
            [told("member", 13, 1), told("text", 24, 1), told("outside all sections", 51, 1),]
        );
    }

    /// A look at all regions for each one that differs would take hours here.
    #[test]
    fn very_many_regions_that_differ_are_told_soon() {
        let many = 500_000;
        let regions: Vec<_> = (0..many).map(|at| region(&format!("s{at}"), 2 * at, 2)).collect();
        let found = found(&regions, (0..many).map(|at| 2 * at + 1));
        assert!(found.len() as u64 == many && found.iter().all(|(_, _, bytes)| *bytes == 1));
    }
}
