//! References to a path or word, and the rule by which bytes are one.
//!
//! A **store path**, which has a component of 32 base-32 characters, a `-` and a name
//! (`/nix/store/0c5n…-lix-2.91`), is found by these 32 characters wherever they stand: that is how
//! Nix and Guix find their runtime dependencies.
//!
//! **Any other path** is found wherever its bytes stand. In a text it counts at a path boundary only;
//! in anything else a string may have no end that can be seen (rustc and CPython put strings next to
//! each other), so there it is *possible* where the boundary rule says no. *Name characters* are ASCII
//! letters, digits and `_ - . + ~ @`.
//!
//! - Behind it comes no name character, so that `/opt/app` is not found in `/opt/apple`,
//!   `/opt/app-2` or `/opt/app.conf`. Dots that no other name character follows are the end of a
//!   sentence: `It is in /opt/app.`
//! - It does not continue another path, so that it is not found in `/x/opt/app`: in the word before it there
//!   is no slash with only name characters behind it. Letters of other scripts are name characters there. So it is
//!   found in `-L/opt/app/lib` and `$ROOT/opt/app`. A slash before it counts as part of what is before that:
//!   `file:///opt/app` is found, `/x//opt/app` is not. A word ends at white space, quotes and `= , ; < > |`,
//!   and in lists at a colon.
//! - It is not relative: `.`, `..` or `$ORIGIN` before it make it another path.
//! - Behind the scheme of a URL and two slashes its first component is a host: `s3://opt/app` is none.
//! - Where a program decides what the path is, or the text does not tell, it is *unclear*, in a text too:
//!   behind it comes `%` (`/opt/app%s`), a variable (`/opt/app$suffix`, `/opt/app@SUFFIX@`), what may be a pattern or
//!   list (`/opt/app[0-9]`, `/opt/app{,-dev}`, `/opt/app.*`), an escaped character of a name (`/opt/app\-common` of
//!   groff, `/opt/app&#45;x`), what a shell joins (`/opt/app"$x"`), a character outside of ASCII that is no
//!   punctuation, or a way out of it (`/opt/app/../x`). Or before it stands a command (`$(dirname "$0")/opt/app`;
//!   a backquote that opens is none), a folder in quotes (`"/srv/x"/opt/app`), a `%`, a home (`~/opt/app`), a host
//!   with a port or user, or anything but name characters since the last slash of its word (`/srv/$x/opt/app`). A
//!   variable alone is taken for another root, such as `$DESTDIR`, unless it names a folder: `HOME`, `PWD`.
//! - What is on both sides decides together: in `s@/usr@/opt/app@` of sed it is certain, in `_/opt/app_`, which may be
//!   marked, unclear.
//!
//! A **path of Windows**, with a drive (`C:/app`, `C:\app`) or a share (`\\host\share\app`), is found as it is
//! named, with its slashes and in its case. It ends as any other; before it stands no letter, digit, `_`
//! or `.`, but for the letter of an option: it is found in `-LC:/app/lib`, and `e:/app` is not in
//! `file:/app`.
//!
//! **Anything else is a word**, such as the version of a build, `0.0.0-unspecialized`: it counts
//! where no ASCII letter, digit, `_` or `.` stands before it, and behind it no name character. So it is
//! found in `Lix/0.0.0-unspecialized` and `lix-0.0.0-unspecialized.` at the end of a sentence, and
//! not in `10.0.0-unspecialized` or `0.0.0-unspecialized-2`.
//!
//! All are found as plain bytes, and in UTF-16 and UTF-32 of either byte order. Not found is what
//! is written in another way: with escapes (`\/opt\/app`), or cut by a compiler into others than
//! [these pieces](super::pieces).

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use postlink_format::{STORE_HASH_SIZE, store_hash};

use super::boundary::{Fit, begins, begins_word, between, ends, is_option};
use super::encoding::Encoding;
use crate::error::{Error, Result};
use crate::shown::{escaped, shown};

