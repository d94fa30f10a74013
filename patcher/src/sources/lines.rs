//! Files of one key and value a line.

/// A key and its value.
pub(super) type Pair = (String, String);

/// `KEY VALUE`, as Bazel's status files have it: the key, one space, and the rest of the line. A key that is
/// alone has the empty value.
///
/// # Errors
/// The number of a line, and what is wrong with it.
pub(super) fn status(text: &str) -> Result<Vec<Pair>, (usize, String)> {
    each(text, |line| {
        let (key, value) = line.split_once(' ').unwrap_or((line, ""));
        if key.is_empty() || key.contains(char::is_whitespace) {
            return Err("it does not begin with a key and a space".into());
        }
        Ok(Some((key.to_owned(), value.to_owned())))
    })
}

/// `KEY=VALUE`: what a shell, os-release(5), and the many readers of `.env` files all take for the same
/// value. Where they differ, the line is refused: `$`, `` ` `` and `\` outside of single quotes (but for
/// `\$`, ``\` ``, `\"` and `\\` between double quotes), blanks around `=`, blanks without quotes, and comments
/// behind a value. `export` is a word of `.env` files.
///
/// # Errors
/// The number of a line, and what is wrong with it.
pub(super) fn assignments(text: &str, may_export: bool) -> Result<Vec<Pair>, (usize, String)> {
    each(text, |line| {
        if line.starts_with('#') {
            return Ok(None);
        }
        let line = match line.strip_prefix("export ") {
            Some(rest) if may_export => rest.trim_start_matches([' ', '\t']),
            _ => line,
        };
        let (key, value) = line.split_once('=').ok_or("it is not KEY=VALUE")?;
        let is_letter = |each: char| each.is_ascii_alphabetic() || each == '_';
        let is_name = key.starts_with(is_letter)
            && key.chars().all(|each| is_letter(each) || each.is_ascii_digit());
        if !is_name {
            return Err("in front of its `=` is not a name of ASCII letters, digits and `_`".into());
        }
        Ok(Some((key.to_owned(), unquoted(value)?)))
    })
}

/// The value without its quotes.
fn unquoted(text: &str) -> Result<String, String> {
    if let Some(rest) = text.strip_prefix('\'') {
        let inner = rest.strip_suffix('\'').filter(|inner| !inner.contains('\''));
        return inner.map(str::to_owned).ok_or_else(|| ENDS.to_owned());
    }
    let Some(rest) = text.strip_prefix('"') else {
        let is_plain = |each: char| each.is_alphanumeric() || "_-./:+,@%=^".contains(each);
        return match text.chars().find(|&each| !is_plain(each)) {
            None => Ok(text.to_owned()),
            Some(each) => Err(format!("the value has `{each}`; put it in single quotes")),
        };
    };
    let mut value = String::new();
    let mut chars = rest.chars();
    while let Some(each) = chars.next() {
        match each {
            '"' if chars.as_str().is_empty() => return Ok(value),
            '"' => return Err(ENDS.into()),
            '$' | '`' => {
                return Err(format!(
                    "`{each}` would be replaced by a shell; put the value in single quotes, or write `\\{each}`"
                ));
            }
            '\\' => match chars.next() {
                Some(escaped @ ('$' | '`' | '"' | '\\')) => value.push(escaped),
                _ => return Err(
                    "a `\\` means something else to each reader; put the value in single quotes"
                        .into(),
                ),
            },
            each => value.push(each),
        }
    }
    Err(ENDS.into())
}

const ENDS: &str = "the value is not one text in quotes, which end with the line";

/// Reads each line that is not empty; a comment has no pair. A key that comes twice is refused.
fn each(
    text: &str,
    read: impl Fn(&str) -> Result<Option<Pair>, String>,
) -> Result<Vec<Pair>, (usize, String)> {
    let mut pairs: Vec<Pair> = Vec::new();
    let mut keys = std::collections::HashSet::new();
    for (position, line) in text.split('\n').enumerate() {
        let wrong = |what| (position + 1, what);
        if line.chars().any(|each| each.is_control() && each != '\t') {
            let what = "it has a control character; lines end with a line feed alone";
            return Err(wrong(what.to_owned()));
        }
        if line.trim_matches([' ', '\t']).is_empty() {
            continue;
        }
        let Some((key, value)) = read(line).map_err(wrong)? else { continue };
        if !keys.insert(key.clone()) {
            return Err(wrong(format!("`{key}` is there twice")));
        }
        pairs.push((key, value));
    }
    Ok(pairs)
}
