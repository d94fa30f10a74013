//! Which files may look beside themselves: those whose folder the loader takes for the one that they are in.
//!
//! A library that is opened by a link in another folder is looked for beside that link. So it is asked where each link
//! of the trees will lead, in the paths that they will have.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::{Component, Path, PathBuf};

use rustix::io::Errno;

use super::rules::{FilePlace, Rules};
use crate::files::attributes::has_capabilities;
use crate::files::open::{Stamp, is_nothing};
use crate::files::walk::{Entry, EntryKind, Tree};
use crate::image::loader::LoaderText;

/// Links that Linux follows in one path (`path_resolution(7)`).
const MOST_LINKS: usize = 40;

/// Which files may look beside themselves.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    /// Files with names in several folders, by device and inode: none of these folders is where the
    /// file is.
    spread: BTreeSet<(u64, u64)>,
    /// What a link in another folder leads to, by device and inode. For a library that is opened by such a
    /// link the loader takes the link's folder; for a program, that of the file.
    linked: BTreeSet<(u64, u64)>,
    /// Whether it is not known of a link where it leads: it may be to any file.
    is_unclear: bool,
}

impl Beside {
    /// Those of trees, each with the path that it gets.
    #[must_use]
    pub(crate) fn of(trees: &[(&Tree, &Path)], rules: &Rules<'_>) -> Self {
        let mut beside = Self::default();
        let mut folders: BTreeMap<(u64, u64), (usize, Option<&Path>)> = BTreeMap::new();
        let final_paths = FinalPaths::of(trees, rules);
        for (position, (tree, destination)) in trees.iter().enumerate() {
            for entry in &tree.entries {
                match &entry.kind {
                    EntryKind::File(_) if entry.links > 1 => {
                        let folder = (position, entry.path.parent());
                        if *folders.entry(entry.id).or_insert(folder) != folder {
                            beside.spread.insert(entry.id);
                        }
                    }
                    EntryKind::Symlink(_) => {
                        match final_paths.elsewhere(&destination.join(&entry.path)) {
                            Ok(linked) => beside.linked.extend(linked),
                            Err(error) if leads_nowhere(&error) => {}
                            Err(_) => beside.is_unclear = true,
                        }
                    }
                    _ => {}
                }
            }
        }
        beside
    }

    /// The place that a file of a tree will have.
    ///
    /// # Errors
    /// Its attributes cannot be read.
    pub(crate) fn place<'a>(
        &self,
        entry: &Entry,
        file: &File,
        texts: &[LoaderText],
        destination: &'a Path,
    ) -> io::Result<FilePlace<'a>> {
        let folder = match entry.path.parent() {
            Some(parent) => destination.join(parent),
            None => destination.parent().unwrap_or(Path::new("/")).to_owned(),
        };
        let is_program = texts.iter().all(|text| text.is_of_program);
        // A program with more rights than its user does not look beside itself.
        let has_rights = entry.mode & 0o6000 != 0 || has_capabilities(file)?;
        let may_be_linked = self.is_unclear || self.linked.contains(&entry.id);
        let is_beside =
            !has_rights && !self.spread.contains(&entry.id) && (is_program || !may_be_linked);
        Ok(FilePlace { destination, origin: is_beside.then_some(folder), has_rights })
    }
}

/// What is in trees, by the paths that they get.
struct FinalPaths<'t> {
    trees: Vec<(&'t Path, HashMap<&'t Path, &'t Entry>)>,
    /// By the names alone, the files: their devices and inodes.
    names: HashMap<&'t OsStr, Vec<(u64, u64)>>,
    rules: &'t Rules<'t>,
}

/// What a path will name.
enum Named<'t> {
    /// Something in a tree.
    Entry(&'t Entry),
    /// Nothing: it is in a tree, which does not have it.
    Nothing,
    /// Something outside of the trees.
    Elsewhere,
}

