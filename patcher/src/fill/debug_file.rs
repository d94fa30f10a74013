//! The separate debug file of an image, which gets the image's new build-id.
//!
//! The new build-id follows from the image alone, without its link to the debug file. The debug file gets
//! it, so its checksum is known, and that is what the link gets: no circle.
//!
//! The debug file takes its place first. A run that is killed between both leaves the image as it was,
//! and a debug file that has the new build-id: the same fill again takes that for one that belongs to
//! the image, and goes on.

use std::fs::File;
use std::path::{Path, PathBuf};

use postlink_codegen::hex;

use crate::edit::Edit;
use crate::error::{Error, Result};
use crate::files::open::{Mode, is_same, open};
use crate::files::parents::Parents;
use crate::files::replace::{self, Changes, Durability, Old, Ready, Writes};
use crate::image::data::ImageData;
use crate::image::debug_link::{self, DebugLink};
use crate::image::{self, locate};
use crate::record::read::Image;
use crate::shown::{escaped, shown};

/// What is filled, and where all goes.
pub(super) struct Pairing<'a> {
    pub(super) image: &'a Image,
    /// Where the image goes.
    pub(super) output: &'a Path,
    /// Whether that is the image itself.
    pub(super) replaces: bool,
    /// The edit of its build-id.
    pub(super) identity: &'a Edit,
    /// The debug file, as the user names it.
    pub(super) path: &'a Path,
    /// Where it goes, if the user says so.
    pub(super) debug_output: Option<&'a Path>,
    /// Files whose places nothing takes.
    pub(super) read: &'a [&'a Path],
}

/// What becomes of a debug file.
#[derive(Debug)]
pub(super) struct DebugFile {
    file: File,
    /// Where it is; no link.
    path: PathBuf,
    edit: Edit,
    /// Where it goes.
    pub(super) output: PathBuf,
    /// Whether that is another file, or none yet.
    moves: bool,
    /// Whether the new file takes the place of the old one, also under another name.
    goes: bool,
    /// The edit of the image's link to it, if it has one.
    pub(super) link: Option<Edit>,
    /// In sentences, of which the image is the subject.
    pub(super) warnings: Vec<String>,
}

impl DebugFile {
    /// # Errors
    /// The file is no debug file of this image, cannot be read, or would take the place of another file.
    pub(super) fn plan(wanted: &Pairing<'_>) -> Result<Self> {
        let given = wanted.path;
        let real = given.canonicalize().map_err(Error::io("open", given))?;
        replace::targets(&[given], &[&wanted.image.path])?;
        let goes = match wanted.debug_output {
            Some(output) => wanted.replaces && is_one(output, &real)?,
            None => wanted.replaces,
        };
        let file = open(given, if goes { Mode::Replace } else { Mode::Read })?;
        let edit = edit(wanted, &file)?;
        let by_id = debug_link::path(&edit.before);
        let is_by_id = |path: &Path| by_id.as_ref().is_some_and(|name| path.ends_with(name));
        // As the user wrote it, where that is its name.
        let is_link = given.is_symlink();
        // Perhaps by a link of a folder.
        let has_old_name = edit.changes() && is_by_id(given) && !is_by_id(&real);
        let is_named = !is_link && is_by_id(given) == is_by_id(&real);
        let path = if is_named { given.to_owned() } else { real };
        let output = match (wanted.debug_output, debug_link::path(&edit.after)) {
            (Some(folder), Some(name)) if folder.is_dir() => folder.join(name),
            (Some(output), _) => output.to_owned(),
            (None, Some(name)) if is_by_id(&path) => {
                let root = path.ancestors().nth(name.components().count());
                root.unwrap_or(&path).join(name)
            }
            (None, _) if wanted.replaces => path.clone(),
            (None, _) => {
                return Err(Error::usage(
                    format!(
                        "--output leaves {} as it is, and with it its debug file",
                        escaped(&wanted.image.path)
                    ),
                    "say where the other debug file goes: --debug-output FILE, or a folder, which gets .build-id/…",
                ));
            }
        };
        let moves = !is_one(&output, &path)?;
        check_places(wanted, &path, &output, goes || !edit.changes() && !moves)?;
        // The name follows from the build-id; what is behind a link there is none of the debug files here.
        let is_by_link = output.is_symlink() && wanted.debug_output != Some(&output);
        if is_by_link && (moves || edit.changes()) {
            return Err(Error::input(
                format!(
                    "{} is a symbolic link, and the debug file is to have this name",
                    escaped(&output)
                ),
                "remove the link, or name another place with --debug-output FILE",
            ));
        }
        let mut planned =
            Self { file, path, edit, output, moves, goes, link: None, warnings: Vec::new() };
        planned.follow_link(wanted)?;
        let shown = escaped(given);
        if planned.changes() && goes {
            let metadata = planned.file.metadata().map_err(Error::io("read", given))?;
            let file = format!("its debug file {shown}");
            planned.warnings.extend(replace::other_names(&file, &metadata));
        }
        match planned.moves {
            true if goes && is_link => planned
                .warnings
                .push(format!("{shown} is a link to its old debug file, which goes")),
            false if goes && has_old_name => planned.warnings.push(format!(
                "{shown} is a link to its debug file by the old build-id, and stays: a debugger finds the new \
                 one by the link {}",
                escaped(debug_link::path(&planned.edit.after).unwrap_or_default())
            )),
            _ => {}
        }
        Ok(planned)
    }

    /// Whether anything is to be written.
    pub(super) fn changes(&self) -> bool {
        self.edit.changes() || self.moves
    }

