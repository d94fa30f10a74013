//! What `specialize` does to each entry of a tree, decided before anything is written.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::image::{ImagePlan, plan_image};
use super::listed;
use super::record_left;
use super::rules::Strings;
use super::wanted::Wanted;
use crate::edit::{Edit, ordered, outermost};
use crate::error::{Error, Result};
use crate::files::open::read_at;
use crate::files::tree_file::TreeFile;
use crate::files::walk::{Entry, EntryKind, Tree};
use crate::files::window::Window;
use crate::image;
use crate::image::data::ImageData;
use crate::image::loader_texts;
use crate::record::edit::RecordEdit;
use crate::record::seals::Seals;
use crate::record::warnings;
use crate::scan::classify::Content;
use crate::scan::finding::{Action, Finding, FindingKind};
use crate::scan::manifest::Knowledge;
use crate::scan::trees::Examined;
use crate::search::boundary::Fit;
use crate::search::hits::Hit;
use crate::search::text;
use crate::shown::escaped;
use crate::watch::not_stopped;

/// Bytes of a file in which its first line is looked for.
const FIRST_LINE: usize = 512;

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
    /// What vouches for its files as they are.
    pub(crate) seals: Seals,
}

/// What is done to an entry beside copying it.
#[derive(Clone, Debug, Default)]
pub struct EntryPlan {
    /// The position of another name of the same file that comes before this one.
    pub same_as: Option<usize>,
    /// Changes of a file's bytes, sorted; none overlap.
    pub edits: Vec<Edit>,
    /// Where the file ends then, if that is earlier than now. In bytes.
    pub length: Option<u64>,
    /// Whether it is a text: only then edits may change its size.
    pub is_text: bool,
    /// Whether it was unpacked, rewritten and compressed again.
    pub is_repacked: bool,
    /// The new target of a link.
    pub target: Option<PathBuf>,
    /// Whether it has records.
    pub has_records: bool,
    /// Where old paths stay in it, in bytes from the start of the file as it is.
    pub left: Vec<u64>,
    /// What was done, in words.
    pub notes: Vec<String>,
    /// What is left to do, in sentences.
    pub warnings: Vec<String>,
}

impl TreePlan {
    /// The entries that something is done to.
    pub fn changes(&self) -> impl Iterator<Item = (&Entry, &EntryPlan)> {
        let entries = self.tree.entries.iter().zip(&self.entries);
        entries.filter(|(_, planned)| !planned.edits.is_empty() || planned.target.is_some())
    }

