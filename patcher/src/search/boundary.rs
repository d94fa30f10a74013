//! Where a path or a word begins and ends among other text: the rules that [`super::reference`] tells.

use super::encoding::Encoding;
use crate::image::RELATIVE;

/// Bytes before a match that may decide whether it is one: the longest name that Linux has, and
/// some slashes, in the widest encoding.
pub(crate) const BEFORE: usize = 4 * (255 + 16);
/// Bytes behind a match that may decide whether it is one: folders, and as many `..` behind them.
pub(crate) const BEHIND: usize = 4 * 256;

/// How bytes that match a reference stand among others. Of two the greater one counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fit {
    /// They are the reference.
    Certain,
    /// A program decides, when it runs, whether they are.
    Unclear,
    /// They are a part of something longer, if this is a text.
    Inside,
    /// They are a piece of the reference, as a compiler cuts it.
    Piece,
}

/// What ends a word of a text, beside white space.
const ENDS_WORD: &str = "\"'`=,;<>|";
/// What a path may follow at once, whatever stands before that.
const OPENS: &[u8] = b"=,;<>|([^&";
/// Variables that name a folder other than the root, and a command that does: what follows them is another path.
const FOLDERS: [&str; 6] = ["HOME", "env:HOME", "PWD", "env:PWD", "CURDIR", "pwd"];

/// Whether a path can end before these bytes.
pub(super) fn ends(behind: &[u8], encoding: Encoding, is_slash: fn(char) -> bool) -> Fit {
    let behind = behind.get(..BEHIND).unwrap_or(behind);
    let mut units = behind.chunks_exact(encoding.width()).map(|unit| encoding.ascii(unit));
    match units.next() {
        None => Fit::Certain,
        // A longer name, or the next word of a language that has no spaces; a character of an old encoding.
        Some(None) => match encoding.first(behind) {
            Some(char) if is_blank(char) || is_punctuation(char) => Fit::Certain,
            // Where other units are no text, the string has ended.
            None if encoding != Encoding::Plain => Fit::Certain,
            _ => Fit::Unclear,
        },
        Some(Some(b'.')) => {
            let dots = 1 + units.take_while(|&unit| unit == Some(b'.')).count();
            let rest = behind.get(dots * encoding.width()..).unwrap_or_default();
            match encoding.first(rest) {
                // Of a folder; a pattern.
                Some(char) if is_slash(char) || char == '*' => Fit::Unclear,
                // The end of a sentence, or a name.
                _ => ends(rest, encoding, is_slash),
            }
        }
        Some(Some(b'@')) if is_of_template(behind, encoding) => Fit::Unclear,
        Some(char) if is_ascii_name(char) => Fit::Inside,
        Some(Some(char)) if is_slash(char.into()) => {
            if leaves(behind, encoding, is_slash) {
                Fit::Unclear
            } else {
                Fit::Certain
            }
        }
        // All of these are of ASCII, and need little behind them.
        Some(Some(char)) => {
            let units = units.take(NEAR).map(|unit| unit.unwrap_or(NO_ASCII)).collect::<Vec<_>>();
            if goes_on(char, &units) { Fit::Unclear } else { Fit::Certain }
        }
    }
}

/// Bytes that may decide whether a sign behind a path is of its name.
const NEAR: usize = 12;
/// Stands for a character that is not of ASCII.
const NO_ASCII: u8 = 0xff;

