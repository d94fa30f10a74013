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

/// Words for a message: `a`, `b` and `c`.
#[must_use]
pub fn listed<S: AsRef<str>>(words: &[S]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{}`", word.as_ref())).collect();
    match quoted.as_slice() {
        [] => "none".into(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
