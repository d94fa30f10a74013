//! Sentences about what a change of an image cannot put right: attributes that vouch for the bytes as
//! they were, and objects that the next link may compile again.

use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use memchr::memmem;

use super::edit::RecordEdit;
use crate::error::{Error, Result};
use crate::files::attributes::xattr;
use crate::files::open::{Mode, open};
use crate::image::SEAL;
use crate::shown::{escaped, line};

/// Extended attributes by which the kernel appraises a file (Linux, "IMA/EVM"), and what renews
/// them.
const APPRAISED: [(&str, &str); 2] =
    [("security.ima", "evmctl ima_sign"), ("security.evm", "evmctl sign")];

/// Bytes of a seal that are read: of some hundred thousand files.
const LARGEST_SEAL: u64 = 64 << 20;

/// A sentence about an entry that is changed in a signed bundle. The seal has hashes of all that is in its
/// folder, of code in the folder by what that is called, and the program has those of `Info.plist` and of the
/// seal; only a program has none of itself, in `MacOS` or, in a framework, beside the seal's folder.
pub(crate) fn sealed(path: &Path) -> Option<String> {
    let path = std::path::absolute(path).ok()?;
    let seal = path.ancestors().skip(1).find_map(|folder| {
        let seal = folder.join(SEAL);
        let inside = path.strip_prefix(folder).ok()?;
        let parent = inside.parent()?;
        let may_be_program = parent == Path::new("MacOS")
            || parent == Path::new("") && inside != Path::new("Info.plist");
        // Most folders have none, and in one that cannot be read nothing is known to be wrong.
        let is_listed = || {
            let key = [b"<key>", inside.as_os_str().as_bytes(), b"</key>"].concat();
            let mut text = Vec::new();
            let read = open(&seal, Mode::Read)
                .map(|seal| seal.take(LARGEST_SEAL).read_to_end(&mut text).is_ok());
            read.is_ok_and(|read| read && memmem::find(&text, &key).is_some())
        };
        (seal.is_file() && (!may_be_program || is_listed())).then_some(seal)
    })?;
    Some(format!(
        "it is in a bundle that {} vouches for as it was: sign the bundle again (codesign --force --sign -)",
        escaped(&seal)
    ))
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
