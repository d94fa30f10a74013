//! Says of each reference in a file what it lies in.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::File;
use std::ops::Range;
use std::path::Path;

use object::read::ReadCache;
use postlink_codegen::hex;
use postlink_format::VALUES_OFFSET;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, SectionProblem};
use crate::files::open::Mode;
use crate::files::open::open_entry;
use crate::image;
use crate::image::archive::members;
use crate::image::loader::Role;
use crate::image::places::{Places, Purpose, Symbol, containing, places};
use crate::record::read::Image;
use crate::scan::finding::{Finding, FindingKind, Place};
use crate::search::engine::{Hit, Hits, Searcher};
use crate::search::reference::Reference;
use crate::search::text;
use crate::search::unpack::{self, FoundMember, Inside, PackFormat};
use crate::shown::escaped;

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

/// A record of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownRecord {
    /// The section's name in the schema.
    pub section: String,
    /// As spelled in the file.
    pub spelling: String,
    /// Where the record begins in the file, in bytes.
    pub offset: u64,
    /// 64 hexadecimal digits.
    pub fingerprint: String,
}

/// What is known of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// What it is.
    pub content: Content,
    /// Its records.
    pub records: Vec<KnownRecord>,
    /// What was found in it.
    pub findings: Vec<Finding>,
}

/// A file that was searched.
#[derive(Clone, Copy, Debug)]
pub struct Searched<'a> {
    /// The path by which it is opened.
    pub path: &'a Path,
    /// Relative to its tree.
    pub name: &'a Path,
    /// In bytes.
    pub size: u64,
    /// What was found in it.
    pub found: &'a Hits,
}

/// Looks at a file that was searched. Members are looked into if `look_inside`.
///
/// # Errors
/// What the system refuses.
pub fn file(searcher: &Searcher, searched: Searched<'_>, look_inside: bool) -> Result<Known> {
    let Searched { path, found, .. } = searched;
    let is_image = image::begins_image(&found.start);
    let may_be_packed = unpack::may_be_packed(found);
    let is_looked_into = (is_image || may_be_packed) && look_inside;
    if found.hits.is_empty() && !found.has_record && !is_looked_into {
        return Ok(Known::default());
    }
    let failed = |error| Error::io("search", path)(error);
    let file = open_entry(path).map_err(failed)?;
    let context = Context { searcher, searched, file: &file };
    let format = match may_be_packed {
        true => unpack::detect(&file, &found.start, searched.size).map_err(failed)?,
        false => None,
    };
    if found.hits.is_empty() && !found.has_record && !is_image && format.is_none() {
        return Ok(Known::default());
    }
    let inside = match format {
        Some(format) if look_inside => unpack::search(searcher, &file, searched.size, format),
        _ => Inside::default(),
    };
    if let Some(mut known) = is_image.then(|| context.image(look_inside)).transpose()?.flatten() {
        // A program with an archive behind it, which it unpacks itself.
        known.findings.extend(context.members(inside.members));
        return Ok(known);
    }
    let mut known = Known { content: Content::Data, ..Known::default() };
    if let Some(format) = format {
        known.content = Content::Packed;
        known.findings = context.members(inside.members);
        // Members that are not compressed were found in the file already, but without their names.
        if format == PackFormat::Ar {
            let looked_into: HashSet<String> =
                known.findings.iter().filter_map(|one| one.member.first().cloned()).collect();
            let areas = match found.has_record {
                true => context.records(&ReadCache::new(&file), &mut known),
                false => Vec::new(),
            };
            known.findings.extend(context.in_archive(&looked_into, &areas)?);
        } else if known.findings.iter().all(|finding| finding.kind == FindingKind::Unread) {
            known.findings.extend(context.hits(FindingKind::Member)?);
        } else {
            // What stands before an archive, such as the line of a script that names its interpreter.
            let is_packed =
                |hit: &&Hit| containing(&inside.packed, |one| one, hit.offset).is_some();
            for hit in found.hits.iter().filter(|hit| !is_packed(hit)) {
                known.findings.push(context.hit(FindingKind::Data, hit)?);
            }
        }
        return Ok(known);
    }
    if let Some(lines) = text::lines(&file, &found.hits).map_err(failed)? {
        known.content = Content::Text;
        for (hit, line) in found.hits.iter().zip(lines) {
            known
                .findings
                .push(Finding { line: Some(line), ..context.hit(FindingKind::Text, hit)? });
        }
    } else {
        known.findings = context.hits(FindingKind::Data)?;
    }
    Ok(known)
}

