//! The part of the library that is written in Rust. It reads the record that the C++ part owns.

// The path is from this crate's folder.
postlink::schema!("../schema.toml");

/// The version, as a pointer to its first byte; it is NUL-terminated where it stands.
#[unsafe(no_mangle)]
pub extern "C" fn lix_rs_version() -> *const u8 {
    lix::version().as_ptr()
}

/// How many paths the closure has, and how many bytes all of them.
#[unsafe(no_mangle)]
pub extern "C" fn lix_rs_closure(bytes: &mut usize) -> usize {
    *bytes = lix::builtin_dep_closure().map(str::len).sum();
    lix::builtin_dep_closure().len()
}
