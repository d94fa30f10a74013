//! A project with everything that the Lix package manager does with its version and its own paths,
//! built by meson in many configurations, filled, and run from its installed place.
//!
//! With `POSTLINK_MATRIX=full` in the environment every combination is tried.
#![forbid(unsafe_code)]

use std::os::unix::fs::symlink;
use std::panic::{AssertUnwindSafe, catch_unwind};

use postlink_tests::lix_shaped::{Build, Expected, Project, project};
use rayon::prelude::*;

const VERSION: &str = "2.97.1-pre-20261122_be438c62e1bd";
const CLOSURE: [&str; 2] = ["/store/bash-5.2", "/store/zlib-1.3"];
/// The ready executable, and a build in which a warning is an error.
const READY: &str = "-Dpostlink=postlink --werror";

/// Options of meson under which the project must work.
fn configurations() -> Vec<String> {
    const SANITIZERS: [&str; 4] = ["none", "address", "undefined", "address,undefined"];
    // The C library warns of what Rust's library asks of it in a static program.
    let linked_whole = "-Ddefault_library=static -Dprefer_static=true -Dcpp_link_args=-static";
    let mut all = Vec::new();
    for machine in ["gcc", "clang"] {
        for sanitizer in SANITIZERS {
            for lto in [false, true] {
                for ndebug in [false, true] {
                    all.push(format!(
                        "--native-file=machines/{machine}.ini -Db_sanitize={sanitizer} -Db_lto={lto} \
                         -Db_ndebug={ndebug} -Db_lundef=false --werror"
                    ));
                }
            }
        }
        all.push(format!("--native-file=machines/{machine}.ini {linked_whole}"));
    }
    if std::env::var("POSTLINK_MATRIX").is_ok_and(|value| value == "full") {
        return all;
    }
    // In these each value of an option meets each value of any other one.
    let chosen = [0, 7, 9, 14, 16, 20, 21, 27, 30];
    all.into_iter()
        .enumerate()
        .filter(|(index, _)| chosen.contains(index))
        .map(|(_, line)| line)
        .collect()
}

#[test]
fn every_configuration_is_built_filled_and_run() {
    let project = project();
    let passed = |number: usize, options: &str| {
        let name = format!("c{number}");
        let mut passed = [false; 3];
        let _ = catch_unwind(AssertUnwindSafe(|| {
            let source = project.folder().path("source").display().to_string();
            let options = options.replace("machines/", &format!("{source}/machines/"));
            let build = project.configure(&name, &format!("-Dpostlink=postlink {options}"));
            build.install();
            let eval = eval_jobs(project, &build, &options);
            passed[0] = true;
            let is_static = options.contains("=static");
            unfilled_programs_know_their_place(&build);
            let there = fill(project, &build, &eval, is_static);
            passed[1] = true;
            programs_know(&build, &eval, &there, is_static);
            passed[2] = true;
        }));
        passed
    };
    let configurations = configurations();
    let all: Vec<[bool; 3]> = configurations
        .par_iter()
        .enumerate()
        .map(|(number, options)| passed(number, options))
        .collect();
    let mut table = vec![format!("{:>5} {:>6} {:>5}  configuration", "built", "filled", "right")];
    for (passed, options) in all.iter().zip(&configurations) {
        let [built, filled, right] = passed.map(|passed| if passed { "yes" } else { "NO" });
        table.push(format!("{built:>5} {filled:>6} {right:>5}  {options}"));
    }
    let wrong = all.iter().filter(|passed| **passed != [true; 3]).count();
    println!("{}", table.join("\n"));
    assert_eq!(wrong, 0, "of these configurations:\n{}", table.join("\n"));
}

/// Builds the other project against the one that is installed.
fn eval_jobs<'a>(project: &'a Project, build: &Build<'_>, options: &str) -> Build<'a> {
    let pkgconfig = build.place().join("lib/pkgconfig");
    let eval = project.configure_eval_jobs(build, &pkgconfig, options);
    eval.install();
    eval
}

/// A development build is never filled: it knows what meson knows.
fn unfilled_programs_know_their_place(build: &Build<'_>) {
    let place = build.place().display().to_string();
    let expected = Expected {
        version: "2.96.0-dev",
        prefix: &place,
        libexec: &format!("{place}/libexec/lix"),
        closure: &[],
        specialized: false,
        system: "x86_64-linux",
        rust: true,
    };
    assert_eq!(build.installed("bin/nix report").ok(), expected.report());
}

