//! The C++ types of fields.

use postlink_format::Type;

use crate::model::{Field, Section};
use crate::names::upper_camel;

/// The type that an accessor returns.
pub(super) fn return_type(field: &Field) -> String {
    match field.ty {
        Type::Bool => "bool".into(),
        Type::String | Type::Path => "std::string_view".into(),
        Type::Bytes => "byte_view".into(),
        Type::StringList | Type::PathList => "string_list".into(),
        Type::Enum => upper_camel(&field.name),
        _ => integer_type(field.ty),
    }
}

pub(super) fn integer_type(ty: Type) -> String {
    let (sign, bits) = ty.name().split_at(1);
    format!("std::{}int{bits}_t", if sign == "u" { "u" } else { "" })
}

/// How accessors are declared that may stop the program: a function that is called before may throw.
pub(super) fn noexcept(section: &Section) -> &'static str {
    if section.on_failure.is_some() { "" } else { " noexcept" }
}

/// The kinds of field that a section has. Nothing is generated for the others.
pub(super) struct Kinds {
    pub(super) text: bool,
    pub(super) bytes: bool,
    pub(super) list: bool,
    pub(super) number: bool,
}

impl Kinds {
    pub(super) fn of(section: &Section) -> Self {
        let any = |kind: fn(Type) -> bool| section.shape.fields.iter().any(|field| kind(field.ty));
        Self {
            text: any(Type::is_text),
            bytes: any(|ty| ty == Type::Bytes),
            list: any(Type::is_list),
            number: any(|ty| ty.fixed_size().is_some()),
        }
    }
}
