//! The recipe for Nix: a real `nix-build` of the Lix-shaped project, and of a package that links it.
#![forbid(unsafe_code)]

use std::path::Path;

use postlink_tests::lix_shaped::Expected;
use postlink_tests::nix::Store;

/// All that is specialized: the outputs of one package, and the other.
const SPECIALIZED: &str = "-A lix -A lix.dev -A lix.doc -A nix-eval-jobs";
const UNSPECIALIZED: [&str; 2] = ["-A lix-unspecialized", "-A nix-eval-jobs-unspecialized"];

/// Runs all programs of both packages, from where they are.
fn programs_know(store: &Store, [lix, dev, _, eval_jobs]: &[String; 4], version: &str) {
    let bash = store.eval("\"${bash}\"");
    let libexec = format!("{lix}/libexec/lix");
    let expected = Expected {
        version,
        prefix: lix,
        libexec: &libexec,
        closure: &[bash.as_str().expect("a path")],
        specialized: true,
        system: "x86_64-linux",
        rust: false,
    };
    let run = |line: &str| store.folder().run(line).ok();
    assert_eq!(run(&format!("{lix}/bin/nix report")), expected.report());
    for program in ["bin/nix", "bin/nix-build", "bin/nix-store", "libexec/nix/build-remote"] {
        let name = program.rsplit('/').next().expect("a name");
        let printed = run(&format!("{lix}/{program} --version"));
        assert_eq!(printed, format!("{name} (Lix, like Nix) {version}\n"));
    }
    let plugin = run(&format!("{lix}/bin/nix plugin {lix}/lib/lix/plugins/hello.so"));
    assert_eq!(plugin, format!("plugin=hello from a plugin for {version}\n"));
    assert_eq!(
        run(&format!("{eval_jobs}/bin/nix-eval-jobs")),
        format!(
            "banner=Lix {version}\ndata={lix}/share\naccessor={version}\n\
             helper={libexec}/launch-builder --eval\n"
        )
    );
    let page = run(&format!("gzip -dc {lix}/share/man/man1/nix.1.gz"));
    assert!(page.contains(&format!("Lix {version}\"")), "{page}");
    assert!(page.contains(&format!("{lix}/share")), "{page}");
    let module = run(&format!("pkg-config --modversion {dev}/lib/pkgconfig/lix-store.pc"));
    assert_eq!(module.trim(), version);
}

/// Builds both packages, and keeps what there is then.
fn build(store: &Store, options: &str) -> [String; 4] {
    store.build(&format!("{SPECIALIZED} {options}")).try_into().expect("four paths")
}

#[test]
fn a_new_version_compiles_nothing() {
    let store = Store::new();
    let old = build(&store, "--out-link old");
    let unspecialized = UNSPECIALIZED.map(|attribute| store.drv_path(attribute));

    // What a release changes moves no build derivation.
    store.folder().write("source/version.json", "{ \"version\": \"2.98.0\" }");
    let version = "--argstr version 2.98.0-pre-20261122_be438c62e1bd";
    let moved = UNSPECIALIZED.map(|one| store.drv_path(&format!("{one} {version}")));
    assert_eq!(moved, unspecialized);
    let planned = store.on_lix("nix-build", &format!("{SPECIALIZED} {version} --dry-run")).stderr;
    let names: Vec<&str> = planned
        .lines()
        .skip(1)
        .filter_map(|line| Some(line.rsplit_once('/')?.1.split_once('-')?.1))
        .collect();
    let [eval_jobs, lix] =
        ["nix-eval-jobs", "lix"].map(|name| format!("{name}-2.98.0-pre-20261122_be438c62e1bd.drv"));
    assert_eq!(names.len(), 2, "{planned}");
    assert!(names.contains(&&*lix) && names.contains(&&*eval_jobs), "{planned}");
    let built = store.on_lix("nix-build", &format!("{SPECIALIZED} {version} --out-link new"));
    assert_eq!(built.stderr.matches("building '").count(), 2, "{}", built.stderr);
    assert!(!built.stderr.contains("ninja"), "{}", built.stderr);
    let new = build(&store, version);

    // Nix knows the packages themselves, and what they really need.
    let bash = store.eval("\"${bash}\"").as_str().expect("a path").to_owned();
    for [lix, dev, doc, eval_jobs] in [&old, &new] {
        assert_eq!(store.references(lix), sorted([&bash, lix]));
        assert_eq!(store.references(dev), sorted([dev, lix]));
        assert_eq!(store.references(doc), [lix.as_str()]);
        assert_eq!(store.references(eval_jobs), [lix.as_str()]);
    }

    // Nix itself refuses what would need a build derivation.
    let leak =
        "lix.respecialize { postSpecialize = \"echo ${lix-unspecialized.doc} > $out/left\"; }";
    let refused = store.nix("nix-build", &["-E", &store.expression(leak)]).fails(1);
    assert!(refused.contains("is not allowed to refer to the following paths:"), "{refused}");

    // Nothing of the build derivations is needed any more.
    let outputs =
        unspecialized.map(|one| store.nix("nix-store", &["--query", "--outputs", &one]).ok());
    let outputs: Vec<&str> = outputs.iter().flat_map(|paths| paths.lines()).collect();
    assert_eq!(outputs.len(), 6);
    assert!(outputs.iter().all(|path| Path::new(path).exists()), "{outputs:?}");
    store.nix("nix-collect-garbage", &[]).ok();
    assert!(!outputs.iter().any(|path| Path::new(path).exists()), "{outputs:?}");
    programs_know(&store, &old, "2.97.0");
    programs_know(&store, &new, "2.98.0-pre-20261122_be438c62e1bd");
}

