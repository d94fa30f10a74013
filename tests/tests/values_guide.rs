//! The guide of values from where they are, as it is written.

use postlink_tests::page::Page;
use postlink_tests::repository::Repository;

#[test]
fn the_guide() {
    let page = Page::read("patcher/guides/values.md");
    let here = Repository::with_library(&page.blocks("toml")[0]);
    let texts = page.blocks("text");
    here.folder.write("stable-status.txt", &texts[0]);
    here.folder.write(".gitattributes", &texts[1]);
    here.folder.write("version.env", &page.blocks("env")[0]);
    here.sh("git init --quiet; git add schema.toml .gitattributes version.env; git commit --quiet -m one; git tag v1.2.0").ok();
    let parts = |name: &str| page.part(name).run(&here.folder);
    parts("The example");
    assert!(parts("From git").contains("`version` is `1.2.0`, by git:version of /"));
    let value = |field: &str| {
        here.folder.postlink(&format!("inspect --field {field} filled.so")).ok().trim().to_owned()
    };
    assert_eq!(value("built"), "1795508430");
    let said = parts("Say it once");
    assert!(said.contains("built: u64 = 1764000000 (set; usually from epoch)"), "{said}");
    parts("From the environment");
    assert_eq!((&*value("version"), &*value("built")), ("1.2.0", "1764000000"));
    let files = page.part("From files");
    let _ = files.run(&here.folder);
    let name = here.sh(". /etc/os-release; echo \"$PRETTY_NAME\"").ok();
    assert_eq!(value("system"), name.trim_end());
    parts("From an archive");
    assert_eq!(value("version"), "v1.2.0");
    let said = here.sh("postlink fill libapp.so --values version.env").fails(1);
    assert!(said.contains("`git archive` replaces"), "{said}");
}

/// Each fact is in the guide's table, with the types that it is for.
#[test]
fn the_guide_knows_every_fact() {
    let page = Page::read("patcher/guides/values.md");
    for (name, fact) in postlink_codegen::GitFact::ALL {
        let row = page.text().lines().find(|line| line.starts_with(&format!("| `{name}` |")));
        let row = row.unwrap_or_else(|| panic!("no row for {name}"));
        let types = row.rsplit(" | ").next().expect("types").trim_end_matches(" |");
        let known = postlink_codegen::Source::Git(fact).types();
        let numbers = known.contains(&"u64");
        let named = |name: &&&str| types.contains(&format!("`{name}`"));
        let integers = if numbers { 8 } else { 0 };
        assert_eq!(known.iter().filter(named).count() + integers, known.len(), "{row}");
        assert_eq!(types.contains("integers"), numbers, "{row}");
    }
}
