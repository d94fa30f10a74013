//! What was passed over without a word, each found by a reader of the code.
#![forbid(unsafe_code)]

use std::fs;

use postlink_tests::Folder;

/// A tree at `built` with these files, each text with the tree's path for `@`.
fn tree(files: &[(&str, &str)]) -> Folder {
    let folder = Folder::new();
    fs::create_dir(folder.path("built")).expect("a folder");
    let path = folder.path("built").display().to_string();
    for (name, text) in files {
        let file = folder.path("built").join(name);
        fs::create_dir_all(file.parent().expect("a folder")).expect("folders");
        folder.write(&format!("built/{name}"), text.replace('@', &path));
    }
    folder
}

/// The options that carry the tree to `final`.
fn carry(folder: &Folder, more: &str) -> String {
    format!("specialize --output built={} {more}", folder.path("final").display())
}

#[test]
fn a_manifest_without_members_is_refused() {
    let folder = tree(&[("a.1", "in @\n")]);
    folder.run("gzip -n built/a.1").ok();
    let built = folder.path("built").display().to_string();
    folder.postlink(&format!("scan built --no-members --reference {built} --manifest m")).ok();
    let said = folder.postlink(&carry(&folder, "--manifest m")).fails(1);
    assert!(said.contains("--no-members"), "{said}");
}

/// A longer reference hid the shorter one in the manifest, and nothing rewrote it.
#[test]
fn a_manifest_for_more_references_is_refused() {
    let folder = tree(&[("a.la", "libdir=@/lib/z\n")]);
    let built = folder.path("built").display().to_string();
    let line = format!("scan built --reference {built} --reference {built}/lib --manifest m");
    folder.postlink(&line).ok();
    let said = folder.postlink(&carry(&folder, "--manifest m")).fails(1);
    assert!(said.contains("built/lib") && said.contains("--rewrite"), "{said}");
}

/// An explicit rewrite of a word let the tree's own path be unknown to the manifest.
#[test]
fn a_manifest_of_a_word_alone_is_refused() {
    let folder = tree(&[("a.pc", "prefix=@\nVersion: 0.0.0-dev\n")]);
    folder.postlink("scan built --reference 0.0.0-dev --manifest m").ok();
    let line = carry(&folder, "--manifest m --rewrite 0.0.0-dev=2.1.0");
    assert!(folder.postlink(&line).fails(1).contains("the manifest knows nothing of"));
}

/// One file that names the place where a staged tree stands hid that all others name another place.
#[test]
fn one_mention_of_its_own_place_does_not_make_a_staged_tree_right() {
    let folder = tree(&[
        ("install.log", "installed to @\n"),
        ("a.pc", "prefix=/opt/x-u\nlibdir=/opt/x-u/lib\n"),
    ]);
    let said = folder.postlink(&carry(&folder, "")).fails(1);
    assert!(said.contains("--rewrite /opt/x-u="), "{said}");
    folder.postlink(&carry(&folder, "--rewrite /opt/x-u=/opt/x")).ok();
}

/// A Perl module that was staged lists its files where they were staged, and nothing else names that place.
#[test]
fn a_list_of_installed_files_says_where_they_were_staged() {
    let list = "/gone/opt/x-u/lib/Own.pm\n/gone/opt/x-u/lib/Name.pm type=file\n";
    let folder = tree(&[("lib/Own.pm", "1;\n"), ("lib/Name.pm", "1;\n"), ("lib/.packlist", list)]);
    let said = folder.postlink(&carry(&folder, "--rewrite /opt/x-u=/opt/x")).fails(1);
    assert!(said.contains("--rewrite /gone/opt/x-u="), "{said}");
    folder.postlink(&carry(&folder, "--rewrite /gone/opt/x-u=/opt/x")).ok();
}

#[test]
fn a_scan_that_looks_for_nothing_is_no_success() {
    let folder = tree(&[("a.txt", "see /opt/x\n")]);
    for line in ["scan built", "scan -q built", "scan --json built"] {
        let said = folder.postlink(line).fails_with_output(3);
        assert!(said.contains("nothing was looked for") && said.contains("--reference"), "{said}");
        assert!(!said.contains("no references"), "{said}");
    }
}

/// A path that a new one begins like was not seen behind the new one.
#[test]
fn what_begins_like_the_new_path_is_seen() {
    let schema = "[section.app]\n\
        field.prefix = { type = \"path\", capacity = 64, default = \"/opt/x-unspec\" }\n\
        field.fmt = { type = \"string\", capacity = 64, default = \"/opt/x-unspec%s\" }\n\
        field.any = { type = \"string\", capacity = 64, default = \"a\", allowed = [\"a\", \"/opt/x-unspec/b\"] }\n";
    let folder = tree(&[]);
    folder.write("schema.toml", schema);
    let generate = "generate --schema schema.toml --out-header a.hh --out-source a.cc";
    folder.postlink(generate).ok();
    folder.run("g++ -std=c++17 -shared -fPIC a.cc -o built/liba.so").ok();
    let scan = folder.postlink("scan built --reference /opt/x-unspec").fails_with_output(3);
    assert!(scan.contains("%s") && scan.contains("allowed value"), "{scan}");
    for new in ["/srv/q", "/opt/x"] {
        let line =
            format!("specialize --output built=/{new} --destdir out --rewrite /opt/x-unspec={new}");
        let said = folder.postlink(&line).fails_with_output(3);
        assert!(said.contains("%s"), "{new}: {said}");
    }
}

