//! What becomes of references: old paths and words, and the new ones in their places.
//!
//! A text is read once, from its start: where several old paths begin, the longest counts, and what
//! was written is not looked at again. So an old path may well be in a new one.

use std::ffi::OsStr;
use std::io;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use memchr::memmem;

use crate::edit::{Edit, outermost};
use crate::error::{Error, Result};
use crate::files::window::Window;
use crate::search::boundary::Fit;
use crate::search::boundary::{BEFORE, BEHIND};
use crate::search::counted::counted_strings;
use crate::search::encoding::Encoding;
use crate::search::engine::Searcher;
use crate::search::hits::Hit;
use crate::search::reference::Reference;
use crate::search::text::is_counting;
use crate::shown::shown;

/// Bytes of a word that stands for nothing else: `0.0.0-x`.
pub(super) const SHORTEST_WORD: usize = 6;

/// Old paths and their new ones; old words and new ones likewise.
#[derive(Debug)]
pub(crate) struct Rewrites {
    /// In the order in which they were given.
    pairs: Vec<Pair>,
    explicit: usize,
    searcher: Searcher,
}

/// An old path or word, and the new one.
#[derive(Debug)]
struct Pair {
    old: Reference,
    new: Vec<u8>,
    /// Whether it is rewritten in text files only.
    text_only: bool,
}

impl Rewrites {
    /// Rewrites of these old paths. `own` are those of the trees themselves: an explicit one for the
    /// same path takes their place. `force` allows old paths with one component, and short words.
    ///
    /// # Errors
    /// A path that is not absolute; an old path, or tree, that is given two new ones; one such as `/usr`,
    /// which stands in almost every file for something else.
    pub(crate) fn new(
        own: &[(PathBuf, PathBuf)],
        explicit: &[(PathBuf, PathBuf)],
        force: bool,
    ) -> Result<Self> {
        let (mut pairs, mut given): (Vec<Pair>, usize) = (Vec::new(), 0);
        for (position, (old, new)) in explicit.iter().chain(own).enumerate() {
            let pair = Pair { text_only: false, ..Pair::new(old.as_os_str(), new.as_os_str())? };
            let known = pairs.iter().enumerate().find(|(_, known)| known.old.path == pair.old.path);
            match known {
                Some((_, known)) if known.new == pair.new => continue,
                Some((at, _)) if at < given && position >= explicit.len() => continue,
                Some(_) => {
                    return Err(Error::usage(
                        format!("`{}` has two new paths", shown(&pair.old.path)),
                        "give one for each old path",
                    ));
                }
                None => {}
            }
            if !force {
                pair.check_long_enough()?;
            }
            pairs.push(pair);
            if position < explicit.len() {
                given = pairs.len();
            }
        }
        Self::of(pairs, given)
    }

    fn of(pairs: Vec<Pair>, explicit: usize) -> Result<Self> {
        let searcher = Searcher::new(pairs.iter().map(|pair| pair.old.clone()).collect())?;
        Ok(Self { pairs, explicit, searcher })
    }

    /// The same, and words that are rewritten in texts only: the old values of fields that are
    /// followed, with the new ones.
    ///
    /// # Errors
    /// A value that is no word.
    pub(crate) fn following(self, words: &[(String, String)]) -> Result<Self> {
        let (mut pairs, explicit) = (self.pairs, self.explicit);
        for (old, new) in words {
            if pairs.iter().all(|pair| pair.old.path != old.as_bytes()) {
                pairs.push(Pair { text_only: true, ..Pair::new(old.as_ref(), new.as_ref())? });
            }
        }
        Self::of(pairs, explicit)
    }

    /// The old paths and words.
    #[must_use]
    pub(crate) fn references(&self) -> Vec<Reference> {
        self.pairs.iter().map(|pair| pair.old.clone()).collect()
    }