/// Whether a sign behind a path may be the beginning of more of its name: of a pattern or a variable, or one that
/// is escaped.
fn goes_on(sign: u8, next: &[u8]) -> bool {
    let first = next.first().copied();
    let is_name = is_ascii_name(first);
    match sign {
        // A conversion of printf, a character of a URL.
        b'%' => true,
        // A variable of a shell, of make, of systemd; of Ruby.
        b'$' => is_name || matches!(first, Some(b'{' | b'(')),
        b'#' => first == Some(b'{'),
        // A list, a set of characters; but not the beginning of a block.
        b'{' | b'[' => first.is_some_and(|byte| byte > b' ' && byte != 0x7f),
        // A pattern; but not a question, nor Markdown.
        b'?' => is_name || matches!(first, Some(b'/' | b'?' | b'*' | b'[')),
        b'*' => is_name && first != Some(b'.'),
        b'&' => next.strip_prefix(b"#").is_some_and(|code| {
            let (code, radix) = match code.strip_prefix(b"x").or(code.strip_prefix(b"X")) {
                Some(code) => (code, 16),
                None => (code, 10),
            };
            let end = code.iter().position(|&byte| byte == b';').unwrap_or(code.len());
            is_code_of_name(code.get(..end), radix)
        }),
        b'\\' => match first {
            Some(b'-' | b'_' | b'.' | b' ' | b'+' | b'~' | b'@' | b'%') => true,
            Some(b'$') => next.get(1..).is_some_and(|next| goes_on(b'$', next)),
            Some(b'x') => is_code_of_name(next.get(1..3), 16),
            Some(b'u') => is_code_of_name(next.get(1..5), 16),
            Some(b'0'..=b'7') => is_code_of_name(next.get(..3), 8),
            _ => false,
        },
        _ => false,
    }
}

/// Whether this is the number of a character that a name can have.
fn is_code_of_name(code: Option<&[u8]>, radix: u32) -> bool {
    let code = code.and_then(|code| str::from_utf8(code).ok());
    let code = code.and_then(|code| u32::from_str_radix(code, radix).ok());
    code.and_then(char::from_u32).is_some_and(|char| is_name(char) || "%$/".contains(char))
}

/// Whether a template fills in what comes here: `@SUFFIX@`.
fn is_of_template(behind: &[u8], encoding: Encoding) -> bool {
    let text = encoding.text(behind);
    let name = text.strip_prefix('@').and_then(|text| text.split_once('@')).map(|(name, _)| name);
    name.is_some_and(|name| !name.is_empty() && name.chars().all(is_of_variable))
}

/// How what stands on both sides of a path decides together. `begins` and `ends` are what each of them says.
pub(super) fn between(before: &[u8], behind: &[u8], encoding: Encoding, each: (Fit, Fit)) -> Fit {
    let (begins, ends) = each;
    let sign = behind.chunks_exact(encoding.width()).next().and_then(|unit| encoding.ascii(unit));
    // Only these decide anything together, and most places have none.
    let Some(sign) = sign.filter(|sign| b"\"'#!@+_~%:^".contains(sign)) else {
        return begins.max(ends);
    };
    let before = before.get(before.len().saturating_sub(BEFORE)..).unwrap_or_default();
    let cut = before.len() % encoding.width();
    let before = encoding.text(before.get(cut..).unwrap_or_default());
    let behind = encoding.text(behind.get(..BEHIND).unwrap_or(behind));
    let (sign, line) = (char::from(sign), before.rsplit('\n').next().unwrap_or_default());
    let rest = behind.trim_start_matches(sign);
    if ['"', '\''].contains(&sign) {
        let is_open = line.matches(sign).count() % 2 == 1;
        let more = behind.strip_prefix(sign).and_then(|rest| rest.split_once(sign));
        let is_more = more.is_some_and(|(more, _)| {
            more.starts_with(|char| is_name(char) || "$%{".contains(char))
                && !more.contains(is_blank)
        });
        return begins.max(ends).max(if is_more && !is_open { Fit::Unclear } else { Fit::Certain });
    }
    let is_end = !rest.trim_start_matches('.').starts_with(|char| is_name(char) || char == '/');
    if of_sed(line) == Some(sign) {
        let flags = rest
            .trim_start_matches(|char: char| char.is_ascii_digit() || "gIiMmpew".contains(char));
        let is_end = behind.len() - rest.len() == 1 && !flags.starts_with(is_name);
        return if is_end { Fit::Certain } else { begins.max(ends) };
    }
    // Markdown, and others: _/opt/app_
    let front = line.trim_end_matches(sign);
    let is_marked = front.len() < line.len() && is_end && !front.ends_with(is_name);
    match ends {
        Fit::Inside if is_marked => begins.max(Fit::Unclear),
        _ => begins.max(ends),
    }
}

