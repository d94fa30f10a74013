//! What `specialize` does to each entry of a tree, decided before anything is written.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::File;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::edit::Edit;
use crate::error::{Error, Result};
use crate::files::attributes::has_capabilities;
use crate::files::open::{open_entry, read_at};
use crate::files::walk::{self, Tree};
use crate::image::data::ImageData;
use crate::image::loader::{LoaderText, Role, loader_texts};
use crate::record::values::Assignment;
use crate::scan::classify::Content;
use crate::scan::finding::{Finding, FindingKind};
use crate::scan::manifest::Knowledge;
use crate::search::engine::Hit;
use crate::search::text;
use crate::shown::shown;
use crate::specialize::image::{ImagePlan, plan_image};
use crate::specialize::rewrite::Rewrites;

/// Bytes of a script's first line that Linux reads, without its end (`BINPRM_BUF_SIZE`).
const INTERPRETER_LINE: usize = 255;

/// What a whole run does.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// What becomes of old paths.
    pub rewrites: &'a Rewrites,
    /// Values that are given for declared fields.
    pub assignments: &'a [Assignment],
    /// Rewrite undeclared references in binary files, where old and new path are equally long.
    pub equal_length: bool,
}

/// What is done to a tree.
#[derive(Debug)]
pub struct TreePlan {
    /// The tree.
    pub tree: Tree,
    /// The path that its files will have.
    pub destination: PathBuf,
    /// What is done to each entry.
    pub entries: Vec<EntryPlan>,
    /// References that stay, in the order of a scan's report.
    pub left: Vec<Finding>,
    /// Which of the assignments a record of this tree took, by their positions.
    pub taken: BTreeSet<usize>,
}

/// What is done to an entry beside copying it.
#[derive(Clone, Debug, Default)]
pub struct EntryPlan {
    /// The position of another name of the same file that comes before this one.
    pub same_as: Option<usize>,
    /// Changes of a file's bytes, sorted; none overlap.
    pub edits: Vec<Edit>,
    /// The new target of a link.
    pub target: Option<PathBuf>,
    /// Whether it has records.
    pub has_records: bool,
    /// Where old paths stay in it.
    pub left: Vec<u64>,
    /// What was done, in words.
    pub notes: Vec<String>,
}

impl TreePlan {
    /// The entries that something is done to.
    pub fn changes(&self) -> impl Iterator<Item = (&walk::Entry, &EntryPlan)> {
        let entries = self.tree.entries.iter().zip(&self.entries);
        entries.filter(|(_, planned)| !planned.edits.is_empty() || planned.target.is_some())
    }

    /// How many files it has, and how many bytes they have. One with several names counts once.
    #[must_use]
    pub fn size(&self) -> (u64, u64) {
        let size = |(entry, planned): (&walk::Entry, &EntryPlan)| match entry.kind {
            walk::EntryKind::File(size) if planned.same_as.is_none() => Some(size),
            _ => None,
        };
        let sizes = self.tree.entries.iter().zip(&self.entries).filter_map(size);
        sizes.fold((0, 0), |(files, bytes), size| (files + 1, bytes + size))
    }
}

impl EntryPlan {
    /// Whether the file keeps its size: what changes stays where it is.
    #[must_use]
    pub fn keeps_size(&self) -> bool {
        self.edits.iter().all(Edit::keeps_size)
    }
}

/// Plans a tree that something is known of.
///
/// # Errors
/// Everything that cannot be done, all of it at once.
pub fn plan_tree(known: Knowledge, destination: &Path, wanted: &Wanted<'_>) -> Result<TreePlan> {
    let Knowledge { tree, entries: examined, findings } = known;
    let changes = |finding: &Finding| {
        let pair = finding.place.as_ref().and_then(|place| wanted.rewrites.pair(place.reference));
        pair.is_none_or(|(old, new)| old.path != new)
    };
    let findings: Vec<Finding> = findings.into_iter().filter(changes).collect();
    let mut by_path: BTreeMap<String, Vec<Finding>> = BTreeMap::new();
    let order: BTreeMap<String, usize> =
        findings.iter().rev().enumerate().map(|(at, one)| (key(one), at)).collect();
    for finding in findings {
        by_path.entry(finding.path.clone()).or_default().push(finding);
    }
    let mut errors: Vec<Error> = Vec::new();
    let jobs: Vec<(usize, Vec<Finding>)> = (0..tree.entries.len())
        .map(|at| {
            let name = crate::shown::escaped(tree.entries[at].path.as_os_str());
            (at, by_path.remove(&name).unwrap_or_default())
        })
        .collect();
    // Files with names in several folders: none of these is where the file is.
    let folder = |at: usize| tree.entries[at].path.parent();
    let names = examined.iter().enumerate().filter_map(|(at, one)| Some((at, one.same_as?)));
    let spread = names.filter(|&(at, first)| folder(at) != folder(first)).map(|(_, first)| first);
    let spread = spread.collect();
    let linked = linked_elsewhere(&tree);
    let context = Context { tree: &tree, destination, wanted, spread, linked };
    let planned: Vec<Result<Planned>> = jobs
        .into_par_iter()
        .map(|(at, findings)| context.entry(at, &examined[at], findings))
        .collect();
    let mut entries = Vec::with_capacity(planned.len());
    let mut left = Vec::new();
    let mut taken = BTreeSet::new();
    for one in planned {
        match one {
            Ok(one) => {
                entries.push(one.entry);
                left.extend(one.left);
                taken.extend(one.taken);
            }
            Err(error) => errors.push(error),
        }
    }
    if !errors.is_empty() {
        return Err(Error::several(errors));
    }
    left.sort_by_key(|finding| std::cmp::Reverse(order.get(&key(finding)).copied()));
    Ok(TreePlan { tree, destination: destination.to_owned(), entries, left, taken })
}

