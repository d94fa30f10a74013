//! The record in the C++ source: its bytes where C++ owns it, or else its declaration.

use postlink_format::{RECORD_ALIGN, State, VALUES_OFFSET};

use super::bytes::{braces, literal};
use super::templates::fill;
use crate::encoding::without_zeros;
use crate::evaluate::Given;
use crate::layout::Layout;
use crate::model::{Field, Owner, Section};
use crate::names::{MACHO_SECTION, PE_SECTION, record_symbol};
use crate::value::Problem;

/// What the source has of the record.
pub(super) struct Record {
    /// Before its namespace: the attributes of the definition.
    pub(super) attributes: String,
    /// In it: definition or declaration.
    pub(super) text: String,
    /// Behind it.
    pub(super) undef: &'static str,
    /// The address of its first byte, as an expression.
    pub(super) address: String,
}

/// The record of a section, with the defaults as its values.
pub(super) fn record(section: &Section, layout: &Layout) -> Result<Record, Vec<Problem>> {
    let shape = &section.shape;
    let values = shape.evaluate(&Given::new())?;
    let symbol = record_symbol(shape);
    Ok(match section.owner {
        Owner::Cpp => {
            let bytes = shape.record(State::Generated, &values);
            let parts = parts(section, layout, bytes.len() as u32);
            Record {
                attributes: attributes(section),
                text: definition(&symbol, &parts, &bytes),
                undef: "#undef POSTLINK_RECORD\n",
                address: format!("reinterpret_cast<const unsigned char *>(&{symbol})"),
            }
        }
        Owner::Rust => Record {
            attributes: String::new(),
            text: fill(include_str!("templates/imported_record.cc"), &[("SYMBOL", &symbol)]),
            undef: "",
            address: symbol,
        },
    })
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

fn definition(symbol: &str, parts: &[Part<'_>], record: &[u8]) -> String {
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
            ("SYMBOL", symbol),
            ("RECORD_ALIGN", &RECORD_ALIGN.to_string()),
            ("INITIALISERS", &initialisers),
        ],
    )
}