/// The sign that divides the parts of a command of sed which puts the path in the place of something, if such a
/// one stands before it: `s#/usr/local#`.
fn of_sed(line: &str) -> Option<char> {
    let sign = line.chars().next_back()?;
    let (front, old) = line.strip_suffix(sign)?.rsplit_once(sign)?;
    let front = front.strip_suffix('s')?;
    let is_command = !front.ends_with(|char: char| is_name(char) || "/\\$".contains(char));
    (is_command && !old.is_empty() && !old.contains(is_blank)).then_some(sign)
}

/// Whether components `..` lead out of the folder behind which these bytes stand.
fn leaves(behind: &[u8], encoding: Encoding, is_slash: fn(char) -> bool) -> bool {
    let text = encoding.text(behind);
    let end = text.find(|char| !is_name(char) && !is_slash(char)).unwrap_or(text.len());
    let mut depth = 0_u32;
    for part in text.get(..end).unwrap_or_default().split(is_slash) {
        depth = match part {
            "" | "." => depth,
            ".." => match depth.checked_sub(1) {
                Some(depth) => depth,
                None => return true,
            },
            _ => depth.saturating_add(1),
        };
    }
    false
}

/// Whether a path can begin behind these bytes.
pub(super) fn begins(before: &[u8], encoding: Encoding) -> Fit {
    let mut last = before.rchunks_exact(encoding.width()).map(|unit| encoding.ascii(unit));
    let (last, next) = (last.next(), last.next().flatten());
    match last {
        None => return Fit::Certain,
        Some(Some(byte)) if byte <= b' ' || OPENS.contains(&byte) => return Fit::Certain,
        // What is in quotes begins here; or a variable, or a command, ends.
        Some(Some(b'"' | b'\''))
            if !is_ascii_name(next) && !matches!(next, Some(b')' | b'}' | b'`' | b'/')) =>
        {
            return Fit::Certain;
        }
        Some(_) => {}
    }
    let reach = BEFORE.min(before.len() / encoding.width() * encoding.width());
    let mut before = before.get(before.len() - reach..).unwrap_or_default();
    // But for commands and variables, the last word is enough.
    if encoding == Encoding::Plain && !matches!(last, Some(Some(b')' | b'}' | b'`' | b'"' | b'\'')))
    {
        let is_end = |&byte: &u8| byte < b' ' || ENDS_WORD.as_bytes().contains(&byte);
        let end = before.iter().rposition(is_end).map_or(0, |end| end + 1);
        before = before.get(end..).unwrap_or_default();
    }
    let text = encoding.text(before);
    let path = text.trim_end_matches('/');
    let slashes = text.len() - path.len();
    if RELATIVE.iter().copied().flatten().any(|token| path.ends_with(token)) {
        return Fit::Inside;
    }
    if is_command(path) {
        return Fit::Unclear;
    }
    if slashes == 0 && path.ends_with(is_punctuation) {
        return Fit::Certain;
    }
    let mut front = path;
    while let Some((before, name)) = variable(front) {
        if FOLDERS.contains(&name) {
            return Fit::Unclear;
        }
        front = before;
    }
    let is_variable = front.len() < path.len();
    if !is_variable && is_quoted_folder(path) {
        return Fit::Unclear;
    }
    let word = word(front);
    let (head, item) =
        word.rsplit_once(':').map_or((None, word), |(head, item)| (Some(head), item));
    // The first component is a host, the rest is of that.
    if item.is_empty() && slashes == 1 && head.is_some_and(is_scheme) {
        return Fit::Inside;
    }
    // Behind the name of a scheme, and an empty host, the path is one of its own: `file:///`.
    let has_no_host = item.is_empty() && slashes >= 2;
    if head.is_some_and(|head| !has_no_host && is_host(head, item)) {
        return Fit::Unclear;
    }
    let name = item.get(item.trim_end_matches(is_name).len()..).unwrap_or_default();
    if !is_variable && [".", ".."].contains(&name) {
        return Fit::Inside;
    }
    let is_of_sed = slashes == 0 && name.ends_with('@');
    if let Some((_, since)) = item.rsplit_once('/') {
        let is_plain = since.chars().all(is_name) && !is_variable && !is_of_sed;
        return if is_plain { Fit::Inside } else { Fit::Unclear };
    }
    if slashes > 0 && !name.is_empty() && !is_variable {
        return Fit::Inside;
    }
    let is_home = name == item && name.starts_with('~');
    let is_decided = !is_of_sed && (item.contains('%') || has_user(item));
    if is_home || is_decided { Fit::Unclear } else { Fit::Certain }
}

