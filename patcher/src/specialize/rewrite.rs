//! What becomes of references: old paths and words, and the new ones in their places.
//!
//! A text is read once, from its start: where several old paths begin, the longest counts, and what
//! was written is not looked at again. So an old path may well be in a new one.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use crate::edit::Edit;
use crate::error::{Error, Result};
use crate::files::open::read_at;
use crate::search::engine::{Hit, Searcher};
use crate::search::reference::{Encoding, Reference};
use crate::shown::shown;

/// Bytes of a word that stands for nothing else: `0.0.0-x`.
const SHORTEST_WORD: usize = 6;

/// Old paths and their new ones; old words and new ones likewise.
#[derive(Debug)]
pub struct Rewrites {
    /// In the order in which they were given; of two for one old path the first.
    pairs: Vec<(Reference, Vec<u8>)>,
    searcher: Searcher,
}

impl Rewrites {
    /// Rewrites of these old paths. `force` allows those with one component.
    ///
    /// # Errors
    /// A path that is not absolute; an old path that is given two new ones; one such as `/usr`,
    /// which stands in almost every file for something else.
    pub fn new(pairs: &[(PathBuf, PathBuf)], force: bool) -> Result<Self> {
        let mut known: Vec<(Reference, Vec<u8>)> = Vec::new();
        for (old, new) in pairs {
            let old = Reference::named(old.as_os_str())?;
            let new = Reference::named(new.as_os_str())?;
            if old.is_word() != new.is_word() {
                return Err(Error::usage(
                    format!("`{}` cannot become `{}`", shown(&old.path), shown(&new.path)),
                    "a path becomes a path, a word becomes a word",
                ));
            }
            match known.iter().find(|(other, _)| other.needle == old.needle) {
                Some((other, path)) if other.path == old.path && *path == new.path => continue,
                Some(_) => {
                    return Err(Error::usage(
                        format!("`{}` has two new paths", shown(&old.path)),
                        "give one for each old path",
                    ));
                }
                None => {}
            }
            let why = match old.is_word() {
                true => (old.path.len() < SHORTEST_WORD).then_some("is a very short word"),
                false => (old.components() == 1).then_some("has only one component"),
            };
            if let (Some(why), false) = (why, force || old.path == new.path) {
                return Err(Error::usage(
                    format!("`{}` {why}", shown(&old.path)),
                    "many files have that and mean something else: name a longer one, or add --force",
                ));
            }
            known.push((old, new.path));
        }
        let searcher = Searcher::new(known.iter().map(|(old, _)| old.clone()).collect())?;
        Ok(Self { pairs: known, searcher })
    }

    /// The old paths.
    #[must_use]
    pub fn references(&self) -> Vec<Reference> {
        self.pairs.iter().map(|(old, _)| old.clone()).collect()
    }

    /// The old paths and the new ones.
    pub fn pairs(&self) -> impl Iterator<Item = (&Reference, &[u8])> {
        self.pairs.iter().map(|(old, new)| (old, new.as_slice()))
    }

    /// The old path with this position, and its new one.
    #[must_use]
    pub fn pair(&self, position: usize) -> Option<(&Reference, &[u8])> {
        self.pairs.get(position).map(|(old, new)| (old, new.as_slice()))
    }

    /// What a text becomes; `None` if it stays what it is.
    #[must_use]
    pub fn text(&self, text: &[u8]) -> Option<Vec<u8>> {
        let mut new = Vec::new();
        let mut done = 0;
        for hit in self.searcher.bytes(text) {
            let Some((range, path)) = self.replacement(text, 0, &hit) else { continue };
            let (start, end) = (range.start as usize, range.end as usize);
            new.extend_from_slice(text.get(done..start)?);
            new.extend_from_slice(path);
            done = end;
        }
        new.extend_from_slice(text.get(done..)?);
        (new != text).then_some(new)
    }

    /// [`Rewrites::text`] of UTF-8.
    #[must_use]
    pub fn string(&self, text: &str) -> Option<String> {
        String::from_utf8(self.text(text.as_bytes())?).ok()
    }

