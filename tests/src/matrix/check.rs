//! Runs, processes and fills a cell.

use super::Choice;
use super::build::Objects;
use crate::Folder;
use crate::lix::{VERSION, expected, long_prefix, unspecialized};

/// Builds the cell and runs it, fills and processes it, and runs it again.
///
/// # Panics
/// A command fails, or the program prints anything but what was filled in.
pub fn check(objects: &Objects, choice: &Choice<'_>) {
    let folder = Folder::new();
    let built = objects.build(choice, &folder);
    let image = built.image;
    assert_eq!(linked_by(&folder, image), choice.of("linker"));
    assert_eq!(folder.run("./program").ok(), unspecialized(), "before it is filled");
    for linked in built.linked {
        let said = folder.run(&format!("readelf --sections --relocs --wide {linked}")).ok();
        let sections = said.matches(" postlink_lix ").count();
        assert_eq!(sections, usize::from(*linked == image), "{linked}: {said}");
        let copied = |line: &&str| line.contains("_COPY") && line.contains("postlink");
        assert_eq!(said.lines().find(copied), None, "{linked}");
    }
    let before = choice.of("processed") == "before";
    if before {
        process(&folder, choice.of("processing"), image);
    }
    let set = format!("--set version={VERSION} --set prefix={}", long_prefix());
    fill(&folder, choice.of("filled by"), image, "lix", &set);
    if !before {
        process(&folder, choice.of("processing"), image);
    }
    let filled = expected(VERSION, &long_prefix(), true);
    assert_eq!(folder.run("./program").ok(), filled, "after it is filled");
    let version = folder.postlink(&format!("inspect --field version {image}")).ok();
    assert_eq!(version, format!("{VERSION}\n"));
}

/// The linker that an image says it is from; bfd says nothing.
pub(super) fn linked_by(folder: &Folder, image: &str) -> &'static str {
    let said = folder.run(&format!("readelf --wide --sections -p .comment {image}")).ok();
    let signs = [("LLD ", "lld"), ("mold ", "mold"), (".note.gnu.gold-version", "gold")];
    signs.iter().find(|(sign, _)| said.contains(sign)).map_or("bfd", |(_, linker)| linker)
}

/// What packagers do to a file.
pub(super) fn process(folder: &Folder, processing: &str, image: &str) {
    let run = |line: &str| folder.run(line).ok();
    match processing {
        "strip" => run(&format!("strip {image}")),
        "strip-debug" => run(&format!("strip --strip-debug {image}")),
        "llvm-strip" => run(&format!("llvm-strip-19 {image}")),
        "objcopy strip-debug" => run(&format!("objcopy --strip-debug {image}")),
        "debug file" => {
            run(&format!("objcopy --only-keep-debug {image} image.debug"));
            run(&format!("strip --strip-debug --strip-unneeded {image}"));
            run(&format!("objcopy --add-gnu-debuglink=image.debug {image}"))
        }
        "patchelf" => {
            // Longer than the one before, so that it does not fit where that was.
            let long = format!("$ORIGIN:/{}", "r".repeat(300));
            run(&format!("patchelf --set-rpath {long} {image}"))
        }
        _ => String::new(),
    };
}

/// Fills a section by postlink, or by another tool with postlink's payload.
pub(super) fn fill(folder: &Folder, by: &str, image: &str, section: &str, set: &str) {
    let objcopy = match by {
        "objcopy" => "objcopy",
        "llvm-objcopy" => "llvm-objcopy-19",
        _ => {
            let mode = if by == "in place" { "--in-place" } else { "" };
            folder.copy(image, "original");
            folder.postlink(&format!("fill {mode} {image} {set}")).ok();
            folder.postlink(&format!("verify original {image}")).ok();
            return;
        }
    };
    let payload = format!("payload --image {image} --section {section} {set} --output payload");
    folder.postlink(&payload).ok();
    folder.run(&format!("{objcopy} --update-section postlink_{section}=payload {image}")).ok();
}