/// The word at the end of a text. A blank with a backslash before it ends none; an escape of C does.
fn word(text: &str) -> &str {
    let mut next = None;
    for (at, char) in text.char_indices().rev() {
        let is_escaped = || text.get(..at).is_some_and(|front| front.ends_with('\\'));
        let is_end = match char {
            ' ' => !is_escaped(),
            '\\' => next.is_some_and(|next: char| next.is_ascii_alphanumeric()),
            _ => {
                let is_ideographic = char >= '\u{3000}' && is_punctuation(char);
                is_blank(char) || ENDS_WORD.contains(char) || is_ideographic
            }
        };
        if is_end {
            return text.get(at + char.len_utf8()..).unwrap_or_default();
        }
        next = Some(char);
    }
    text
}

/// What stands before a variable at the end of a text, and its name: of a shell, make or CMake, perhaps in
/// quotes. `None` if there is none.
fn variable(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_suffix(['"', '\'']).unwrap_or(text);
    if let Some(inner) = text.strip_suffix('}') {
        let (before, name) = inner.rsplit_once("${")?;
        return (!name.contains(['}', '\n'])).then_some((before, name));
    }
    if let Some(inner) = text.strip_suffix(')') {
        let (before, name) = inner.rsplit_once("$(")?;
        return name.chars().all(is_of_variable).then_some((before, name));
    }
    let (before, name) = text.rsplit_once('$')?;
    (!name.is_empty() && name.chars().all(|char| is_of_variable(char) || char == ':'))
        .then_some((before, name))
}

/// Whether this is a command, whose output stands before the path: perhaps in quotes.
fn is_command(text: &str) -> bool {
    let bare = text.strip_suffix(['"', '\'']).unwrap_or(text);
    if let Some(inner) = bare.strip_suffix(')') {
        let (front, name) = inner.rsplit_once('(').unwrap_or(("", inner));
        return front.ends_with('$') && !name.chars().all(is_name);
    }
    bare.strip_suffix('`').is_some_and(closes)
}

/// Whether a backquote behind this ends a command. It opens a literal behind a blank, a bracket or another
/// backquote, and where no other one of its line waits for it: ` ``/opt/app`` `.
fn closes(text: &str) -> bool {
    let line = text.rsplit('\n').next().unwrap_or_default();
    let Some((_, inner)) = line.rsplit_once('`') else { return false };
    if line.ends_with(['`', '(', '[', '{']) || line.matches('`').count().is_multiple_of(2) {
        return false;
    }
    // Between the literals of a text stand words: `/usr/a' and `/opt/app'.
    let is_command = inner.starts_with(|char: char| char.is_alphanumeric() || "/$~".contains(char));
    !inner.ends_with(is_blank) || (is_command && !inner.contains('\''))
}

/// Whether this ends with a folder in quotes, such as a shell joins with what follows: `"/srv/x"`, `"~"`.
fn is_quoted_folder(text: &str) -> bool {
    let line = text.rsplit('\n').next().unwrap_or_default();
    let Some((quote, front)) =
        line.chars().next_back().map(|quote| (quote, line.strip_suffix(quote)))
    else {
        return false;
    };
    let Some((front, folder)) = front.and_then(|front| front.rsplit_once(quote)) else {
        return false;
    };
    ['"', '\''].contains(&quote)
        && front.matches(quote).count() % 2 == 0
        && folder.starts_with(['/', '~', '.', '$'])
        && !folder.trim_start_matches('/').is_empty()
}