/// A finding in this file; what is not known of it is empty.
pub(crate) fn finding(name: &Path, kind: FindingKind) -> Finding {
    Finding {
        path: escaped(name.as_os_str()),
        kind,
        action: kind.action(),
        place: None,
        section: None,
        field: None,
        symbol: None,
        line: None,
        member: Vec::new(),
        text: String::new(),
        advice: match kind.action() {
            crate::scan::finding::Action::None => kind.advice().into(),
            _ => "".into(),
        },
        entry: None,
    }
}

/// A reference that is still in a file after it was written.
pub(crate) fn left(name: &Path, hit: &Hit, text: String) -> Finding {
    Finding { place: Some(place(hit)), text, ..finding(name, FindingKind::Data) }
}

/// The place of a hit.
pub(crate) fn place(hit: &Hit) -> Place {
    let Hit { offset, length, reference, encoding } = *hit;
    Place { offset, length, encoding, reference }
}

struct Context<'a> {
    searcher: &'a Searcher,
    searched: Searched<'a>,
    file: &'a File,
}

/// Where the value areas of a record are, and the record itself.
pub(crate) struct Area {
    section: String,
    pub(crate) record: Range<u64>,
    pub(crate) values: Range<u64>,
    fields: Vec<(String, Range<u64>)>,
}