/// Fills whatever carries the record with another version, and with a prefix by which the place can
/// be reached as well; returns that prefix.
fn fill(project: &Project, build: &Build<'_>, eval: &Build<'_>, is_static: bool) -> String {
    let place = build.place();
    let there = place.with_extension("filled");
    symlink(&place, &there).expect("a link");
    let image = |build: &Build<'_>, name: &str| build.place().join(name).display().to_string();
    let carriers = match is_static {
        // Each static program carries a record of its own.
        true => vec![image(build, "bin/nix"), image(eval, "bin/nix-eval-jobs")],
        false => vec![image(build, "lib/liblix.so")],
    };
    let [first, second] = CLOSURE;
    for image in carriers {
        let original = format!("{image}.original");
        std::fs::copy(&image, &original).expect("a copy");
        let folder = project.folder();
        let values = format!(
            "--set version={VERSION} --set prefix={} --set builtin_dep_closure={first} \
             --set builtin_dep_closure={second}",
            there.display()
        );
        folder.postlink(&format!("fill {image} {values}")).ok();
        folder.postlink(&format!("verify {original} {image}")).ok();
    }
    there.display().to_string()
}

/// Every program, run from where it is installed, says what was filled in.
fn programs_know(build: &Build<'_>, eval: &Build<'_>, prefix: &str, is_static: bool) {
    let expected = Expected {
        version: VERSION,
        prefix,
        libexec: &format!("{prefix}/libexec/lix"),
        closure: &CLOSURE,
        specialized: true,
        system: "x86_64-linux",
        rust: true,
    };
    assert_eq!(build.installed("bin/nix report").ok(), expected.report());
    for program in ["bin/nix", "bin/nix-build", "bin/nix-store", "libexec/nix/build-remote"] {
        let name = program.rsplit('/').next().expect("a name");
        let printed = build.installed(&format!("{program} --version")).ok();
        assert_eq!(printed, format!("{name} (Lix, like Nix) {VERSION}\n"));
    }
    let plugin = build.place().join("lib/lix/plugins/hello.so");
    let plugin = build.installed(&format!("bin/nix plugin {}", plugin.display()));
    match is_static {
        true => assert!(plugin.fails(1).contains("no plugins")),
        false => assert_eq!(plugin.ok(), format!("plugin=hello from a plugin for {VERSION}\n")),
    }
    if !is_static {
        let plugin = eval.place().join("lib/lix/plugins/old.so");
        let printed = build.installed(&format!("bin/nix plugin {}", plugin.display())).ok();
        assert_eq!(printed, format!("plugin=hello from an old plugin for {VERSION}\n"));
    }
    assert_eq!(
        eval.installed("bin/nix-eval-jobs").ok(),
        format!(
            "banner=Lix {VERSION}\ndata={prefix}/share\naccessor={VERSION}\n\
             helper={prefix}/libexec/lix/launch-builder --eval\n"
        )
    );
}

#[test]
fn the_environment_still_overrides() {
    let project = project();
    let build = project.configure("environment", READY);
    build.install();
    let nix = build.place().join("bin/nix").display().to_string();
    let report = project.run("places", &format!("NIX_DATA_DIR=/elsewhere {nix} report")).ok();
    assert!(report.contains("\ndata=/elsewhere\n"), "{report}");
    let refused = project.run("places", &format!("NIX_BIN_DIR=relative {nix} report"));
    assert!(refused.fails(134).contains("not an absolute path: 'relative'"));
}

#[test]
fn the_generator_is_found_in_three_ways() {
    let project = project();
    let ready = postlink_tests::postlink().display().to_string();
    let mut headers = Vec::new();
    for (name, option) in [("path", ready.as_str()), ("search", "postlink"), ("tree", "")] {
        let build = project.configure(name, &format!("-Dpostlink={option} --werror"));
        build.install();
        unfilled_programs_know_their_place(&build);
        let made = build.files().contains_key("meson/postlink/postlink");
        assert_eq!(made, name == "tree", "{name}");
        headers.push(project.folder().read(&format!("{}/lix/placeholders.gen.hh", build.folder())));
    }
    assert_eq!(headers[0], headers[1]);
    assert_eq!(headers[0], headers[2]);
}

