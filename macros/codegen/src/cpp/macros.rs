//! A second C++ header: macros of old names that stand for fields.

use super::header::{comment, guard};
use super::templates::fill;
use crate::model::Section;

/// The text of the header of macros; `None` where no field has any.
///
/// `include` is the path that includes the header of the accessors.
#[must_use]
pub fn macros(section: &Section, include: &str) -> Option<String> {
    let mut macros = String::new();
    for field in &section.shape.fields {
        // A string literal is a C string: so is what replaces it.
        let data = if field.ty.is_text() { ".data()" } else { "" };
        for name in &field.macros {
            let texts = [
                ("DOC", &*comment(&field.doc)),
                ("MACRO", name),
                ("FIELD", &field.name),
                ("NAMESPACE", &section.namespace),
                ("DATA", data),
            ];
            macros += &fill(include_str!("templates/macro.hh"), &texts);
        }
    }
    let texts = [
        ("SECTION", &*section.shape.name),
        ("GUARD", &guard(section, "MACROS_HH")),
        ("INCLUDE", include),
        ("MACROS", &macros),
    ];
    (!macros.is_empty()).then(|| fill(include_str!("templates/macros.hh"), &texts))
}
