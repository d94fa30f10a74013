//! What a fill cannot put right, and says: signatures of the bytes as they were, and objects that
//! the next link may compile again.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::error::{Error, Result};
use crate::fill::Edit;
use crate::records::Image;
use crate::write::xattr;

/// How a signed kernel module ends (Linux, `MODULE_SIG_STRING` in `module_signature.h`).
const MODULE_SIGNATURE: &[u8] = b"~Module signature appended~\n";

/// Extended attributes by which the kernel appraises a file (Linux, "IMA/EVM"), and what renews
/// them.
const APPRAISED: [(&str, &str); 2] =
    [("security.ima", "evmctl ima_sign"), ("security.evm", "evmctl sign")];

/// Sentences about an image that is changed by these edits. `keeps_xattrs` tells whether the result
/// has the extended attributes of the image.
///
/// # Errors
/// The image cannot be read.
pub fn of(image: &Image, edits: &[Edit], keeps_xattrs: bool) -> Result<Vec<String>> {
    let failed = |action| Error::io(action, &image.path);
    let mut warnings = Vec::new();
    if is_signed_module(&image.file).map_err(failed("read"))? {
        warnings.push(
            "it ends with a kernel module's signature, which is no longer valid: sign it again \
             (strip --strip-debug removes the old signature, scripts/sign-file adds one)"
                .to_owned(),
        );
    }
    for (name, tool) in APPRAISED.into_iter().filter(|_| keeps_xattrs) {
        if xattr(&image.file, name).map_err(failed("read the extended attributes of"))?.is_some() {
            warnings.push(format!(
                "its extended attribute {name} is of the bytes before the fill: where the kernel \
                 appraises files, this one cannot be opened until it is signed again ({tool})"
            ));
        }
    }
    let mut objects: Vec<String> = edits
        .iter()
        .filter(|edit| edit.has_intermediate)
        .map(|edit| edit.member.clone().unwrap_or_else(|| "it".to_owned()))
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

fn is_signed_module(file: &File) -> io::Result<bool> {
    let mut end = [0; MODULE_SIGNATURE.len()];
    let Some(at) = file.metadata()?.len().checked_sub(end.len() as u64) else { return Ok(false) };
    file.read_exact_at(&mut end, at)?;
    Ok(end == MODULE_SIGNATURE)
}
