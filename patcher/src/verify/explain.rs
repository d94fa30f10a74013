//! The reasons why a file may differ after `specialize`: values, strings that the loader reads,
//! and the rewrites of texts.

use std::fs::File;
use std::ops::Range;
use std::path::Path;

use super::debug_files::DebugFiles;
use super::images::{Permitted, compare, merged};
use crate::edit::{Edit, outermost};
use crate::error::{Error, ImageProblem, Result, SectionProblem};
use crate::files::compare::{UnreadFile, holds, pairs};
use crate::files::open::{read_at, size};
use crate::files::tree_file::TreeFile;
use crate::files::window::Window;
use crate::image;
use crate::image::Region;
use crate::image::data::ImageData;
use crate::image::loader::{LoaderProblem, LoaderText, Role};
use crate::image::places::containing;
use crate::image::{begins_image, places};
use crate::image::{loader_texts, replace_loader_texts};
use crate::record::read::Image;
use crate::scan::finding::FindingKind;
use crate::search::boundary::Fit;
use crate::search::encoding::Encoding;
use crate::search::engine::Searcher;
use crate::search::hits::Hit;
use crate::search::parts;
use crate::search::text;
use crate::search::unpack;
use crate::shown::escaped;
use crate::shown::shown;
use crate::specialize::beside::Beside;
use crate::specialize::rules::{FilePlace, Rules, Strings, is_unmistakable};
use crate::verify::change::{Change, TreeDifference};

/// Bytes between two changes that are compared in one piece.
const PIECE: u64 = 256 << 10;

/// What was found of a file that differs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Explained {
    /// What may differ.
    pub changes: Vec<Change>,
    /// What may not.
    pub differences: Vec<TreeDifference>,
}

/// A file of the original tree, and that of the other one.
pub(super) struct Pair<'a> {
    /// The original.
    pub(super) original: TreeFile<'a>,
    /// The other one.
    pub(super) filled: TreeFile<'a>,
}

/// Explains differences by the rulebook.
pub(super) struct Explainer<'a> {
    rules: &'a Rules<'a>,
    searcher: Searcher,
    beside: &'a Beside,
    /// The path that the tree has in the end.
    destination: &'a Path,
    /// What images may have links to.
    debug_files: &'a DebugFiles<'a>,
    /// Whether short words were rewritten wherever they stand.
    short_words: bool,
}

impl<'a> Explainer<'a> {
    /// # Errors
    /// An old path that is too long to be searched.
    pub(super) fn new(
        rules: &'a Rules<'a>,
        beside: &'a Beside,
        destination: &'a Path,
        debug_files: &'a DebugFiles<'a>,
        short_words: bool,
    ) -> Result<Self> {
        let searcher = Searcher::new(rules.rewrites.references())?;
        Ok(Self { rules, searcher, beside, destination, debug_files, short_words })
    }

    /// Explains a file whose bytes are others.
    ///
    /// # Errors
    /// A file that cannot be read, or in which there are too many references.
    pub(super) fn file(&self, pair: &Pair<'_>) -> Result<Explained> {
        pair.original.read("open", |before| {
            pair.filled.read("open", |after| self.opened(pair, before, after))
        })
    }

    fn opened(&self, pair: &Pair<'_>, before: &File, after: &File) -> Result<Explained> {
        let path = pair.original.path();
        let unrecorded = || {
            let file = pair.original.open("open")?;
            Ok::<_, Error>(Image { path: path.clone(), file, sections: Vec::new() })
        };
        let mut explained = Explained::default();
        let image = match Image::of_file(pair.original) {
            Ok(image) => image,
            // One without section headers is an image to its loader.
            Err(Error::NotImage { .. }) if is_image(before, &path)? => unrecorded()?,
            Err(Error::NotImage { .. }) => {
                self.content(pair, before, after, &mut explained)?;
                return Ok(explained);
            }
            // A separate debug file has no values either.
            Err(
                Error::NoRecord { .. } | Error::Section { problem: SectionProblem::NoBits, .. },
            ) => unrecorded()?,
            Err(error) if error.is_of_reading() => return Err(error),
            Err(error) => {
                let reason = format!("the original: {error}");
                explained.differences.push(TreeDifference { reason, ..TreeDifference::default() });
                unrecorded()?
            }
        };
        self.image(pair, &image, after, &mut explained)?;
        Ok(explained)
    }