impl Context<'_> {
    fn hit(&self, kind: FindingKind, hit: &Hit) -> Result<Finding> {
        let around = text::around(self.file, hit);
        let (text, _) = around.map_err(Error::io("search", self.searched.path))?;
        Ok(Finding { place: Some(place(hit)), text, ..finding(self.searched.name, kind) })
    }

    fn hits(&self, kind: FindingKind) -> Result<Vec<Finding>> {
        self.searched.found.hits.iter().map(|hit| self.hit(kind, hit)).collect()
    }

    /// What is known of an image; `None` if it only begins like one.
    fn image(&self, look_inside: bool) -> Result<Option<Known>> {
        let Searched { found, .. } = self.searched;
        let offsets: Vec<u64> = found.hits.iter().map(|hit| hit.offset).collect();
        let cache = ReadCache::new(self.file);
        let Ok(places) = places(&cache, &offsets) else { return Ok(None) };
        let mut known = Known { content: Content::Image, ..Known::default() };
        let areas = self.records(&cache, &mut known);
        for (hit, symbol) in found.hits.iter().zip(&places.symbols) {
            known.findings.extend(self.in_image(hit, &places, &areas, symbol.as_ref())?);
        }
        if look_inside {
            for part in &places.parts {
                let Some((compression, offset)) = part.compressed else { continue };
                let range = offset..part.range.end;
                let (name, searcher) = (&part.name, self.searcher);
                let members = unpack::search_section(searcher, self.file, name, range, compression);
                known.findings.extend(self.members(members));
            }
        }
        Ok(Some(known))
    }

    /// A hit in a record: in the value of a field, or in its defaults, which are told already.
    /// `None` if it lies in no record.
    fn in_records(&self, hit: &Hit, areas: &[Area]) -> Result<Option<Option<Finding>>> {
        let Some(area) = containing(areas, |area| &area.record, hit.offset) else {
            return Ok(None);
        };
        let field = area.fields.iter().find(|(_, range)| range.contains(&hit.offset));
        let Some((field, _)) = field else { return Ok(Some(None)) };
        Ok(Some(Some(Finding {
            section: Some(area.section.clone()),
            field: Some(field.clone()),
            ..self.hit(FindingKind::Value, hit)?
        })))
    }

    fn in_image(
        &self,
        hit: &Hit,
        places: &Places,
        areas: &[Area],
        symbol: Option<&Symbol>,
    ) -> Result<Option<Finding>> {
        if let Some(value) = self.in_records(hit, areas)? {
            return Ok(value);
        }
        let part = places.part(hit.offset);
        let kind = match (places.role(hit.offset), part.map(|part| part.purpose)) {
            (Some(Role::Runpath), _) => FindingKind::Runpath,
            (Some(_), _) => FindingKind::Loader,
            (None, Some(Purpose::Debug)) => FindingKind::Debug,
            (None, _) => FindingKind::String,
        };
        let found = self.hit(kind, hit)?;
        let reference = &self.searcher.references()[hit.reference];
        Ok(Some(Finding {
            section: part.map(|part| part.name.clone()),
            symbol: symbol.map(shown_symbol),
            entry: (kind == FindingKind::String)
                .then(|| entry(self.searched.name, reference, hit.reference, &found.text)),
            ..found
        }))
    }

    fn members(&self, members: Vec<FoundMember>) -> Vec<Finding> {
        let mut findings = Vec::new();
        for FoundMember { names, hits, problem } in members {
            let of = |kind, text: &str| Finding {
                member: names.clone(),
                text: text.to_owned(),
                ..finding(self.searched.name, kind)
            };
            for hit in hits {
                let reference = &self.searcher.references()[hit.reference];
                let text = String::from_utf8_lossy(&reference.path);
                let place = Some(place(&hit));
                findings.push(Finding { place, ..of(FindingKind::Member, &text) });
            }
            findings.extend(problem.map(|problem| of(FindingKind::Unread, &problem)));
        }
        findings
    }

    /// The hits in those members of an `ar` archive that were not looked into.
    fn in_archive(&self, looked_into: &HashSet<String>, areas: &[Area]) -> Result<Vec<Finding>> {
        let members = members(&ReadCache::new(self.file)).unwrap_or_default();
        let mut findings = Vec::new();
        for hit in &self.searched.found.hits {
            let member = members.iter().find(|member| member.range().contains(&hit.offset));
            let member: Vec<String> = member.iter().map(|member| member.name.clone()).collect();
            if let Some(value) = self.in_records(hit, areas)? {
                findings.extend(value.map(|value| Finding { member, ..value }));
            } else if !member.iter().any(|name| looked_into.contains(name)) {
                findings.push(Finding { member, ..self.hit(FindingKind::Member, hit)? });
            }
        }
        Ok(findings)
    }

    /// Looks at the records of an image or archive, and says where they are.
    fn records(&self, cache: &ReadCache<&File>, known: &mut Known) -> Vec<Area> {
        let mut areas = Vec::new();
        // Most images have no record: to say why would need all their symbols.
        let has_none = image::locate(cache).is_ok_and(|sections| sections.is_empty());
        match if has_none { Ok(None) } else { Image::open(self.searched.path, Mode::Read).map(Some) } {
            Ok(None) => {}
            Ok(Some(image)) => {
                (known.records, areas) = describe(&image);
                known.findings.extend(self.in_defaults(&image));
            }
            Err(
                Error::NoRecord { .. }
                | Error::NotImage { .. }
                // A separate debug file.
                | Error::Section { problem: SectionProblem::NoBits, .. },
            ) => {}
            Err(error) => {
                let text = error.to_string();
                known.findings.push(Finding { text, ..finding(self.searched.name, FindingKind::Unread) });
            }
        }
        areas
    }

    /// The references in defaults of declared fields. A search of the bytes does not see where such
    /// a text ends: the next one follows at once.
    fn in_defaults(&self, image: &Image) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (section, place) in image.records() {
            let Ok(record) = section.record(place) else { continue };
            let start = section.offset + place.at as u64;
            for field in record.fields() {
                let hits = self.searcher.bytes(field.default);
                if hits.is_empty() {
                    continue;
                }
                let at = memchr::memmem::rfind(record.bytes(), field.default).unwrap_or_default();
                for hit in hits {
                    let hit = Hit { offset: start + at as u64 + hit.offset, ..hit };
                    findings.push(Finding {
                        place: Some(self::place(&hit)),
                        section: Some(record.name().to_owned()),
                        field: Some(field.name.to_owned()),
                        text: String::from_utf8_lossy(field.default).replace('\0', ", "),
                        ..finding(self.searched.name, FindingKind::Descriptor)
                    });
                }
            }
        }
        findings
    }
}