/// Whether this ends with the scheme of a URL, longer than the letter of a drive.
fn is_scheme(head: &str) -> bool {
    let is_of_scheme = |char: char| char.is_ascii_alphanumeric() || "+-.".contains(char);
    let front = head.trim_end_matches(is_of_scheme);
    let scheme = head.strip_prefix(front).unwrap_or_default();
    scheme.len() > 1
        && scheme.starts_with(|char: char| char.is_ascii_alphabetic())
        && !front.ends_with(['/', '$', '~'])
}

/// Whether what stands before a colon, and behind it, is a host with what belongs to it: `//host:8080`,
/// `//user:word@host`, `//[::1]`, `user@host:`.
fn is_host(head: &str, item: &str) -> bool {
    let is_port = !item.is_empty() && item.bytes().all(|byte| byte.is_ascii_digit());
    let host = head.rsplit('/').next().unwrap_or_default();
    let front = head.strip_suffix(host).unwrap_or_default();
    (is_port && head.ends_with(|char| is_name(char) || char == ']'))
        || front.ends_with("://")
        || (front.is_empty() && has_user(host))
}

/// Whether this is of a user at a host.
fn has_user(host: &str) -> bool {
    host.split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty())
}

/// Whether a word can begin behind these bytes.
pub(super) fn begins_word(before: &[u8], encoding: Encoding) -> bool {
    let last = before.rchunks_exact(encoding.width()).next().and_then(|unit| encoding.ascii(unit));
    !last.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(&byte))
}

/// Whether these bytes end as an option that a path can follow at once: `-L`.
pub(super) fn is_option(before: &[u8], encoding: Encoding) -> bool {
    let units = before.rchunks_exact(encoding.width());
    let mut units = units.map(|unit| encoding.ascii(unit));
    let (letter, dash) = (units.next().flatten(), units.next().flatten());
    letter.is_some_and(|byte| byte.is_ascii_alphabetic())
        && dash == Some(b'-')
        && !is_ascii_name(units.next().flatten())
}

fn is_ascii_name(char: Option<u8>) -> bool {
    char.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"_-.+~@".contains(&byte))
}

/// Whether the name of a variable can have this.
fn is_of_variable(char: char) -> bool {
    char.is_ascii_alphanumeric() || char == '_'
}

/// Whether this is a name character: of those outside of ASCII, any that is not known to be none.
fn is_name(char: char) -> bool {
    match u8::try_from(char) {
        Ok(byte) if byte.is_ascii() => is_ascii_name(Some(byte)),
        _ => !is_blank(char) && !is_punctuation(char) && char != char::REPLACEMENT_CHARACTER,
    }
}

fn is_blank(char: char) -> bool {
    char.is_whitespace() || char.is_control()
}

/// Whether this is a character outside of ASCII that hardly a name has: punctuation, arrows, mathematical
/// symbols, frames (the blocks of Unicode).
fn is_punctuation(char: char) -> bool {
    let is_in_block = matches!(char,
        '\u{a1}'..='\u{ac}' | '\u{ae}'..='\u{bf}' | '\u{d7}' | '\u{f7}'
        | '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{205e}' | '\u{20a0}'..='\u{20cf}'
        | '\u{2190}'..='\u{23ff}' | '\u{2500}'..='\u{25ff}' | '\u{2e00}'..='\u{2e7f}'
        | '\u{3001}'..='\u{3029}' | '\u{3030}' | '\u{303d}' | '\u{30fb}' | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff01}'..='\u{ff0f}' | '\u{ff1a}'..='\u{ff20}' | '\u{ff3b}'..='\u{ff40}'
        | '\u{ff5b}'..='\u{ff65}');
    is_in_block && !char.is_alphanumeric()
}

#[cfg(test)]
mod tests;
