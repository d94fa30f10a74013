//! The C++ source: accessors, and the record where C++ owns it.

use std::mem::offset_of;

use postlink_format::{
    CRC32_NIBBLES, DAMAGED, FieldState, NO_VALUE, Origin, STORE_HASH_SIZE, State, Type,
    VALUES_OFFSET, ValueHeader,
};

use super::protected::protected;
use super::record::record;
use super::templates::fill;
use super::types::{Kinds, noexcept, return_type};
use crate::derivation::required_fields;
use crate::layout::Layout;
use crate::model::{Field, Section};
use crate::names::inline_namespace;
use crate::value::Problem;

/// The text of the source: the accessors, and the record itself where C++ owns it.
///
/// `include` is the path that includes the header.
///
/// # Errors
/// Defaults that do not fit together: a derived one may have become too long when another default
/// was replaced.
pub fn source(section: &Section, include: &str) -> Result<String, Vec<Problem>> {
    let shape = &section.shape;
    let layout = shape.layout();
    let record = record(section, &layout)?;
    let accessors = accessors(section);
    let accessors = if section.exported { protected(section, &accessors) } else { accessors };
    Ok(fill(
        include_str!("templates/source.cc"),
        &[
            ("SECTION", &shape.name),
            ("INCLUDE", include),
            ("INCLUDES", &includes(section)),
            ("ATTRIBUTES", &record.attributes),
            ("NAMESPACE", &section.namespace),
            ("INLINE", &inline_namespace(shape)),
            ("RECORD", &record.text),
            ("DETAIL", &detail(section, &layout, &record.address)),
            ("ACCESSORS", &accessors),
            ("UNDEF", record.undef),
        ],
    ))
}

fn includes(section: &Section) -> String {
    let number = Kinds::of(section).number;
    let includes = [
        (number, "charconv"),
        (true, "cstddef"),
        (true, "cstdint"),
        (true, "cstdlib"),
        (true, "optional"),
        (true, "string_view"),
        (number, "type_traits"),
    ];
    let used = includes.iter().filter(|(used, _)| *used);
    used.map(|(_, include)| format!("#include <{include}>\n")).collect()
}

/// What accessors are made of: functions, and what they know of each field.
fn detail(section: &Section, layout: &Layout, address: &str) -> String {
    let kinds = Kinds::of(section);
    let kinds = [
        (kinds.text || kinds.list, UTF8),
        (kinds.text, TEXT),
        (kinds.list, LIST),
        (kinds.bytes, BYTES),
        (kinds.number, NUMBER),
    ];
    let kinds: String = kinds.iter().filter(|(used, _)| *used).map(|(_, text)| *text).collect();
    let required = required_fields(&section.shape);
    let (mut places, mut rows) = (String::new(), String::new());
    for (position, field) in section.shape.fields.iter().enumerate() {
        let Field { name, ty, .. } = field;
        let needed = required[position].unwrap_or(name);
        places += &place(field, needed, layout.states[position], layout.values[position]);
        rows += &format!(
            "    {{\"{name}\", \"{}\", &place_{name}, write_value<{}>}},\n",
            ty.name(),
            return_type(field)
        );
    }
    fill(
        include_str!("templates/detail.cc"),
        &[
            ("ADDRESS", address),
            ("NOEXCEPT", noexcept(section)),
            ("STOP", &stop(section)),
            ("VALUES_OFFSET", &VALUES_OFFSET.to_string()),
            ("LENGTH", &offset_of!(FieldState, length).to_string()),
            ("COUNT", &offset_of!(FieldState, count).to_string()),
            ("GENERATED", &State::Generated.code().to_string()),
            ("FILLED", &State::Filled.code().to_string()),
            ("UNSET", &Origin::Unset.code().to_string()),
            ("PUT_STRING", include_str!("templates/put_string.cc")),
            ("KINDS", &kinds),
            ("PLACES", &places),
            ("FIELDS", &rows),
            ("IS_FILLED", &is_filled(layout)),
        ],
    )
}

/// The function that stops the program, with room for the longest sentence and its newline.
fn stop(section: &Section) -> String {
    let name = &section.shape.name;
    let (start, end) = (format!("postlink: section {name}: field "), "=...");
    let fields = section.shape.fields.iter().zip(required_fields(&section.shape));
    let sentences = fields.map(|(Field { name, .. }, required)| {
        let needed = required.unwrap_or(name);
        let rest = (NO_VALUE.len() + needed.len()).max(DAMAGED.len() + name.len());
        start.len() + name.len() + rest + end.len()
    });
    let size = sentences.max().unwrap_or_default() + 1;
    let hook = section
        .on_failure
        .as_ref()
        .map(|hook| fill(include_str!("templates/hook.cc"), &[("HOOK", hook), ("SECTION", name)]));
    fill(
        include_str!("templates/stop.cc"),
        &[
            ("NOEXCEPT", noexcept(section)),
            ("START", &start),
            ("DAMAGED", DAMAGED),
            ("NO_VALUE", NO_VALUE),
            ("END", end),
            ("SIZE", &size.to_string()),
            ("HOOK", &hook.unwrap_or_default()),
        ],
    )
}

/// The function that says whether the record was filled, by its checksum.
fn is_filled(layout: &Layout) -> String {
    let nibbles = CRC32_NIBBLES.iter().map(|number| format!("        {number:#010x}"));
    let nibbles: Vec<String> = nibbles.collect();
    fill(
        include_str!("templates/is_filled.cc"),
        &[
            ("NIBBLES", &nibbles.join(",\n")),
            ("STORE_HASH", &STORE_HASH_SIZE.to_string()),
            ("VALUES_OFFSET", &VALUES_OFFSET.to_string()),
            ("FILLED", &State::Filled.code().to_string()),
            ("VALUE_HEADER", &size_of::<ValueHeader>().to_string()),
            ("VALUES_SIZE", &layout.values_size().to_string()),
        ],
    )
}

const UTF8: &str = include_str!("templates/utf8.cc");
const TEXT: &str = concat!(include_str!("templates/text.cc"), "\n");
const LIST: &str = concat!(include_str!("templates/list.cc"), "\n");
const BYTES: &str = concat!(include_str!("templates/bytes.cc"), "\n");
const NUMBER: &str = concat!(include_str!("templates/number.cc"), "\n");

/// The constant that says where a field is; before it, the names of an enum.
fn place(field: &Field, needed: &str, state: u32, value: u32) -> String {
    let Field { name, capacity, choices, .. } = field;
    let (mut names, mut array) = (String::new(), "nullptr, 0".to_owned());
    if field.ty == Type::Enum {
        names =
            format!("constexpr const char *names_{name}[] = {{\"{}\"}};\n", choices.join("\", \""));
        array = format!("names_{name}, {}", choices.len());
    }
    format!(
        "{names}constexpr place place_{name} = {{\"{name}\", \"{needed}\", {state}, {value}, {capacity}, {array}}};\n"
    )
}

fn accessors(section: &Section) -> String {
    let fields = &section.shape.fields;
    let count = fields.len().to_string();
    let mut text = fill(include_str!("templates/section.cc"), &[("COUNT", &count)]);
    for field in fields {
        let (ty, name) = (return_type(field), &field.name);
        let texts = [("TYPE", ty.as_str()), ("NAME", name), ("NOEXCEPT", noexcept(section))];
        text.push('\n');
        text.push_str(&fill(include_str!("templates/accessor.cc"), &texts));
    }
    text.push('\n');
    text
}
