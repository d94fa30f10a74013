//! The seals of signed bundles. A seal has hashes of all that is in its folder, of code in the folder by what
//! that is called, and the program has those of `Info.plist` and of the seal; only a program has none of
//! itself, in `MacOS` or, in a framework, beside the seal's folder.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::files::open::{Mode, is_nothing, open};
use crate::files::walk::{EntryKind, Tree};
use crate::image::SEAL;
use crate::shown::escaped;

/// Bytes of a seal that are read: of some hundred thousand files.
const LARGEST: u64 = 64 << 20;

/// A sentence about a file that is changed in a signed bundle.
pub(crate) fn sealed(path: &Path) -> Option<String> {
    let own = Path::new("");
    Seals { above: above(path, |name| name == own), ..Seals::default() }.broken_by(own)
}

/// The seals that vouch for what is in a tree.
#[derive(Debug, Default)]
pub(crate) struct Seals {
    /// Those in the tree, by the folders that they vouch for.
    inside: BTreeMap<PathBuf, Seal>,
    /// Those of folders that the tree is in, each with the way from there to the tree.
    above: Vec<(PathBuf, Seal)>,
}

#[derive(Debug)]
struct Seal {
    path: PathBuf,
    programs: Programs,
}

/// What may be a program, and has a hash in a seal all the same, from the folder of the seal; or why that is
/// not known.
type Programs = Result<BTreeSet<PathBuf>, String>;

impl Seals {
    /// Those of a tree, and of the folders that it is in. In a tree, links lead to none.
    ///
    /// # Errors
    /// One in the tree cannot be read.
    pub(crate) fn of(tree: &Tree) -> Result<Self> {
        let is_there = |path: &Path| {
            tree.entries.binary_search_by(|entry| entry.path.as_path().cmp(path)).is_ok()
        };
        let mut seals = Self { above: above(&tree.root, is_there), ..Self::default() };
        let target = tree.entries.first().map(|root| tree.path(root));
        if let Some(target) = target.filter(|target| *target != tree.root) {
            seals.above.extend(above(&target, is_there));
        }
        let depth = Path::new(SEAL).components().count();
        let files = tree.entries.iter().filter(|entry| matches!(entry.kind, EntryKind::File(_)));
        for entry in files.filter(|entry| entry.path.ends_with(SEAL)) {
            let Some(folder) = entry.path.ancestors().nth(depth) else { continue };
            let is_beside = |name: &Path| is_there(&folder.join(name));
            let file = tree.file(entry);
            let programs = file.read_bytes("read", |file| programs(file, is_beside))?;
            seals.inside.insert(folder.to_owned(), Seal { path: file.path(), programs });
        }
        Ok(seals)
    }

    /// A sentence about an entry of the tree that is changed.
    pub(crate) fn broken_by(&self, entry: &Path) -> Option<String> {
        let inside = entry.ancestors().skip(1).filter_map(|folder| {
            let seal = self.inside.get(folder)?;
            Some((entry.strip_prefix(folder).ok()?.to_owned(), seal))
        });
        let above = self.above.iter().map(|(way, seal)| (way.join(entry), seal));
        inside.chain(above).find_map(|(name, seal)| seal.broken_by(&name))
    }
}

impl Seal {
    /// A sentence about a file that is changed, by its path from the seal's folder.
    fn broken_by(&self, name: &Path) -> Option<String> {
        let seal = escaped(&self.path);
        let bundle = match &self.programs {
            Ok(programs) if may_be_program(name) && !programs.contains(name) => return None,
            Ok(_) => format!("it is in a bundle that {seal} vouches for as it was"),
            Err(why) => format!("{seal} may vouch for it as it was, but {why}"),
        };
        Some(format!("{bundle}: sign the bundle again (codesign --force --sign -)"))
    }
}

/// The seals of the folders that a path is in. `is_there` says of a path from there on whether it matters.
fn above(path: &Path, is_there: impl Fn(&Path) -> bool) -> Vec<(PathBuf, Seal)> {
    let path = std::path::absolute(path).unwrap_or_default();
    let of = |folder: &Path| {
        let way = path.strip_prefix(folder).ok()?;
        let seal = folder.join(SEAL);
        let is_on_it = |name: &Path| name.strip_prefix(way).is_ok_and(&is_there);
        let programs = match open(&seal, Mode::Read) {
            Ok(file) => programs(&file, is_on_it)
                .unwrap_or_else(|error| Err(format!("it cannot be read ({error})"))),
            Err(Error::Io { source, .. }) if is_nothing(&source) => return None,
            Err(Error::NotRegular { .. }) => return None,
            Err(error) => Err(error.to_string()),
        };
        Some((way.to_owned(), Seal { path: seal, programs }))
    };
    path.ancestors().skip(1).filter_map(of).collect()
}

/// Reads a seal: a property list in XML.
fn programs(seal: impl Read, is_there: impl Fn(&Path) -> bool) -> io::Result<Programs> {
    let mut text = Vec::new();
    seal.take(LARGEST + 1).read_to_end(&mut text)?;
    if text.len() as u64 > LARGEST {
        let why = format!("it has more than {} MiB and is not looked into", LARGEST >> 20);
        return Ok(Err(why));
    }
    let mut programs = BTreeSet::new();
    let mut tags = text.split(|&byte| byte == b'<').peekable();
    while let Some(tag) = tags.next() {
        let Some(name) = tag.strip_prefix(b"key>") else { continue };
        let name = Path::new(OsStr::from_bytes(name));
        let is_key = tags.peek().is_some_and(|next| next.starts_with(b"/key>"));
        // Of others nothing is asked.
        if is_key && may_be_program(name) && is_there(name) {
            programs.insert(name.to_owned());
        }
    }
    Ok(Ok(programs))
}

/// Whether a program may be called this, from the folder of a seal.
fn may_be_program(name: &Path) -> bool {
    let Some(parent) = name.parent() else { return false };
    parent == Path::new("MacOS") || parent == Path::new("") && name != Path::new("Info.plist")
}
