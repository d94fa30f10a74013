//! What the bytes of an image are for: its sections, the strings that the loader reads, and the
//! symbols that stand for what lies at an offset.

use std::fmt::Write;
use std::ops::Range;

use super::loader::{LoaderText, Role};

/// What an image is made of. Offsets are in bytes from the start of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Places {
    /// Sections that have bytes in the file, sorted by offset.
    pub parts: Vec<Part>,
    /// Strings that the loader reads, sorted by offset.
    pub strings: Vec<LoaderText>,
    /// One for each offset that was asked for.
    pub symbols: Vec<Option<Symbol>>,
}

/// A section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// Its name.
    pub name: String,
    /// Where its bytes are.
    pub range: Range<u64>,
    /// What it is for.
    pub purpose: Purpose,
    /// How its bytes are compressed, and where these begin behind a header.
    pub compressed: Option<(Compression, u64)>,
}

/// What a section is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Instructions.
    Code,
    /// Other bytes that are loaded into memory.
    Data,
    /// Read by debuggers only.
    Debug,
    /// The build-id, the UUID, or what else a debugger knows the file by.
    BuildId,
    /// Hashes of all other bytes, which follow from these.
    Signature,
    /// When it was linked, or what the linker computed in place of that.
    Stamp,
    /// The name and checksum of a separate debug file.
    DebugLink,
    /// Tables of the linker, comments.
    Other,
}

/// How the bytes of a section are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    /// zlib.
    Zlib,
    /// Zstandard.
    Zstd,
}

/// The symbol that an offset belongs to, or the last one of its section that begins before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Symbol {
    /// As its author wrote it in C++ or Rust, where that can be told.
    pub name: String,
    /// How far behind its start the offset lies, in bytes.
    pub distance: u64,
    /// Its size in bytes; 0 where that is not known.
    pub size: u64,
}

impl Symbol {
    /// Whether the offset lies in it. An assembler gives symbols without a size.
    pub(crate) fn contains(&self) -> bool {
        self.distance == 0 || self.distance < self.size
    }
}

impl Places {
    /// The section that a byte lies in.
    #[must_use]
    pub(crate) fn part(&self, offset: u64) -> Option<&Part> {
        containing(&self.parts, |part| &part.range, offset)
    }

    /// What the loader reads a byte for.
    #[must_use]
    pub(crate) fn role(&self, offset: u64) -> Option<Role> {
        containing(&self.strings, |string| &string.range, offset).map(|string| string.role)
    }
}

/// Of things that are sorted by where they begin, the last that begins at an offset or before it, if
/// it contains it. So many look-ups in a damaged file take no longer than in any other.
pub(crate) fn containing<T>(
    sorted: &[T],
    range: impl Fn(&T) -> &Range<u64>,
    offset: u64,
) -> Option<&T> {
    let behind = sorted.partition_point(|one| range(one).start <= offset);
    let last = sorted.get(behind.checked_sub(1)?)?;
    range(last).contains(&offset).then_some(last)
}

/// Bytes of a symbol's name that are looked at, and of a demangled one that are kept: a short one
/// can be made to stand for a very long one.
const LONGEST_SYMBOL: usize = 1024;

/// Whether a name is one that a compiler made: of C++ and older Rust `_Z` (Itanium C++ ABI, 5.1.2), of newer
/// Rust `_R` (RFC 2603); Mach-O and 32-bit PE put one more `_` in front of all names. Any other is the author's,
/// though the demanglers would take it for a type (`i`) or for a name without the `_` of these.
fn is_mangled(name: &str) -> bool {
    let bare = name.strip_prefix("__").or_else(|| name.strip_prefix('_'));
    bare.is_some_and(|bare| bare.starts_with(['Z', 'R']))
}

/// A symbol's name as its author wrote it.
pub(super) fn demangled(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name.get(..LONGEST_SYMBOL).unwrap_or(name));
    if !is_mangled(&name) {
        return name.into_owned();
    }
    let mut text = Limited(String::new());
    // A longer name is cut: a writer that refuses ends the work.
    if let Ok(rust) = rustc_demangle::try_demangle(&name) {
        let _ = write!(text, "{rust:#}");
    } else if let Ok(symbol) = cpp_demangle::Symbol::new(name.as_bytes()) {
        let _ = symbol.structured_demangle(&mut text, &cpp_demangle::DemangleOptions::new());
    }
    if text.0.is_empty() { name.into_owned() } else { text.0 }
}

/// A text up to [`LONGEST_SYMBOL`].
struct Limited(String);

impl Write for Limited {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        if self.0.len() + text.len() > LONGEST_SYMBOL {
            return Err(std::fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An array `x` was told as `signed long long`.
    #[test]
    fn names_of_c_stay() {
        for name in ["x", "i", "b", "Pc", "f", "St", "_i", "R4", "RC1a", "ZN3app3runEv", "main", ""]
        {
            assert_eq!(demangled(name.as_bytes()), name);
        }
        for (name, shown) in [
            ("_ZN3app3runEv", "app::run()"),
            ("__ZN3app3runEv", "app::run()"),
            ("_ZL1i", "i"),
            ("_RNvC3app3run", "app::run"),
            ("__RNvC3app3run", "app::run"),
            ("_Zebra", "_Zebra"),
        ] {
            assert_eq!(demangled(name.as_bytes()), shown);
        }
    }
}
