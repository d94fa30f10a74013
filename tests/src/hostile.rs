//! Texts by which somebody may deceive a reader, a terminal, a compiler, a shell or a browser, and what no
//! output may have of them.

use std::collections::HashSet;
use std::process::Output;
use std::sync::OnceLock;

use serde_json::Value as Json;

use crate::matrix::is_full;

/// Texts, by what they try.
const TEXTS: &[(&str, &[&[u8]])] = &[
    (
        "to be obeyed by a terminal",
        &[
            b"a\nerror: forged",
            b"a\n  help: forged",
            b"a\n  and error: forged",
            b"a\r\nwarning: forged",
            b"a\rerror: forged",
            b"a\x0b\x0cerror: forged",
            "a\u{85}error: forged".as_bytes(),
            "a\u{2028}error: forged".as_bytes(),
            "a\u{2029}  help: forged".as_bytes(),
            b"\x1b[2K\x1b[1A",
            b"\x1b]0;title\x07",
            b"\x1b]8;;file:///etc/passwd\x1b\\link\x1b]8;;\x1b\\",
            b"\x1b]52;c;dG91Y2ggcnVu\x07",
            b"\x1bc\x07\x08\x08\x7f\t",
            "\u{9b}2K\u{9d}0;title\u{9c}".as_bytes(),
        ],
    ),
    (
        "to be seen as something else",
        &[
            "a\u{202e}b\u{202c}\u{202a}\u{202b}\u{202d}".as_bytes(),
            "\u{2066}a\u{2067}b\u{2068}c\u{2069}".as_bytes(),
            "\u{200e}\u{200f}\u{61c}".as_bytes(),
            "a\u{200b}\u{200c}\u{200d}\u{2060}b".as_bytes(),
            "\u{feff}a".as_bytes(),
            "a\u{ad}\u{34f}\u{3164}\u{115f}\u{180e}\u{ffa0}b".as_bytes(),
            "a\u{e0041}\u{e007f}\u{e0101}\u{fe0f}b".as_bytes(),
            "\u{fff9}a\u{fffa}b\u{fffb}\u{206a}".as_bytes(),
        ],
    ),
    (
        "to be read as code, or as other letters",
        &[
            b"\"",
            b"'",
            b"\\",
            b"a\\\\",
            b"*/ int forged; /*",
            b"// /* a",
            b"??/",
            b"a ??=??'??(??)??!??<??>??-",
            b"R\"(a)\" )\" \"# \"##;",
            b"#include </etc/passwd>",
            b"\\u0022 \\x22 \\042 \\N{DEL}",
            b"_Pragma(\"once\") u8\"a\"",
            b"%s %n %d %%",
            b"${HOME} $(touch run) `touch run` $$",
            b"; touch run | cat && touch run > run",
            b"@VERSION@ @@",
            b"{{ 7 * 7 }} {% raw %}",
            b"</script><script>alert(1)</script> <!-- --> ]]>",
            b"<img src=x onerror=alert(1)> &lt; javascript:alert(1)",
            b".so /etc/passwd",
            b"'br \\fB",
            b"~root *.c [a-z] !1",
            b"--force",
            b"-x",
            "v\u{435}rsion \u{ff0f}opt\u{2215}app \u{e9}e\u{301} 日本 🦀".as_bytes(),
        ],
    ),
    ("to be no text", &[b"a\xff\xfe", b"\xc3", b"\xed\xa0\x80", b"\xc0\xaf\xf5", b"\\xff\xff"]),
];

/// Each text; where all is not asked for, those that try the same are one text.
#[must_use]
pub fn texts() -> Vec<Vec<u8>> {
    let long = "long".repeat(2000).into_bytes();
    let groups = TEXTS.iter().map(|(_, texts)| *texts);
    let mut all: Vec<Vec<u8>> = match is_full() {
        true => groups.flatten().map(|text| text.to_vec()).collect(),
        false => groups.map(|texts| texts.join(&b' ')).collect(),
    };
    all.push(long);
    all
}

/// Each text that is UTF-8, alone.
#[must_use]
pub fn each_utf8() -> Vec<&'static str> {
    let texts = TEXTS.iter().flat_map(|(_, texts)| *texts);
    texts.filter_map(|text| std::str::from_utf8(text).ok()).collect()
}

