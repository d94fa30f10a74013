//! Every spelling of a section or symbol, with the limits of the file formats.

use crate::encoding::hex;
use crate::model::{Section, Shape};

/// The section's name in ELF files, unless the schema sets another: a C identifier, because
/// AddressSanitizer pads what is in sections with other names. ELF has no limit of length.
#[must_use]
pub fn elf_section(section: &str) -> String {
    format!("{ELF_PREFIX}{section}")
}

/// The beginning of the default spelling of an ELF section.
pub const ELF_PREFIX: &str = "postlink_";

/// Segment and section in Mach-O files, for all records: each may have 16 bytes
/// (`<mach-o/loader.h>`, `struct section_64`).
pub const MACHO_SECTION: &str = "__TEXT,__postlink";

/// The section in PE files, for all records: an image's section names have 8 bytes (PE format,
/// "Section Table").
pub const PE_SECTION: &str = ".plink";

/// The symbol of the record's bytes. A linker that does not find it says why: the half of the
/// program that defines it was made from another schema.
pub(crate) fn record_symbol(shape: &Shape) -> String {
    format!("postlink_record_{}_of_schema_{}", shape.name, short_fingerprint(shape))
}

/// The inline namespace that holds the accessors in C++.
pub(crate) fn inline_namespace(shape: &Shape) -> String {
    format!("postlink_{}", short_fingerprint(shape))
}

/// The first 16 hexadecimal digits of the fingerprint: symbols carry them, so that halves of
/// different schemas fail at link.
fn short_fingerprint(shape: &Shape) -> String {
    hex(&shape.fingerprint()[..8])
}

/// The symbols of a section's functions in C++ (Itanium C++ ABI, "Mangling"). Return types are not part
/// of them.
pub(crate) struct Accessors {
    /// The namespaces, each with its length before it.
    path: String,
    /// What stands for these namespaces where they come again.
    again: String,
}

impl Accessors {
    pub(crate) fn of(section: &Section) -> Self {
        let inline = inline_namespace(&section.shape);
        let parts: Vec<&str> = section.namespace.split("::").chain([&*inline]).collect();
        let path = parts.iter().map(|part| format!("{}{part}", part.len())).collect();
        Self { path, again: substitution(parts.len() - 1) }
    }

    /// The symbol of a function without parameters.
    pub(crate) fn plain(&self, name: &str) -> String {
        format!("_ZN{}{}{name}Ev", self.path, name.len())
    }

    /// The symbol of a function whose one parameter is `failure *`.
    pub(crate) fn taking_failure(&self, name: &str) -> String {
        format!("_ZN{}{}{name}EPN{}7failureE", self.path, name.len(), self.again)
    }
}

/// What stands for a part of a symbol that comes again: `S_`, `S0_` to `SZ_`, `S10_` and so on.
fn substitution(position: usize) -> String {
    let Some(mut number) = position.checked_sub(1) else { return "S_".to_owned() };
    let mut digits = String::new();
    while number > 0 || digits.is_empty() {
        digits.insert(0, char::from(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[number % 36]));
        number /= 36;
    }
    format!("S{digits}_")
}

/// A name in `UpperCamelCase`, as types are named in C++ and Rust.
#[must_use]
pub fn upper_camel(name: &str) -> String {
    let words = name.split('_').map(|word| {
        let mut letters = word.chars();
        letters.next().into_iter().map(|first| first.to_ascii_uppercase()).chain(letters)
    });
    words.flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::{MACHO_SECTION, PE_SECTION, upper_camel};

    #[test]
    fn spellings_fit_their_formats() {
        assert!(MACHO_SECTION.split(',').all(|part| part.len() <= 16));
        assert!(PE_SECTION.len() <= 8);
    }

    #[test]
    fn camel_case() {
        assert_eq!(upper_camel("release_channel_2"), "ReleaseChannel2");
    }
}