    /// The old paths and words with the new ones, but for those of texts only.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&Reference, &[u8])> {
        let everywhere = self.pairs.iter().filter(|pair| !pair.text_only);
        everywhere.map(|pair| (&pair.old, pair.new.as_slice()))
    }

    /// The position of an old path or word.
    #[must_use]
    pub(crate) fn position(&self, old: &[u8]) -> Option<usize> {
        self.pairs.iter().position(|pair| pair.old.path == old)
    }

    /// Whether a manifest may know nothing of the old path with this position: the place where a staged
    /// tree stands, if the path that it was built for becomes the same one.
    #[must_use]
    pub(crate) fn may_be_unknown(&self, position: usize) -> bool {
        let explicit = self.pairs.get(..self.explicit).unwrap_or_default();
        let own = self.pairs.get(position).filter(|_| position >= self.explicit);
        own.is_some_and(|own| {
            explicit.iter().any(|pair| !pair.old.is_word() && pair.new == own.new)
        })
    }

    /// Whether it is a word that has this position.
    #[must_use]
    pub(crate) fn is_word(&self, position: usize) -> bool {
        self.pairs.get(position).is_some_and(|pair| pair.old.is_word())
    }

    /// Whether the old path with this position becomes this one.
    #[must_use]
    pub(crate) fn leads_to(&self, position: usize, path: &Path) -> bool {
        let new = |pair: &Pair| path == OsStr::from_bytes(&pair.new);
        self.pairs.get(position).is_some_and(new)
    }

    /// Whether a path is an old one, or in one.
    #[must_use]
    pub(crate) fn covers(&self, path: &Path) -> bool {
        let within = |pair: &Pair| path.starts_with(OsStr::from_bytes(&pair.old.path));
        self.pairs.iter().any(within)
    }

    /// Whether the old path or word with this position becomes another, in a text file or elsewhere.
    #[must_use]
    pub(crate) fn changes(&self, position: usize, is_text: bool) -> bool {
        let pair = self.pairs.get(position);
        pair.is_none_or(|pair| pair.old.path != pair.new && (is_text || !pair.text_only))
    }

    /// What a text becomes; `None` if it stays what it is.
    #[must_use]
    pub(crate) fn text(&self, text: &[u8]) -> Option<Vec<u8>> {
        self.rewritten(text, false)
    }

    /// What the text of a file becomes; `None` if it stays what it is.
    #[must_use]
    pub(crate) fn file_text(&self, text: &[u8]) -> Option<Vec<u8>> {
        self.rewritten(text, true)
    }

    /// What the text of a file becomes, of which nobody is told what stays; `None` if it stays what it is.
    ///
    /// # Errors
    /// Why an old path would stay in it, as a sentence of which the file is the subject.
    pub(crate) fn whole_text(&self, text: &[u8]) -> Result<Option<Vec<u8>>, String> {
        let mut counted = counted_strings(text).into_iter().peekable();
        let mut counted_to = if is_counting(text) { usize::MAX } else { 0 };
        for hit in self.searcher.text(text) {
            let (start, end) = (hit.offset as usize, (hit.offset + hit.length) as usize);
            while let Some(string) = counted.next_if(|string| string.start <= start) {
                counted_to = counted_to.max(string.end);
            }
            let why = match hit.fit {
                Fit::Certain if end <= counted_to => "its text counts its bytes",
                Fit::Certain if self.replacement(text, 0, &hit, &|_| true).is_some() => continue,
                Fit::Certain => "it has a part of an old path",
                Fit::Unclear | Fit::Inside | Fit::Piece => {
                    "what stands around a path in it may make it another one"
                }
            };
            if self.changes(hit.reference, true) {
                return Err(why.into());
            }
        }
        Ok(self.file_text(text))
    }

    /// What a path becomes, or each of a list with `:` between them. Only where an old path is the beginning, up
    /// to the end or a slash, is it meant: in any other place it stays, and is told. So does a word: the
    /// names of files stay.
    #[must_use]
    pub(crate) fn path(&self, text: &[u8], is_list: bool) -> Option<Vec<u8>> {
        let edits = self.edits(text, &|pair| !pair.text_only && !pair.old.is_word())?;
        let begins = |edit: &Edit| match text.get(..edit.offset as usize) {
            Some([]) => true,
            Some([.., b':']) => is_list,
            // A list may begin with the name of a variable.
            Some([name @ .., b'=']) => is_list && !name.contains(&b'/'),
            _ => false,
        };
        let ends = |edit: &Edit| match text.get(edit.offset as usize + edit.before.len()..) {
            Some([] | [b'/', ..]) => true,
            Some([b':', ..]) => is_list,
            _ => false,
        };
        if edits.iter().all(|edit| begins(edit) && ends(edit)) {
            with_edits(text, &edits)
        } else {
            None
        }
    }

    fn rewritten(&self, text: &[u8], is_file: bool) -> Option<Vec<u8>> {
        with_edits(text, &self.edits(text, &|pair| is_file || !pair.text_only)?)
    }

    /// What is rewritten in a text, of those pairs, in its order; `None` if that cannot be.
    fn edits(&self, text: &[u8], is_meant: &dyn Fn(&Pair) -> bool) -> Option<Vec<Edit>> {
        let certain = self.searcher.text(text).into_iter().filter(|hit| hit.fit == Fit::Certain);
        let is_short = |hit: &Hit| {
            let pair = self.pairs.get(hit.reference);
            pair.is_some_and(|pair| pair.text_only && pair.old.path.len() < SHORTEST_WORD)
        };
        // A short word that is followed is judged by its line, which is not seen here.
        let edits = certain.filter(|hit| !is_short(hit)).filter_map(|hit| {
            let (range, new) = self.replacement(text, 0, &hit, is_meant)?;
            let before = text.get(range.start as usize..range.end as usize)?.to_vec();
            Some(Edit { offset: range.start, before, after: new.to_vec() })
        });
        Some(outermost(edits.collect()))
    }

    /// [`Rewrites::text`] of UTF-8.
    #[must_use]
    pub(crate) fn string(&self, text: &str) -> Option<String> {
        String::from_utf8(self.text(text.as_bytes())?).ok()
    }

    /// Whether bytes have what a hit is of.
    #[must_use]
    pub(crate) fn is_in(&self, hit: &Hit, bytes: &[u8]) -> bool {
        let old = self.pairs.get(hit.reference).map(|pair| &pair.old.needle);
        let needle = old.and_then(|needle| hit.encoding.encode(needle));
        needle.is_some_and(|needle| memmem::find(bytes, &needle).is_some())
    }

    /// Whether a file has this hit: one that a manifest tells of may be of another file.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(crate) fn is_there(&self, file: &mut Window<'_>, hit: &Hit) -> io::Result<bool> {
        let Some(old) = self.pairs.get(hit.reference).map(|pair| &pair.old) else {
            return Ok(false);
        };
        let whole = hit.encoding.encode(&old.needle);
        match whole.filter(|whole| whole.len() as u64 == hit.length) {
            Some(whole) => file.holds(hit.offset, &whole),
            None => {
                let piece = old.piece().and_then(|piece| piece.get(..hit.length as usize));
                piece.map_or(Ok(false), |piece| file.holds(hit.offset, piece))
            }
        }
    }

    /// Whether a hit in a file is certain by what stands around it there, whatever a manifest says.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(crate) fn is_certain(&self, file: &mut Window<'_>, hit: &Hit) -> io::Result<bool> {
        let Some(old) = self.pairs.get(hit.reference).map(|pair| &pair.old) else {
            return Ok(false);
        };
        let start = hit.offset.saturating_sub(BEFORE as u64);
        let end = hit.offset + hit.length;
        let bytes = file.read(start..end + BEHIND as u64)?;
        let (from, to) = ((hit.offset - start) as usize, (end - start) as usize);
        Ok(old.fit(bytes, from, to, hit.encoding) == Fit::Certain)
    }

    /// What becomes of a hit in a file, which is a text or not; `None` where what was found is only a
    /// part of an old path, such as its hash.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(crate) fn in_file(
        &self,
        file: &mut Window<'_>,
        hit: &Hit,
        is_text: bool,
    ) -> io::Result<Option<Edit>> {
        let same = self.same_needle(hit.reference);
        let Some(reach) = same.map(|pair| pair.old.path.len() as u64).max() else {
            return Ok(None);
        };
        let start = hit.offset.saturating_sub(reach);
        let bytes = file.read(start..hit.offset + hit.length + reach + 1)?;
        let is_meant = |pair: &Pair| is_text || !pair.text_only;
        let Some((range, path)) = self.replacement(bytes, start, hit, &is_meant) else {
            return Ok(None);
        };
        let before = bytes[(range.start - start) as usize..(range.end - start) as usize].to_vec();
        Ok(Some(Edit { offset: range.start, before, after: path.to_vec() }))
    }

    /// The old paths that are found by the same bytes: of store paths with one hash there may be
    /// several, such as the path of a staged tree and that for which it was built.
    fn same_needle(&self, position: usize) -> impl Iterator<Item = &Pair> {
        let needle = self.pairs.get(position).map(|pair| &pair.old.needle);
        self.pairs.iter().filter(move |pair| Some(&pair.old.needle) == needle)
    }

    /// Where the old path of a hit stands, and the new one. The bytes begin at `base`.
    fn replacement(
        &self,
        bytes: &[u8],
        base: u64,
        hit: &Hit,
        is_meant: &dyn Fn(&Pair) -> bool,
    ) -> Option<(Range<u64>, &[u8])> {
        if hit.encoding != Encoding::Plain {
            return None;
        }
        let place = |pair: &'_ Pair| {
            let old = &pair.old;
            // Of a store path the hash was found, in the middle of it.
            let before = old.path.windows(old.needle.len()).position(|part| part == old.needle)?;
            let start = hit.offset.checked_sub(before as u64)?.checked_sub(base)? as usize;
            let end = start + old.path.len();
            let rest = bytes.get(end..)?;
            // Of a store path another name may go on; any other path was judged by the search.
            let is_path = bytes.get(start..end)? == old.path && (!old.is_hash || old.is_end(rest));
            is_path.then_some(base + start as u64..base + end as u64)
        };
        let same = self.same_needle(hit.reference).filter(|pair| is_meant(pair));
        let found = same.filter_map(|pair| Some((place(pair)?, pair.new.as_slice())));
        found.max_by_key(|(range, _)| range.end - range.start)
    }
}