fn sorted<const N: usize>(paths: [&String; N]) -> Vec<String> {
    let mut all = paths.map(String::clone).to_vec();
    all.sort();
    all
}

#[test]
fn what_a_build_reads_moves_it_and_nothing_else() {
    let store = Store::new();
    let of_both = || UNSPECIALIZED.map(|attribute| store.drv_path(attribute));
    let before = of_both();
    store.folder().write("source/version.json", "{}");
    assert_eq!(of_both(), before);

    store.edit("nix-eval-jobs/main.cc", "banner=", "title=");
    let after = of_both();
    assert_eq!(after[0], before[0]);
    assert_ne!(after[1], before[1]);

    store.edit("lix/nix/main.cc", "(Lix, like Nix)", "(Lix)");
    assert_ne!(of_both()[0], before[0]);
}

#[test]
fn names_of_any_length_within_a_package_and_padded_ones_between_packages() {
    let store = Store::new();
    let long = format!("2.97.0-pre-{}", "1234567890".repeat(11));
    let options = format!("--argstr unspecializedName u-unspecialized --argstr version {long}");
    let lix = store.build(&format!("-A lix {options}")).remove(0);
    assert_eq!(
        store.folder().run(&format!("{lix}/bin/nix-store --version")).ok(),
        format!("nix-store (Lix, like Nix) {long}\n")
    );
    let message = store.on_lix("nix-build", &format!("-A nix-eval-jobs {options}")).fails(100);
    assert!(message.contains("/bin/nix-eval-jobs: the RUNPATH `"), "{message}");
    assert!(message.contains("-u-unspecialized/lib` cannot become"), "{message}");
    // Where the build derivation's name has room, any version up to its length fits.
    let short = store.build("-A nix-eval-jobs --argstr version 2.97.0 --argstr pname l").remove(0);
    let printed = store.folder().run(&format!("{short}/bin/nix-eval-jobs")).ok();
    assert!(printed.contains("-l-2.97.0/share\n"), "{printed}");
}

#[test]
fn equal_inputs_give_equal_outputs() {
    let store = Store::new();
    let paths = build(&store, "--no-out-link");
    let hashes = |paths: &[String]| {
        let words: Vec<&str> = paths.iter().map(String::as_str).collect();
        store.nix("nix-store", &[&["--query", "--hash"], &words[..]].concat()).ok()
    };
    let before = hashes(&paths);
    let words: Vec<&str> = paths.iter().map(String::as_str).collect();
    store.nix("nix-store", &[&["--delete"], &words[..]].concat()).ok();
    assert!(!paths.iter().any(|path| Path::new(path).exists()));
    assert_eq!(build(&store, "--no-out-link"), paths);
    assert_eq!(hashes(&paths), before);
    // Without a sandbox Nix checks at another path and replaces that in the result, which no compressed
    // file survives. This package has none.
    store.on_lix("nix-build", "-A nix-eval-jobs --check --no-out-link").ok();
}

#[test]
fn another_machine_s_package_is_specialized_on_this_one() {
    let store = Store::new();
    let options = "--argstr crossFile aarch64.ini --no-out-link";
    let [lix, _, _, eval_jobs] = build(&store, options);
    let header = store.folder().run(&format!("readelf -h {lix}/lib/liblix.so")).ok();
    assert!(header.contains("AArch64"), "{header}");
    let run = |line: &str| {
        store.folder().run(&format!("qemu-aarch64-static -L /usr/aarch64-linux-gnu {line}"))
    };
    assert_eq!(run(&format!("{lix}/bin/nix --version")).ok(), "nix (Lix, like Nix) 2.97.0\n");
    // The helper that they start would need an emulator of its own.
    let report = run(&format!("{lix}/bin/nix report")).stdout;
    assert!(report.contains("\nspecialized=yes\n"), "{report}");
    assert!(report.contains(&format!("\nprefix={lix}\n")), "{report}");
    let printed = run(&format!("{eval_jobs}/bin/nix-eval-jobs")).stdout;
    assert!(printed.contains("banner=Lix 2.97.0\n"), "{printed}");
}