    fn image(
        &self,
        pair: &Pair<'_>,
        image: &Image,
        after: &File,
        explained: &mut Explained,
    ) -> Result<()> {
        let failed = |error| Error::io("compare", &image.path)(error);
        let unread = |error: UnreadFile| error.of("compare", &image.path, &pair.filled.path());
        let texts = image::known(&image.path, loader_texts(&ImageData::new(&image.file)))?;
        let entry = pair.original.entry;
        let place = self.beside.place(entry, &image.file, &texts, self.destination);
        let place = place.map_err(failed)?;
        let mut ranges = Vec::new();
        let filled = pair.filled.path();
        ranges.extend(self.loader_texts(image, (after, &filled), &texts, &place, explained)?);
        // Records, and strings that the loader reads, have rules of their own.
        let mut taken: Vec<Range<u64>> = texts.into_iter().map(|text| text.range).collect();
        taken.extend(image.records().filter_map(|(section, place)| {
            let start = section.offset + place.at as u64;
            Some(start..start + section.record(place).ok()?.bytes().len() as u64)
        }));
        let taken = merged(taken);
        if self.rules.equal_length {
            // An image whose parts cannot be told is searched as a whole.
            let places = image::known(&image.path, places(&ImageData::new(&image.file), &[]))?;
            let kind =
                |hit: &Hit| FindingKind::in_image(places.part(hit.offset).map(|part| part.purpose));
            let strings = self.edits(pair.original, &image.file, kind)?;
            let mut places = 0;
            for edit in strings {
                let is_taken = containing(&taken, |range| range, edit.offset).is_some();
                let is_there = || {
                    let there = holds(after, edit.offset, &edit.after);
                    there.map_err(|error| unread(UnreadFile::Theirs(error)))
                };
                if !is_taken && edit.changes() && is_there()? {
                    ranges.push(edit.range());
                    places += 1;
                }
            }
            explained.changes.extend((places > 0).then_some(Change::Strings { places }));
        }
        let text = |text: &str| self.rules.string(text);
        let debug_files = self.debug_files;
        let permitted = Permitted { explained: ranges, text: Some(&text), debug_files };
        let report = compare(image, after, &filled, &permitted)?;
        let defaults = report.changed_defaults.into_iter().map(|field| Change::Default { field });
        explained.changes.extend(report.changed_values.into_iter().map(Change::Value));
        explained.changes.extend(defaults);
        explained.changes.extend(report.rewritten_build_id.then_some(Change::BuildId));
        let link = report.changed_debug_link.map(|name| Change::DebugLink { name });
        explained.changes.extend(link);
        let (bytes, notes) = (report.following_bytes, report.notes);
        // A change that no hash covers is told too.
        let follows = bytes > 0 || !notes.is_empty();
        explained.changes.extend(follows.then_some(Change::Following { bytes, notes }));
        explained.differences.extend(report.differences.into_iter().map(TreeDifference::from));
        Ok(())
    }

    /// Where the bytes of strings that the loader reads differ, if these are the right ones.
    fn loader_texts(
        &self,
        image: &Image,
        (after, filled): (&File, &Path),
        texts: &[LoaderText],
        place: &FilePlace<'_>,
        explained: &mut Explained,
    ) -> Result<Vec<Range<u64>>> {
        let now = image::known(filled, loader_texts(&ImageData::new(after)))?;
        let are_same = now.iter().map(|text| text.role).eq(texts.iter().map(|text| text.role));
        if !are_same {
            // The difference is then told by its region.
            return Ok(Vec::new());
        }
        let data = ImageData::new(&image.file);
        let regions = image::known(&image.path, image::regions(&data))?;
        let mut changes: Vec<(&LoaderText, &[u8])> = Vec::new();
        for (text, now) in texts.iter().zip(&now).filter(|(text, now)| text.text != now.text) {
            if self.rules.is_loader(text, &now.text, place) {
                changes.push((text, &now.text));
            } else {
                let expected = shown(&self.rules.loader_text(text));
                let why = format!("the rewrites give `{expected}`");
                explained.differences.push(wrong_text(&regions, text, &now.text, &why));
            }
        }
        // Also checks that nothing else reads the same bytes.
        let edits = match replace_loader_texts(&data, &changes) {
            Ok(edits) => edits,
            Err(LoaderProblem::Image(problem @ ImageProblem::Unread(_))) => {
                return Err(Error::not_image(&image.path)(problem));
            }
            Err(problem) => {
                let why = problem.to_string();
                let wrong = changes.iter().map(|(text, now)| wrong_text(&regions, text, now, &why));
                explained.differences.extend(wrong);
                return Ok(Vec::new());
            }
        };
        let mut ranges = Vec::new();
        for edit in edits {
            let is_there = holds(after, edit.offset, &edit.after);
            if is_there.map_err(Error::io("compare", filled))? {
                ranges.push(edit.range());
            }
        }
        explained.changes.extend(changes.into_iter().map(|(text, now)| {
            let (old, new) = (shown(&text.text), shown(now));
            match text.role {
                Role::SearchPath => Change::Runpath { old, new },
                Role::Interpreter | Role::Library => Change::Loader { old, new },
            }
        }));
        Ok(ranges)
    }

