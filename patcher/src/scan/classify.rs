//! Says of each reference in a file what it lies in.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashSet};
use std::fs::File;
use std::ops::Range;
use std::path::Path;

use postlink_format::Type;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ImageProblem, Result, SectionProblem};
use crate::files::tree_file::TreeFile;
use crate::files::window::Window;
use crate::image;
use crate::image::archive::members;
use crate::image::data::ImageData;
use crate::image::loader::{LoaderText, Role};
use crate::image::places;
use crate::image::places::{Places, Purpose, Symbol, containing};
use crate::record::area::{RecordArea, areas};
use crate::record::read::{Image, RecordPlace, RecordSection};
use crate::scan::fields::{KnownRecord, mark_joined, unset};
use crate::scan::finding::{
    Action, Finding, FindingKind, IN_DEFAULT, JOINED, finding, finding_of, in_another_way,
};
use crate::scan::propose::entry;
use crate::search::boundary::Fit;
use crate::search::engine::Searcher;
use crate::search::hits::{Hit, Hits, MOST_RECORDS};
use crate::search::pieces::PIECE;
use crate::search::reference::Reference;
use crate::search::text;
use crate::search::unpack::{self, FoundMember, Inside, PackFormat};

/// What a file is, as far as a rewrite is concerned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// No references and no records: it is not looked at further.
    #[default]
    Other,
    /// A text.
    Text,
    /// A program, library or object file.
    Image,
    /// Compressed, or an archive.
    Packed,
    /// Another binary file.
    Data,
}

/// What is known of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Known {
    /// What it is.
    pub content: Content,
    /// Its records.
    pub records: Vec<KnownRecord>,
    /// Section and field of each value that these require and do not have.
    pub unset: BTreeSet<(String, String)>,
    /// What was found in it.
    pub findings: Vec<Finding>,
}

/// A file that was searched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Searched<'a> {
    /// The file.
    pub file: TreeFile<'a>,
    /// What was found in it.
    pub found: &'a Hits,
}

impl<'a> Searched<'a> {
    /// Relative to its tree.
    fn name(&self) -> &'a Path {
        &self.file.entry.path
    }

    fn is_image(&self) -> bool {
        image::begins_image(&self.found.start)
    }

    fn may_be_packed(&self) -> bool {
        unpack::may_be_packed(self.found)
    }

    fn has_nothing(&self) -> bool {
        let Hits { hits, pieces, records, .. } = self.found;
        hits.is_empty() && pieces.is_empty() && records.is_empty()
    }
}

/// Looks at a file that was searched. Members are looked into if `look_inside`.
///
/// # Errors
/// The system refuses something.
pub(crate) fn file(
    searcher: &Searcher,
    searched: Searched<'_>,
    look_inside: bool,
) -> Result<Known> {
    let may_have_more = look_inside && (searched.is_image() || searched.may_be_packed());
    if searched.has_nothing() && !may_have_more {
        return Ok(Known::default());
    }
    searched.file.read("search", |file| {
        let window = RefCell::new(Window::new(file));
        Context { searcher, searched, file, window }.known(look_inside)
    })
}

const UNCHANGED: &str =
    "a pattern or an allowed value of the schema has the path: write it without that";
const COUNTED: &str = "the text counts its bytes, or is signed, and would be wrong if they became others: \
                       write it anew at its new place, or name the file with --allow-left";

struct Context<'a> {
    searcher: &'a Searcher,
    searched: Searched<'a>,
    file: &'a File,
    /// For the texts around hits.
    window: RefCell<Window<'a>>,
}