#[test]
fn a_new_version_compiles_one_source_and_a_fill_none() {
    let project = project().with_changed_source();
    let build = project.configure("changes", READY);
    build.ninja().ok();
    // The header stays as it is.
    let one_source = [
        "lix/liblix.a",
        "lix/liblix.so",
        "lix/liblix.so.p/meson-generated_.._placeholders.gen.cc.o",
        "lix/placeholders.gen.cc",
    ];

    // By an option, and by the project's own version.
    let before = build.files();
    project.run(&build.folder(), "meson configure -Dversion-suffix=-20261122_be438c62e1bd").ok();
    build.ninja().ok();
    assert_eq!(build.compiled_since(&before), one_source);
    let before = build.files();
    project.folder().write("changed/.version", "2.96.1\n");
    build.ninja().ok();
    assert_eq!(build.compiled_since(&before), one_source);
    let nix = format!("{}/lix/nix", build.folder());
    let version = "2.96.1-20261122_be438c62e1bd";
    assert_eq!(
        project.run("", &format!("./{nix} --version")).ok(),
        format!("nix (Lix, like Nix) {version}\n")
    );

    let library = format!("{}/lix/liblix.so", build.folder());
    project
        .folder()
        .postlink(&format!("fill {library} --set version={VERSION} --set prefix=/opt/lix"))
        .ok();
    let before = build.files();
    build.ninja().ok();
    assert_eq!(build.compiled_since(&before), [""; 0]);
    assert_eq!(
        project.run("", &format!("./{nix} --version")).ok(),
        format!("nix (Lix, like Nix) {VERSION}\n")
    );
    // The test that has the version as a macro knows the one that was filled in.
    project.run(&build.folder(), "meson test repl-characterization").ok();

    // Another prefix is the same: one source. If it has another length, all that has a RUNPATH is linked
    // again, as meson leaves room for it on the linker's command line.
    let here = build.place().display().to_string();
    let objects = |changed: &[String]| -> Vec<String> {
        changed.iter().filter(|name| name.ends_with(".o")).cloned().collect()
    };
    for (prefix, links) in [(here.replace("places", "spaces"), false), (format!("{here}-2"), true)]
    {
        let before = build.files();
        project.run(&build.folder(), &format!("meson configure -Dprefix={prefix}")).ok();
        build.ninja().ok();
        let changed = build.compiled_since(&before);
        assert_eq!(objects(&changed), [one_source[2]], "{prefix}");
        for program in ["lix/nix", "lix/liblixcmd.so"] {
            assert_eq!(changed.iter().any(|name| name == program), links, "{prefix}: {changed:?}");
        }
    }
}

/// Whoever includes the generated header waits for it, also in a static build.
#[test]
fn each_object_is_built_alone() {
    let project = project();
    for (name, kind, options) in
        [("alone", "so", ""), ("alone-static", "a", "-Ddefault_library=static")]
    {
        let build = project.configure(name, &format!("{READY} -Drust=false {options}"));
        for object in [
            &format!("lix/liblixcmd.{kind}.p/libcmd_repl.cc.o"),
            "lix/nix.p/nix_main.cc.o",
            "repl-characterization/test-repl-characterization.p/main.cc.o",
        ] {
            project.run(&build.folder(), "ninja -t clean").ok();
            project.run(&build.folder(), &format!("ninja -j2 {object}")).ok();
        }
    }
}

#[test]
fn outputs_have_places_of_their_own() {
    let project = project();
    let place = |output: &str| project.folder().path("places").join(output).display().to_string();
    let (dev, doc) = (place("outputs-dev"), place("outputs-doc"));
    let build = project.configure(
        "outputs",
        &format!(
            "{READY} --includedir={dev}/include -Dpkgconfigdir={dev}/lib/pkgconfig -Ddocdir={doc}/share/doc"
        ),
    );
    build.install();
    let out = build.place().display().to_string();
    // What refers to what, as text; the manual page inside gzip.
    for (file, text) in [
        ("outputs-dev/lib/pkgconfig/lix-store.pc", format!("includedir={dev}/include\n")),
        ("outputs-dev/lib/pkgconfig/lix-store.pc", format!("libexecdir={out}/libexec/lix\n")),
        ("outputs-doc/share/doc/manual.html", format!("{out}/bin")),
        (
            "outputs/lib/systemd/system/nix-daemon.service",
            format!("ExecStart={out}/bin/nix-daemon"),
        ),
        ("outputs/share/bash-completion/completions/nix", format!("={out}/bin/nix")),
    ] {
        let content = project.folder().read(&format!("places/{file}"));
        assert!(String::from_utf8_lossy(&content).contains(&text), "{file} has no {text}");
    }
    let page = project.run("", &format!("gzip -dc {out}/share/man/man1/nix.1.gz")).ok();
    assert!(page.contains(&format!("{out}/share")), "{page}");
    let link = std::fs::read_link(build.place().join("libexec/nix/build-remote")).expect("a link");
    assert_eq!(link.display().to_string(), format!("{out}/bin/nix"));
    let relative = std::fs::read_link(build.place().join("bin/nix-store")).expect("a link");
    assert_eq!(relative.display().to_string(), "nix");
    let runpath = project.run("", &format!("readelf -d {out}/bin/nix")).ok();
    assert!(runpath.contains(&format!("Library runpath: [{out}/lib]")), "{runpath}");

    let pkgconfig = project.folder().path("places/outputs-dev/lib/pkgconfig");
    let eval = project.configure_eval_jobs(&build, &pkgconfig, "--werror");
    eval.install();
    fill(project, &build, &eval, false);
    programs_know(&build, &eval, &format!("{out}.filled"), false);
}

