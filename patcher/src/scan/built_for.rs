//! The path that a tree was built for, from what the tree says of itself: records, strings that the
//! loader reads, `.pc` and `.la` files, lists of installed files, the first lines of scripts, links.
//!
//! Each names paths; many of them are of other packages. One is the tree's own where it is proven: it
//! leads to a file that the tree has (`/opt/app/bin/run` where there is `bin/run`), or is called the
//! prefix by a record or a `.pc` file.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use postlink_codegen::{Default, Shape, Value};
use postlink_format::Type;
use rayon::prelude::*;
use serde::Serialize;

use crate::error::{Error, ImageProblem, Result};
use crate::files::open::read_at;
use crate::files::tree_file::TreeFile;
use crate::files::walk::{Entry, EntryKind, Tree};
use crate::image::data::ImageData;
use crate::image::loader::Role;
use crate::image::loader_texts;
use crate::image::{begins_archive, begins_image};
use crate::record::read::Image;
use crate::search::text::is_whole_text;

/// Bytes of a file that are looked at: more than any `.pc` file has.
const LOOKED_AT: usize = 64 << 10;

/// Files that list what was installed, a path on each line: of Perl's modules (ExtUtils::Packlist), of
/// setuptools, of CMake.
const LISTS: [&str; 3] = [".packlist", "installed-files.txt", "install_manifest.txt"];

/// A path that a tree was built for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BuiltFor {
    /// The path.
    #[serde(serialize_with = "as_shown")]
    pub path: PathBuf,
    /// How many places name it, or a path in it.
    pub places: u64,
}

fn as_shown<S: serde::Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&crate::shown::escaped(path.as_os_str()))
}

/// What a file says of paths.
#[derive(Default)]
struct Said {
    /// Absolute paths.
    paths: Vec<PathBuf>,
    /// Those of them that are the tree's own.
    own: Vec<PathBuf>,
}

/// The paths that a tree was built for, the one that most places name first. `is_given` says of a field
/// of a section whether it gets another value: then its own says nothing.
///
/// # Errors
/// A file cannot be read.
pub(crate) fn paths(
    tree: &Tree,
    is_given: &(dyn Fn(&str, &str) -> bool + Sync),
) -> Result<Vec<BuiltFor>> {
    let inside: BTreeSet<&Path> = tree
        .entries
        .iter()
        .filter(|entry| entry.kind != EntryKind::Directory)
        .map(|entry| entry.path.as_path())
        .collect();
    let said: Vec<Result<Said>> =
        tree.entries.par_iter().map(|entry| look(tree, entry, &inside, is_given)).collect();
    let mut all: Vec<PathBuf> = Vec::new();
    let mut own: BTreeSet<PathBuf> = BTreeSet::new();
    for said in said {
        let said = said?;
        own.extend(said.paths.iter().filter_map(|path| root_of(path, &inside)));
        own.extend(said.own);
        all.extend(said.paths);
    }
    own.remove(Path::new("/"));
    let mut found: BTreeMap<&Path, u64> = BTreeMap::new();
    for path in &all {
        // Of paths inside of each other the outer one counts.
        let outer = own.iter().find(|own| path.starts_with(own));
        if let Some(outer) = outer {
            *found.entry(outer).or_default() += 1;
        }
    }
    let built = |(path, places): (&Path, u64)| BuiltFor { path: path.to_owned(), places };
    let mut built: Vec<BuiltFor> = found.into_iter().map(built).collect();
    built.sort_by_key(|built| std::cmp::Reverse(built.places));
    Ok(built)
}

/// The path of the tree, if the end of this one leads to a file in it.
fn root_of(path: &Path, inside: &BTreeSet<&Path>) -> Option<PathBuf> {
    let root = path.ancestors().skip(1).find(|root| {
        path.strip_prefix(root).is_ok_and(|rest| {
            // A name alone is no proof.
            rest.components().count() > 1 && inside.contains(rest)
        })
    });
    // Scripts name /usr/bin/python3 also where the tree has one, for its own place, in bin/python3.
    root.filter(|root| *root != Path::new("/usr")).map(Path::to_owned)
}

fn look(
    tree: &Tree,
    entry: &Entry,
    inside: &BTreeSet<&Path>,
    is_given: &(dyn Fn(&str, &str) -> bool + Sync),
) -> Result<Said> {
    let mut said = Said::default();
    match &entry.kind {
        EntryKind::Symlink(target) if target.is_absolute() => said.paths.push(target.clone()),
        EntryKind::File(size) if *size > 0 => {
            let file = tree.file(entry);
            file.read("read", |opened| content(file, opened, inside, is_given, &mut said))?;
        }
        _ => {}
    }
    Ok(said)
}

fn content(
    file: TreeFile<'_>,
    opened: &File,
    inside: &BTreeSet<&Path>,
    is_given: &(dyn Fn(&str, &str) -> bool + Sync),
    said: &mut Said,
) -> Result<()> {
    let path = file.path();
    let failed = |error| Error::io("read", &path)(error);
    let entry = file.entry;
    let mut start = vec![0; LOOKED_AT.min(file.size() as usize)];
    let read = read_at(opened, &mut start[..16.min(file.size() as usize)], 0).map_err(failed)?;
    let is_image = begins_image(&start[..read]);
    if is_image || begins_archive(&start[..read]) {
        records(file, is_given, said)?;
        if is_image {
            loader(&path, opened, inside, said)?;
        }
        return Ok(());
    }
    let extension = entry.path.extension().unwrap_or_default();
    let is_config = extension == "pc" || extension == "la";
    let is_list = entry.path.file_name().is_some_and(|name| LISTS.iter().any(|list| name == *list));
    if is_config || is_list || start.starts_with(b"#!") {
        let read = read_at(opened, &mut start, 0).map_err(failed)?;
        match is_list {
            true => listed(&start[..read], said),
            false => text(&start[..read], is_config, entry, said),
        }
    }
    Ok(())
}