/// A path or word that is searched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    /// The path, without doubled or trailing slashes; or the word.
    pub path: Vec<u8>,
    /// What is found: the path, or 32 characters of it.
    pub needle: Vec<u8>,
    /// Whether the needle is found wherever it stands.
    pub is_hash: bool,
}

impl Reference {
    /// What a user names to be searched: an absolute path, or a word.
    ///
    /// # Errors
    /// A path that cannot be searched; a word with a slash or white space, or of less than two
    /// characters.
    pub(crate) fn named(text: &OsStr) -> Result<Self> {
        let named = Self::written(text)?;
        if named.path.len() < 2 {
            return Err(Error::usage(
                format!("`{}` is too short to be searched", shown(&named.path)),
                "name a word of two characters or more",
            ));
        }
        Ok(named)
    }

    /// What a user names to be written in the place of another: an absolute path, or a word, such as the
    /// version `3`.
    ///
    /// # Errors
    /// A path that cannot be searched; a word with a slash or white space, or without characters.
    pub(crate) fn written(text: &OsStr) -> Result<Self> {
        let word = text.as_bytes();
        if is_path(word) {
            return Self::new(Path::new(text));
        }
        if word.is_empty() || word.iter().any(|&byte| byte == b'/' || byte <= b' ') {
            return Err(Error::usage(
                format!("`{}` is neither an absolute path nor a word", shown(word)),
                "name an absolute path as it stands in the files, or a word such as a version",
            ));
        }
        Ok(Self::whole(word.to_vec()))
    }

    /// Whether this is a word, and no path.
    #[must_use]
    pub(crate) fn is_word(&self) -> bool {
        !is_path(&self.path)
    }

    /// The reference to a path.
    ///
    /// # Errors
    /// It is not absolute, or names the root, or has a component `.` or `..`.
    pub(crate) fn new(path: &Path) -> Result<Self> {
        let bytes = path.as_os_str().as_bytes();
        let is_windows = is_windows(bytes);
        let is_slash = |byte: &u8| *byte == b'/' || (is_windows && *byte == b'\\');
        let components: Vec<&[u8]> =
            bytes.split(is_slash).filter(|part| !part.is_empty()).collect();
        let refused = |why: &str| {
            Err(Error::usage(
                format!("`{}` {why}", escaped(path)),
                "name an absolute path as it stands in the files: /opt/app, or a store path",
            ))
        };
        if !is_path(bytes) {
            return refused("is not an absolute path");
        }
        if components.len() < if is_windows { 2 } else { 1 } {
            return refused("is the root of all files");
        }
        if components.iter().any(|part| [b".".as_slice(), b".."].contains(part)) {
            return refused("has a component `.` or `..`");
        }
        if is_windows {
            let end = bytes.iter().rposition(|byte| !is_slash(byte));
            return Ok(Self::whole(bytes[..end.map_or(0, |last| last + 1)].to_vec()));
        }
        let path: Vec<u8> = components.iter().flat_map(|part| [b"/", *part].concat()).collect();
        let is_named = |part: &&&[u8]| part.len() > STORE_HASH_SIZE + 1;
        let hash = components.iter().filter(is_named).find_map(|part| store_hash(part));
        Ok(Self {
            needle: hash.map_or_else(|| path.clone(), <[u8]>::to_vec),
            is_hash: hash.is_some(),
            path,
        })
    }

    /// This path as a whole, also if it is a store path.
    #[must_use]
    pub(crate) fn whole(path: Vec<u8>) -> Self {
        Self { needle: path.clone(), is_hash: false, path }
    }

    /// How many components the path has. A drive is one.
    #[must_use]
    pub(crate) fn components(&self) -> usize {
        match is_windows(&self.path) {
            true => {
                self.path.split(|byte| b"/\\".contains(byte)).filter(|one| !one.is_empty()).count()
            }
            false => self.path.iter().filter(|&&byte| byte == b'/').count(),
        }
    }

