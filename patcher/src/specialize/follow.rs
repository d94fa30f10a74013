//! The old values of fields that are set: where they still stand as words in texts, and what becomes of
//! them there.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use postlink_codegen::{Field, Shape, Value};
use postlink_format::Type;

use super::options::{SpecializeOptions, Standing};
use super::rewrite::{Rewrites, SHORTEST_WORD};
use super::rules::is_unmistakable;
use crate::error::{Error, Result};
use crate::files::walk::Entry;
use crate::record::assign::{assign, unknown};
use crate::record::read::Image;
use crate::scan::finding::FindingKind;
use crate::scan::manifest::Knowledge;
use crate::scan::trees::names_and_links;
use crate::scan::words;
use crate::search::engine::Searcher;
use crate::search::reference::Reference;
use crate::shown::escaped;

/// A field that becomes another word.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Changed {
    section: String,
    field: String,
    old: String,
    new: String,
}

/// Finds the old values of fields that are set. Those of fields that are followed are rewritten in
/// texts; the others are told.
///
/// # Errors
/// A field that is to be followed and is not set, or is no string; a value that is no word.
pub(super) fn follow(
    known: &mut [Knowledge],
    options: &SpecializeOptions,
    rewrites: Rewrites,
) -> Result<(Rewrites, Vec<Standing>)> {
    let Given { set, changed } = given(known, options)?;
    for name in &options.follow {
        // A value that does not fit is told by the plan, and so is a field that no record has.
        let is_given = options
            .assignments
            .iter()
            .any(|one| is_named(name, one.section.as_deref().unwrap_or_default(), &one.field));
        if !is_given && !set.iter().any(|(section, field)| is_named(name, section, field)) {
            return Err(not_set(known, name)?);
        }
    }
    let mut pairs: Vec<(String, String)> = Vec::new();
    for one in changed.iter().filter(|one| is_followed(options, &one.section, &one.field)) {
        let new = Reference::written(one.new.as_ref());
        if !words::is_word(&one.old) || !new.is_ok_and(|new| new.is_word()) {
            return Err(Error::usage(
                format!(
                    "--follow {}: `{}` cannot become `{}` in texts",
                    one.field, one.old, one.new
                ),
                "a word is followed: a text without white space and slashes",
            ));
        }
        match pairs.iter().find(|(old, _)| *old == one.old) {
            Some((_, new)) if *new != one.new => {
                return Err(Error::usage(
                    format!("--follow {}: `{}` has two new values", one.field, one.old),
                    "follow one of the fields that had this value",
                ));
            }
            Some(_) => {}
            None => pairs.push((one.old.clone(), one.new.clone())),
        }
    }
    // A word that is rewritten everywhere is told by nobody.
    let searched: BTreeSet<&str> = changed
        .iter()
        .map(|one| one.old.as_str())
        .filter(|old| words::is_word(old) && rewrites.position(old.as_bytes()).is_none())
        .collect();
    let searched: Vec<&str> = searched.into_iter().collect();
    let rewrites = rewrites.following(&pairs)?;
    let followed: Vec<&str> = pairs.iter().map(|(old, _)| old.as_str()).collect();
    names(known, &followed, options.force, &rewrites)?;
    let mut standing: Vec<Standing> = Vec::new();
    for (known, output) in known.iter_mut().zip(&options.outputs) {
        let found = known.words(&searched)?;
        let entries = known.tree.entries.iter().filter(|_| !found.is_empty());
        let entries: HashMap<String, &Entry> =
            entries.map(|entry| (escaped(entry.path.as_os_str()), entry)).collect();
        for mut finding in found {
            let Some(entry) = entries.get(&finding.path) else { continue };
            let Some(place) = &mut finding.place else { continue };
            let Some(old) = searched.get(place.reference) else { continue };
            let file = known.tree.file(entry);
            let is_clear = options.force || is_unmistakable(old.as_bytes(), file, &finding.text);
            let is_rewritten = is_clear && !finding.possible;
            match rewrites.position(old.as_bytes()).filter(|_| is_rewritten) {
                Some(position) => {
                    place.reference = position;
                    known.findings.push(finding);
                }
                None => {
                    let one = changed.iter().find(|one| one.old == **old);
                    let Some(Changed { field, old, new, .. }) = one else { continue };
                    let place = (output.destination.clone(), finding);
                    match standing.iter_mut().find(|known| known.old == *old) {
                        Some(known) => known.places.push(place),
                        None => standing.push(Standing {
                            field: field.clone(),
                            old: old.clone(),
                            new: new.clone(),
                            followed: rewrites.position(old.as_bytes()).is_some(),
                            places: vec![place],
                        }),
                    }
                }
            }
        }
    }
    Ok((rewrites, standing))
}

