//! C++17 accessors: a header that only declares, and a source that defines the record once.

mod bytes;
mod header;
mod source;

use postlink_format::Type;

pub use header::header;
pub use source::source;

use crate::model::{Field, Section};
use crate::names::upper_camel;

/// What an accessor returns.
fn return_type(field: &Field) -> String {
    match field.ty {
        Type::Bool => "bool".into(),
        Type::String | Type::Path => "std::string_view".into(),
        Type::Bytes => "byte_view".into(),
        Type::StringList | Type::PathList => "string_list".into(),
        Type::Enum => upper_camel(&field.name),
        _ => integer_type(field.ty),
    }
}

fn integer_type(ty: Type) -> String {
    let (sign, bits) = ty.name().split_at(1);
    format!("std::{}int{bits}_t", if sign == "u" { "u" } else { "" })
}

/// Text as the lines of a `///` comment.
fn comment(doc: &str, indent: &str) -> String {
    let mut lines = String::new();
    for line in doc.trim_end().lines() {
        let line = line.trim_end();
        // A backslash at the end, or its trigraph, would continue the comment on the next line.
        let end = if line.ends_with('\\') || line.ends_with("??/") { " ." } else { "" };
        let space = if line.is_empty() { "" } else { " " };
        lines.push_str(&format!("{indent}///{space}{line}{end}\n"));
    }
    lines
}

/// Which kinds of field a section has: what is generated for them is left out where there are none.
struct Kinds {
    text: bool,
    bytes: bool,
    list: bool,
    number: bool,
}

impl Kinds {
    fn of(section: &Section) -> Self {
        let any = |kind: fn(Type) -> bool| section.shape.fields.iter().any(|field| kind(field.ty));
        Self {
            text: any(Type::is_text),
            bytes: any(|ty| ty == Type::Bytes),
            list: any(Type::is_list),
            number: any(|ty| ty.fixed_size().is_some()),
        }
    }
}