    /// Whether the path can end before these bytes: a longer name makes it a different path.
    #[must_use]
    pub(crate) fn is_end(&self, behind: &[u8]) -> bool {
        ends(behind, Encoding::Plain, |char| char == '/') == Fit::Certain
    }

    /// How the needle, which was found in these bytes at `start..end`, fits there. Bytes before or
    /// behind which matter have to be there, unless the file ends.
    #[must_use]
    pub(crate) fn fit(&self, bytes: &[u8], start: usize, end: usize, encoding: Encoding) -> Fit {
        if self.is_hash {
            return Fit::Certain;
        }
        let before = bytes.get(..start).unwrap_or_default();
        let is_windows = is_windows(&self.path);
        let begins = match is_windows || self.is_word() {
            true if begins_word(before, encoding) => Fit::Certain,
            true if is_windows && is_option(before, encoding) => Fit::Certain,
            true => Fit::Inside,
            false => begins(before, encoding),
        };
        let is_slash =
            if is_windows { |char| char == '/' || char == '\\' } else { |char| char == '/' };
        let behind = bytes.get(end..).unwrap_or_default();
        let each = (begins, ends(behind, encoding, is_slash));
        if is_windows || self.is_word() {
            return each.0.max(each.1);
        }
        between(before, behind, encoding, each)
    }
}

/// Whether this is an absolute path, of any system, and no word.
fn is_path(bytes: &[u8]) -> bool {
    bytes.starts_with(b"/") || is_windows(bytes)
}

