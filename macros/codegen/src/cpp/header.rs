//! The C++ header: declarations only.

use postlink_format::Type;

use super::templates::fill;
use super::types::{Kinds, noexcept, return_type};
use crate::derivation::required_fields;
use crate::model::{Field, Section};
use crate::names::{inline_namespace, upper_camel};

/// The text of the header: declarations of the accessors of one section.
#[must_use]
pub fn header(section: &Section) -> String {
    let name = &section.shape.name;
    let inline = inline_namespace(&section.shape);
    let export = if section.exported { EXPORTED } else { HIDDEN };
    let kinds = Kinds::of(section);
    let iterator = if kinds.list { "#include <iterator>\n" } else { "" };
    let doc = comment(&section.doc);
    let classes = [(kinds.list, STRING_LIST), (kinds.bytes, BYTE_VIEW)];
    let classes: String = classes.iter().filter(|(used, _)| *used).map(|(_, text)| *text).collect();
    let texts = [("NOEXCEPT", noexcept(section))];
    let classes = classes + "\n" + &fill(include_str!("templates/fields.hh"), &texts);
    let fields: String = section
        .shape
        .fields
        .iter()
        .zip(required_fields(&section.shape))
        .map(|(field, required)| declaration(section, field, required))
        .collect();
    fill(
        include_str!("templates/header.hh"),
        &[
            ("SECTION", name),
            ("GUARD", &guard(section, "HH")),
            ("ITERATOR", iterator),
            ("HOOK", &hook(section)),
            ("EXPORT", export),
            ("DOC", &doc),
            ("NAMESPACE", &section.namespace),
            ("INLINE", &inline),
            ("CLASSES", &classes),
            ("FIELDS", &fields),
        ],
    )
}

/// The name by which a header is included once.
pub(super) fn guard(section: &Section, end: &str) -> String {
    let inline = inline_namespace(&section.shape);
    format!("{}_{inline}_{end}", section.namespace).replace("::", "_").to_ascii_uppercase()
}

/// Text as the lines of a `///` comment.
pub(super) fn comment(doc: &str) -> String {
    let mut lines = String::new();
    for line in doc.trim_end().lines() {
        let line = line.trim_end();
        // A backslash at the end, or its trigraph, would continue the comment on the next line.
        let end = if line.ends_with('\\') || line.ends_with("??/") { " ." } else { "" };
        let space = if line.is_empty() { "" } else { " " };
        lines.push_str(&format!("///{space}{line}{end}\n"));
    }
    lines
}

fn declaration(section: &Section, field: &Field, required: Option<&str>) -> String {
    let mut text = String::from("\n");
    if field.ty == Type::Enum {
        let names = field.choices.iter().enumerate();
        let names: String = names.map(|(code, name)| format!("    {name} = {code},\n")).collect();
        let ty = upper_camel(&field.name);
        let texts = [("FIELD", &*field.name), ("TYPE", &ty), ("NAMES", &names)];
        text.push_str(&fill(include_str!("templates/enum.hh"), &texts));
        text.push('\n');
    }
    let mut doc = field.doc.clone();
    if let Some(required) = required {
        let gap = if doc.is_empty() { "" } else { "\n\n" };
        doc.push_str(gap);
        let then = match &section.on_failure {
            None => "Stops the program".to_owned(),
            Some(hook) => format!("Calls `{hook}`, then stops the program,"),
        };
        doc.push_str(&format!("{then} where the file was not filled: `{required}` is required."));
    }
    let texts = [
        ("DOC", &*comment(&doc)),
        ("TYPE", &return_type(field)),
        ("NAME", &field.name),
        ("NOEXCEPT", noexcept(section)),
    ];
    text + &fill(include_str!("templates/accessor.hh"), &texts)
}

/// The declaration of the function that is called before the program is stopped.
fn hook(section: &Section) -> String {
    let hook = section.on_failure.as_ref().and_then(|hook| hook.rsplit_once("::"));
    let Some((namespace, name)) = hook else { return String::new() };
    let texts =
        [("HOOK_NAMESPACE", namespace), ("HOOK_NAME", name), ("SECTION", &section.shape.name)];
    fill(include_str!("templates/hook.hh"), &texts)
}

const EXPORTED: &str = include_str!("templates/exported.hh");
const HIDDEN: &str = include_str!("templates/hidden.hh");
const STRING_LIST: &str = concat!("\n", include_str!("templates/string_list.hh"));
const BYTE_VIEW: &str = concat!("\n", include_str!("templates/byte_view.hh"));
