//! The C++ source: accessors, and the record where C++ owns it.

use postlink_format::{
    CRC32_NIBBLES, DAMAGED, FieldState, NO_VALUE, Origin, RECORD_ALIGN, State, Type, VALUES_OFFSET,
    ValueHeader,
};

use super::bytes::{braces, literal};
use super::templates::fill;
use super::types::{Kinds, integer_type, return_type};
use crate::derivation::required_fields;
use crate::encoding::without_zeros;
use crate::evaluate::Given;
use crate::layout::Layout;
use crate::model::{Field, Owner, Section, Shape};
use crate::names::{MACHO_SECTION, PE_SECTION, accessor_symbol, inline_namespace, record_symbol};
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
    let values = shape.evaluate(&Given::new())?;
    let record = shape.record(State::Generated, &values);
    let parts = parts(section, &layout, record.len() as u32);
    let owned = section.owner == Owner::Cpp;
    let (attributes, record, undef) = if owned {
        (attributes(section), definition(section, &parts, &record), "#undef POSTLINK_RECORD\n")
    } else {
        (String::new(), declaration(section), "")
    };
    let required = required_fields(shape).into_iter().enumerate();
    let accessors: String =
        std::iter::once(concat!(include_str!("templates/is_specialized.cc"), "\n").to_owned())
            .chain(
                required.map(|(position, required)| accessor(shape, position, required, &layout)),
            )
            .collect();
    let inline = inline_namespace(shape);
    let accessors =
        if section.exported { protected(section, &inline, &accessors) } else { accessors };
    Ok(fill(
        include_str!("templates/source.cc"),
        &[
            ("SECTION", &shape.name),
            ("INCLUDE", include),
            ("ATTRIBUTES", &attributes),
            ("NAMESPACE", &section.namespace),
            ("INLINE", &inline),
            ("RECORD", &record),
            ("HELPERS", &helpers(section, &layout)),
            ("ACCESSORS", &accessors),
            ("UNDEF", undef),
        ],
    ))
}

/// A member of the record's struct: a run of its bytes.
struct Part<'a> {
    name: String,
    offset: u32,
    size: u32,
    comment: &'static str,
    /// The field whose text it holds.
    text: Option<&'a Field>,
}

fn parts<'a>(section: &'a Section, layout: &Layout, record_size: u32) -> Vec<Part<'a>> {
    let mut starts = vec![
        ("header".to_owned(), 0, "what the record is", None),
        ("state".to_owned(), VALUES_OFFSET, "state and checksum", None),
        (
            "states".to_owned(),
            layout.states.first().copied().unwrap_or(layout.fields_offset),
            "origin, length and count of each value",
            None,
        ),
    ];
    for (field, &offset) in section.shape.fields.iter().zip(&layout.values) {
        starts.push((format!("value_{}", field.name), offset, "", Some(field)));
    }
    starts.push(("fields".to_owned(), layout.fields_offset, "the description of each field", None));
    let ends: Vec<u32> = starts.iter().skip(1).map(|start| start.1).chain([record_size]).collect();
    let parts = starts.into_iter().zip(ends);
    parts
        .map(|((name, offset, comment, field), end)| Part {
            name,
            offset,
            size: end - offset,
            comment,
            text: field.filter(|field| field.ty.is_text() || field.ty.is_list()),
        })
        .collect()
}

/// `used` and `retain` only work on a definition, `visibility` only on a declaration before it.
fn attributes(section: &Section) -> String {
    let texts =
        [("PE_SECTION", PE_SECTION), ("MACHO_SECTION", MACHO_SECTION), ("ELF", &*section.elf)];
    fill(include_str!("templates/attributes.cc"), &texts) + "\n"
}