/// Whether this is an absolute path of Windows: with a drive, or of a host.
fn is_windows(bytes: &[u8]) -> bool {
    match bytes {
        [drive, b':', b'/' | b'\\', ..] => drive.is_ascii_alphabetic(),
        _ => bytes.starts_with(b"\\\\"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(path: &str, text: &str) -> Fit {
        let reference = Reference::named(path.as_ref()).expect(path);
        let needle = String::from_utf8(reference.needle.clone()).expect("UTF-8");
        let start = text.find(&needle).expect(text);
        let each = Encoding::ALL.map(|encoding| {
            let bytes = encoding.encode(text.as_bytes()).expect(text);
            let width = encoding.width();
            reference.fit(&bytes, start * width, (start + needle.len()) * width, encoding)
        });
        assert!(each.iter().all(|&one| one == each[0]), "{text} {each:?}");
        each[0]
    }

    fn found(path: &str, text: &str) -> bool {
        fit(path, text) == Fit::Certain
    }

    #[test]
    fn paths_end_and_begin_at_boundaries() {
        for text in [
            "/opt/app",
            "/opt/app/lib",
            "a:/opt/app:b",
            "'/opt/app'",
            "It is in /opt/app.",
            "/opt/app...\n",
            "-L/opt/app/lib",
            "--prefix=/opt/app,",
            "$ROOT/opt/app",
            "file:///opt/app",
            "//opt/app",
            "lib/opt/app",
            "/opt/app\0",
            "/opt/app\u{2019}",
            "/opt/app\u{3002}",
        ] {
            assert!(found("/opt/app/", text), "{text}");
        }
        for text in [
            "/opt/apple",
            "/opt/app-2",
            "/opt/app.conf",
            "/opt/app..x",
            "/opt/app@2",
            "/x/opt/app",
            "/x//opt/app",
            "http://host/opt/app",
            "../x/opt/app",
        ] {
            assert_eq!(fit("/opt/app", text), Fit::Inside, "{text}");
        }
    }

    /// A path relative to a file is not the path from the root.
    #[test]
    fn relative_paths_are_other_paths() {
        for text in [
            "./opt/app",
            " ../opt/app",
            "'../opt/app'",
            "$ORIGIN/opt/app/lib",
            "x:${ORIGIN}/opt/app",
            "$ORIGIN//opt/app",
            "x/../opt/app",
        ] {
            assert_eq!(fit("/opt/app", text), Fit::Inside, "{text}");
        }
        for text in ["${prefix}/opt/app", "$(DESTDIR)/opt/app", "x.../opt/app", "{}/opt/app"] {
            assert_eq!(fit("/opt/app", text), Fit::Certain, "{text}");
        }
    }

    #[test]
    fn what_a_program_decides_is_unclear() {
        for text in [
            "printf(\"/opt/app%s\")",
            "/opt/app%20dir",
            "/opt/app$suffix",
            "/opt/app${suffix}",
            "/opt/app$(uname)",
            "$(dirname \"$0\")/opt/app",
            "\"$(dirname \"$0\")\"/opt/app",
            "`pwd`/opt/app",
            "/opt/appé",
            "/opt/app\u{306b}",
            "/opt/app\u{20000}",
        ] {
            assert_eq!(fit("/opt/app", text), Fit::Unclear, "{text}");
        }
        for text in [
            "^/opt/app$",
            "'/opt/app'$x",
            "(/opt/app)",
            "use `ls` in `/opt/app`",
            "see (there)/opt/app",
            "`/opt/app`",
        ] {
            assert_eq!(fit("/opt/app", text), Fit::Certain, "{text}");
        }
    }

    #[test]
    fn words_are_found_as_such() {
        let version = "0.0.0-dev";
        for text in ["0.0.0-dev", "Lix/0.0.0-dev.", "lix-0.0.0-dev\n", "'0.0.0-dev'", "=0.0.0-dev "]
        {
            assert!(found(version, text), "{text}");
        }
        for text in ["10.0.0-dev", "0.0.0.0-dev", "v0.0.0-dev", "0.0.0-dev-2", "0.0.0-devel"] {
            assert!(!found(version, text), "{text}");
        }
        for word in ["", "x", "a/b", "a b", "lib/x"] {
            assert!(Reference::named(word.as_ref()).is_err(), "{word}");
        }
    }

    #[test]
    fn store_paths_are_found_by_their_hash() {
        let hash = "0c5n1x3gkr7d2wmf9vq8z4yjb6hap2sl";
        let path = format!("/nix/store/{hash}-lix-2.91/lib");
        assert!(found(&path, &format!("x{hash}y")));
        // No base-32: a path like any other.
        let other = path.replace('5', "e");
        assert!(found(&other, &other) && !found(&other, &format!("/x{other}")));
    }

    #[test]
    fn paths_of_windows_are_found_as_they_are_named() {
        for text in [
            "C:/opt/app",
            "'C:/opt/app/bin'",
            "-LC:/opt/app/lib",
            "file:///C:/opt/app",
            "x=C:/opt/app\n",
        ] {
            assert!(found("C:/opt/app/", text), "{text}");
        }
        for text in
            ["XC:/opt/app", "C:/opt/app-2", "C:/opt/apple", "--libC:/opt/app", ".C:/opt/app"]
        {
            assert_eq!(fit("C:/opt/app", text), Fit::Inside, "{text}");
        }
        assert!(found("C:\\opt\\app\\", "run C:\\opt\\app\\bin\\app.exe"));
        assert!(found("\\\\host\\share\\app", "from \\\\host\\share\\app."));
        for (path, components) in [("C:/app", 2), ("C:\\opt\\app\\", 3), ("\\\\host\\share", 2)] {
            let reference = Reference::named(path.as_ref()).expect(path);
            assert!(!reference.is_word() && reference.components() == components, "{path}");
        }
        for path in ["C:", "C:/", "C:\\", "\\\\host", "C:/opt/../app", "C:app/x", "\\opt/app"] {
            assert!(Reference::new(Path::new(path)).is_err(), "{path}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for path in ["", "opt/app", "/", "//", "/opt/../app", "/opt/."] {
            assert!(Reference::new(Path::new(path)).is_err(), "{path}");
        }
    }
}