/// What tells findings apart.
fn key(finding: &Finding) -> String {
    format!("{:?} {} {:?} {:?}", finding.kind, finding.path, finding.place, finding.member)
}

/// What is decided of one entry.
#[derive(Default)]
struct Planned {
    entry: EntryPlan,
    left: Vec<Finding>,
    taken: BTreeSet<usize>,
}

struct Context<'a> {
    tree: &'a Tree,
    destination: &'a Path,
    wanted: &'a Wanted<'a>,
    spread: BTreeSet<usize>,
    linked: BTreeSet<PathBuf>,
}

/// The files that a link in another folder leads to. For a library that is opened by such a link, the
/// loader takes the link's folder for `$ORIGIN`; for a program, that of the file.
fn linked_elsewhere(tree: &Tree) -> BTreeSet<PathBuf> {
    let Ok(root) = tree.root.canonicalize() else { return BTreeSet::new() };
    let target = |entry: &walk::Entry| match entry.kind {
        walk::EntryKind::Symlink(_) => {
            let file = tree.path(entry).canonicalize().ok()?;
            let file = file.strip_prefix(&root).ok()?.to_owned();
            (file.parent() != entry.path.parent()).then_some(file)
        }
        _ => None,
    };
    tree.entries.iter().filter_map(target).collect()
}