#[test]
fn it_is_built_for_another_machine() {
    let project = project();
    let source = project.folder().path("source").display().to_string();
    // The machine's compiler has no library of Rust for the other one.
    let build = project.configure(
        "aarch64",
        &format!("{READY} --cross-file={source}/machines/aarch64.ini -Drust=false --libexecdir=lib/helpers"),
    );
    build.install();
    let place = build.place().display().to_string();
    let folder = project.folder();
    let library = format!("{place}/lib/liblix.so");
    assert!(project.run("", &format!("readelf -h {library}")).ok().contains("AArch64"));
    // A foreign program cannot start a foreign helper by itself: an emulator was started, not it. So
    // the helper is this machine's, and the foreign one is run by hand.
    let helper = build.place().join("lib/helpers/lix/launch-builder");
    let emulator = "qemu-aarch64-static -L /usr/aarch64-linux-gnu";
    let printed = project.run("", &format!("{emulator} {} --by-hand", helper.display())).ok();
    assert!(printed.ends_with(" --by-hand\n"), "{printed}");
    folder.run(&format!("g++ source/lix/launch-builder/main.cc -o {}", helper.display())).ok();

    let expected = Expected {
        version: "2.96.0-dev",
        prefix: &place,
        libexec: &format!("{place}/lib/helpers/lix"),
        closure: &[],
        specialized: false,
        system: "aarch64-linux",
        rust: false,
    };
    let report = || project.run("", &format!("{emulator} {place}/bin/nix report")).ok();
    assert_eq!(report(), expected.report());
    folder.postlink(&format!("fill {library} --set version={VERSION} --set prefix={place}")).ok();
    assert_eq!(report(), Expected { version: VERSION, specialized: true, ..expected }.report());
    let plugin = format!("{place}/lib/lix/plugins/hello.so");
    let plugin = project.run("", &format!("{emulator} {place}/bin/nix plugin {plugin}")).ok();
    assert_eq!(plugin, format!("plugin=hello from a plugin for {VERSION}\n"));
}

/// The strongest test of all: built for one place and version, then carried to others, the package
/// equals one that was built for those.
#[test]
fn specialized_equals_rebuilt() {
    let project = project();
    let link = "-Dcpp_link_args=-Wl,--build-id=none";
    let build = project.configure("eq-one", &format!("{READY} {link} -Dversion-suffix=-one"));
    build.install();
    let one = build.place().display().to_string();
    let two = build.place().with_file_name("eq-two").display().to_string();
    // In the same build folder, as its path is in the debug information.
    let other = format!("meson configure -Dprefix={two} -Dversion-suffix=-two");
    project.run(&build.folder(), &other).ok();
    build.install();
    for place in [&one, &two] {
        project.run("", &format!("gzip -d {place}/share/man/man1/nix.1.gz")).ok();
    }
    let folder = project.folder();
    folder.run(&format!("mv {two} {two}.rebuilt")).ok();

    let versions = ("2.96.0-dev-one", "2.96.0-dev-two");
    let scan = format!("scan {one} --reference {one} --reference {}", versions.0);
    let said = folder.postlink(&format!("{scan} --against {two}.rebuilt")).ok();
    assert!(said.contains("value of a declared field"), "{said}");
    let rewrite = format!("--rewrite {}={}", versions.0, versions.1);
    folder.postlink(&format!("specialize --output {one}={two} {rewrite}")).ok();
    folder.postlink(&format!("verify {one} {two} {rewrite}")).ok();

    // A record says that it was filled; nothing else differs.
    let said =
        folder.run(&format!("diff --recursive --no-dereference --brief {two}.rebuilt {two}"));
    let differs = |name: &str| format!("Files {two}.rebuilt/{name} and {two}/{name} differ\n");
    assert_eq!(said.stdout, differs("lib/liblix.a") + &differs("lib/liblix.so"));
    for name in ["lib/liblix.a", "lib/liblix.so"] {
        let said = folder.postlink(&format!("verify {two}.rebuilt/{name} {two}/{name}")).ok();
        assert!(!said.contains("defaults changed"), "{said}");
    }

    folder.run(&format!("rm -r {one} {two}.rebuilt")).ok();
    let expected = Expected {
        version: versions.1,
        prefix: &two,
        libexec: &format!("{two}/libexec/lix"),
        closure: &[],
        specialized: true,
        system: "x86_64-linux",
        rust: true,
    };
    assert_eq!(project.run("places", &format!("{two}/bin/nix report")).ok(), expected.report());
}
