//! The rulebook: what becomes of a text, a link, a string that the loader reads, a value, and of bytes
//! in any other file; and when a path may be relative to the file that names it. Planning, the gate and
//! `verify` ask here, and decide nothing by themselves.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

use postlink_codegen::Value;

use super::repack::repack;
use super::rewrite::{Rewrites, SHORTEST_WORD};
use crate::edit::Edit;
use crate::error::{Error, Result};
use crate::files::open::read_at;
use crate::files::tree_file::TreeFile;
use crate::files::window::Window;
use crate::image::data::ImageData;
use crate::image::loader::LoaderText;
use crate::image::{begins_archive, loader_problems, replace_loader_texts};
use crate::scan::finding::FindingKind;
use crate::search::boundary::Fit;
use crate::search::hits::Hit;
use crate::search::unpack::{PackFormat, checked_format};
use crate::shown::{escaped, shown};

/// Bytes of a script's first line that Linux reads, without its end (`BINPRM_BUF_SIZE`).
const INTERPRETER_LINE: usize = 255;

/// What to do where a program may not look beside itself.
const RIGHTS: &str = "link it with a longer path, which any shorter one can replace. A relative one does not serve: \
    with a set-user-ID or set-group-ID bit, or capabilities, the loader does not look beside the program";

/// What a run does to whatever refers to an old path.
#[derive(Debug)]
pub(crate) struct Rules<'a> {
    /// What becomes of old paths and words.
    pub rewrites: &'a Rewrites,
    /// Rewrite undeclared references in binary files, where old and new path are equally long.
    pub equal_length: bool,
    /// Among these also references that may be a part of a longer path.
    pub possible: bool,
    /// Rewrite compressed texts.
    pub repack: bool,
}

/// What becomes of undeclared references in a binary file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strings {
    /// They stay.
    Stay,
    /// They stay: the file is in this format, whose bytes may not become others.
    Checked(&'static str),
    /// They are rewritten where old and new path are equally long.
    Become,
}

/// Strings that the loader reads, and what they become.
pub(crate) type Changed<'t> = Vec<(&'t LoaderText, Vec<u8>)>;

/// Where a file will be.
#[derive(Debug)]
pub(crate) struct FilePlace<'a> {
    /// The path that its tree will have.
    pub destination: &'a Path,
    /// The folder that it will be in; `None` for a file that may not look beside itself.
    pub origin: Option<PathBuf>,
    /// Whether that is because it has more rights than its user.
    pub has_rights: bool,
}