    /// How many files it has, and how many bytes they have. One with several names counts once.
    #[must_use]
    pub fn size(&self) -> (u64, u64) {
        let size = |(entry, planned): (&Entry, &EntryPlan)| match entry.kind {
            EntryKind::File(size) if planned.same_as.is_none() => Some(size),
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
pub(crate) fn plan_tree(
    known: Knowledge,
    destination: &Path,
    wanted: &Wanted<'_>,
) -> Result<TreePlan> {
    let Knowledge { tree, entries: examined, findings, .. } = known;
    let mut by_path: BTreeMap<String, Vec<(usize, Finding)>> = BTreeMap::new();
    for (order, finding) in findings.into_iter().enumerate() {
        let changes = |finding: &Finding| {
            let place = finding.place.as_ref();
            place.is_none_or(|place| {
                let in_texts = matches!(finding.kind, FindingKind::Text | FindingKind::Name);
                wanted.rules.rewrites.changes(place.reference, in_texts)
            })
        };
        if changes(&finding) {
            by_path.entry(finding.path.clone()).or_default().push((order, finding));
        }
    }
    let jobs: Vec<(usize, Vec<(usize, Finding)>)> = (0..tree.entries.len())
        .map(|at| {
            let name = escaped(tree.entries[at].path.as_os_str());
            (at, by_path.remove(&name).unwrap_or_default())
        })
        .collect();
    let seals = Seals::of(&tree)?;
    let context = Context { tree: &tree, seals: &seals, destination, wanted };
    let planned: Vec<Result<Planned>> = jobs
        .into_par_iter()
        .map(|(at, findings)| {
            not_stopped(wanted.stop)?;
            context.entry(at, &examined[at], findings)
        })
        .collect();
    not_stopped(wanted.stop)?;
    let mut errors: Vec<Error> = Vec::new();
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
    let changes = |entry: usize| {
        let first = entries[entry].same_as.unwrap_or(entry);
        !entries[first].edits.is_empty()
    };
    for (list, warning) in listed::stale(&tree, changes)? {
        entries[list].warnings.push(warning);
    }
    left.sort_by_key(|(order, _)| *order);
    let left = left.into_iter().map(|(_, finding)| finding).collect();
    Ok(TreePlan { tree, destination: destination.to_owned(), entries, left, taken, seals })
}

/// What is decided of one entry.
#[derive(Default)]
struct Planned {
    entry: EntryPlan,
    /// With their order in the report.
    left: Vec<(usize, Finding)>,
    taken: BTreeSet<usize>,
}

struct Context<'a> {
    tree: &'a Tree,
    seals: &'a Seals,
    destination: &'a Path,
    wanted: &'a Wanted<'a>,
}

impl Context<'_> {
    fn entry(
        &self,
        at: usize,
        examined: &Examined,
        findings: Vec<(usize, Finding)>,
    ) -> Result<Planned> {
        let entry = &self.tree.entries[at];
        let mut planned = Planned::default();
        planned.entry.same_as = examined.same_as;
        planned.entry.has_records = !examined.records.is_empty();
        match &entry.kind {
            EntryKind::Special(kind) => {
                return Err(Error::Special { path: self.tree.path(entry), kind });
            }
            EntryKind::Symlink(target) => {
                planned.entry.target = self.wanted.rules.link(target);
                if let Some(target) = &planned.entry.target {
                    planned.entry.notes.push(format!("link to {}", escaped(target.as_os_str())));
                }
                // A link's target is rewritten as a whole, but for words.
                let is_done = planned.entry.target.is_some();
                let stays = |(_, one): &(usize, Finding)| {
                    one.kind != FindingKind::Link || !is_done || self.is_word(one)
                };
                planned.left = findings.into_iter().filter(stays).collect();
            }
            EntryKind::Directory => planned.left = findings,
            EntryKind::File(_) if examined.same_as.is_some() => planned.left = findings,
            EntryKind::File(_) if findings.is_empty() && examined.records.is_empty() => {}
            EntryKind::File(_) => {
                let file = self.tree.file(entry);
                file.read("read", |opened| {
                    self.file(file, opened, examined.content, findings, &mut planned)
                })?;
            }
        }
        if planned.entry.target.is_some() || !planned.entry.edits.is_empty() {
            let name = escaped(&entry.path);
            let warning = self.seals.broken_by(&entry.path);
            planned.entry.warnings.extend(warning.map(|one| format!("{name}: {one}")));
        }
        Ok(planned)
    }

    /// Whether a finding is of a word, and of no path.
    fn is_word(&self, finding: &Finding) -> bool {
        let place = finding.place.as_ref();
        place.is_some_and(|place| self.wanted.rules.rewrites.is_word(place.reference))
    }

    fn file(
        &self,
        found: TreeFile<'_>,
        file: &File,
        content: Content,
        findings: Vec<(usize, Finding)>,
        planned: &mut Planned,
    ) -> Result<()> {
        let rules = self.wanted.rules;
        let (path, size) = (found.path(), found.size());
        let failed = |error| Error::io("read", &path)(error);
        if content == Content::Packed && rules.repacks(file).map_err(failed)? {
            let rewritten = rules.packed(file, size).map_err(failed)?;
            Self::packed(rewritten, findings, planned);
            return Ok(());
        }
        let strings = rules.strings(file, size).map_err(failed)?;
        let (mut edits, mut records) = (Vec::new(), Vec::new());
        if matches!(content, Content::Image | Content::Packed) {
            (edits, records) = self.image(found, file, &path, &findings, planned)?;
        }
        // The edits of records and of the loader's strings, whose references need none of their own.
        edits.sort_by_key(|edit| edit.offset);
        let is_done = |finding: &Finding, hit: &Hit| {
            let behind = edits.partition_point(|edit| edit.offset <= hit.offset);
            let before = behind.checked_sub(1).and_then(|last| edits.get(last));
            // A reference that nothing rewrites is gone only if the new bytes do not have it.
            let is_name = matches!(finding.kind, FindingKind::Runpath | FindingKind::Loader);
            let is_rewritten = !finding.possible
                && finding.action != Action::None
                && !(is_name && self.is_word(finding));
            before.is_some_and(|edit| {
                hit.offset + hit.length <= edit.end()
                    && (is_rewritten || !rules.rewrites.is_in(hit, &edit.after))
            })
        };
        let mut more = Vec::new();
        let mut undecided = Vec::new();
        let mut window = Window::new(file);
        for (order, finding) in findings {
            let Some(hit) = hit(&finding) else {
                planned.left.push((order, finding));
                continue;
            };
            let is_judged = !finding.possible && finding.kind.is_of_bytes();
            let is_there = rules.rewrites.is_there(&mut window, &hit).map_err(failed)?;
            if !is_there
                || (is_judged && !rules.rewrites.is_certain(&mut window, &hit).map_err(failed)?)
            {
                return Err(Error::changed(path));
            }
            // What stays in the fields of a record is told of what that becomes.
            let in_record = || records.iter().any(|record| record.contains(&hit.offset));
            if is_done(&finding, &hit) || (finding.field.is_some() && in_record()) {
                continue;
            }
            let edit = rules.hit(&mut window, finding.kind, &hit, strings).map_err(failed)?;
            match edit {
                Some(edit) => more.push(edit),
                None => undecided.push((order, hit.offset, finding)),
            }
        }
        let more = outermost(more);
        // A reference inside of a longer one that is rewritten goes with it.
        for (order, offset, mut finding) in undecided {
            if let (Strings::Checked(format), FindingKind::Data) = (strings, finding.kind) {
                finding.advice = format!("it is {format}: make it anew").into();
            }
            let behind = more.partition_point(|edit| edit.offset <= offset);
            let before = behind.checked_sub(1).and_then(|last| more.get(last));
            if before.is_none_or(|edit| edit.end() <= offset) {
                planned.entry.left.push(offset);
                planned.left.push((order, finding));
            }
        }
        let count = more.len();
        let is_within = |edit: &&Edit| {
            let behind = edits.partition_point(|one| one.offset <= edit.offset);
            let before = behind.checked_sub(1).and_then(|last| edits.get(last));
            before.is_some_and(|one| one.end() >= edit.end())
        };
        if let Some(edit) = more.iter().find(is_within) {
            return Err(Error::input(
                format!(
                    "{}: the reference at {:#x} lies in what changes for another reason: a record, or \
                     what its loader reads, which becomes longer and moves what is behind it",
                    escaped(path.as_os_str()),
                    edit.offset
                ),
                "leave out --equal-length, or give a path that is not longer than the old one",
            ));
        }
        edits.extend(more);
        let Some(edits) = ordered(edits) else {
            return Err(Error::input(
                format!("{}: the changes of this file overlap", escaped(path.as_os_str())),
                "give old paths that do not begin inside of each other",
            ));
        };
        if content == Content::Text && count > 0 {
            // A manifest may call anything a text.
            if text::lines(file, &[]).map_err(failed)?.is_none() {
                return Err(Error::changed(path));
            }
            let mut start = vec![0; FIRST_LINE];
            let read = read_at(file, &mut start, 0).map_err(failed)?;
            rules.check_first_line(&path, &start[..read])?;
            planned.entry.notes.push(format!("text rewritten in {count} places"));
        }
        planned.entry.edits = edits;
        if content != Content::Text {
            self.finish(found.entry, file, &path, &mut planned.entry)?;
        }
        planned.entry.is_text = content == Content::Text;
        Ok(())
    }

    /// Adds what the edits of an image make necessary elsewhere in it.
    fn finish(
        &self,
        entry: &Entry,
        file: &File,
        path: &Path,
        planned: &mut EntryPlan,
    ) -> Result<()> {
        if planned.edits.is_empty() {
            return Ok(());
        }
        let finish = image::finish(file, path, &planned.edits, self.wanted.allowed)?;
        planned.edits.extend(finish.edits);
        planned.edits = ordered(std::mem::take(&mut planned.edits)).ok_or_else(|| {
            Error::input(
                format!("{}: a change lies in what follows from it", escaped(path)),
                "build the file again",
            )
        })?;
        planned.length = finish.length;
        let name = escaped(&entry.path);
        planned.warnings.extend(finish.warnings.iter().map(|one| format!("{name}: {one}")));
        Ok(())
    }

    /// Plans a compressed file, or an archive: one compressed text is rewritten, everything else stays.
    fn packed(
        rewritten: Result<Option<Edit>, String>,
        findings: Vec<(usize, Finding)>,
        planned: &mut Planned,
    ) {
        let is_one = findings.iter().all(|(_, one)| one.packed && one.member.len() == 1);
        let problem = match rewritten {
            Ok(Some(edit)) if is_one => {
                planned.entry.notes.push("compressed text rewritten".into());
                planned.entry.edits = vec![edit];
                planned.entry.is_repacked = true;
                return;
            }
            Ok(_) => "it is not one compressed text".to_owned(),
            Err(problem) => problem,
        };
        planned.left.extend(findings.into_iter().map(|(order, mut finding)| {
            finding.advice = format!("{problem}: {}", finding.advice).into();
            (order, finding)
        }));
    }

    /// The edits of an image, or archive of images: of its records, and of what the loader reads. Also where
    /// these records are.
    fn image(
        &self,
        found: TreeFile<'_>,
        file: &File,
        path: &Path,
        findings: &[(usize, Finding)],
        planned: &mut Planned,
    ) -> Result<(Vec<Edit>, Vec<Range<u64>>)> {
        let is_read =
            |kind: FindingKind| matches!(kind, FindingKind::Runpath | FindingKind::Loader);
        let data = ImageData::new(file);
        let loader = match findings.iter().any(|(_, one)| is_read(one.kind)) {
            true => loader_texts(&data).map_err(Error::not_image(path))?,
            false => Vec::new(),
        };
        let place = self.wanted.beside.place(found.entry, file, &loader, self.destination);
        let place = place.map_err(Error::io("read", path))?;
        let has_records = planned.entry.has_records;
        let plan =
            ImagePlan { file: found, path, data: &data, has_records, loader: &loader, place };
        let done = plan_image(&plan, self.wanted)?;
        planned.taken = done.taken;
        planned.entry.notes.extend(done.notes);
        for record in &done.records {
            for finding in record_left::left(record, self.wanted.old, &found.entry.path) {
                let place = finding.place.as_ref().map(|place| place.offset);
                // The gate takes a default for a part of its record that begins with that.
                let is_default = finding.kind == FindingKind::Descriptor;
                let known = if is_default { Some(record.record_offset()) } else { place };
                planned.entry.left.extend(known);
                planned.left.push((usize::MAX, finding));
            }
        }
        let name = escaped(&found.entry.path);
        if done.edits.iter().any(Edit::changes) {
            let warnings = warnings::of(file, path, &done.records, true)?;
            planned.entry.warnings = warnings.iter().map(|one| format!("{name}: {one}")).collect();
        }
        Ok((done.edits, done.records.iter().map(RecordEdit::range).collect()))
    }
}

/// The hit that a finding tells of, where it is in the file's own bytes.
fn hit(finding: &Finding) -> Option<Hit> {
    let is_elsewhere =
        matches!(finding.kind, FindingKind::Name | FindingKind::Link) || finding.packed;
    let place = finding.place.as_ref().filter(|_| !is_elsewhere)?;
    Some(Hit {
        offset: place.offset,
        length: place.length,
        reference: place.reference,
        encoding: place.encoding,
        fit: if finding.possible { Fit::Inside } else { Fit::Certain },
    })
}
