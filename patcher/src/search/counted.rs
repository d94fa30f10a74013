//! Strings of a text whose length is written before them.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

/// More bytes than a number and what is next to it.
pub(super) const REACH: usize = 64;
/// Bytes before a number that are looked at; with its digits, fewer than [`REACH`].
const BEFORE: usize = 40;
/// Digits of the largest number.
const DIGITS: usize = 20;

/// The strings of a text whose length is written before them, so that the text is wrong when they become
/// longer or shorter: `s:9:"/opt/app/"` of PHP, `9:/opt/app/,` of netstrings, `9:/opt/app/` in lists of
/// bencode and in canonical S-expressions, `$9` on a line of its own in the protocol of Redis.
///
/// The number has to be right, and what is before it and behind the string has to stand there in such a format:
/// ordinary texts have many a number, colon and comma.
#[derive(Default)]
pub(super) struct CountedStrings {
    strings: Vec<Range<u64>>,
    starts: HashSet<u64>,
    ends: HashSet<u64>,
}

/// All of them in a text, sorted by where they begin.
pub(crate) fn counted_strings(text: &[u8]) -> Vec<Range<usize>> {
    let mut strings = CountedStrings::default();
    let mut rest = |to: usize| text.get(to..).map(Cow::Borrowed);
    for mark in marks(text) {
        strings.look(text, 0, mark, &mut rest);
    }
    strings.sorted().into_iter().map(|one| one.start as usize..one.end as usize).collect()
}

/// Behind a number stands a colon, or the end of a line.
pub(super) fn marks(text: &[u8]) -> impl Iterator<Item = usize> {
    memchr::memchr2_iter(b':', b'\n', text)
}

impl CountedStrings {
    /// Looks at a mark of a text, of which these bytes begin at `base`. The marks before it were looked at.
    /// `rest` gives what stands at a place and behind it.
    pub(super) fn look<'t>(
        &mut self,
        bytes: &[u8],
        base: u64,
        mark: usize,
        rest: &mut dyn FnMut(usize) -> Option<Cow<'t, [u8]>>,
    ) {
        if let Some(string) = self.string(bytes, base, mark, rest) {
            let string = base + string.start as u64..base + string.end as u64;
            self.starts.insert(string.start);
            self.ends.insert(string.end);
            self.strings.push(string);
        }
    }

    /// Those that were seen, by where they begin.
    pub(super) fn sorted(mut self) -> Vec<Range<u64>> {
        self.strings.sort_by_key(|string| string.start);
        self.strings
    }

    /// The string whose length is written before a mark.
    fn string<'t>(
        &self,
        bytes: &[u8],
        base: u64,
        mark: usize,
        rest: &mut dyn FnMut(usize) -> Option<Cow<'t, [u8]>>,
    ) -> Option<Range<usize>> {
        let number = &bytes[..mark];
        let number = number.strip_suffix(b"\r").unwrap_or(number);
        let is_digit = |byte: &&u8| byte.is_ascii_digit();
        let digits = number.iter().rev().take(DIGITS + 1).take_while(is_digit).count();
        // A string before it may end with a digit.
        let starts = number.len() - digits..number.len();
        let start = starts.clone().find(|at| self.ends.contains(&(base + *at as u64)));
        let (head, digits) = number.split_at(start.unwrap_or(starts.start));
        let count: usize = std::str::from_utf8(digits).ok()?.parse().ok()?;
        let mut string = |open: &[u8], follows: &dyn Fn(&[u8]) -> bool| {
            let from = mark + 1 + open.len();
            let to = from.checked_add(count)?;
            let is_there = bytes[mark + 1..].starts_with(open) && follows(&rest(to)?);
            is_there.then_some(from..to)
        };
        if bytes[mark] == b'\n' {
            let is_line = head.ends_with(b"$");
            return is_line.then(|| string(b"", &|rest| rest.starts_with(b"\r\n"))).flatten();
        }
        if let [.., b's' | b'S' | b'O' | b'C' | b'E', b':'] = head {
            let mut quoted = |quote: &[u8]| string(quote, &|rest| rest.starts_with(quote));
            if let Some(quoted) = quoted(b"\"").or_else(|| quoted(b"\\\"")) {
                return Some(quoted);
            }
        }
        let is_netstring = self.is_before_netstring(head, base);
        let is_in_list = self.is_before_element(head, base);
        let follows = |rest: &[u8]| {
            (is_netstring && is_behind_netstring(rest)) || (is_in_list && is_counted_list(rest))
        };
        (is_netstring || is_in_list).then(|| string(b"", &follows)).flatten()
    }

    /// Whether a netstring may follow these bytes: at the beginning of a line or of another netstring, or behind
    /// the end of one.
    fn is_before_netstring(&self, head: &[u8], base: u64) -> bool {
        let at = base + head.len() as u64;
        match head {
            [] | [.., b'\n'] => true,
            [.., b':'] => self.starts.contains(&at),
            [.., b',' | b']' | b'}'] => self.ends.contains(&(at - 1)),
            _ => false,
        }
    }

    /// Whether an element of a list of bencode, or of an S-expression, may follow these bytes: behind a string,
    /// or the beginnings and ends of lists, numbers between them, and what is no word before these.
    fn is_before_element(&self, head: &[u8], base: u64) -> bool {
        let mut head = head;
        let least = head.len().saturating_sub(BEFORE);
        let mut is_opened = false;
        loop {
            if self.ends.contains(&(base + head.len() as u64)) {
                return true;
            }
            head = match head {
                _ if head.len() < least => return true,
                [before @ .., b'e'] => without_number(before).unwrap_or(before),
                [before @ .., b'd' | b'l' | b'(' | b')' | b'[' | b']'] => before,
                [] => return is_opened,
                [.., last] => return is_opened && !last.is_ascii_alphanumeric(),
            };
            is_opened = true;
        }
    }
}