impl Context<'_> {
    fn entry(
        &self,
        at: usize,
        examined: &crate::scan::trees::Examined,
        findings: Vec<Finding>,
    ) -> Result<Planned> {
        let entry = &self.tree.entries[at];
        let mut planned = Planned::default();
        planned.entry.same_as = examined.same_as;
        planned.entry.has_records = !examined.records.is_empty();
        match &entry.kind {
            walk::EntryKind::Special(kind) => {
                return Err(Error::Special { path: self.tree.path(entry), kind });
            }
            walk::EntryKind::Symlink(target) => {
                planned.entry.target = self.target(target);
                if let Some(target) = &planned.entry.target {
                    planned.entry.notes.push(format!("link to {}", target.display()));
                }
                // A link's target is rewritten as a whole.
                let is_done = planned.entry.target.is_some();
                planned.left = findings
                    .into_iter()
                    .filter(|one| one.kind != FindingKind::Link || !is_done)
                    .collect();
            }
            walk::EntryKind::Directory => planned.left = findings,
            walk::EntryKind::File(_) if examined.same_as.is_some() => planned.left = findings,
            walk::EntryKind::File(_) if findings.is_empty() && examined.records.is_empty() => {}
            walk::EntryKind::File(_) => self.file(at, examined.content, findings, &mut planned)?,
        }
        Ok(planned)
    }

    /// The new target of an absolute link that leads into a tree whose path changes.
    fn target(&self, target: &Path) -> Option<PathBuf> {
        if !target.is_absolute() {
            return None;
        }
        let new = self.wanted.rewrites.text(target.as_os_str().as_bytes())?;
        Some(OsString::from_vec(new).into())
    }

    fn file(
        &self,
        at: usize,
        content: Content,
        findings: Vec<Finding>,
        planned: &mut Planned,
    ) -> Result<()> {
        let entry = &self.tree.entries[at];
        let path = self.tree.path(entry);
        let failed = |error| Error::io("read", &path)(error);
        let file = open_entry(&path).map_err(failed)?;
        let mut edits = Vec::new();
        if matches!(content, Content::Image | Content::Packed) {
            let loader = match findings
                .iter()
                .any(|one| matches!(one.kind, FindingKind::Runpath | FindingKind::Loader))
            {
                true => self.loader_texts(&file, &path)?,
                false => Vec::new(),
            };
            let folder = self.final_folder(&entry.path);
            // A program with more rights than its user does not look beside itself.
            let capabilities = has_capabilities(&file).map_err(failed)?;
            let is_program = loader.iter().any(|text| text.role == Role::Interpreter);
            let is_beside = entry.mode & 0o6000 == 0
                && !capabilities
                && !self.spread.contains(&at)
                && (is_program || !self.linked.contains(&entry.path));
            let origin = is_beside.then_some(folder.as_path());
            let plan = ImagePlan {
                path: &path,
                file: &file,
                loader,
                origin,
                destination: self.destination,
            };
            let done = plan_image(&plan, self.wanted)?;
            edits = done.edits;
            planned.taken = done.taken;
            planned.entry.notes = done.notes;
        }
        // A text may have a million of them: they are not looked through for each.
        let count = edits.len();
        let mut by_start: BTreeMap<u64, Edit> =
            edits.into_iter().map(|edit| (edit.offset, edit)).collect();
        let mut overlap = by_start.len() < count;
        for finding in findings {
            let Some(hit) = hit(&finding) else {
                planned.left.push(finding);
                continue;
            };
            if !self.wanted.rewrites.is_there(&file, &hit).map_err(failed)? {
                return Err(Error::Changed { path });
            }
            let end = hit.offset + hit.length;
            let before = by_start.range(..=hit.offset).next_back();
            if before.is_some_and(|(_, edit)| end <= edit.end()) {
                continue;
            }
            match self.edit(&file, &finding, &hit).map_err(failed)? {
                Some(edit) => overlap |= by_start.insert(edit.offset, edit).is_some(),
                None => {
                    planned.entry.left.push(hit.offset);
                    planned.left.push(finding);
                }
            }
        }
        let edits: Vec<Edit> = by_start.into_values().collect();
        overlap |= edits.windows(2).any(|pair| pair[0].end() > pair[1].offset);
        if overlap {
            return Err(Error::input(
                format!("{}: the changes of this file overlap", path.display()),
                "give old paths that do not begin inside of each other",
            ));
        }
        if content == Content::Text && !edits.is_empty() {
            // A manifest may call anything a text.
            if text::lines(&file, &[]).map_err(failed)?.is_none() {
                return Err(Error::Changed { path });
            }
            self.check_interpreter(&file, &path)?;
            planned.entry.notes.push(format!("text rewritten in {} places", edits.len()));
        }
        planned.entry.edits = edits;
        Ok(())
    }

    fn loader_texts(&self, file: &File, path: &Path) -> Result<Vec<LoaderText>> {
        loader_texts(&ImageData::new(file)).map_err(Error::not_image(path))
    }

    /// Refuses a script whose first line the kernel would cut.
    fn check_interpreter(&self, file: &File, path: &Path) -> Result<()> {
        let mut start = vec![0; 2 * INTERPRETER_LINE];
        let read = read_at(file, &mut start, 0).map_err(Error::io("read", path))?;
        let line = start[..read].split(|&byte| byte == b'\n').next().unwrap_or_default();
        let Some(new) = self.wanted.rewrites.text(line).filter(|_| line.starts_with(b"#!")) else {
            return Ok(());
        };
        let words = |line: &[u8]| line.split(|byte| b" \t".contains(byte)).count();
        if new.len() <= INTERPRETER_LINE.max(line.len()) && words(&new) == words(line) {
            return Ok(());
        }
        Err(Error::input(
            format!("{}: the kernel would cut the first line `{}`", path.display(), shown(&new)),
            format!(
                "name a destination without spaces, so that it has at most {INTERPRETER_LINE} bytes"
            ),
        ))
    }

    /// What becomes of a reference that is not in an image's own strings.
    fn edit(&self, file: &File, finding: &Finding, hit: &Hit) -> std::io::Result<Option<Edit>> {
        let equal = match finding.kind {
            FindingKind::Text => false,
            FindingKind::String | FindingKind::Debug | FindingKind::Data
                if self.wanted.equal_length =>
            {
                true
            }
            _ => return Ok(None),
        };
        let edit = self.wanted.rewrites.in_file(file, hit)?;
        Ok(edit.filter(|edit| !equal || edit.keeps_size()))
    }

    /// The folder that a file will be in.
    fn final_folder(&self, path: &Path) -> PathBuf {
        match path.parent() {
            Some(parent) => self.destination.join(parent),
            None => self.destination.parent().unwrap_or(Path::new("/")).to_owned(),
        }
    }
}

/// The hit that a finding tells of, where it is in the file's own bytes.
fn hit(finding: &Finding) -> Option<Hit> {
    let place = finding
        .place
        .as_ref()
        .filter(|_| !matches!(finding.kind, FindingKind::Name | FindingKind::Link))?;
    // What lies in something compressed has no place in the file.
    if finding.kind == FindingKind::Member && finding.member.len() > 1 {
        return None;
    }
    Some(Hit {
        offset: place.offset,
        length: place.length,
        reference: place.reference,
        encoding: place.encoding,
    })
}
