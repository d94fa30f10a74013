//! Which names a schema may use.

/// Keywords of C++ (ISO C++23, [lex.key] and the alternative tokens) and of Rust (the Reference,
/// "Keywords": strict, reserved and those that are so in one place).
const KEYWORDS: &[&str] = &[
    "Self",
    "abstract",
    "alignas",
    "alignof",
    "and",
    "and_eq",
    "as",
    "asm",
    "async",
    "auto",
    "await",
    "become",
    "bitand",
    "bitor",
    "bool",
    "box",
    "break",
    "case",
    "catch",
    "char",
    "char16_t",
    "char32_t",
    "char8_t",
    "class",
    "co_await",
    "co_return",
    "co_yield",
    "compl",
    "concept",
    "const",
    "const_cast",
    "consteval",
    "constexpr",
    "constinit",
    "continue",
    "crate",
    "decltype",
    "default",
    "delete",
    "do",
    "double",
    "dyn",
    "dynamic_cast",
    "else",
    "enum",
    "explicit",
    "export",
    "extern",
    "false",
    "final",
    "float",
    "fn",
    "for",
    "friend",
    "gen",
    "goto",
    "if",
    "impl",
    "import",
    "in",
    "inline",
    "int",
    "let",
    "long",
    "loop",
    "macro",
    "match",
    "mod",
    "module",
    "move",
    "mut",
    "mutable",
    "namespace",
    "new",
    "noexcept",
    "not",
    "not_eq",
    "nullptr",
    "operator",
    "or",
    "or_eq",
    "override",
    "priv",
    "private",
    "protected",
    "pub",
    "public",
    "ref",
    "register",
    "reinterpret_cast",
    "requires",
    "return",
    "self",
    "short",
    "signed",
    "sizeof",
    "static",
    "static_assert",
    "static_cast",
    "struct",
    "super",
    "switch",
    "template",
    "this",
    "thread_local",
    "throw",
    "trait",
    "true",
    "try",
    "type",
    "typedef",
    "typeid",
    "typename",
    "typeof",
    "union",
    "unsafe",
    "unsigned",
    "unsized",
    "use",
    "using",
    "virtual",
    "void",
    "volatile",
    "wchar_t",
    "where",
    "while",
    "xor",
    "xor_eq",
    "yield",
];

/// Names that are macros where C and C++ programs are usually compiled.
const MACROS: &[&str] = &[
    "EOF",
    "FALSE",
    "NULL",
    "TRUE",
    "assert",
    "errno",
    "i386",
    "linux",
    "major",
    "makedev",
    "max",
    "min",
    "minor",
    "near",
    "far",
    "small",
    "interface",
    "stderr",
    "stdin",
    "stdout",
    "unix",
];

/// Names that the generated code uses itself.
const GENERATED: &[&str] = &["is_specialized", "string_list", "byte_view", "std", "core"];

/// Why a name is no identifier at all.
pub(crate) fn malformed(name: &str) -> Option<(String, &'static str)> {
    let starts_well = name.starts_with(|first: char| first.is_ascii_alphabetic());
    let rest_well = name.chars().all(|each| each.is_ascii_alphanumeric() || each == '_');
    (!starts_well || !rest_well).then(|| {
        (
            format!("`{}` is not an identifier", name.escape_debug()),
            "use ASCII letters, digits and `_`, a letter first",
        )
    })
}

/// Why a name cannot be an identifier in both languages, and what would be right.
pub(crate) fn refuse(name: &str) -> Option<(String, &'static str)> {
    if let Some(malformed) = malformed(name) {
        return Some(malformed);
    }
    if name.contains("__") {
        return Some((format!("`{name}` has two `_` in a row, which C++ reserves"), "use one `_`"));
    }
    if name.len() > 64 {
        return Some((format!("`{name}` is longer than 64 bytes"), "use a shorter name"));
    }
    if KEYWORDS.contains(&name) {
        return Some((
            format!("`{name}` is a keyword of C++ or Rust"),
            "use a name that is a keyword of neither",
        ));
    }
    if MACROS.contains(&name) {
        return Some((
            format!("`{name}` is a macro in many C and C++ programs"),
            "use a name that no system header or compiler defines",
        ));
    }
    let generated = GENERATED.contains(&name) || name.starts_with("postlink");
    generated.then(|| {
        (format!("`{name}` is a name that the generated code uses itself"), "use another name")
    })
}