/// A string whose bytes are counted was followed, and was wrong.
#[test]
fn a_counted_word_is_not_followed() {
    let schema = "[section.app]\nfield.version = { type = \"string\", capacity = 64, default = \"0.0.0-unspecialized\" }\n";
    let counted = "s:19:\"0.0.0-unspecialized\";\n";
    let folder = tree(&[("a.txt", "it is 0.0.0-unspecialized\n"), ("a.ser", counted)]);
    folder.write("schema.toml", schema);
    folder.postlink("generate --schema schema.toml --out-header a.hh --out-source a.cc").ok();
    folder.run("g++ -std=c++17 -shared -fPIC a.cc -o built/liba.so").ok();
    let line = carry(&folder, "--set version=2.1.0 --follow version");
    let said = folder.postlink(&line).ok();
    assert!(said.contains("a.ser"), "{said}");
    assert_eq!(folder.read("final/a.ser"), counted.as_bytes());
    assert_eq!(folder.read("final/a.txt"), b"it is 2.1.0\n");
}

/// With `--repack` a static library was taken for a compressed text, and not filled.
#[test]
fn repacking_fills_static_libraries() {
    let folder = tree(&[]);
    let schema = "[section.app]\nfield.version = { type = \"string\", capacity = 64, default = \"0.0.0\" }\n";
    folder.write("schema.toml", schema);
    folder.postlink("generate --schema schema.toml --out-header a.hh --out-source a.cc").ok();
    folder.run("g++ -std=c++17 -c a.cc").ok();
    folder.run("ar rc built/liba.a a.o").ok();
    folder.postlink(&carry(&folder, "--repack --set version=2.1.0")).ok();
    assert_eq!(folder.postlink("inspect --field version final/liba.a").ok(), "2.1.0\n");
}

/// A signed kernel module that is changed has to be signed again, also where a whole tree is carried.
#[test]
fn stale_signatures_are_told_of_trees() {
    let folder = tree(&[]);
    let schema = "[section.app]\nfield.version = { type = \"string\", capacity = 64, default = \"0.0.0\" }\n";
    folder.write("schema.toml", schema);
    folder.postlink("generate --schema schema.toml --out-header a.hh --out-source a.cc").ok();
    folder.run("g++ -std=c++17 -c a.cc -o built/a.ko").ok();
    let mut module = folder.read("built/a.ko");
    module.extend_from_slice(b"~Module signature appended~\n");
    folder.write("built/a.ko", module);
    let run = folder.postlink(&carry(&folder, "--set version=2.1.0"));
    assert!(run.stderr.contains("a.ko: it ends with a kernel module's signature"), "{run:?}");
}

/// What is compressed once more in a tar archive was not looked into.
#[test]
fn compressed_members_of_tar_archives_are_looked_into() {
    let folder = tree(&[("page.1", "in /opt/unspec\n"), ("plain", "of /opt/unspec\n")]);
    folder.run("gzip -n built/page.1").ok();
    folder.run("tar -C built --format=gnu -cf built/a.tar page.1.gz plain").ok();
    folder.run("cp built/a.tar built/b.tar").ok();
    folder.run("gzip -n built/b.tar").ok();
    fs::remove_file(folder.path("built/page.1.gz")).expect("a file");
    fs::remove_file(folder.path("built/plain")).expect("a file");
    let said = folder.postlink("scan -v built --reference /opt/unspec").fails_with_output(3);
    for place in ["page.1.gz / gzip", "gzip / page.1.gz / gzip", "gzip / plain", "of /opt/unspec"] {
        assert!(said.contains(place), "{place}: {said}");
    }
}

/// Compressed debug information was looked into in programs only, and only in its newer form.
#[test]
fn compressed_debug_information_of_static_libraries_is_looked_into() {
    for form in ["zlib", "zlib-gnu"] {
        let folder = tree(&[]);
        folder.write("a.cc", "int a() { return 1; }\n");
        let line = format!(
            "g++ -g -gz={form} -ffile-prefix-map={}=/opt/unspec -c {} -o a.o",
            folder.path("").display().to_string().trim_end_matches('/'),
            folder.path("a.cc").display()
        );
        folder.run(&line).ok();
        folder.run("ar rc built/liba.a a.o").ok();
        folder.copy("a.o", "built/a.o");
        let said = folder.postlink("scan -v built --reference /opt/unspec").fails_with_output(3);
        for file in ["  a.o\n", "  liba.a\n"] {
            assert!(said.contains(file), "{form}: {said}");
        }
    }
}