impl Context<'_> {
    /// What is known of the file.
    fn known(&self, look_inside: bool) -> Result<Known> {
        let Searched { found, .. } = self.searched;
        let is_image = self.searched.is_image();
        let failed = |error| self.failed(error);
        let format = match self.searched.may_be_packed() {
            true => unpack::detect(self.file, &found.start, self.searched.file.size())
                .map_err(failed)?,
            false => None,
        };
        if self.searched.has_nothing() && !is_image && format.is_none() {
            return Ok(Known::default());
        }
        let inside = match format {
            Some(format) if look_inside => {
                unpack::search(self.searcher, self.file, self.searched.file.size(), format)
            }
            _ => Inside::default(),
        };
        if let Some(mut known) = is_image.then(|| self.image(look_inside)).transpose()?.flatten() {
            // A program with an archive behind it, which it unpacks itself.
            known.findings.extend(self.members(inside.members));
            return Ok(known);
        }
        if let Some(format) = format {
            return self.packed(format, inside, look_inside);
        }
        let mut known = Known::default();
        if let Some(lines) = text::lines(self.file, &found.hits).map_err(failed)? {
            known.content = Content::Text;
            let counted = text::counted(self.file, &found.hits).map_err(failed)?;
            for ((hit, line), counted) in found.hits.iter().zip(lines).zip(counted) {
                // In a text the ends of a path are seen.
                if hit.fit == Fit::Inside {
                    continue;
                }
                let fit = if counted { Fit::Unclear } else { hit.fit };
                let mut found = self.hit(FindingKind::Text, &Hit { fit, ..*hit })?;
                found.line = Some(line);
                if counted {
                    found.advice = COUNTED.into();
                }
                known.findings.push(found);
            }
        } else {
            known.content = Content::Data;
            known.findings = self.hits(FindingKind::Data)?;
            known.findings.extend(self.unknown_records(&[]));
        }
        Ok(known)
    }

    fn failed(&self, error: std::io::Error) -> Error {
        Error::io("search", self.searched.file.path())(error)
    }

    fn hit(&self, kind: FindingKind, hit: &Hit) -> Result<Finding> {
        let around = text::around(&mut self.window.borrow_mut(), hit);
        let (text, _) = around.map_err(|error| self.failed(error))?;
        Ok(finding_of(self.searched.name(), kind, hit, text))
    }

    fn hits(&self, kind: FindingKind) -> Result<Vec<Finding>> {
        let hits = self.searched.found.hits.iter();
        hits.map(|hit| self.hit(kind, &self.outside_of_texts(hit)?)).collect()
    }

    /// A hit in what is no text. A longer reference that is there as well may be meant, though something
    /// follows it at once.
    fn outside_of_texts(&self, hit: &Hit) -> Result<Hit> {
        let references = self.searcher.references();
        let own = &references[hit.reference].needle;
        let longer = |one: &&Reference| one.needle.len() > own.len() && one.needle.starts_with(own);
        for one in references.iter().filter(longer) {
            let Some(bytes) = hit.encoding.encode(&one.needle) else { continue };
            let holds = self.window.borrow_mut().holds(hit.offset, &bytes);
            if hit.fit == Fit::Certain && holds.map_err(|error| self.failed(error))? {
                return Ok(Hit { fit: Fit::Inside, ..*hit });
            }
        }
        Ok(*hit)
    }

    /// What is known of an image; `None` if it only begins like one.
    fn image(&self, look_inside: bool) -> Result<Option<Known>> {
        let Searched { found, .. } = self.searched;
        let mut hits: Vec<&Hit> = found.hits.iter().chain(&found.pieces).collect();
        hits.sort_by_key(|hit| hit.offset);
        let offsets: Vec<u64> = hits.iter().map(|hit| hit.offset).collect();
        let cache = ImageData::new(self.file);
        let places = match places(&cache, &offsets) {
            Ok(places) => places,
            Err(problem @ ImageProblem::Unread(_)) => {
                return Err(Error::not_image(&self.searched.file.path())(problem));
            }
            Err(_) => return Ok(None),
        };
        let mut known = Known { content: Content::Image, ..Known::default() };
        let areas = self.records(&cache, &mut known)?;
        for string in &places.strings {
            known.findings.extend(self.in_loader_string(string));
        }
        for (hit, symbol) in hits.into_iter().zip(&places.symbols) {
            known.findings.extend(self.in_image(hit, &places, &areas, symbol.as_ref())?);
        }
        known.findings.extend(self.more_pieces());
        if look_inside {
            known.findings.extend(self.compressed_sections(&places));
        }
        Ok(Some(known))
    }

    /// What is in compressed sections.
    fn compressed_sections(&self, places: &Places) -> Vec<Finding> {
        let mut findings = Vec::new();
        for part in &places.parts {
            let Some((compression, offset)) = part.compressed else { continue };
            let range = offset..part.range.end;
            let (name, searcher) = (&part.name, self.searcher);
            let members = unpack::search_section(searcher, self.file, name, range, compression);
            findings.extend(self.members(members));
        }
        findings
    }

    /// What is known of an archive or a compressed file.
    fn packed(&self, format: PackFormat, inside: Inside, look_inside: bool) -> Result<Known> {
        let found = self.searched.found;
        let mut known = Known { content: Content::Packed, ..Known::default() };
        known.findings = self.members(inside.members);
        // Members that are not compressed were found in the file already, but without their names.
        if format == PackFormat::Ar {
            let looked_into: HashSet<String> =
                known.findings.iter().filter_map(|one| one.member.first().cloned()).collect();
            let areas = match found.records.is_empty() {
                true => Vec::new(),
                false => self.records(&ImageData::new(self.file), &mut known)?,
            };
            known.findings.extend(self.in_archive(&looked_into, &areas)?);
            // Debug information of object files may be compressed. What is no static library has none.
            if look_inside {
                let places = places(&ImageData::new(self.file), &[]);
                let places = image::known(&self.searched.file.path(), places)?;
                known.findings.extend(self.compressed_sections(&places));
            }
            return Ok(known);
        }
        let is_closed = known.findings.iter().all(|one| one.kind == FindingKind::Unread);
        if is_closed && format != PackFormat::Tar {
            known.findings.extend(self.hits(FindingKind::Member)?);
        } else {
            // The bytes before an archive, such as the line of a script that names its interpreter,
            // or the name of the file that gzip was given: of such a text, the ends are seen.
            let is_stream = format.is_stream();
            let kind = if is_stream { FindingKind::Member } else { FindingKind::Data };
            let is_packed =
                |hit: &&Hit| containing(&inside.packed, |one| one, hit.offset).is_some();
            let is_meant = |hit: &&Hit| !is_packed(hit) && (hit.fit != Fit::Inside || !is_stream);
            for hit in found.hits.iter().filter(is_meant) {
                known.findings.push(self.hit(kind, hit)?);
            }
        }
        known.findings.extend(self.unknown_records(&[]));
        Ok(known)
    }

    /// A hit in a record: in the value of a field, or in its defaults, which are told already.
    /// `None` if it lies in no record.
    fn in_records(&self, hit: &Hit, areas: &[RecordArea]) -> Result<Option<Option<Finding>>> {
        let Some(area) = containing(areas, |area| &area.record, hit.offset) else {
            return Ok(None);
        };
        let is_in = |(_, range): &&(String, Range<u64>)| range.contains(&hit.offset);
        // Nothing compiles a record.
        if hit.fit == Fit::Piece || area.defaults.iter().any(|default| is_in(&default)) {
            return Ok(Some(None));
        }
        let Some((field, _)) = area.fields.iter().find(is_in) else {
            // A pattern, an allowed value, a name: no fill changes it.
            return Ok(Some(Some(Finding {
                section: Some(area.section.clone()),
                action: Action::None,
                advice: UNCHANGED.into(),
                ..self.hit(FindingKind::Descriptor, hit)?
            })));
        };
        // A value is a text, whose ends are seen.
        if hit.fit == Fit::Inside {
            return Ok(Some(None));
        }
        let found = Finding {
            section: Some(area.section.clone()),
            field: Some(field.clone()),
            ..self.hit(FindingKind::Value, hit)?
        };
        Ok(Some(Some(match area.joined.contains(field) {
            true => Finding { action: Action::None, advice: JOINED.into(), ..found },
            false => found,
        })))
    }

    fn in_image(
        &self,
        hit: &Hit,
        places: &Places,
        areas: &[RecordArea],
        symbol: Option<&Symbol>,
    ) -> Result<Option<Finding>> {
        if let Some(value) = self.in_records(hit, areas)? {
            return Ok(value);
        }
        // The strings that the loader reads were told one by one.
        if places.role(hit.offset).is_some() {
            return Ok(None);
        }
        let part = places.part(hit.offset);
        // Halves that are only near each other are a piece where instructions have them.
        let is_half = hit.fit == Fit::Piece && hit.length < PIECE as u64;
        if is_half && part.is_none_or(|part| part.purpose != Purpose::Code) {
            return Ok(None);
        }
        let kind = FindingKind::in_image(part.map(|part| part.purpose));
        let found = self.hit(kind, &self.outside_of_texts(hit)?)?;
        let reference = &self.searcher.references()[hit.reference];
        Ok(Some(Finding {
            section: part.map(|part| part.name.clone()),
            // A symbol that is only near has nothing to do with it.
            symbol: symbol.filter(|symbol| symbol.contains()).map(shown_symbol),
            entry: (kind == FindingKind::String && !found.possible)
                .then(|| entry(self.searched.name(), reference, hit.reference, &found.text)),
            ..found
        }))
    }

    /// The references in a string that the loader reads. It ends where the loader ends it, whatever the
    /// linker put into the same bytes.
    fn in_loader_string(&self, string: &LoaderText) -> Vec<Finding> {
        let kind = match string.role {
            Role::SearchPath => FindingKind::Runpath,
            Role::Interpreter | Role::Library => FindingKind::Loader,
        };
        let told = |hit: Hit| {
            let text = text::inside(&string.text, &hit);
            let hit = Hit { offset: string.range.start + hit.offset, ..hit };
            finding_of(self.searched.name(), kind, &hit, text)
        };
        let found = self.searcher.text(&string.text).into_iter().map(told);
        let another = string.split(&string.text).any(|one| self.searcher.is_in_another_way(one));
        let another = another.then(|| in_another_way(self.searched.name(), kind, &string.text));
        found.chain(another).collect()
    }

    fn members(&self, members: Vec<FoundMember>) -> Vec<Finding> {
        let mut findings = Vec::new();
        for FoundMember { names, hits, records, problem } in members {
            for hit in hits {
                let reference = &self.searcher.references()[hit.reference];
                let text = String::from_utf8_lossy(&reference.path).into_owned();
                let found = finding_of(self.searched.name(), FindingKind::Member, &hit, text);
                findings.push(Finding { member: names.clone(), packed: true, ..found });
            }
            let of = |kind, text: String| Finding {
                member: names.clone(),
                text,
                ..finding(self.searched.name(), kind)
            };
            if records > 0 {
                let text = match records {
                    0..=MOST_RECORDS => format!("{records} of them"),
                    _ => format!("more than {MOST_RECORDS} of them"),
                };
                findings.push(of(FindingKind::Record, text));
            }
            findings.extend(problem.map(|problem| of(FindingKind::Unread, problem)));
        }
        findings
    }

    /// That an image or archive may have more pieces of references than are told.
    fn more_pieces(&self) -> Option<Finding> {
        self.searched.found.has_more_pieces.then(|| Finding {
            text: "it has more pieces of paths than are told: some of them are not".into(),
            ..finding(self.searched.name(), FindingKind::Unread)
        })
    }

    /// The hits in those members of an `ar` archive that were not looked into.
    fn in_archive(
        &self,
        looked_into: &HashSet<String>,
        areas: &[RecordArea],
    ) -> Result<Vec<Finding>> {
        let members = match members(&ImageData::new(self.file)) {
            Err(problem @ ImageProblem::Unread(_)) => {
                return Err(Error::not_image(&self.searched.file.path())(problem));
            }
            found => found.unwrap_or_default(),
        };
        let mut findings: Vec<Finding> = self.more_pieces().into_iter().collect();
        let found = self.searched.found;
        let is_whole = |piece: &&Hit| piece.length == PIECE as u64;
        for hit in found.hits.iter().chain(found.pieces.iter().filter(is_whole)) {
            let behind = members.partition_point(|member| member.offset <= hit.offset);
            let member = behind.checked_sub(1).and_then(|last| members.get(last));
            let member = member.filter(|member| member.range().contains(&hit.offset));
            let member: Vec<String> = member.iter().map(|member| member.name.clone()).collect();
            if let Some(value) = self.in_records(hit, areas)? {
                findings.extend(value.map(|value| Finding { member, ..value }));
            } else if !member.iter().any(|name| looked_into.contains(name)) {
                findings.push(Finding { member, ..self.hit(FindingKind::Member, hit)? });
            }
        }
        Ok(findings)
    }

    /// Looks at the records of an image or archive, and says where they are. Each that the search saw
    /// is understood, or told.
    fn records(&self, cache: &ImageData<'_>, known: &mut Known) -> Result<Vec<RecordArea>> {
        let name = self.searched.name();
        // Most images have no record: to say why would need all their symbols.
        let located = image::locate(cache).map(|sections| sections.is_empty());
        let is_without = image::known(&self.searched.file.path(), located)?;
        let image = match is_without {
            true => None,
            false => match Image::of_file(self.searched.file) {
                Ok(image) => Some(image),
                Err(error) if error.is_of_reading() => return Err(error),
                Err(
                    Error::NoRecord { .. }
                    | Error::NotImage { .. }
                    // A separate debug file.
                    | Error::Section { problem: SectionProblem::NoBits, .. },
                ) => None,
                Err(error) => {
                    let text = error.to_string();
                    known.findings.push(Finding { text, ..finding(name, FindingKind::Record) });
                    return Ok(Vec::new());
                }
            },
        };
        let mut areas = image.as_ref().map(areas).unwrap_or_default();
        known.records = areas.iter().map(KnownRecord::from).collect();
        if let Some(image) = &image {
            known.findings.extend(self.damaged(image));
            known.findings.extend(self.in_defaults(image));
            known.unset = unset(image);
            mark_joined(self.searcher, image, &mut areas);
        }
        known.findings.extend(self.unknown_records(&areas));
        Ok(areas)
    }

    /// The records that the search saw, and that are none of these.
    fn unknown_records(&self, areas: &[RecordArea]) -> Vec<Finding> {
        let is_unknown = |at: &&u64| containing(areas, |area| &area.record, **at).is_none();
        let records = &self.searched.found.records;
        let more = (records.len() > MOST_RECORDS).then(|| Finding {
            text: format!("more than {MOST_RECORDS} records begin in it: the others are not told"),
            ..finding(self.searched.name(), FindingKind::Unread)
        });
        let unknown = records.iter().take(MOST_RECORDS).filter(is_unknown);
        let told = |at: &u64| Finding {
            text: format!("a record begins at {at:#x}"),
            ..finding(self.searched.name(), FindingKind::Record)
        };
        unknown.map(told).chain(more).collect()
    }

    /// The records whose values no fill can go on from.
    fn damaged(&self, image: &Image) -> Vec<Finding> {
        let damage = |(section, place): (&RecordSection, &RecordPlace)| {
            let source =
                section.record(place).and_then(|record| record.values().map(drop)).err()?;
            let (path, section) = (section.path.clone(), section.name.clone());
            let error = Error::Record { path, section, source };
            let (text, advice) = (error.to_string(), error.help().into());
            Some(Finding { text, advice, ..finding(self.searched.name(), FindingKind::Record) })
        };
        image.records().filter_map(damage).collect()
    }

    /// The references in defaults of declared fields. A search of the bytes does not see where such
    /// a text ends: the next one follows at once.
    fn in_defaults(&self, image: &Image) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (section, place) in image.records() {
            let Ok(record) = section.record(place) else { continue };
            let start = section.offset + place.at as u64;
            for field in record.fields() {
                for hit in self.searcher.text(field.default) {
                    let text = text::inside(field.default, &hit);
                    let offset = start + u64::from(field.default_offset) + hit.offset;
                    let hit = Hit { offset, ..hit };
                    let found = Finding {
                        section: Some(record.name().to_owned()),
                        field: Some(field.name.to_owned()),
                        ..finding_of(self.searched.name(), FindingKind::Descriptor, &hit, text)
                    };
                    findings.push(match field.ty {
                        Type::Bytes => {
                            Finding { action: Action::None, advice: IN_DEFAULT.into(), ..found }
                        }
                        _ => found,
                    });
                }
            }
        }
        findings
    }
}

/// `NAME+0xDISTANCE`, or where the symbol ends before the place, `near NAME+0xDISTANCE`.
pub(crate) fn shown_symbol(symbol: &Symbol) -> String {
    let Symbol { name, distance, .. } = symbol;
    let near = if symbol.contains() { "" } else { "near " };
    match distance {
        0 => name.clone(),
        distance => format!("{near}{name}+{distance:#x}"),
    }
}