impl Rules<'_> {
    /// The new target of a link; `None` if it stays. A relative link, and one that leads elsewhere, stays.
    #[must_use]
    pub(crate) fn link(&self, target: &Path) -> Option<PathBuf> {
        let text = target.as_os_str().as_bytes();
        let new = target.is_absolute().then(|| self.rewrites.path(text, false)).flatten()?;
        Some(OsString::from_vec(new).into())
    }

    /// What becomes of a text in a value or a default; `None` if it stays.
    #[must_use]
    pub(crate) fn string(&self, text: &str) -> Option<String> {
        self.rewrites.string(text)
    }

    /// What becomes of a value that was set before; `None` if it stays.
    #[must_use]
    pub(crate) fn value(&self, value: &Value) -> Option<Value> {
        match value {
            Value::Text(text) => self.string(text).map(Value::Text),
            Value::List(items) => {
                let new =
                    items.iter().map(|item| self.string(item).unwrap_or_else(|| item.clone()));
                let new: Vec<String> = new.collect();
                (new != *items).then_some(Value::List(new))
            }
            _ => None,
        }
    }

    /// What becomes of a hit that lies in no record and is read by no loader; `None` if it stays.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(crate) fn hit(
        &self,
        file: &mut Window<'_>,
        kind: FindingKind,
        hit: &Hit,
        strings: Strings,
    ) -> io::Result<Option<Edit>> {
        let is_text = kind == FindingKind::Text;
        let may_be = match kind {
            FindingKind::Text => hit.fit == Fit::Certain,
            FindingKind::String | FindingKind::Debug | FindingKind::Data => {
                strings == Strings::Become && (hit.fit == Fit::Certain || self.possible)
            }
            _ => false,
        };
        if !may_be {
            return Ok(None);
        }
        let edit = self.rewrites.in_file(file, hit, is_text)?;
        Ok(edit.filter(|edit| is_text || edit.keeps_size()))
    }

    /// Why the first line of a script cannot become what the rewrites make of it: the kernel would cut
    /// it, or take it for other words.
    ///
    /// # Errors
    /// It is too long, or has a space where there was none.
    pub(crate) fn check_first_line(&self, path: &Path, start: &[u8]) -> Result<()> {
        let line = start.split(|&byte| byte == b'\n').next().unwrap_or_default();
        let Some(new) = self.rewrites.file_text(line).filter(|_| line.starts_with(b"#!")) else {
            return Ok(());
        };
        let words = |line: &[u8]| line.split(|byte| b" \t".contains(byte)).count();
        if new.len() <= INTERPRETER_LINE.max(line.len()) && words(&new) == words(line) {
            return Ok(());
        }
        Err(Error::input(
            format!("{}: the kernel would cut the first line `{}`", escaped(path), shown(&new)),
            format!(
                "name a destination without spaces, so that it has at most {INTERPRETER_LINE} bytes"
            ),
        ))
    }

    /// What becomes of the strings that the loader of an image reads: the edits, and each that changes
    /// with what it is then. Absolute paths are rewritten; where that does not fit, those inside the
    /// tree become relative to the image; and where that does not serve, the format may have room
    /// elsewhere.
    ///
    /// # Errors
    /// Each new text that does not fit, or because of which the loader would read another one.
    pub(crate) fn loader<'t>(
        &self,
        data: &ImageData<'_>,
        path: &Path,
        texts: &'t [LoaderText],
        place: &FilePlace<'_>,
    ) -> Result<(Vec<Edit>, Changed<'t>)> {
        let mut changes: Changed<'t> = Vec::new();
        let mut errors = Vec::new();
        let message = |text: &LoaderText, absolute: &[u8]| {
            let (old, new) = (shown(&text.text), shown(absolute));
            format!("{}: the {} `{old}` cannot become `{new}`", escaped(path), text.name)
        };
        for text in texts {
            let Some(absolute) = self.rewrites.path(&text.text, text.is_list) else { continue };
            // The loader would read another path: there is no way to write these.
            let specials = |text: &[u8]| text.iter().filter(|byte| b":$".contains(byte)).count();
            if text.is_list && specials(&absolute) != specials(&text.text) {
                errors.push(Error::input(
                    format!(
                        "{}: the loader takes `:` for the end of a path, and `$` for a variable",
                        message(text, &absolute)
                    ),
                    "name a destination without `:` and `$`",
                ));
                continue;
            }
            changes.push((text, absolute));
        }
        let problems = |changes: &[(&LoaderText, Vec<u8>)]| {
            let changes: Vec<(&LoaderText, &[u8])> =
                changes.iter().map(|(text, new)| (*text, new.as_slice())).collect();
            loader_problems(data, &changes).map_err(Error::not_image(path))
        };
        let mut left = problems(&changes)?;
        let relative = |(at, (text, new)): (usize, &(&'t LoaderText, Vec<u8>))| {
            left[at].as_ref()?;
            Some((at, (*text, place.relative(text, new)?)))
        };
        let (places, relative): (Vec<usize>, Changed<'t>) =
            changes.iter().enumerate().filter_map(relative).unzip();
        let of_relative = problems(&relative)?;
        for ((at, relative), problem) in places.into_iter().zip(relative).zip(of_relative) {
            if problem.is_none() {
                changes[at] = relative;
            }
            left[at] = problem;
        }
        let without_room = changes.iter().zip(left).filter_map(|((text, new), problem)| {
            let problem = problem?;
            let is_relative = text.origin.is_some_and(|word| problem.help().contains(word));
            let help = if place.has_rights && is_relative { RIGHTS } else { problem.help() };
            Some(Error::input(format!("{}: {problem}", message(text, new)), help))
        });
        let mut without_room: Vec<Error> = without_room.collect();
        let texts: Vec<(&LoaderText, &[u8])> =
            changes.iter().map(|(text, new)| (*text, new.as_slice())).collect();
        match replace_loader_texts(data, &texts) {
            Ok(edits) if errors.is_empty() => return Ok((edits, changes)),
            Ok(_) => {}
            Err(problem) if without_room.is_empty() => {
                let message = format!("{}: what its loader reads: {problem}", escaped(path));
                errors.push(Error::input(message, problem.help()));
            }
            Err(_) => errors.append(&mut without_room),
        }
        Err(Error::several(errors))
    }

    /// Whether a string that the loader reads may be `now` after the rewrites: what [`Rules::loader`]
    /// makes of it, or the same folders, of which others are relative.
    #[must_use]
    pub(crate) fn is_loader(&self, text: &LoaderText, now: &[u8], place: &FilePlace<'_>) -> bool {
        let expected = self.loader_text(text);
        expected == now || place.is_same(text, &expected, now)
    }

    /// A string that the loader reads, with its absolute paths rewritten, whether that fits or not.
    #[must_use]
    pub(crate) fn loader_text(&self, text: &LoaderText) -> Vec<u8> {
        self.rewrites.path(&text.text, text.is_list).unwrap_or_else(|| text.text.clone())
    }

    /// Whether undeclared references may be rewritten in a file of this size: not in an archive of
    /// images, nor in a format that has checksums of its bytes, which is then named.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(crate) fn strings(&self, file: &File, size: u64) -> io::Result<Strings> {
        if !self.equal_length {
            return Ok(Strings::Stay);
        }
        let mut start = [0; 512];
        let read = read_at(file, &mut start, 0)?;
        let start = &start[..read];
        Ok(match checked_format(file, start, size)? {
            Some(format) => Strings::Checked(format),
            None if begins_archive(start) => Strings::Stay,
            None => Strings::Become,
        })
    }

    /// Whether this file is one compressed stream that may be rewritten, and no archive.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(crate) fn repacks(&self, file: &File) -> io::Result<bool> {
        let mut start = [0; 16];
        let read = read_at(file, &mut start, 0)?;
        let format = PackFormat::of(&start[..read]);
        Ok(self.repack && format.is_some_and(PackFormat::is_stream))
    }

    /// What becomes of a compressed text: its bytes, and the new ones; `None` if it has no references
    /// that are rewritten. Or why it cannot be rewritten, as a sentence of which the file is the subject; also
    /// where compressed texts are not to be rewritten.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(crate) fn packed(
        &self,
        file: &File,
        size: u64,
    ) -> io::Result<Result<Option<Edit>, String>> {
        if !self.repack {
            return Ok(Err("it is compressed: unpack it, or rewrite it with --repack".into()));
        }
        repack(file, size, &|text| self.rewrites.whole_text(text))
    }
}

