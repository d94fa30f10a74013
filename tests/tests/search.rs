//! What the search of a tree sees, however large a file is, and whatever stands before what is in it.
#![forbid(unsafe_code)]

use std::fs::{File, create_dir};
use std::os::unix::fs::FileExt;

use postlink_tests::Folder;
use serde_json::Value as Json;

/// A folder with an empty tree.
fn tree() -> Folder {
    let folder = Folder::new();
    create_dir(folder.path("tree")).expect("a folder");
    folder
}

/// The findings of `scan`: file, kind, members, and the text of what was not looked into.
#[track_caller]
fn found(folder: &Folder) -> Vec<String> {
    let run = folder.postlink("scan tree --reference /opt/app --json");
    let report: Json = serde_json::from_str(&run.stdout).expect("one object");
    let findings = report["trees"][0]["findings"].as_array().expect("findings");
    let line = |one: &Json| {
        let text = if one["kind"] == "unread" { one["text"].as_str() } else { None };
        let names = one["member"].as_array().into_iter().flatten();
        let names = names.filter_map(Json::as_str).collect::<Vec<_>>().join("/");
        let (path, kind) = (one["path"].as_str(), one["kind"].as_str());
        let words = [path, kind, Some(&*names), text].into_iter().flatten();
        words.collect::<Vec<_>>().join(" ").trim_end().to_owned()
    };
    findings.iter().map(line).collect()
}

/// Each change was searched around, and what was found there counted anew: the square of the lines.
#[test]
fn a_text_of_eight_thousand_references_is_rewritten_and_verified() {
    let folder = tree();
    folder.write("tree/list", "/opt/app\n".repeat(8000));
    let line = "specialize --output tree=/srv/new --destdir out --rewrite /opt/app=/opt/new";
    folder.postlink(line).ok();
    assert_eq!(folder.read("out/srv/new/list"), "/opt/new\n".repeat(8000).as_bytes());
    folder.postlink("verify tree out/srv/new --rewrite /opt/app=/opt/new").ok();
}

#[test]
fn holes_cost_nothing() {
    let folder = tree();
    let file = File::create_new(folder.path("tree/disk")).expect("a file");
    file.set_len(8 << 40).expect("a size");
    file.write_all_at(b" /opt/app ", 3 << 40).expect("bytes");
    assert_eq!(found(&folder), ["disk data"]);
}
