//! Sentences about what a change of an image cannot put right: attributes that vouch for the bytes as
//! they were, and objects that the next link may compile again.

use std::fs::File;
use std::path::Path;

use super::edit::RecordEdit;
use crate::error::{Error, Result};
use crate::files::attributes::xattr;
use crate::shown::line;

/// Extended attributes by which the kernel appraises a file (Linux, "IMA/EVM"), and what renews
/// them.
const APPRAISED: [(&str, &str); 2] =
    [("security.ima", "evmctl ima_sign"), ("security.evm", "evmctl sign")];

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
