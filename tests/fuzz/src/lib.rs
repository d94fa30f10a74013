//! What must hold for any input. Each target is a function of bytes that panics where it does not.
//!
//! `cargo fuzz run --fuzz-dir tests/fuzz --features libfuzzer elf` tries new inputs; the test
//! `fuzz_corpus` replays those that are kept, with any compiler.
#![forbid(unsafe_code)]

mod dynstr;
mod folder;
mod image;
mod parsers;
mod trees;

pub use dynstr::shared;

/// A target: what must hold for any bytes.
type Target = fn(&[u8]);

/// All targets, by the names of their programs and of the folders of their inputs.
pub const TARGETS: [(&str, Target); 12] = [
    ("schema", parsers::schema),
    ("values", parsers::values),
    ("record", parsers::record),
    ("elf", |data| image::image(b"\x7fELF", data)),
    ("macho", image::macho),
    ("pe", |data| image::image(b"MZ", data)),
    ("archive", |data| image::image(b"!<arch>\n", data)),
    ("manifest", trees::manifest),
    ("text", trees::text),
    ("links", trees::links),
    ("dynstr", dynstr::dynstr),
    ("packed", trees::packed),
];

/// Tries a target with these bytes.
///
/// # Panics
/// Something does not hold; or there is no such target.
pub fn run(target: &str, data: &[u8]) {
    let (_, function) = TARGETS.iter().find(|(name, _)| *name == target).expect("a target");
    function(data);
}