/// Whether a character must not come to a terminal: control characters, and the hostile ones of the texts.
#[must_use]
pub fn is_hostile(each: char) -> bool {
    static HOSTILE: OnceLock<HashSet<char>> = OnceLock::new();
    let hostile = HOSTILE.get_or_init(|| {
        let goals = ["to be obeyed by a terminal", "to be seen as something else"];
        let texts = TEXTS.iter().filter(|(goal, _)| goals.contains(goal));
        let texts = texts.flat_map(|(_, texts)| *texts).map(|text| String::from_utf8_lossy(text));
        texts
            .flat_map(|text| text.chars().filter(|each| !each.is_ascii()).collect::<Vec<_>>())
            .collect()
    });
    each.is_control() || hostile.contains(&each)
}

/// Says what is wrong with what a command of postlink said: it did not end as it should, or shows something
/// that is not its own. Gives the object that it printed, if `json`.
///
/// # Errors
/// A text with what it said.
pub fn check(what: &str, output: &Output, json: bool) -> Result<Option<Json>, String> {
    let wrong = |why: &str| {
        let [stdout, stderr] = [&output.stdout, &output.stderr].map(|said| said.escape_ascii());
        format!("{what}\n  {why}\n  {:?}\n  {stdout}\n  {stderr}\n", output.status)
    };
    let text = |bytes| std::str::from_utf8(bytes).map_err(|_| wrong("no UTF-8"));
    let (stdout, stderr) = (text(&output.stdout)?, text(&output.stderr)?);
    let code = output.status.code();
    if !matches!(code, Some(0..=3)) || stderr.contains("panicked") {
        return Err(wrong("another end"));
    }
    for said in [stdout, stderr].map(without_colors) {
        // A shell that completes gets words, each with a tab and a sentence behind it.
        let own = if what.contains("complete-fields") { "\n\t" } else { "\n" };
        if let Some(each) = said.chars().find(|&each| !own.contains(each) && is_hostile(each)) {
            return Err(wrong(&format!("{each:?}")));
        }
        // Values of several lines are indented further than what postlink says itself.
        let words = ["error: ", "warning: ", "help: ", "and error: "];
        let is_forged = |line: &str| {
            let own = line.strip_prefix("  ").unwrap_or(line);
            words
                .iter()
                .any(|word| own.strip_prefix(word).is_some_and(|rest| rest.starts_with("forged")))
        };
        if said.lines().any(is_forged) {
            return Err(wrong("a forged line"));
        }
        // The indent of a source, where a text in it goes on in the next line. (Some texts have two blanks.)
        let is_message = |line: &&str| words.iter().any(|word| line.trim_start().starts_with(word));
        if said.lines().filter(is_message).any(|line| line.trim().contains("   ")) {
            return Err(wrong("a run of blanks in a message"));
        }
    }
    if !json || (code == Some(2) && stdout.is_empty()) {
        return Ok(None);
    }
    match serde_json::from_str::<Json>(stdout) {
        Ok(object) if object.is_object() => Ok(Some(object)),
        _ => Err(wrong("not one object of JSON")),
    }
}

/// A text without the escapes that colour it.
fn without_colors(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |plain, part| {
        let rest = part.trim_start_matches(|each: char| each.is_ascii_digit() || each == ';');
        match rest.strip_prefix('m') {
            Some(rest) => plain + rest,
            None => plain + "\u{1b}[" + part,
        }
    })
}

/// Whether JSON names these bytes somewhere: as they are, or with `\xNN` for bytes and `\\` for a backslash.
#[must_use]
pub fn names(json: &Json, bytes: &[u8]) -> bool {
    match json {
        Json::String(text) => contains(text.as_bytes(), bytes) || contains(&unescaped(text), bytes),
        Json::Array(items) => items.iter().any(|item| names(item, bytes)),
        Json::Object(object) => object.values().any(|value| names(value, bytes)),
        _ => false,
    }
}

fn contains(text: &[u8], bytes: &[u8]) -> bool {
    text.windows(bytes.len().max(1)).any(|part| part == bytes)
}

fn unescaped(text: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), text);
    while let Some((before, behind)) = rest.split_once('\\') {
        bytes.extend(before.as_bytes());
        let number = behind.strip_prefix('x').and_then(|behind| behind.get(..2));
        match number.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &behind[3..];
            }
            None => {
                bytes.push(b'\\');
                rest = behind.strip_prefix('\\').unwrap_or(behind);
            }
        }
    }
    [&bytes, rest.as_bytes()].concat()
}
