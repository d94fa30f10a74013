//! New paths that cannot be meant, or that texts cannot have as they are.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::options::SpecializeOptions;
use super::plan::TreePlan;
use super::rewrite::Rewrites;
use super::rules::normal;
use crate::error::{Error, Result};
use crate::files::walk::{Entry, EntryKind};
use crate::shown::{escaped, shown};

/// Characters beside letters and digits that mean nothing else in scripts, lists of paths and most other texts.
const PLAIN: &str = "/._+-@%~,=";

/// Refuses new paths with control characters: a text would get another line.
///
/// # Errors
/// All of them.
pub(super) fn check(options: &SpecializeOptions) -> Result<()> {
    let destinations = options.outputs.iter().map(|output| &output.destination);
    let new = options.rewrites.iter().map(|(_, new)| new);
    let paths: BTreeSet<&PathBuf> = destinations.chain(new).collect();
    let errors = paths.into_iter().filter_map(|path| {
        let has = chars(path.as_os_str().as_bytes()).any(char::is_control);
        has.then(|| {
            let path = escaped(path);
            let message = format!("the new path {path} has a newline or another control character");
            Error::usage(message, "name one without it")
        })
    });
    let errors: Vec<Error> = errors.collect();
    if errors.is_empty() { Ok(()) } else { Err(Error::several(errors)) }
}

/// Sentences about new paths that may not be meant: those with characters that mean something else in
/// texts that get them, and those of trees that have the tree which is meant.
pub(super) fn warnings(
    plans: &[TreePlan],
    options: &SpecializeOptions,
    rewrites: &Rewrites,
) -> Vec<String> {
    let odd =
        rewrites.pairs().filter(|(old, _)| !old.is_word()).filter_map(|(_, new)| odd(plans, new));
    let mut warnings: Vec<String> = odd.collect();
    warnings.sort();
    warnings.dedup();
    warnings.extend(parted_links(plans));
    for (plan, output) in plans.iter().zip(&options.outputs) {
        for (old, new) in &options.rewrites {
            let Ok(below) = old.strip_prefix("/") else { continue };
            let is_meant =
                |entry: &Entry| entry.kind == EntryKind::Directory && entry.path == below;
            let is_there = plan.tree.entries.iter().any(is_meant);
            let becomes = output.destination.join(below);
            if is_there && !below.as_os_str().is_empty() && becomes != *new {
                let (source, new) = (output.source.join(below), escaped(new));
                warnings.push(format!(
                    "{} becomes {}, and not {new}: did you mean --output {}={new}?",
                    escaped(&source),
                    escaped(becomes),
                    escaped(&source)
                ));
            }
        }
    }
    warnings
}

/// That texts get a new path with a character that means something else in many of them.
fn odd(plans: &[TreePlan], new: &[u8]) -> Option<String> {
    // A path of Windows has these.
    let more = if new.starts_with(b"/") { "" } else { ":\\" };
    let is_odd =
        |char: &char| !char.is_alphanumeric() && !PLAIN.contains(*char) && !more.contains(*char);
    let char = chars(new).find(is_odd)?;
    let entries = plans.iter().flat_map(TreePlan::changes);
    let texts = entries.filter(|(_, one)| {
        one.is_repacked || one.is_text && one.edits.iter().any(|edit| edit.after == new)
    });
    let texts = match texts.count() {
        0 => return None,
        1 => "1 text that gets it".to_owned(),
        many => format!("{many} texts that get it"),
    };
    Some(format!(
        "the new path {} has `{char}`, which may mean something else in {texts}, such as a script: name a \
         destination of letters, digits and `{PLAIN}` alone, or look at them",
        shown(new)
    ))
}

/// The characters of a path; bytes that are no UTF-8 are none.
fn chars(path: &[u8]) -> impl Iterator<Item = char> {
    path.utf8_chunks().flat_map(|chunk| chunk.valid().chars())
}

/// Sentences about relative links, which stay, from one tree to another: both may lie otherwise to each other now.
fn parted_links(plans: &[TreePlan]) -> Vec<String> {
    let place = |plan: &TreePlan| std::path::absolute(&plan.tree.root).ok();
    let places: Vec<Option<PathBuf>> = plans.iter().map(place).collect();
    let leads_to = |top: &Path, entry: &Entry, target: &Path| {
        let link = top.join(&entry.path);
        normal(&link.parent().unwrap_or(top).join(target))
    };
    let mut told = Vec::new();
    for (position, plan) in plans.iter().enumerate() {
        let Some(top) = &places[position] else { continue };
        for entry in &plan.tree.entries {
            let EntryKind::Symlink(target) = &entry.kind else { continue };
            if target.is_absolute() {
                continue;
            }
            let old = leads_to(top, entry, target);
            let now = leads_to(&plan.destination, entry, target);
            let others = plans.iter().zip(&places).enumerate();
            let inside = others.filter_map(|(other, (plan, place))| {
                let below = old.strip_prefix(place.as_ref()?).ok()?;
                Some((place.as_ref()?.as_os_str().len(), other, plan.destination.join(below)))
            });
            // One tree may be in another.
            let Some((_, other, meant)) = inside.max() else { continue };
            if other != position && normal(&meant) != now {
                told.push(format!(
                    "{}: the link to {} leads to {} now, and not to {}: an absolute link would follow",
                    escaped(plan.destination.join(&entry.path)),
                    escaped(target),
                    escaped(&now),
                    escaped(&meant)
                ));
            }
        }
    }
    told
}