/// A relative link stays, whatever its target looks like; a store hash in the name of a folder, and in
/// the second name of a file, is told.
#[test]
fn names_and_relative_links() {
    let hash = "0123456789abcdfghijklmnpqrsvwxyz";
    let store = format!("/nix/store/{hash}-x");
    let folder = tree(&[("file", "text\n")]);
    fs::create_dir(folder.path(&format!("built/{hash}-d"))).expect("a folder");
    fs::hard_link(folder.path("built/file"), folder.path(&format!("built/z{hash}")))
        .expect("a name");
    let line = carry(&folder, &format!("--rewrite {store}=/opt/x"));
    let said = folder.postlink(&line).fails_with_output(3);
    assert!(said.contains(&format!("{hash}-d")) && said.contains(&format!("z{hash}")), "{said}");

    let folder = tree(&[("file", "text\n")]);
    std::os::unix::fs::symlink("lib/opt/app", folder.path("built/link")).expect("a link");
    folder.postlink(&carry(&folder, "--rewrite /opt/app=/opt/q")).ok();
    let target = fs::read_link(folder.path("final/link")).expect("a link");
    assert_eq!(target.to_str(), Some("lib/opt/app"));
}

/// `RECORD` of a Python package, and a list of sums, kept the hashes of files that were rewritten.
#[test]
fn lists_with_hashes_of_files_that_change_are_told() {
    let hash = "5b2f0c0f4b3a0f5f6f1e1d2c3b4a59687786950413223140f0e1d2c3b4a59687";
    let record = "../../bin/run,sha256=abc,9\n../../bin/other,sha256=def,3\n\
                  ../../bin/none,,\napp.dist-info/RECORD,,\n";
    let folder = tree(&[
        ("bin/run", "#!@/bin/python\n"),
        ("bin/none", "#!@/bin/python\n"),
        ("bin/other", "no path\n"),
        ("lib/site/app.dist-info/RECORD", record),
        ("share/SHA256SUMS", &format!("{hash}  bin/run\n{hash} *../bin/none\n")),
        ("share/B2SUMS", &format!("{hash}{hash}  bin/run\n")),
        ("share/app.mtree", "#mtree\n./bin/run type=file sha256digest=abc\n./bin/other md5=a\n"),
        (
            "share/tagged.sha256",
            &format!("SHA256 (bin/run) = {hash}\nSHA256 (bin/other) = {hash}\n"),
        ),
        ("share/app.sha256", &format!("{hash}  ../bin/other\n{hash}  ../../bin/run\n")),
    ]);
    let said = folder.postlink(&carry(&folder, "--dry-run --json")).ok();
    let said: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(
        said["warnings"],
        serde_json::json!([
            "lib/site/app.dist-info/RECORD: it has the hash of ../../bin/run as it was: make it anew",
            "share/B2SUMS: it has the hash of bin/run as it was: make it anew",
            "share/SHA256SUMS: it has the hash of bin/run as it was, and of 1 more: make it anew",
            "share/app.mtree: it has the hash of ./bin/run as it was: make it anew",
            "share/tagged.sha256: it has the hash of bin/run as it was: make it anew",
        ])
    );
}

/// A tree that is a single file was told with an empty line, and as a folder.
#[test]
fn a_single_file_is_told_by_its_name() {
    let folder = Folder::new();
    let path = folder.path("z").display().to_string();
    folder.write("z", format!("\0{path}\0"));
    let scan = format!("scan z --reference {path}");
    let said = folder.postlink(&scan).fails_with_output(3);
    assert!(said.contains(&format!("\n  z\n    at 0x1: {path}\n")), "{said}");
    folder.postlink(&format!("{scan} --html z.html")).fails_with_output(3);
    let page = String::from_utf8(folder.read("z.html")).expect("UTF-8");
    assert!(page.contains("<code>z</code>") && !page.contains("<code></code>"), "{page}");
    let carry = "specialize --destdir out --output z=/opt/new/z";
    let said = folder.postlink(carry).fails_with_output(3);
    assert!(said.contains(&format!("  /opt/new/z: at 0x1: {path}\n")), "{said}");
    folder.write("z", format!("in {path}\n"));
    folder.write("other", "in another\n");
    let said = folder.postlink(&format!("{carry} -v")).ok();
    assert!(said.contains("/opt/new/z: 1 file; 1 file or link changed\n  z: text"), "{said}");
    let said = folder.postlink(&format!("{scan} --against other")).ok();
    assert!(said.contains("compared with other: 1 file differs\n"), "{said}");
}
