//! Sentences about what a change of an image cannot put right: attributes that vouch for the bytes as
//! they were, and objects that the next link may compile again.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use memchr::memmem;

use super::edit::RecordEdit;
use crate::error::{Error, Result};
use crate::files::attributes::xattr;
use crate::files::open::{Mode, open};
use crate::files::walk::Tree;
use crate::image::SEAL;
use crate::shown::{escaped, line};

/// Extended attributes by which the kernel appraises a file (Linux, "IMA/EVM"), and what renews
/// them.
const APPRAISED: [(&str, &str); 2] =
    [("security.ima", "evmctl ima_sign"), ("security.evm", "evmctl sign")];

/// Bytes of a seal that are read: of some hundred thousand files.
const LARGEST_SEAL: u64 = 64 << 20;

/// A sentence about a file that is changed in a signed bundle.
pub(crate) fn sealed(path: &Path) -> Option<String> {
    Seals::above(path).broken_by(path)
}

/// The folders that have the seal of a signed bundle, by their absolute paths.
#[derive(Debug, Default)]
pub(crate) struct Seals(BTreeSet<PathBuf>);

impl Seals {
    /// Those that a file is in.
    fn above(path: &Path) -> Self {
        // Most folders have none, and in one that cannot be read nothing is known to be wrong.
        let path = std::path::absolute(path).unwrap_or_default();
        let has_seal = |folder: &&Path| folder.join(SEAL).is_file();
        Self(path.ancestors().skip(1).filter(has_seal).map(Path::to_owned).collect())
    }

    /// Those of a tree, and those that the tree is in. In a tree, only what is called like the folder of a
    /// seal is looked at: a look above each entry would take hours where folders lie deep in each other.
    pub(crate) fn of(tree: &Tree) -> Self {
        let mut seals = Self::above(&tree.root);
        if let Some(root) = tree.entries.first() {
            seals.0.append(&mut Self::above(&tree.path(root)).0);
        }
        let folder_of_seal = Path::new(SEAL).iter().next();
        for entry in tree.entries.iter().filter(|one| one.path.file_name() == folder_of_seal) {
            let path = tree.path(entry);
            let sealed = path.parent().filter(|folder| folder.join(SEAL).is_file());
            seals.0.extend(sealed.and_then(|folder| std::path::absolute(folder).ok()));
        }
        seals
    }

    /// A sentence about an entry that is changed. A seal has hashes of all that is in its folder, of code in
    /// the folder by what that is called, and the program has those of `Info.plist` and of the seal; only a
    /// program has none of itself, in `MacOS` or, in a framework, beside the seal's folder.
    pub(crate) fn broken_by(&self, path: &Path) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        let path = std::path::absolute(path).ok()?;
        let seal = path.ancestors().skip(1).filter(|folder| self.0.contains(*folder)).find_map(
            |folder| {
                let seal = folder.join(SEAL);
                let inside = path.strip_prefix(folder).ok()?;
                let parent = inside.parent()?;
                let may_be_program = parent == Path::new("MacOS")
                    || parent == Path::new("") && inside != Path::new("Info.plist");
                let is_listed = || {
                    let key = [b"<key>", inside.as_os_str().as_bytes(), b"</key>"].concat();
                    let mut text = Vec::new();
                    let read = open(&seal, Mode::Read)
                        .map(|seal| seal.take(LARGEST_SEAL).read_to_end(&mut text).is_ok());
                    read.is_ok_and(|read| read && memmem::find(&text, &key).is_some())
                };
                (!may_be_program || is_listed()).then_some(seal)
            },
        )?;
        Some(format!(
            "it is in a bundle that {} vouches for as it was: sign the bundle again (codesign --force --sign -)",
            escaped(&seal)
        ))
    }
}

/// Sentences about an image that is changed, with these fills. `keeps_xattrs` tells whether the result
/// has the extended attributes of the image.
///
/// # Errors
/// The image cannot be read.
pub(crate) fn of(
    file: &File,
    path: &Path,
    records: &[RecordEdit],
    keeps_xattrs: bool,
) -> Result<Vec<String>> {
    let failed = |action| Error::io(action, path);
    let mut warnings = Vec::new();
    for (name, tool) in APPRAISED.into_iter().filter(|_| keeps_xattrs) {
        if xattr(file, name).map_err(failed("read the extended attributes of"))?.is_some() {
            warnings.push(format!(
                "its extended attribute {name} is of the bytes as they were: where the kernel \
                 appraises files, this one cannot be opened until it is signed again ({tool})"
            ));
        }
    }
    let mut objects: Vec<String> = records
        .iter()
        .filter(|record| record.has_intermediate)
        .map(|record| record.member.as_ref().map_or_else(|| "it".to_owned(), line))
        .collect();
    objects.dedup();
    warnings.extend(objects.iter().map(|object| {
        format!(
            "{object} also holds intermediate code: a link with LTO compiles that, without what \
             was filled. Link with -fno-lto (gcc takes intermediate code also without -flto), or \
             fill after the link"
        )
    }));
    Ok(warnings)
}