impl<'t> FinalPaths<'t> {
    fn of(trees: &[(&'t Tree, &'t Path)], rules: &'t Rules<'t>) -> Self {
        let by_path = |(tree, destination): &(&'t Tree, &'t Path)| {
            let entries = tree.entries.iter().map(|entry| (entry.path.as_path(), entry));
            (*destination, entries.collect())
        };
        let is_link = |entry: &Entry| matches!(entry.kind, EntryKind::Symlink(_));
        let has_links = trees.iter().any(|(tree, _)| tree.entries.iter().any(is_link));
        let trees = if has_links { trees } else { &[] };
        let mut names: HashMap<&OsStr, Vec<(u64, u64)>> = HashMap::new();
        for entry in trees.iter().flat_map(|(tree, _)| &tree.entries) {
            if let (EntryKind::File(_), Some(name)) = (&entry.kind, entry.path.file_name()) {
                names.entry(name).or_default().push(entry.id);
            }
        }
        Self { trees: trees.iter().map(by_path).collect(), names, rules }
    }

    fn named(&self, path: &Path) -> Named<'t> {
        // One tree may be put into another.
        let inside = self.trees.iter().filter_map(|(destination, entries)| {
            let below = path.strip_prefix(destination).ok()?;
            Some((destination.as_os_str().len(), entries.get(below)))
        });
        match inside.max_by_key(|(length, _)| *length) {
            Some((_, Some(entry))) => Named::Entry(entry),
            Some((_, None)) => Named::Nothing,
            None => Named::Elsewhere,
        }
    }

    /// The files that a link leads to, or may lead to, by device and inode, if they are in another folder than the
    /// link.
    ///
    /// # Errors
    /// The link leads nowhere; the system does not tell where.
    fn elsewhere(&self, link: &Path) -> io::Result<Vec<(u64, u64)>> {
        let path = self.followed(link)?;
        if path.parent() == link.parent() {
            return Ok(Vec::new());
        }
        match self.named(&path) {
            Named::Entry(entry) => Ok(vec![entry.id]),
            Named::Nothing => Err(io::ErrorKind::NotFound.into()),
            // There may be a link back.
            Named::Elsewhere => match path.metadata() {
                Ok(metadata) => Ok(vec![Stamp::of(&metadata).id]),
                // Folders that are links are made where the trees will be: only the name is known.
                Err(error) if is_nothing(&error) => {
                    let same = path.file_name().and_then(|name| self.names.get(name));
                    Ok(same.cloned().unwrap_or_default())
                }
                Err(error) => Err(error),
            },
        }
    }

    /// What a link of the system leads to, by which a tree may be reached.
    fn system_link(&self, path: &Path) -> Option<PathBuf> {
        let is_above = |(destination, _): &(&Path, _)| destination.starts_with(path);
        if self.trees.iter().any(is_above) { None } else { path.read_link().ok() }
    }

    /// A path in which no part is a link of a tree, or of the system.
    fn followed(&self, path: &Path) -> io::Result<PathBuf> {
        let parts = |path: &Path| -> Vec<OsString> {
            path.components().map(|part| part.as_os_str().to_owned()).collect()
        };
        let mut left: VecDeque<OsString> = parts(path).into();
        let (mut at, mut links) = (PathBuf::from("/"), 0);
        while let Some(part) = left.pop_front() {
            match Path::new(&part).components().next() {
                Some(Component::ParentDir) => {
                    at.pop();
                    continue;
                }
                Some(Component::Normal(_)) => {}
                Some(Component::RootDir) => {
                    at = PathBuf::from("/");
                    continue;
                }
                _ => continue,
            }
            let next = at.join(&part);
            let target = match self.named(&next) {
                Named::Entry(Entry { kind: EntryKind::Symlink(target), .. }) => {
                    Some(self.rules.link(target).unwrap_or_else(|| target.clone()))
                }
                Named::Entry(_) | Named::Nothing => None,
                Named::Elsewhere => self.system_link(&next),
            };
            let Some(target) = target else {
                at = next;
                continue;
            };
            links += 1;
            if links > MOST_LINKS {
                return Err(Errno::LOOP.into());
            }
            parts(&target).into_iter().rev().for_each(|part| left.push_front(part));
        }
        Ok(at)
    }
}

/// Whether this is the error of a link that no loader can follow: to nothing, or to itself.
fn leads_nowhere(error: &io::Error) -> bool {
    is_nothing(error) || Errno::from_io_error(error) == Some(Errno::LOOP)
}