fn definition(section: &Section, parts: &[Part<'_>], record: &[u8]) -> String {
    let mut members = String::new();
    let mut asserts = String::new();
    let mut initialisers = String::new();
    for Part { name, offset, size, comment, text } in parts {
        let why = if comment.is_empty() { String::new() } else { format!(" // {comment}") };
        members.push_str(&format!("    unsigned char {name}[{size}];{why}\n"));
        asserts.push_str(&format!("static_assert(offsetof(record, {name}) == {offset});\n"));
        let bytes = &record[*offset as usize..(*offset + *size) as usize];
        let value = match text {
            // A literal may be no longer than this for clang's -Woverlength-strings.
            Some(field) if without_zeros(bytes).len() < 65_535 => {
                let used = without_zeros(bytes).len();
                // The NUL of the last item is a part of the list, and the literal's own.
                let used = used + usize::from(field.ty.is_list() && used > 0);
                literal(&bytes[..used])
            }
            _ => braces(bytes),
        };
        initialisers.push_str(&format!("    /* {name} */ {value},\n"));
    }
    fill(
        include_str!("templates/record.cc"),
        &[
            ("MEMBERS", &members),
            ("ASSERTS", &asserts),
            ("SIZE", &record.len().to_string()),
            ("SYMBOL", &record_symbol(&section.shape)),
            ("RECORD_ALIGN", &RECORD_ALIGN.to_string()),
            ("INITIALISERS", &initialisers),
        ],
    )
}

fn declaration(section: &Section) -> String {
    let symbol = record_symbol(&section.shape);
    fill(include_str!("templates/imported_record.cc"), &[("SYMBOL", &symbol)])
}

/// The functions that accessors call. Offsets are from the start of the record, in bytes.
fn helpers(section: &Section, layout: &Layout) -> String {
    let kinds = Kinds::of(section);
    let symbol = record_symbol(&section.shape);
    let address = match section.owner {
        Owner::Cpp => format!("reinterpret_cast<const unsigned char *>(&{symbol})"),
        Owner::Rust => symbol,
    };
    let optional = [(kinds.text, TEXT), (kinds.list, LIST), (kinds.number, NUMBER)];
    let optional: String =
        optional.iter().filter(|(used, _)| *used).map(|(_, text)| *text).collect();
    let table: Vec<String> =
        CRC32_NIBBLES.iter().map(|number| format!("        {number:#010x}")).collect();
    fill(
        include_str!("templates/helpers.cc"),
        &[
            ("SECTION", &section.shape.name),
            ("ADDRESS", &address),
            ("DAMAGED", DAMAGED),
            ("NO_VALUE", NO_VALUE),
            ("VALUES_OFFSET", &VALUES_OFFSET.to_string()),
            ("LENGTH", &std::mem::offset_of!(FieldState, length).to_string()),
            ("COUNT", &std::mem::offset_of!(FieldState, count).to_string()),
            ("GENERATED", &State::Generated.code().to_string()),
            ("FILLED", &State::Filled.code().to_string()),
            ("UNSET", &Origin::Unset.code().to_string()),
            ("KINDS", &optional),
            ("TABLE", &table.join(",\n")),
            ("VALUE_HEADER", &size_of::<ValueHeader>().to_string()),
            ("VALUES_SIZE", &layout.values_size().to_string()),
        ],
    )
}

const TEXT: &str = concat!(include_str!("templates/text.cc"), "\n");
const LIST: &str = concat!(include_str!("templates/list.cc"), "\n");
const NUMBER: &str = concat!(include_str!("templates/number.cc"), "\n");

fn accessor(shape: &Shape, position: usize, required: Option<&str>, layout: &Layout) -> String {
    let field = &shape.fields[position];
    let Field { name, ty, capacity, .. } = field;
    let needed = required.unwrap_or(name);
    let (state, value) = (layout.states[position], layout.values[position]);
    let read =
        format!("postlink_detail::read(\"{name}\", \"{needed}\", {state}, {value}, {capacity})");
    let number = format!("postlink_detail::number(\"{name}\", {read}, {capacity})");
    let body = match ty {
        Type::String | Type::Path => format!("return postlink_detail::text(\"{name}\", {read});"),
        Type::StringList | Type::PathList => {
            format!("return postlink_detail::list(\"{name}\", {read});")
        }
        Type::Bytes => {
            format!(
                "const postlink_detail::value found = {read};\n    return {{found.data, found.size}};"
            )
        }
        Type::Bool => format!("return {number} != 0;"),
        Type::Enum => format!(
            "const std::uint64_t code = {number};\n    if (code >= {})\n        postlink_detail::stop_damaged(\"{name}\");\n    return static_cast<{}>(code);",
            field.choices.len(),
            return_type(field)
        ),
        _ => format!("return static_cast<{}>({number});", integer_type(*ty)),
    };
    let texts = [("TYPE", &*return_type(field)), ("NAME", name), ("BODY", &body)];
    fill(include_str!("templates/accessor.cc"), &texts) + "\n"
}

/// Accessors that other shared libraries may call.
///
/// Two libraries of one process may carry the same section. Each must read its own record, so the
/// accessors are protected: what a library calls is its own. The header cannot say so: in a library
/// that only imports them the linker would refuse it; and a second declaration cannot change the
/// first. So the symbols are defined under another name of the language.
fn protected(section: &Section, inline: &str, accessors: &str) -> String {
    let fields = section.shape.fields.iter();
    let declared = std::iter::once(("bool".to_owned(), "is_specialized"))
        .chain(fields.map(|field| (return_type(field), field.name.as_str())));
    let declarations: String = declared
        .map(|(ty, name)| {
            let symbol = accessor_symbol(&section.namespace, inline, name);
            format!("{ty} {name}() noexcept POSTLINK_PROTECTED(\"{symbol}\");\n")
        })
        .collect();
    fill(
        include_str!("templates/protected.cc"),
        &[("DECLARATIONS", &declarations), ("ACCESSORS", accessors)],
    )
}
