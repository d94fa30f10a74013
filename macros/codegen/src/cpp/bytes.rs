//! Bytes as C++ initialisers.

use crate::encoding::without_zeros;

/// `{0x01, 0x02, …}`, without the zeros at the end, which the array has by itself.
pub(super) fn braces(bytes: &[u8]) -> String {
    let lines = without_zeros(bytes).chunks(16).map(|line| {
        let numbers: Vec<String> = line.iter().map(|byte| format!("0x{byte:02x}")).collect();
        numbers.join(", ")
    });
    let lines: Vec<String> = lines.collect();
    match lines.as_slice() {
        [] => "{}".into(),
        [one] => format!("{{{one}}}"),
        many => format!("{{\n        {}}}", many.join(",\n        ")),
    }
}

/// A string literal, a line for each NUL-terminated item. The NUL at the end is the literal's own.
pub(super) fn literal(bytes: &[u8]) -> String {
    let bytes = bytes.strip_suffix(b"\0").unwrap_or(bytes);
    let items: Vec<String> = bytes
        .split_inclusive(|&byte| byte == 0)
        .map(|item| format!("\"{}\"", item.iter().map(|&byte| escape(byte)).collect::<String>()))
        .collect();
    if items.is_empty() {
        return "\"\"".into();
    }
    items.join("\n        ")
}

/// Three octal digits always end an escape; `?` could begin a trigraph.
fn escape(byte: u8) -> String {
    match byte {
        b'"' | b'\\' => format!("\\{}", byte as char),
        b'?' => "\\077".into(),
        b' '..=b'~' => (byte as char).into(),
        _ => format!("\\{byte:03o}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{braces, literal};

    #[test]
    fn initialisers() {
        assert_eq!(braces(&[1, 0, 255, 0, 0]), "{0x01, 0x00, 0xff}");
        assert_eq!(braces(&[0, 0]), "{}");
        assert_eq!(literal(b"a\"?\xc3\xa41"), r#""a\"\077\303\2441""#);
        assert_eq!(literal(b"a\0b\0"), "\"a\\000\"\n        \"b\"");
        assert_eq!(literal(b""), "\"\"");
    }
}