impl Pair {
    fn new(old: &OsStr, new: &OsStr) -> Result<Self> {
        let (old, new) = (Reference::named(old)?, Reference::written(new)?);
        if old.is_word() != new.is_word() {
            return Err(Error::usage(
                format!("`{}` cannot become `{}`", shown(&old.path), shown(&new.path)),
                "a path becomes a path, a word becomes a word",
            ));
        }
        Ok(Self { old, new: new.path, text_only: false })
    }

    fn check_long_enough(&self) -> Result<()> {
        let Self { old, new, .. } = self;
        let why = match old.is_word() {
            true => (old.path.len() < SHORTEST_WORD).then_some("is a very short word"),
            false => (old.components() == 1).then_some("has only one component"),
        };
        let Some(why) = why.filter(|_| old.path != *new) else { return Ok(()) };
        Err(Error::usage(
            format!("`{}` {why}", shown(&old.path)),
            "many files have that and mean something else: name a longer one, or add --force",
        ))
    }
}

/// A text with these edits; `None` if it stays what it is.
fn with_edits(text: &[u8], edits: &[Edit]) -> Option<Vec<u8>> {
    let mut new = Vec::new();
    let mut done = 0;
    for edit in edits {
        new.extend_from_slice(text.get(done..edit.offset as usize)?);
        new.extend_from_slice(&edit.after);
        done = edit.end() as usize;
    }
    new.extend_from_slice(text.get(done..)?);
    (new != text).then_some(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewrites(pairs: &[(&str, &str)]) -> Rewrites {
        let pairs: Vec<_> = pairs.iter().map(|(old, new)| (old.into(), new.into())).collect();
        Rewrites::new(&[], &pairs, false).expect("rewrites")
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
        // A longer name is not rewritten, nor the hash alone.
        assert_eq!(rewrites.string(&format!("{old}-dev")), None);
        assert_eq!(rewrites.string("0c5n1x3gkr7d2wmf9vq8z4yjb6hap2sl-lix-0"), None);
    }

    /// A staged store path has the hash of the path that it was built for: both are rewritten, and an
    /// explicit rewrite of one path counts more than that of the tree.
    #[test]
    fn one_hash_may_be_of_several_paths() {
        let name = "0c5n1x3gkr7d2wmf9vq8z4yjb6hap2sl-lix";
        let built = format!("/nix/store/{name}");
        let staged = format!("/stage{built}");
        let own = [(staged.clone().into(), "/nix/store/new".into())];
        let explicit = [(built.clone().into(), "/nix/store/new".into())];
        let rewrites = Rewrites::new(&own, &explicit, false).expect("rewrites");
        assert_eq!(
            rewrites.string(&format!("{built}/bin:{staged}/lib")).as_deref(),
            Some("/nix/store/new/bin:/nix/store/new/lib")
        );
        let own = [(built.clone().into(), "/nix/store/other".into())];
        let rewrites = Rewrites::new(&own, &explicit, false).expect("rewrites");
        assert_eq!(rewrites.string(&built).as_deref(), Some("/nix/store/new"));
    }

    /// The store itself and a path in it are rewritten in one pass.
    #[test]
    fn a_store_and_a_path_in_it_become_others() {
        let path = "/nix/store/0c5n1x3gkr7d2wmf9vq8z4yjb6hap2sl-x";
        let rewrites = rewrites(&[("/nix/store", "/gnu/store"), (path, "/opt/x")]);
        let text = format!("{path}/bin /nix/store/other {path}2");
        let new = "/opt/x/bin /gnu/store/other /gnu/store/0c5n1x3gkr7d2wmf9vq8z4yjb6hap2sl-x2";
        assert_eq!(rewrites.string(&text).as_deref(), Some(new));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let refused = |pairs: &[(&str, &str)]| {
            let pairs: Vec<_> = pairs.iter().map(|(old, new)| (old.into(), new.into())).collect();
            Rewrites::new(&[], &pairs, false).expect_err("refused").to_string()
        };
        assert_eq!(refused(&[("/usr", "/opt/x")]), "`/usr` has only one component");
        // That it stays may be said of any.
        Rewrites::new(&[], &[("/usr".into(), "/usr".into())], false).expect("it stays");
        assert_eq!(refused(&[("/a/b", "/c"), ("/a/b", "/d")]), "`/a/b` has two new paths");
        assert_eq!(refused(&[("a/b", "/c")]), "`a/b` is neither an absolute path nor a word");
        assert_eq!(refused(&[("0.0.0", "1.0.0")]), "`0.0.0` is a very short word");
        assert_eq!(refused(&[("0.0.0-dev", "/c")]), "`0.0.0-dev` cannot become `/c`");
    }
}
