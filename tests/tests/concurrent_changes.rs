//! A tree that is specialized while something else happens to its files.
#![forbid(unsafe_code)]

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use postlink_patcher::error::Result;
use postlink_patcher::specialize::{Output, SpecializeOptions, specialize};
use postlink_patcher::watch::Watch;
use postlink_tests::Folder;

/// Does something between looking at the files and copying them.
struct Meanwhile<F> {
    happens: F,
    begun: AtomicUsize,
}

impl<F: Fn() + Sync> Watch for Meanwhile<F> {
    fn begin(&self, _: u64, _: u64) {
        // The first time, files are looked at; the second time, they are copied.
        if self.begun.fetch_add(1, Ordering::Relaxed) == 1 {
            (self.happens)();
        }
    }

    fn done(&self, _: u64, _: u64) {}
}

/// What becomes of a tree if this happens between looking at its file and copying it.
fn specialized(happens: impl Fn(&Path) + Sync) -> Result<()> {
    let folder = Folder::new();
    fs::create_dir(folder.path("old")).expect("a folder");
    folder.write("old/file", format!("in {}\n", folder.path("old").display()));
    let mut options = SpecializeOptions::default();
    options.outputs = vec![Output { source: folder.path("old"), destination: folder.path("new") }];
    let file = folder.path("old/file");
    let watch = Meanwhile { happens: || happens(&file), begun: AtomicUsize::new(0) };
    let done = specialize(&options, &watch, &AtomicBool::new(false));
    assert_eq!(watch.begun.into_inner(), 2);
    done?;
    assert_eq!(
        folder.read("new/file"),
        format!("in {}\n", folder.path("new").display()).as_bytes()
    );
    Ok(())
}

#[test]
fn a_file_may_get_another_name() {
    specialized(|file| fs::hard_link(file, file.with_file_name("other")).expect("a link"))
        .expect("it is specialized");
}

#[test]
fn a_file_may_not_get_another_content() {
    let overwrite = |file: &Path| {
        let text = fs::read_to_string(file).expect("text");
        fs::write(file, text.to_uppercase()).expect("the file");
    };
    let error = specialized(overwrite).expect_err("a change");
    assert!(error.to_string().contains("has changed since it was scanned"), "{error}");

    // A time that is set back does not hide it.
    let secretly = |file: &Path| {
        let time = fs::metadata(file).and_then(|old| old.modified()).expect("a time");
        overwrite(file);
        fs::File::options()
            .write(true)
            .open(file)
            .and_then(|new| new.set_modified(time))
            .expect("a time");
    };
    specialized(secretly).expect_err("a change");
}
