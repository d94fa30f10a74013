//! Content-addressed packages, by Nix itself: a package with a record is built, specialized, carried and
//! checked at paths that Nix replaces behind our back.
#![forbid(unsafe_code)]

use std::path::Path;

use postlink_tests::nix::Store;
use postlink_tests::{Folder, fixture, readers_agree};

struct Carried {
    store: Store,
    arguments: Vec<String>,
}

impl Carried {
    fn new() -> Self {
        let store = Store::new();
        let folder = store.folder();
        let source = fixture("nix/carried").display().to_string();
        folder.run(&format!("cp -r {source} carried")).ok();
        let path = |name: &str| folder.path(name).display().to_string();
        let arguments = [
            &fixture("nix/content-addressed.nix").display().to_string(),
            "--arg",
            "postlink",
            &path("postlink"),
            "--arg",
            "source",
            &path("carried"),
            "--argstr",
            "path",
            &std::env::var("PATH").unwrap_or_default(),
            "--option",
            "experimental-features",
            "nix-command ca-derivations",
            "--no-out-link",
        ]
        .map(str::to_owned)
        .to_vec();
        Self { store, arguments }
    }

    fn folder(&self) -> &Folder {
        self.store.folder()
    }

    /// Builds an attribute, and gives its path.
    #[track_caller]
    fn build(&self, options: &str) -> String {
        let words = self.arguments.iter().map(String::as_str).chain(options.split_whitespace());
        let words: Vec<&str> = words.collect();
        self.store.nix("nix-build", &words).ok().trim().to_owned()
    }

    /// What is in the store at a path runs, knows where it is, and is accepted by both readers.
    #[track_caller]
    fn is_right(&self, place: &str) {
        let folder = self.folder();
        let printed = folder.run(&format!("{place}/bin/link")).ok();
        assert_eq!(printed, format!("2.97.0 {place} {place}/share {place} 1\n"));
        readers_agree(folder, &format!("{place}/lib/libapp.so"));
    }
}

#[test]
fn content_addressed_derivations_are_specialized() {
    let carried = Carried::new();
    let mut addressed = Vec::new();
    for package in [false, true] {
        for app in [false, true] {
            let options =
                format!("-A app --arg isPackageAddressed {package} --arg isAddressed {app}");
            let place = carried.build(&options);
            carried.is_right(&place);
            // Nix finds what it built equal to what it builds again, at another path.
            carried.build(&format!("{options} --check"));
            if app {
                addressed.push(place);
            }
        }
    }
    // From whichever package it was specialized: equal content has one address.
    assert_eq!(addressed[0], addressed[1]);
}

/// The recipe's pages name where they are, which no compressed one would: Nix replaces nothing in it.
#[test]
fn the_recipe_leaves_pages_of_content_addressed_outputs_uncompressed() {
    let store = Store::new();
    let build = |text: &str| {
        let features = ["--option", "experimental-features", "nix-command ca-derivations"];
        let text = store.shapes(&format!("addressed.{text}"));
        store.nix("nix-build", &[&["--no-out-link", "-E", &text], &features[..]].concat())
    };
    for (package, name) in [("final", "shape.1"), ("both", "shape.1"), ("package", "shape.1.gz")] {
        let man = build(&format!("{package}.man")).ok();
        let out = build(&format!("{package}.out")).ok();
        let page = format!("{}/share/man/man1/{name}", man.trim());
        let text = store.folder().run(&format!("gzip -dcf {page}")).ok();
        assert_eq!(text, format!("see {}/bin\n", out.trim()), "{package}");
        let printed = store.folder().run(&format!("{}/bin/shape", out.trim())).ok();
        assert_eq!(printed, format!("2.0.0 in {}\n", out.trim()), "{package}");
    }
    // The package has compressed it.
    for package in ["final", "package"] {
        let run = build(&format!("refused.{package}"));
        assert_ne!(run.code, 0, "{package}");
        assert!(run.stderr.contains("man1/shape.1.gz"), "{}", run.stderr);
        assert!(run.stderr.contains("postlink: content-addressed outputs:"), "{}", run.stderr);
    }
}

#[test]
fn an_input_addressed_package_is_made_content_addressed() {
    let carried = Carried::new();
    let before = carried.build("-A app");
    carried.is_right(&before);
    let features = ["--extra-experimental-features", "ca-derivations"];
    let words = [&["store", "make-content-addressed", "--json", &before], &features[..]].concat();
    let printed = carried.store.nix("nix", &words).ok();
    let rewritten: serde_json::Value = serde_json::from_str(&printed).expect("JSON");
    let after = rewritten["rewrites"][&before].as_str().expect("a path").to_owned();
    assert_ne!(after, before);
    carried.is_right(&after);
    // All that Nix has changed is what `specialize` would have.
    let folder = carried.folder();
    let told = folder
        .postlink(&format!("verify {before} {after} --rewrite {before}={after} --verbose"))
        .ok();
    for one in ["app.prefix: `", "the default of `prefix`", "RUNPATH `", "link to `"] {
        assert!(told.contains(one), "{told}");
    }
    let said =
        folder.postlink(&format!("verify {before}/lib/libapp.so {after}/lib/libapp.so")).ok();
    assert!(said.contains("nothing but declared values differs"), "{said}");
    // A content-addressed derivation comes to the same.
    assert_eq!(carried.build("-A app --arg isAddressed true"), after);
    assert!(Path::new(&before).exists());
}