    /// Compares files that are no images.
    fn content(
        &self,
        pair: &Pair<'_>,
        before: &File,
        after: &File,
        explained: &mut Explained,
    ) -> Result<()> {
        let paths = (pair.original.path(), pair.filled.path());
        let unread = |error: UnreadFile| error.of("compare", &paths.0, &paths.1);
        let failed = |error| unread(UnreadFile::Ours(error));
        let looked = || {
            let (start, size) = (&mut [0; 16], size(before)?);
            let read = read_at(before, start, 0)?;
            let is_packed = unpack::detect(before, &start[..read], size)?.is_some();
            let is_text = !is_packed && text::lines(before, &[])?.is_some();
            Ok((is_text, is_packed, size))
        };
        let (is_text, is_packed, size) = looked().map_err(failed)?;
        let edits = match (is_text, is_packed) {
            (true, _) => self.text(pair.original, before)?,
            (false, false) => self.edits(pair.original, before, |_| FindingKind::Data)?,
            (false, true) => {
                let packed = self.rules.packed(before, size).map_err(failed)?;
                packed.ok().flatten().into_iter().collect()
            }
        };
        let places = edits.iter().filter(|edit| edit.changes()).count();
        let Some((old, new)) = mismatch(before, after, &edits).map_err(unread)? else {
            explained.changes.push(match is_text || is_packed {
                true => Change::Text { places },
                false => Change::Strings { places },
            });
            return Ok(());
        };
        let mut difference = TreeDifference { offset: Some(old), ..TreeDifference::default() };
        if is_text {
            let hit = |offset| Hit {
                offset,
                length: 0,
                reference: 0,
                encoding: Encoding::Plain,
                fit: Fit::Certain,
            };
            let lines = text::lines(before, &[hit(old)]).map_err(failed)?;
            let around = |file, at| Ok(text::around(&mut Window::new(file), &hit(at))?.0);
            let was = around(before, old).map_err(failed)?;
            let is = around(after, new).map_err(|error| unread(UnreadFile::Theirs(error)))?;
            difference.line = lines.and_then(|lines| lines.first().copied());
            difference.reason = format!("`{was}` became `{is}`, which the rewrites do not give");
        } else {
            let what = if is_packed { "the archive or compressed file" } else { "the data" };
            difference.reason = format!("{what} differs, first at {old:#x}");
        }
        explained.differences.push(difference);
        Ok(())
    }

    /// What the rulebook makes of the references in a text, in its order. None overlap.
    fn text(&self, found: TreeFile<'_>, file: &File) -> Result<Vec<Edit>> {
        let mut hits = self.hits(found)?;
        let path = found.path();
        let failed = |error| Error::io("compare", &path)(error);
        let counted = text::counted(file, &hits).map_err(failed)?;
        for (hit, _) in hits.iter_mut().zip(counted).filter(|(_, counted)| *counted) {
            hit.fit = Fit::Unclear;
        }
        let mut window = Window::new(file);
        let mut edits = Vec::new();
        for hit in &hits {
            let reference = self.searcher.references().get(hit.reference);
            let word = reference.filter(|one| one.is_word() && !self.short_words);
            // The line is looked at only where the word alone does not tell.
            let is_meant = match word {
                Some(word) if is_unmistakable(&word.path, found, "") => true,
                Some(word) => {
                    let (around, _) = text::around(&mut window, hit).map_err(failed)?;
                    is_unmistakable(&word.path, found, &around)
                }
                None => true,
            };
            if is_meant {
                let edit = self.rules.hit(&mut window, FindingKind::Text, hit, Strings::Stay);
                edits.extend(edit.map_err(failed)?);
            }
        }
        Ok(outermost(edits))
    }

