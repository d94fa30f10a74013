//! The keys of a schema: the parser takes these, and the documentation tells them.

/// A key of a section or a field.
#[derive(Clone, Copy, Debug)]
pub struct SchemaKey {
    /// As it is written in the schema.
    pub name: &'static str,
    /// Its values and their meaning, as Markdown on one line.
    pub meaning: &'static str,
}

const fn key(name: &'static str, meaning: &'static str) -> SchemaKey {
    SchemaKey { name, meaning }
}

/// The keys of a section, but `field`, under which its fields stand.
pub const SECTION_KEYS: &[SchemaKey] = &[
    key(
        "owner",
        "`\"cpp\"` (the default) or `\"rust\"`: which language defines the bytes; the other one imports them",
    ),
    key("namespace", "of the C++ accessors; the section's name by default"),
    key(
        "on_failure",
        "a C++ function with its namespace, which accessors call where they would stop the program",
    ),
    key(
        "exported",
        "whether programs and other shared libraries may call the accessors of a library; `false` by default. Without it their link fails: `hidden symbol … isn't defined`",
    ),
    key("elf", "the name of the ELF section; `postlink_SECTION` by default"),
    key("doc", "its documentation"),
];

/// The keys of a field.
pub const FIELD_KEYS: &[SchemaKey] = &[
    key(
        "type",
        "`bool`, `u8` … `u64`, `i8` … `i64`, `string`, `path` (absolute, without a slash at its end), `bytes`, `list<string>`, `list<path>`, `enum`",
    ),
    key(
        "capacity",
        "the most bytes of a string, path or bytes (without its NUL), or of all items of a list (with one NUL each)",
    ),
    key("max_items", "the most items of a list"),
    key(
        "default",
        "the value where none is given. In a string, path or item, `{field}` stands for another field's value; `{{` and `}}` for braces. Bytes are hexadecimal. Values that end in a newline are refused, but for a string whose default or an `allowed` value does",
    ),
    key("required", "`true` instead of a default"),
    key(
        "pattern",
        "a regular expression (as the Rust crate `regex-lite` has it: `\\w`, `\\d` and `\\s` are ASCII) that strings, paths and items match",
    ),
    key("min", "the least value of an integer"),
    key("max", "the greatest value of an integer"),
    key("allowed", "the allowed values of a string, path, item or integer"),
    key("names", "of an enum"),
    key(
        "macros",
        "C++ macros that stand for it, in the header that `--out-macros` writes: `A` to `Z`, digits and `_`",
    ),
    key(
        "from",
        "where its value usually comes from, which the record keeps: `git:FACT`, `env:VARIABLE`, `epoch`, `epoch:day`",
    ),
    key("doc", "its documentation, which the accessor gets; Markdown, as rustdoc has it"),
];