/// Whether a word in this line of a text stands for what it was declared as: it is long enough, or
/// the line tells the version of a package, as `pkg-config` reads it by one of the file's names.
pub(crate) fn is_unmistakable(word: &[u8], file: TreeFile<'_>, line: &str) -> bool {
    let is_config = || file.names().any(|name| name.extension() == Some(OsStr::new("pc")));
    word.len() >= SHORTEST_WORD || (line.starts_with("Version:") && is_config())
}

impl FilePlace<'_> {
    /// What the loader reads, where paths inside the tree are relative to the image; `None` if none
    /// becomes shorter by that.
    fn relative(&self, text: &LoaderText, absolute: &[u8]) -> Option<Vec<u8>> {
        let (folder, word) = (self.origin.as_ref()?, text.origin?);
        let mut changed = false;
        let mut parts: Vec<Vec<u8>> = Vec::new();
        for part in text.split(absolute) {
            let path = Path::new(OsStr::from_bytes(part));
            let is_inside = path.starts_with(self.destination);
            let relative = is_inside.then(|| from_origin(path, folder, word));
            parts.push(match relative {
                Some(new) if new.as_os_str().len() < part.len() => {
                    changed = true;
                    new.into_os_string().into_encoded_bytes()
                }
                _ => part.to_vec(),
            });
        }
        changed.then(|| parts.join(&b':'))
    }

    /// Whether the loader reads the paths that are expected, some of those inside the tree from where
    /// the image is. Only the straight way is the same one: any other may go through a link.
    fn is_same(&self, text: &LoaderText, expected: &[u8], now: &[u8]) -> bool {
        let (Some(origin), Some(word)) = (&self.origin, text.origin) else { return false };
        let is_same = |(expected, now): (&[u8], &[u8])| {
            let path = Path::new(OsStr::from_bytes(expected));
            let is_inside = path.starts_with(self.destination);
            expected == now
                || is_inside && from_origin(path, origin, word).as_os_str().as_bytes() == now
        };
        let parts = |bytes| text.split(bytes).count();
        let mut pairs = text.split(expected).zip(text.split(now));
        parts(expected) == parts(now) && pairs.all(is_same)
    }
}