    /// Whether a file has this hit: one that a manifest tells of may be of another file.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn is_there(&self, file: &File, hit: &Hit) -> io::Result<bool> {
        let needle = self.pair(hit.reference).and_then(|(old, _)| hit.encoding.encode(&old.needle));
        let Some(needle) = needle.filter(|needle| needle.len() as u64 == hit.length) else {
            return Ok(false);
        };
        let mut bytes = vec![0; needle.len()];
        match file.read_exact_at(&mut bytes, hit.offset) {
            Ok(()) => Ok(bytes == needle),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// What becomes of a hit in a file; `None` where what was found is only a part of an old path,
    /// such as its hash.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn in_file(&self, file: &File, hit: &Hit) -> io::Result<Option<Edit>> {
        let Some((old, _)) = self.pairs.get(hit.reference) else { return Ok(None) };
        let reach = old.path.len() as u64;
        let start = hit.offset.saturating_sub(reach);
        let mut window = vec![0; (hit.offset - start + hit.length + reach + 1) as usize];
        let read = read_at(file, &mut window, start)?;
        let Some((range, path)) = self.replacement(&window[..read], start, hit) else {
            return Ok(None);
        };
        let before = window[(range.start - start) as usize..(range.end - start) as usize].to_vec();
        Ok(Some(Edit { offset: range.start, before, after: path.to_vec() }))
    }

    /// Where the old path of a hit stands, and the new one. The bytes begin at `base`.
    fn replacement(&self, bytes: &[u8], base: u64, hit: &Hit) -> Option<(Range<u64>, &[u8])> {
        let (old, new) = self.pairs.get(hit.reference)?;
        if hit.encoding != Encoding::Plain {
            return None;
        }
        // Of a store path the hash was found, in the middle of it.
        let before = old.path.windows(old.needle.len()).position(|part| part == old.needle)?;
        let start = hit.offset.checked_sub(before as u64)?.checked_sub(base)? as usize;
        let end = start + old.path.len();
        let rest = bytes.get(end..)?;
        let is_path = bytes.get(start..end)? == old.path && old.is_end(rest);
        is_path.then_some((base + start as u64..base + end as u64, new))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewrites(pairs: &[(&str, &str)]) -> Rewrites {
        let pairs: Vec<_> = pairs.iter().map(|(old, new)| (old.into(), new.into())).collect();
        Rewrites::new(&pairs, false).expect("rewrites")
    }

    #[test]
    fn a_text_is_rewritten_once_and_the_longest_path_counts() {
        let rewrites = rewrites(&[("/o/app", "/o/app/2"), ("/o/app/lib", "/libs")]);
        let text = |text: &str| rewrites.string(text);
        assert_eq!(
            text("/o/app:/o/app/lib/x,/o/app/libexec"),
            Some("/o/app/2:/libs/x,/o/app/2/libexec".into())
        );
        assert_eq!(text("/o/apple /x/o/app"), None);
    }

    #[test]
    fn a_version_is_rewritten_as_a_word() {
        let rewrites = rewrites(&[("0.0.0-dev", "2.97.1")]);
        let text = "Version: 0.0.0-dev, lix-0.0.0-dev. Not v0.0.0-dev2";
        let new = "Version: 2.97.1, lix-2.97.1. Not v0.0.0-dev2";
        assert_eq!(rewrites.string(text).as_deref(), Some(new));
    }

    #[test]
    fn a_store_path_is_rewritten_as_a_whole() {
        let old = "/nix/store/0c5n1x3gkr7d2wmf9vq8z4yjb6hap2sl-lix-0";
        let rewrites = rewrites(&[(old, "/nix/store/1c5n1x3gkr7d2wmf9vq8z4yjb6hap2sl-lix-2.91")]);
        let new = rewrites.string(&format!("x{old}/bin")).expect("a new text");
        assert_eq!(new, "x/nix/store/1c5n1x3gkr7d2wmf9vq8z4yjb6hap2sl-lix-2.91/bin");
        // Another name, or the hash alone, is another thing.
        assert_eq!(rewrites.string(&format!("{old}-dev")), None);
        assert_eq!(rewrites.string("0c5n1x3gkr7d2wmf9vq8z4yjb6hap2sl-lix-0"), None);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let refused = |pairs: &[(&str, &str)]| {
            let pairs: Vec<_> = pairs.iter().map(|(old, new)| (old.into(), new.into())).collect();
            Rewrites::new(&pairs, false).expect_err("refused").to_string()
        };
        assert_eq!(refused(&[("/usr", "/opt/x")]), "`/usr` has only one component");
        assert_eq!(refused(&[("/a/b", "/c"), ("/a/b", "/d")]), "`/a/b` has two new paths");
        assert_eq!(refused(&[("a/b", "/c")]), "`a/b` is neither an absolute path nor a word");
        assert_eq!(refused(&[("0.0.0", "1.0.0")]), "`0.0.0` is a very short word");
        assert_eq!(refused(&[("0.0.0-dev", "/c")]), "`0.0.0-dev` cannot become `/c`");
    }
}