/// `NAME+0xDISTANCE`, or where the symbol ends before the place, `near NAME+0xDISTANCE`.
pub(crate) fn shown_symbol(symbol: &Symbol) -> String {
    let Symbol { name, distance, size } = symbol;
    let near = if distance < size { "" } else { "near " };
    match distance {
        0 => name.clone(),
        distance => format!("{near}{name}+{distance:#x}"),
    }
}

/// The records of an image, and where their values are.
pub(crate) fn describe(image: &Image) -> (Vec<KnownRecord>, Vec<Area>) {
    let mut records = Vec::new();
    let mut areas = Vec::new();
    for (section, place) in image.records() {
        let Ok(record) = section.record(place) else { continue };
        let start = section.offset + place.at as u64;
        let layout = place.shape.layout();
        let fields = place.shape.fields.iter().zip(&layout.values).map(|(field, &at)| {
            let at = start + u64::from(at);
            (field.name.clone(), at..at + u64::from(field.room()))
        });
        areas.push(Area {
            section: place.shape.name.clone(),
            record: start..start + record.bytes().len() as u64,
            values: start + u64::from(VALUES_OFFSET)..start + u64::from(layout.fields_offset),
            fields: fields.collect(),
        });
        records.push(KnownRecord {
            section: place.shape.name.clone(),
            spelling: section.name.clone(),
            offset: start,
            fingerprint: hex(&place.shape.fingerprint()),
        });
    }
    areas.sort_by_key(|area| area.record.start);
    (records, areas)
}

/// The longest name that is proposed for a field.
const LONGEST_FIELD: usize = 40;

/// The tables of a schema that would declare an undeclared string.
fn entry(file: &Path, reference: &Reference, position: usize, text: &str) -> String {
    let section = identifier(file.file_name().unwrap_or(OsStr::new("app")));
    let prefix = if position == 0 { "prefix".into() } else { format!("prefix_{}", position + 1) };
    let table = |field: &str, rest: &str| {
        format!("[section.{section}.field.{field}]\ntype = \"path\"\ncapacity = 512\n{rest}")
    };
    let mut tables = table(&prefix, "required = true\n");
    // A string that is a path as a whole, below the reference, is a field that follows the prefix.
    let needle = String::from_utf8_lossy(&reference.needle);
    let is_path = |text: &str| {
        text.starts_with('/')
            && text.chars().all(|char| char.is_ascii_alphanumeric() || "/_-.+".contains(char))
    };
    let behind =
        text.split_once(needle.as_ref()).filter(|_| is_path(text)).map_or("", |(_, behind)| behind);
    // Of a store path, the rest of the component is not below it.
    let below = behind.find('/').filter(|&at| reference.is_hash || at == 0);
    let path = below.map_or("", |at| behind[at..].trim_end_matches('/'));
    let field = words(path);
    if field.starts_with(|char: char| char.is_ascii_alphabetic()) && field.len() <= LONGEST_FIELD {
        tables += "\n";
        tables += &table(&format!("{field}_path"), &format!("default = \"{{{prefix}}}{path}\"\n"));
    }
    tables
}

/// `libnix-store.so.2` as an identifier: `nix_store`.
fn identifier(name: &OsStr) -> String {
    let name = name.to_string_lossy();
    let stem = name.split('.').find(|part| !part.is_empty()).unwrap_or_default();
    let words = words(stem.strip_prefix("lib").filter(|rest| !rest.is_empty()).unwrap_or(stem));
    if words.starts_with(|char: char| char.is_ascii_alphabetic()) {
        words
    } else {
        format!("app{words}")
    }
}

/// Lower-case ASCII letters and digits, with one `_` for all that is between them.
fn words(text: &str) -> String {
    let words =
        text.split(|char: char| !char.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("_")
}
