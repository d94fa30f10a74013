//! A tree that is specialized while something else happens to its files.
#![forbid(unsafe_code)]

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use postlink_patcher::error::Result;
use postlink_patcher::specialize::plan::{TreePlan, Wanted};
use postlink_patcher::specialize::rewrite::Rewrites;
use postlink_patcher::specialize::{self, Output, Watch};
use postlink_tests::Folder;

struct Silent;

impl Watch for Silent {
    fn begin(&self, _: u64, _: u64) {}
    fn done(&self, _: u64, _: u64) {}
}

fn plan(output: &Output) -> Result<Vec<TreePlan>> {
    let pair = (output.source.clone(), output.destination.clone());
    let rewrites = Rewrites::new(&[pair], false)?;
    let wanted = Wanted { rewrites: &rewrites, assignments: &[], equal_length: false };
    specialize::plan(std::slice::from_ref(output), &wanted, None, &Silent)
}

fn stage(output: &Output, plans: &[TreePlan]) -> Result<()> {
    let places = specialize::places(std::slice::from_ref(output), None, false)?;
    let never = AtomicBool::new(false);
    specialize::finish(specialize::stage(plans, places, &Silent, &never)?, &never).map(|_| ())
}

/// What becomes of a tree if this happens between looking at its file and copying it.
fn specialized(happens: impl Fn(&Path)) -> Result<()> {
    let folder = Folder::new();
    fs::create_dir(folder.path("old")).expect("a folder");
    folder.write("old/file", format!("in {}\n", folder.path("old").display()));
    let output = Output { source: folder.path("old"), destination: folder.path("new") };
    let plans = plan(&output).expect("a plan");
    happens(&folder.path("old/file"));
    stage(&output, &plans)?;
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
    assert!(error.to_string().contains("is not what it was when it was scanned"), "{error}");

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