    /// Makes the image's link to it right.
    fn follow_link(&mut self, wanted: &Pairing<'_>) -> Result<()> {
        let link = link(wanted.image)?;
        let Some(link) = link else { return Ok(()) };
        let Edit { before: old, after: new, .. } = wanted.identity;
        let checksum = |identity: &[u8]| {
            let edit = Edit { after: identity.to_vec(), ..self.edit.clone() };
            debug_link::checksum(&self.file, &[edit]).map_err(Error::io("read", &self.path))
        };
        let name = link.name_after(old, new);
        let shown = shown(&name);
        // After a fill without the debug file, the link is one to the file as it is.
        if checksum(old)? != link.checksum && checksum(&self.edit.before)? != link.checksum {
            self.warnings.push(format!(
                "its link to the debug file {shown} had the checksum of other content, and has the right one now"
            ));
        }
        let is_found_by_id = debug_link::path(new).is_some_and(|name| self.output.ends_with(name));
        let has_name =
            |name: &[u8]| self.output.file_name().is_some_and(|own| own.as_encoded_bytes() == name);
        if !is_found_by_id && !has_name(&name) {
            self.warnings.push(format!(
                "its link names the debug file {shown}: give it that name where it is used"
            ));
        }
        self.link = link.edit(&name, checksum(new)?);
        Ok(())
    }

    /// Writes it, and the image if that changes too: both or none. Gives sentences of which the image is
    /// the subject.
    pub(super) fn put(
        &self,
        image: Option<(&File, &Path, Old<'_>, Changes<'_>)>,
        how: Durability,
        writes: Writes<'_>,
    ) -> Result<Vec<String>> {
        let mut parents = Parents::default();
        if let Some(folder) = self.output.parent().filter(|folder| *folder != Path::new("")) {
            parents.make(folder)?;
        }
        let what = match (self.goes, self.moves) {
            (true, true) => Old::Moves(&self.path),
            (true, false) => Old::Goes,
            (false, _) => Old::Stays,
        };
        let edits = std::slice::from_ref(&self.edit);
        let changes = Changes { edits, length: None };
        let debug = Ready::new(&self.file, &self.output, what, changes, how, writes)?;
        let (own, mut notes) = match image {
            Some((file, output, what, changes)) => {
                let image = Ready::new(file, output, what, changes, how, writes)?;
                replace::put_both(debug, image, writes.stop)?
            }
            None => (replace::put_ready(debug, writes.stop)?, Vec::new()),
        };
        let name = escaped(&self.output);
        notes.extend(own.into_iter().map(|note| format!("its debug file {name}: {note}")));
        if self.goes && self.moves {
            let removed = std::fs::remove_file(&self.path);
            notes.extend(removed.err().map(|error| {
                format!("its old debug file {} cannot be removed: {error}", escaped(&self.path))
            }));
            // The folder of its first digits, where it was the only one.
            let _ = self.path.parent().map(std::fs::remove_dir);
        }
        Ok(notes)
    }
}

/// The link of an image to its debug file.
pub(super) fn link(image: &Image) -> Result<Option<DebugLink>> {
    image::debug_link(&ImageData::new(&image.file)).map_err(Error::not_image(&image.path))
}

/// The edit that gives a debug file the build-id of its image.
fn edit(wanted: &Pairing<'_>, file: &File) -> Result<Edit> {
    let (path, image) = (wanted.path, escaped(&wanted.image.path));
    let name = escaped(path);
    let help = format!(
        "name the debug file that was split off {image}, and has its build-id: readelf -n tells it"
    );
    let sections = locate(&ImageData::new(file)).map_err(Error::not_image(path))?;
    if let Some(section) = sections.iter().find(|section| section.problem.is_none()) {
        return Err(Error::input(
            format!(
                "{name}: the section {} has bytes here, so this is a program or library, and no separate debug file",
                crate::shown::line(&section.name)
            ),
            "split the debug file off with objcopy --only-keep-debug, or eu-strip -f",
        ));
    }
    let found = match image::identity(file, path) {
        Err(Error::BuildIds { count, .. }) => {
            let has =
                if count == 0 { "no build-id".to_owned() } else { format!("{count} build-ids") };
            return Err(Error::input(
                format!("{name} has {has}: nothing tells that it belongs to {image}"),
                help,
            ));
        }
        found => found?,
    };
    let Edit { before: old, after: new, .. } = wanted.identity;
    if found.before != *old && found.before != *new {
        return Err(Error::input(
            format!("{name} has the build-id {}, and {image} has {}", hex(&found.before), hex(old)),
            help,
        ));
    }
    Ok(Edit { after: new.clone(), ..found })
}

/// Whether two paths name one file, which is there.
fn is_one(one: &Path, other: &Path) -> Result<bool> {
    let metadata = other.metadata().map_err(Error::io("look at", other))?;
    is_same(one, &metadata).map_err(Error::io("look at", one))
}

/// Refuses a place that is also that of something else; of the old debug file, unless it goes or stays as
/// it is.
fn check_places(wanted: &Pairing<'_>, path: &Path, output: &Path, is_free: bool) -> Result<()> {
    // In a folder that is yet to be made there is nothing.
    if !output.parent().is_some_and(|folder| folder == Path::new("") || folder.exists()) {
        return Ok(());
    }
    let image_stays = (!wanted.replaces).then_some(wanted.image.path.as_path());
    let stays = (!is_free).then_some(path);
    let inputs: Vec<&Path> =
        image_stays.into_iter().chain(stays).chain(wanted.read.iter().copied()).collect();
    replace::targets(&[wanted.output, output], &inputs).map(drop)
}
