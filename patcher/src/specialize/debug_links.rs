//! Links to separate debug files that are changed, in the same tree or another one of the run.
//!
//! `specialize` leaves build-ids as they are, so what is found by these still is. But an image may also
//! name its debug file with the checksum of that: where the file changes, the checksum has to follow.
//! The file is known by the checksum that it had, and by its build-id, wherever it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::PathBuf;

use rayon::prelude::*;

use super::plan::{EntryPlan, TreePlan};
use super::wanted::Wanted;
use crate::edit::{Edit, ordered};
use crate::error::{Error, Result};
use crate::files::open::read_at;
use crate::files::walk::EntryKind;
use crate::image::data::ImageData;
use crate::image::debug_link::checksum;
use crate::image::places::Purpose;
use crate::image::{self, begins_image, places};
use crate::shown::{escaped, shown};

/// A tree, and an entry of it, by their positions.
type Place = (usize, usize);

/// What is known of a debug file: its checksum and build-id, and its name if it has no build-id.
type Key = (u32, Vec<u8>, Option<Vec<u8>>);

/// Plans that the links to debug files which change are right.
///
/// # Errors
/// A file cannot be read.
pub(super) fn follow(plans: &mut [TreePlan], wanted: &Wanted<'_>) -> Result<()> {
    let changed = changed(plans)?;
    if changed.is_empty() {
        return Ok(());
    }
    let places: BTreeSet<Place> = changed.values().map(|(place, _)| *place).collect();
    let of = |&(tree, at): &Place| -> Result<Option<(Place, Follows)>> {
        let is_one = places.contains(&(tree, at));
        Ok(link(&plans[tree], at, &changed, is_one, wanted)?.map(|found| ((tree, at), found)))
    };
    let found: Vec<Result<_>> = files(plans).par_iter().map(of).collect();
    for ((tree, at), follows) in Error::all(found)?.into_iter().flatten() {
        let plan = &mut plans[tree];
        let entry = &mut plan.entries[at];
        let name = escaped(&plan.tree.entries[at].path);
        match follows {
            Follows::Edit(edit, note) => {
                if entry.edits.is_empty() {
                    let sealed = plan.seals.broken_by(&plan.tree.entries[at].path);
                    entry.warnings.extend(sealed.map(|one| format!("{name}: {one}")));
                }
                entry.edits.push(edit);
                entry.edits = ordered(std::mem::take(&mut entry.edits)).ok_or_else(|| {
                    Error::input(
                        format!("{name}: a change lies in the link to its debug file"),
                        "build the file again",
                    )
                })?;
                entry.notes.push(note);
            }
            Follows::Not(why) => entry.warnings.push(format!("{name}: {why}")),
        }
    }
    Ok(())
}

/// What becomes of a link to a file that changes.
enum Follows {
    /// It is right again, as a note says.
    Edit(Edit, String),
    /// It cannot be, as a sentence says of which the image is the subject.
    Not(String),
}

/// The files that may be images, each once.
fn files(plans: &[TreePlan]) -> Vec<Place> {
    let mut files = Vec::new();
    for (tree, plan) in plans.iter().enumerate() {
        let entries = plan.tree.entries.iter().zip(&plan.entries).enumerate();
        let is_file = |entry: &EntryKind, planned: &EntryPlan| {
            matches!(entry, EntryKind::File(_))
                && planned.same_as.is_none()
                && !planned.is_text
                && !planned.is_repacked
        };
        let entries = entries.filter(|(_, (entry, planned))| is_file(&entry.kind, planned));
        files.extend(entries.map(|(at, _)| (tree, at)));
    }
    files
}

/// The files with debug information that change: the checksum that each will have.
fn changed(plans: &[TreePlan]) -> Result<BTreeMap<Key, (Place, u32)>> {
    let of = |&(tree, at): &Place| -> Result<Option<(Key, (Place, u32))>> {
        let (plan, planned) = (&plans[tree], &plans[tree].entries[at]);
        if planned.edits.is_empty() || planned.length.is_some() {
            return Ok(None);
        }
        let Some((file, path)) = open_image(plan, at)? else { return Ok(None) };
        let parts = image::known(&path, places(&ImageData::new(&file), &[]))?.parts;
        if !parts.iter().any(|part| part.purpose == Purpose::Debug) {
            return Ok(None);
        }
        let sum = |edits: &[Edit]| checksum(&file, edits).map_err(Error::io("read", &path));
        let (old, new) = (sum(&[])?, sum(&planned.edits)?);
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        Ok(Some((key(old, image::known_identity(&file, &path)?, name), ((tree, at), new))))
    };
    let found: Vec<Result<_>> = files(plans).par_iter().map(of).collect();
    Ok(Error::all(found)?.into_iter().flatten().collect())
}

/// What becomes of the link of an image. `is_debug_file`: a link to this file has a checksum already.
fn link(
    plan: &TreePlan,
    at: usize,
    changed: &BTreeMap<Key, (Place, u32)>,
    is_debug_file: bool,
    wanted: &Wanted<'_>,
) -> Result<Option<Follows>> {
    let Some((file, path)) = open_image(plan, at)? else { return Ok(None) };
    let Some(link) = image::known(&path, image::debug_link(&ImageData::new(&file)))? else {
        return Ok(None);
    };
    let key = key(link.checksum, image::known_identity(&file, &path)?, &link.name);
    let Some((_, checksum)) = changed.get(&key) else { return Ok(None) };
    let name = shown(&link.name);
    let Some(edit) = link.edit(&link.name, *checksum).filter(Edit::changes) else {
        return Ok(None);
    };
    let finish = image::finish(&file, &path, std::slice::from_ref(&edit), wanted.allowed);
    let is_alone = finish.is_ok_and(|finish| finish.edits.is_empty() && finish.length.is_none());
    Ok(Some(match is_alone && !is_debug_file {
        true => Follows::Edit(edit, format!("checksum of its debug file {name}")),
        false => Follows::Not(format!(
            "its debug file {name} changes, and the checksum in the link to that does not follow: \
             make the link anew, with objcopy --add-gnu-debuglink"
        )),
    }))
}

fn key(checksum: u32, identity: Vec<u8>, name: &[u8]) -> Key {
    let name = identity.is_empty().then(|| name.to_vec());
    (checksum, identity, name)
}

/// Opens an image of a tree; `None` where it is none.
fn open_image(plan: &TreePlan, at: usize) -> Result<Option<(File, PathBuf)>> {
    let found = plan.tree.file(&plan.tree.entries[at]);
    let (file, path) = (found.open("read")?, found.path());
    let mut start = [0; 16];
    let read = read_at(&file, &mut start, 0).map_err(Error::io("read", &path))?;
    Ok(begins_image(&start[..read]).then_some((file, path)))
}