/// What stands before `i` and a number at the end of these bytes, if that is there.
fn without_number(bytes: &[u8]) -> Option<&[u8]> {
    let digits = bytes.iter().rev().take(DIGITS).take_while(|byte| byte.is_ascii_digit()).count();
    let before = &bytes[..bytes.len() - digits];
    let before = before.strip_suffix(b"-").unwrap_or(before).strip_suffix(b"i")?;
    (digits > 0).then_some(before)
}

/// Whether bytes begin with the end of a netstring, or of one with a type (`]`, `}`), and then its line ends, or
/// that of another one, or another one follows.
fn is_behind_netstring(rest: &[u8]) -> bool {
    let is_end = |byte: &u8| matches!(byte, b',' | b']' | b'}');
    let Some((end, behind)) = rest.split_first() else { return false };
    let digits = behind.iter().take_while(|byte| byte.is_ascii_digit()).count();
    is_end(end)
        && (matches!(behind, [] | [b'\n', ..] | [b'\r', b'\n', ..])
            || behind.first().is_some_and(is_end)
            || (digits > 0 && behind.get(digits) == Some(&b':')))
}

/// Whether bytes begin with what follows a string in a list of bencode, or in an S-expression: the ends
/// of lists, and then the end of the text, or another element.
fn is_counted_list(rest: &[u8]) -> bool {
    let is_end = |byte: &&u8| matches!(byte, b'e' | b')' | b'l' | b'd' | b'(' | b'[' | b']');
    let marks = rest.iter().take_while(is_end).count();
    let ends = rest[..marks].iter().any(|byte| matches!(byte, b'e' | b')'));
    let element = &rest[marks..];
    let number = element.strip_prefix(b"i").unwrap_or(element);
    let number = number.strip_prefix(b"-").unwrap_or(number);
    let digits = number.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let closing = if element.starts_with(b"i") { b'e' } else { b':' };
    (ends && matches!(element, [] | [b'\n', ..]))
        || (digits > 0 && number.get(digits) == Some(&closing))
}

#[cfg(test)]
mod tests {
    use memchr::memmem;

    use super::*;

    /// A text that counts its bytes is wrong when a path in it gets longer, and nothing says so.
    #[test]
    fn strings_whose_bytes_are_counted() {
        let counted = |text: &str| {
            let all = text.as_bytes();
            let found: Vec<bool> = memmem::find_iter(all, "/opt/app")
                .map(|at| {
                    let strings = counted_strings(all).into_iter();
                    strings.into_iter().any(|string| string.start <= at && at + 8 <= string.end)
                })
                .collect();
            assert!(!found.is_empty(), "{text}");
            found
        };
        for text in [
            "s:10:\"/opt/app/x\";",
            "a:1:{s:3:\"dir\";s:20:\"in:/opt/app: and x12\";}",
            "INSERT 's:10:\\\"/opt/app/x\\\";'",
            "a:1:{i:0;s:40:\"a:1:{i:0;s:16:\"include /opt/app\";}      \";}",
            "10:/opt/app/x,",
            "30:14:include=/opt/app,6:x=y+zz,\n,",
            "d4:path8:/opt/app4:name1:xe",
            "d4:path8:/opt/appe",
            "l8:/opt/appi-7ee\n",
            "(6:prefix8:/opt/app)",
            "((6:prefix8:/opt/app)(1:a1:b))",
            // Keys that end with a digit; other elements before a string.
            "d5:path18:/opt/appe",
            "d1:ali1ei-2eed1:bi3ee8:/opt/app1:be",
            "(1:a[4:text]8:/opt/app)",
            "(1:a(1:b)8:/opt/app)",
            "22:4:path,8:/opt/app,1:a,}",
            "cache|O:3:\"App\":1:{s:1:\"a\";s:8:\"/opt/app\";}",
            "*2\r\n$3\r\nGET\r\n$8\r\n/opt/app\r\n",
        ] {
            assert_eq!(counted(text), [true], "{text}");
        }
        for text in [
            "/opt/app",
            // The number is not that of the bytes.
            "s:11:\"/opt/app/x\";",
            "12:/opt/app/x,",
            "at 10:30:/opt/app,",
            // Numbers that count something else.
            "main.c:8:/opt/app is here",
            "12:/opt/app/include/a.h",
            "16:/opt/app/include\n",
            "x:8:8:/opt/app:y",
            "$8\n/opt/app/x",
            "PATH=/bin:/opt/app:/usr/bin",
            "99999999999999999999999:/opt/app,",
            "s:18446744073709551615:\"/opt/app\";",
            // Numbers in ordinary texts, of which one is right now and then.
            "#   * 10: /opt/app (a\nb",
            "see 8:/opt/app)\n",
            "f(8:/opt/app)\n",
            "word8:/opt/appe\n",
            "lines 1,8:/opt/app,\n",
            "8:/opt/app, and more\n",
            "{8:\"/opt/app\"}",
            // The count belongs to a different string.
            "3:abc,/opt/app,",
            "s:3:\"abc\";/opt/app",
        ] {
            assert_eq!(counted(text), [false], "{text}");
        }
        assert_eq!(counted("8:/opt/app,\n7:/opt/app,\n8:/opt/app,"), [true, false, true]);
    }
}