/// The paths in the values of records, or in the defaults of fields without one. The one from which
/// others follow is the prefix.
fn records(
    file: TreeFile<'_>,
    is_given: &dyn Fn(&str, &str) -> bool,
    said: &mut Said,
) -> Result<()> {
    let image = match Image::of_file(file) {
        Ok(image) => image,
        Err(error) if error.is_of_reading() => return Err(error),
        // A record that is not understood is told by the scan.
        Err(_) => return Ok(()),
    };
    for (section, place) in image.records() {
        let shape: &Shape = &place.shape;
        let Ok(record) = section.record(place) else { continue };
        let values = shape.values_of(&record).map(|(_, values)| values).unwrap_or_default();
        for (position, field) in shape.fields.iter().enumerate() {
            if field.ty != Type::Path || is_given(&shape.name, &field.name) {
                continue;
            }
            let now = values.get(position).and_then(|value| value.value.as_ref());
            let default = match &field.default {
                Some(Default::Value(value)) => Some(value),
                _ => None,
            };
            let is_followed =
                shape.fields.iter().any(|other| other.references().any(|name| name == field.name));
            let Some(Value::Text(text)) = now.or(default) else { continue };
            let path = PathBuf::from(text);
            let is_derived = matches!(field.default, Some(Default::Derived(_)));
            if !is_derived && (is_followed || field.name == "prefix") {
                said.own.push(path.clone());
            }
            said.paths.push(path);
        }
    }
    Ok(())
}

/// The folders in which the loader looks. One that has a library which is needed is in the tree.
fn loader(path: &Path, file: &File, inside: &BTreeSet<&Path>, said: &mut Said) -> Result<()> {
    let texts = match loader_texts(&ImageData::new(file)) {
        Ok(texts) => texts,
        Err(problem @ ImageProblem::Unread(_)) => return Err(Error::not_image(path)(problem)),
        // A file that only begins like an image is read by no loader.
        Err(_) => return Ok(()),
    };
    // On macOS a library names itself by its path, and a program what it needs.
    let libraries = texts.iter().filter(|text| text.role == Role::Library);
    let libraries = libraries.map(|text| Path::new(OsStr::from_bytes(&text.text)));
    said.paths.extend(libraries.filter(|path| path.is_absolute()).map(Path::to_owned));
    for text in texts.iter().filter(|text| text.role == Role::SearchPath) {
        for folder in text.split(&text.text) {
            let folder = Path::new(OsStr::from_bytes(folder));
            if !folder.is_absolute() {
                continue;
            }
            said.paths.push(folder.to_owned());
            let libraries = texts.iter().filter(|text| text.role == Role::Library);
            said.own.extend(libraries.filter_map(|library| {
                root_of(&folder.join(OsStr::from_bytes(&library.text)), inside)
            }));
        }
    }
    Ok(())
}

/// The paths of a list. Behind one, after a space, may stand what is known of the file.
fn listed(bytes: &[u8], said: &mut Said) {
    let lines = bytes.split(|&byte| byte == b'\n').filter(|line| line.starts_with(b"/"));
    let path = |line: &[u8]| line.split(|&byte| byte == b' ').next().map(<[u8]>::to_vec);
    said.paths.extend(lines.filter_map(path).map(|path| OsString::from_vec(path).into()));
}

/// The paths of a `.pc` or `.la` file, or of a script's first line.
fn text(bytes: &[u8], is_config: bool, entry: &Entry, said: &mut Said) {
    if !is_whole_text(bytes) {
        return;
    }
    let path = |text: &[u8]| PathBuf::from(OsStr::from_bytes(text));
    for line in bytes.split(|&byte| byte == b'\n') {
        if let Some(rest) = line.strip_prefix(b"#!") {
            let words = rest.split(|byte| b" \t".contains(byte));
            let first = words.into_iter().find(|word| !word.is_empty()).unwrap_or_default();
            said.paths.extend(first.starts_with(b"/").then(|| path(first)));
        }
        if !is_config {
            return;
        }
        let Some(at) = line.iter().position(|&byte| byte == b'=') else { continue };
        let (key, value) = (line[..at].trim_ascii(), line[at + 1..].trim_ascii());
        let value = value.strip_prefix(b"'").unwrap_or(value);
        let value = value.strip_suffix(b"'").unwrap_or(value);
        if !value.starts_with(b"/") || value.contains(&b' ') {
            continue;
        }
        let value = path(value);
        if key == b"prefix" {
            said.own.push(value.clone());
        }
        // A `.la` file is in the folder that it names.
        if key == b"libdir" && entry.path.extension() == Some(OsStr::new("la")) {
            let folder = entry.path.parent().unwrap_or(Path::new(""));
            let mut root = value.clone();
            let is_there = folder.components().rev().all(|part| {
                let same = root.file_name() == Some(part.as_os_str());
                same && root.pop()
            });
            said.own.extend(is_there.then_some(root));
        }
        said.paths.push(value);
    }
}
