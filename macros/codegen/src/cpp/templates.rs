//! C++ text from templates: files that show the C++ as it will look, with markers such as `@NAME@`.

/// A template with its markers replaced.
///
/// A marker that is alone on its line stands for whole lines, or for none. What is put in is not
/// looked at again: a comment of the schema may have markers in it.
///
/// # Panics
/// A marker that is given no text, or a text for which there is no marker: a mistake of this crate.
pub(super) fn fill(template: &str, texts: &[(&str, &str)]) -> String {
    let mut filled = String::new();
    let mut used = vec![false; texts.len()];
    let mut rest = template;
    // Whether `rest` begins a line of the template.
    let mut begins = true;
    while let Some((before, behind)) = rest.split_once('@') {
        let (marker, behind) = behind.split_once('@').expect("a marker ends with `@`");
        let position = texts.iter().position(|(name, _)| *name == marker);
        let position = position.unwrap_or_else(|| panic!("the marker `@{marker}@` has no text"));
        used[position] = true;
        filled.push_str(before);
        filled.push_str(texts[position].1);
        begins = before.ends_with('\n') || (begins && before.is_empty());
        let line = behind.strip_prefix('\n').filter(|_| begins);
        begins = line.is_some();
        rest = line.unwrap_or(behind);
    }
    for ((name, _), used) in texts.iter().zip(used) {
        assert!(used, "the template has no marker `@{name}@`");
    }
    filled + rest
}

#[cfg(test)]
mod tests {
    use super::fill;

    #[test]
    fn markers_are_words_or_lines() {
        let template = "@A@\n@A@\n{ @B@@B@\n}\n@A@\n";
        assert_eq!(fill(template, &[("A", "1\n2\n"), ("B", "b")]), "1\n2\n1\n2\n{ bb\n}\n1\n2\n");
        assert_eq!(fill(template, &[("A", ""), ("B", "b")]), "{ bb\n}\n");
    }

    #[test]
    fn what_is_put_in_is_not_looked_at_again() {
        assert_eq!(fill("@A@ @B@", &[("A", "@B@ @"), ("B", "b")]), "@B@ @ b");
    }

    #[test]
    #[should_panic(expected = "the marker `@B@` has no text")]
    fn an_unknown_marker() {
        fill("@A@ @B@", &[("A", "")]);
    }

    #[test]
    #[should_panic(expected = "the template has no marker `@B@`")]
    fn an_unused_text() {
        fill("@A@", &[("A", ""), ("B", "")]);
    }
}
