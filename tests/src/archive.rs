//! Archives of `ar` that it would not make itself.

/// What one begins with.
pub const MAGIC: &[u8] = b"!<arch>\n";

/// What stands in front of a member (ar(5)): its name, ended or not as the dialect wants it, and its size in bytes.
#[must_use]
pub fn member_header(name: &str, size: u64) -> String {
    format!("{name:<16}{0:<12}{0:<6}{0:<6}{1:<8}{size:<10}`\n", 0, "644")
}