    /// What the rulebook makes of the references in another file, in its order. None overlap.
    fn edits(
        &self,
        found: TreeFile<'_>,
        file: &File,
        kind: impl Fn(&Hit) -> FindingKind,
    ) -> Result<Vec<Edit>> {
        let path = found.path();
        let failed = |error| Error::io("compare", &path)(error);
        let strings = self.rules.strings(file, found.size()).map_err(failed)?;
        let mut edits = Vec::new();
        let mut window = Window::new(file);
        for hit in &self.hits(found)? {
            let edit = self.rules.hit(&mut window, kind(hit), hit, strings);
            edits.extend(edit.map_err(failed)?);
        }
        Ok(outermost(edits))
    }

    fn hits(&self, found: TreeFile<'_>) -> Result<Vec<Hit>> {
        let hits = parts::files(&self.searcher, &[found], &())?;
        Ok(hits.into_iter().flat_map(|found| found.hits).collect())
    }
}

/// The loader reads this string, and it is not one of those that it may be.
fn wrong_text(regions: &[Region], text: &LoaderText, now: &[u8], why: &str) -> TreeDifference {
    let (name, old, new) = (text.name, shown(&text.text), shown(now));
    let start = text.range.start;
    let region = regions
        .iter()
        .find(|region| (region.offset..region.offset.saturating_add(region.size)).contains(&start));
    TreeDifference {
        region: region.map(|region| region.name.clone()),
        offset: Some(start),
        reason: format!("the {name} `{old}` became `{new}`: {why}"),
        ..TreeDifference::default()
    }
}

/// Whether the loader's strings can be read from a file.
fn is_image(file: &File, path: &Path) -> Result<bool> {
    let mut start = [0; 16];
    let read = read_at(file, &mut start, 0).map_err(Error::io("compare", path))?;
    if !begins_image(&start[..read]) {
        return Ok(false);
    }
    image::known(path, places(&ImageData::new(file), &[]).map(|_| true))
}

/// Where a file differs from the original with these changes: the offset in the original, and in
/// this.
fn mismatch(before: &File, after: &File, edits: &[Edit]) -> Result<Option<(u64, u64)>, UnreadFile> {
    let (ours, theirs) = (UnreadFile::Ours, UnreadFile::Theirs);
    let sizes = (size(before).map_err(ours)?, size(after).map_err(theirs)?);
    let end = Edit { offset: sizes.0, before: Vec::new(), after: Vec::new() };
    let mut windows = (Window::new(before), Window::new(after));
    let mut at = (0, 0);
    for edit in edits.iter().chain([&end]) {
        let size = edit.offset - at.0;
        // Of many small changes, what is between them is in memory already.
        let same = match size <= PIECE {
            true => {
                let one = windows.0.read(at.0..at.0 + size).map_err(ours)?;
                first_other(one, windows.1.read(at.1..at.1 + size).map_err(theirs)?)
            }
            false => {
                let shared = sizes.1.saturating_sub(at.1).min(size);
                let mut found = None;
                pairs(before, after, at, shared, |from, ours, theirs| {
                    found = first_other(ours, theirs).map(|same| from + same);
                    found.is_none()
                })?;
                found.or((shared < size).then_some(shared))
            }
        };
        if let Some(same) = same {
            return Ok(Some((at.0 + same, at.1 + same)));
        }
        at.1 += size;
        if !windows.1.holds(at.1, &edit.after).map_err(theirs)? {
            return Ok(Some((edit.offset, at.1)));
        }
        at = (edit.end(), at.1 + edit.after.len() as u64);
    }
    Ok((at.1 != sizes.1).then_some(at))
}

/// How many bytes are the same before the first that is another one; `None` if all are.
fn first_other(ours: &[u8], theirs: &[u8]) -> Option<u64> {
    let same = ours.iter().zip(theirs).take_while(|(one, other)| one == other);
    (ours != theirs).then(|| same.count() as u64)
}

/// What a link to `old` may lead to, where it leads to `new` now.
#[must_use]
pub(super) fn link(old: &Path, new: &Path, rules: &Rules<'_>) -> Explained {
    let mut explained = Explained::default();
    if old == new {
        return explained;
    }
    let expected = rules.link(old);
    let (was, is) = (escaped(old.as_os_str()), escaped(new.as_os_str()));
    if expected.as_deref().map(Path::as_os_str) == Some(new.as_os_str()) {
        explained.changes.push(Change::Link { old: was, new: is });
    } else {
        let expected = escaped(expected.as_deref().unwrap_or(old).as_os_str());
        let reason = format!("link to `{was}` leads to `{is}`: the rewrites give `{expected}`");
        explained.differences.push(TreeDifference { reason, ..TreeDifference::default() });
    }
    explained
}
