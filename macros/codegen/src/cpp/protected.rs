//! Accessors that other shared libraries may call.

use super::templates::fill;
use super::types::return_type;
use crate::model::Section;
use crate::names::Accessors;

/// Accessors of which each library of a process calls its own.
///
/// Two libraries of one process may carry the same section. Each must read its own record, so the
/// accessors are protected: what a library calls is its own. The header cannot say so: in a library
/// that only imports them the linker would refuse it; and a second declaration cannot change the
/// first. So the symbols are defined under another name of the language.
pub(super) fn protected(section: &Section, accessors: &str) -> String {
    let noexcept = super::types::noexcept(section);
    let symbols = Accessors::of(section);
    let declare = |declaration: String, symbol: String| {
        format!("{declaration} POSTLINK_PROTECTED(\"{symbol}\");\n")
    };
    let mut declarations =
        declare("bool is_specialized() noexcept".into(), symbols.plain("is_specialized"))
            + &declare("field_list fields() noexcept".into(), symbols.plain("fields"));
    for field in &section.shape.fields {
        let (name, ty) = (&field.name, return_type(field));
        declarations += &declare(format!("{ty} {name}(){noexcept}"), symbols.plain(name));
        declarations += &declare(
            format!("std::optional<{ty}> try_{name}(failure *why) noexcept"),
            symbols.taking_failure(&format!("try_{name}")),
        );
    }
    fill(
        include_str!("templates/protected.cc"),
        &[("DECLARATIONS", &declarations), ("ACCESSORS", accessors)],
    )
}
