//! Words for messages.

use std::fmt::Write;

/// Bytes of the longest word that is compared with others. No schema has a longer name; a forged
/// record can, and the time for a comparison grows with the square of its length.
const LONGEST: usize = 128;

/// The candidate that a mistyped word most likely stands for.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let comparable = |text: &str| text.len() <= LONGEST;
    candidates
        .into_iter()
        .filter(|candidate| comparable(word) && comparable(candidate))
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// Whether a character does more than to be shown: a control character, a separator of lines, or one
/// that changes the direction of the text behind it (Unicode Standard Annex 9, "Directional Formatting
/// Characters"). Comments of generated code have none of them.
pub(crate) fn is_deceptive(each: char) -> bool {
    each.is_control()
        || matches!(each, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether a terminal does something else with a character than to show it: a control character, a
/// separator of lines, a mark of direction, and what is shown as nothing at all (`Default_Ignorable_Code_Point`
/// in `DerivedCoreProperties.txt` of Unicode, and the three marks of interlinear annotations).
#[must_use]
pub fn is_hidden(each: char) -> bool {
    is_deceptive(each)
        || matches!(each,
            '\u{ad}'
            | '\u{34f}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// A text in which each byte of a [hidden character](is_hidden) is `\xNN`, but for those that are `kept`.
#[must_use]
pub fn visible(text: &str, kept: &[char]) -> String {
    let mut shown = String::with_capacity(text.len());
    for char in text.chars() {
        if is_hidden(char) && !kept.contains(&char) {
            for byte in char.encode_utf8(&mut [0; 4]).bytes() {
                let _ = write!(shown, "\\x{byte:02x}");
            }
        } else {
            shown.push(char);
        }
    }
    shown
}

/// A text in a message: on one line, and with nothing in it that a terminal obeys or hides.
pub(crate) fn shown(text: &str) -> String {
    visible(text, &[])
}

/// A text in a message, in backquotes.
pub(crate) fn quoted(text: &str) -> String {
    format!("`{}`", shown(text))
}

/// Words for a message: `a`, `b` and `c`.
#[must_use]
pub fn listed<S: AsRef<str>>(words: &[S]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| quoted(word.as_ref())).collect();
    match quoted.as_slice() {
        [] => "none".into(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