/// Tells the names of files that have a followed word, which texts may name: they stay.
fn names(
    known: &mut [Knowledge],
    followed: &[&str],
    force: bool,
    rewrites: &Rewrites,
) -> Result<()> {
    // A short word is followed in the lines of versions, which name no file.
    let clear = followed.iter().filter(|word| force || word.len() >= SHORTEST_WORD);
    let clear: Vec<&[u8]> = clear.map(|word| word.as_bytes()).collect();
    if clear.is_empty() {
        return Ok(());
    }
    let searched = clear.iter().map(|word| Reference::named(OsStr::from_bytes(word)));
    let searcher = Searcher::new(searched.collect::<Result<_>>()?)?;
    for known in known {
        for mut finding in names_and_links(&searcher, &known.tree) {
            let Some(place) = finding.place.as_mut() else { continue };
            let Some(&word) = clear.get(place.reference) else { continue };
            let Some(position) = rewrites.position(word) else { continue };
            // One that is rewritten everywhere was searched by itself.
            if finding.kind == FindingKind::Name && !rewrites.changes(position, false) {
                place.reference = position;
                known.findings.push(finding);
            }
        }
    }
    Ok(())
}

/// The refusal of a field that is to be followed and is not set: no record may have such a field.
///
/// # Errors
/// A file that cannot be read.
fn not_set(known: &[Knowledge], name: &str) -> Result<Error> {
    let mut shapes: Vec<Shape> = Vec::new();
    for known in known {
        for (entry, examined) in known.tree.entries.iter().zip(&known.entries) {
            if examined.records.is_empty() || examined.same_as.is_some() {
                continue;
            }
            for (_, place) in Image::of_file(known.tree.file(entry))?.records() {
                if !shapes.contains(&place.shape) {
                    shapes.push(place.shape.clone());
                }
            }
        }
    }
    let has = |shape: &Shape| shape.fields.iter().any(|one| is_named(name, &shape.name, &one.name));
    if shapes.is_empty() {
        return Ok(Error::usage(
            format!("--follow {name}: the trees have no record that can be filled"),
            "leave out --follow, and say what becomes of a word: --rewrite OLD=NEW",
        ));
    }
    if shapes.iter().any(has) {
        return Ok(Error::usage(
            format!("--follow {name}: the field is not set"),
            format!("set it too: --set {name}=VALUE"),
        ));
    }
    let shapes: Vec<&Shape> = shapes.iter().collect();
    let (section, field) = match name.split_once('.') {
        Some((section, field)) => (Some(section), field),
        None => (None, name),
    };
    let problem = unknown(&shapes, section, field);
    Ok(Error::usage(format!("--follow {name}: {}", problem.message), problem.help))
}

/// Whether a field is followed.
fn is_followed(options: &SpecializeOptions, section: &str, field: &str) -> bool {
    options.follow.iter().any(|name| is_named(name, section, field))
}

/// Whether this names a field, with its section or without.
fn is_named(name: &str, section: &str, field: &str) -> bool {
    name.strip_suffix(field).is_some_and(|rest| rest.is_empty() || rest == format!("{section}."))
}

/// What is given for the fields of all records.
#[derive(Default)]
struct Given {
    /// Section and field of each that is given a value.
    set: BTreeSet<(String, String)>,
    /// The strings among them that become others.
    changed: BTreeSet<Changed>,
}

/// # Errors
/// A file that cannot be read; a field that is followed and is no string.
fn given(known: &[Knowledge], options: &SpecializeOptions) -> Result<Given> {
    let mut all = Given::default();
    if options.assignments.is_empty() {
        return Ok(all);
    }
    for known in known {
        for (entry, examined) in known.tree.entries.iter().zip(&known.entries) {
            if examined.records.is_empty() || examined.same_as.is_some() {
                continue;
            }
            let image = Image::of_file(known.tree.file(entry))?;
            let shapes: Vec<&Shape> = image.records().map(|(_, place)| &place.shape).collect();
            let (assigned, _) = assign(&shapes, &options.assignments);
            for (position, (section, place)) in image.records().enumerate() {
                let Some(given) = assigned.given.get(&position) else { continue };
                let Ok(record) = section.record(place) else { continue };
                let values = place.shape.values_of(&record).map(|(_, values)| values);
                let values = values.unwrap_or_default();
                for (&at, new) in given {
                    let Some(field) = place.shape.fields.get(at) else { continue };
                    let section = &place.shape.name;
                    all.set.insert((section.clone(), field.name.clone()));
                    if field.ty != Type::String && is_followed(options, section, &field.name) {
                        return Err(Error::usage(
                            format!("--follow {}: the field is no string", field.name),
                            "a word is followed; what becomes of a path is said with --rewrite OLD=NEW",
                        ));
                    }
                    let old = values.get(at).and_then(|value| value.value.as_ref());
                    all.changed.extend(old.and_then(|old| other(&place.shape, field, old, new)));
                }
            }
        }
    }
    Ok(all)
}

fn other(shape: &Shape, field: &Field, old: &Value, new: &Value) -> Option<Changed> {
    match (old, new) {
        (Value::Text(old), Value::Text(new)) if field.ty == Type::String && old != new => {
            Some(Changed {
                section: shape.name.clone(),
                field: field.name.clone(),
                old: old.clone(),
                new: new.clone(),
            })
        }
        _ => None,
    }
}
