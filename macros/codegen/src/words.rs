//! Words for messages.

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

/// Whether a character does more than to be shown: a control character, or one that changes the
/// direction of the text behind it.
pub(crate) fn is_deceptive(each: char) -> bool {
    each.is_control() || matches!(each, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A text in a message: on one line, and with nothing in it that a terminal obeys.
pub(crate) fn shown(text: &str) -> String {
    let escape = |each: char| match is_deceptive(each) {
        true => each.escape_debug().to_string(),
        false => each.to_string(),
    };
    text.chars().map(escape).collect()
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