/// The way from a folder to another, as a loader reads it, for which `word` is the first.
fn from_origin(to: &Path, folder: &Path, word: &str) -> PathBuf {
    let same = to.components().zip(folder.components()).take_while(|(a, b)| a == b).count();
    let up = folder.components().skip(same).map(|_| Path::new(".."));
    let down = to.components().skip(same);
    let mut path = PathBuf::from(word);
    up.for_each(|part| path.push(part));
    down.for_each(|part| path.push(part));
    path
}

/// A path without `.` and `..`: as text, links are not looked at.
pub(crate) fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                normal.pop();
            }
            Component::CurDir => {}
            component => normal.push(component),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::loader::Role;

    #[test]
    fn folders_beside_a_file_are_those_of_the_tree_and_none_less() {
        let place = FilePlace {
            destination: "/d".as_ref(),
            origin: Some("/d/bin".into()),
            has_rights: false,
        };
        let (role, range, text) = (Role::SearchPath, 0..0, Vec::new());
        let text = LoaderText {
            role,
            name: "RUNPATH",
            is_list: true,
            origin: Some("$ORIGIN"),
            is_of_program: true,
            range,
            text,
        };
        let is_same =
            |expected: &str, now: &str| place.is_same(&text, expected.as_bytes(), now.as_bytes());
        assert!(is_same("/d/lib:/usr/lib", "$ORIGIN/../lib:/usr/lib"));
        // A folder is missing, lies outside the tree, or is the wrong one.
        assert!(!is_same("/d/lib:/usr/lib", "$ORIGIN/../lib"));
        assert!(!is_same("/usr/lib", "$ORIGIN/../../usr/lib"));
        assert!(!is_same("/d/lib", "$ORIGIN/lib"));
        // `x` may be a link.
        assert!(!is_same("/d/bin/lib", "$ORIGIN/x/../lib"));
    }

    #[test]
    fn a_first_line_may_have_as_many_bytes_as_the_kernel_reads() {
        let pairs = [("/old/x".into(), format!("/{}", "n".repeat(100)).into())];
        let rewrites = Rewrites::new(&[], &pairs, false).expect("rewrites");
        let rules =
            Rules { rewrites: &rewrites, equal_length: false, possible: false, repack: false };
        let check = |rest: usize| {
            let line = format!("#!/old/x/{}", "a".repeat(rest));
            rules.check_first_line("script".as_ref(), line.as_bytes())
        };
        let rest = INTERPRETER_LINE - "#!/".len() - 100 - "/".len();
        check(rest).expect("it fits");
        check(rest + 1).expect_err("one byte more");
    }
}
