//! Trees for macOS: names of libraries and rpaths follow, and signatures with them.

use postlink_tests::Folder;
use postlink_tests::macho::{clang, linker, mint, record_in_c, signatures};
use serde_json::json;

/// A tree with a library in `lib`, and in `bin` a program that needs it. `link` is for the linker.
fn tree(link: &str) -> Folder {
    let folder = Folder::new();
    let record = record_in_c(&folder);
    folder.write("lib.c", format!("{record}const unsigned char *app(void) {{ return record; }}\n"));
    folder.write("main.c", "extern int app(void);\nint start(void) { return app(); }\n");
    for name in ["lib", "main"] {
        folder.run(&format!("{} -c {name}.c -o {name}.o", clang("arm64"))).ok();
    }
    let link = format!("{} {link}", linker("arm64"));
    for name in ["tree", "tree/lib", "tree/bin"] {
        std::fs::create_dir(folder.path(name)).expect(name);
    }
    let name = "-install_name /opt/old/lib/libapp.dylib";
    folder.run(&format!("{link} -dylib {name} lib.o -o tree/lib/libapp.dylib")).ok();
    let rpath = "-rpath /opt/old/lib -rpath @loader_path/../lib -e _start";
    folder.run(&format!("{link} {rpath} main.o tree/lib/libapp.dylib -o tree/bin/app")).ok();
    folder.write("tree/lib/libapp.tbd", "install-name: '/opt/old/lib/libapp.dylib'\n");
    folder
}

const FILES: [&str; 2] = ["bin/app", "lib/libapp.dylib"];

/// Carries the tree and gives what LLVM reads of its load commands.
fn carried(folder: &Folder, destination: &str) -> String {
    let rewrite = format!("--rewrite /opt/old={destination}");
    folder
        .postlink(&format!("specialize --output tree={destination} --destdir out {rewrite}"))
        .ok();
    let place = format!("out{destination}");
    folder.postlink(&format!("verify tree {place} {rewrite}")).ok();
    let files: Vec<String> = FILES.iter().map(|file| format!("{place}/{file}")).collect();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    for one in signatures(folder, &files) {
        assert_eq!(one["directories"][0]["wrong"], json!([]), "{one}");
    }
    let said = folder.run(&format!("llvm-otool-19 -l {}", files.join(" "))).ok();
    let text = folder.read(&format!("{place}/lib/libapp.tbd"));
    assert!(String::from_utf8_lossy(&text).contains(destination));
    let lines = said.lines().map(str::trim).filter(|line| line.contains(" (offset "));
    lines.map(|line| line.split(" (").next().unwrap_or_default().to_owned() + "\n").collect()
}

/// The linker gave no rpath and no record: names of libraries say it.
#[test]
fn install_names_tell_what_a_tree_was_built_for() {
    let folder = tree("");
    folder.write("lib.c", "int plain;\n");
    folder.run(&format!("{} -c lib.c -o lib.o", clang("arm64"))).ok();
    let line = format!("{} -dylib lib.o", linker("arm64"));
    let name = "-install_name /opt/place/lib/libapp.dylib -o tree/lib/libapp.dylib";
    folder.run(&format!("{line} {name}")).ok();
    for name in ["tree/bin/app", "tree/lib/libapp.tbd"] {
        std::fs::remove_file(folder.path(name)).expect(name);
    }
    let said = folder.postlink("scan tree").ok();
    assert!(said.contains("built for /opt/place, as 1 place tells\n"), "{said}");
}

#[test]
fn a_path_that_fits_stays_absolute() {
    let said = carried(&tree(""), "/opt/new");
    let expected = "path /opt/new/lib\npath @loader_path/../lib\nname /usr/lib/dyld\n\
                    name /opt/new/lib/libapp.dylib\nname /opt/new/lib/libapp.dylib\n";
    assert_eq!(said, expected);
}

#[test]
fn load_commands_grow_where_the_linker_left_room() {
    let long = format!("/srv/{}", "long/".repeat(40));
    let long = long.trim_end_matches('/');
    let folder = tree("-headerpad_max_install_names");
    let said = carried(&folder, long);
    // Not relative, which would be shorter: that rpath is there already, and dyld takes none twice.
    assert!(said.contains(&format!("path {long}/lib\npath @loader_path/../lib\n")), "{said}");
    assert_eq!(said.matches(&format!("name {long}/lib/libapp.dylib\n")).count(), 2, "{said}");
    // Of a file with a wrong new path, that is told.
    let wrong = folder.postlink(&format!("verify tree out{long} --rewrite /opt/old=/srv/other"));
    let said = wrong.fails_with_output(3);
    assert!(said.contains("`/opt/old/lib/libapp.dylib` became"), "{said}");
}

#[test]
fn no_rpath_is_there_twice() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("tree")).expect("a folder");
    let how = json!({ "directories": [{ "hash": 2 }], "rpaths": ["/opt/old/lib", "/opt/new/lib"] });
    mint(&folder, "tree/app", &how.to_string());
    let line = "specialize --output tree=/srv/new --destdir out --rewrite /opt/old=/opt/new";
    let error = folder.postlink(line).fails(1);
    assert!(error.contains("the rpath `/opt/old/lib` cannot become `/opt/new/lib`"), "{error}");
    assert!(error.contains("twice") && error.contains("one of the two"), "{error}");
}

#[test]
fn without_room_it_is_refused() {
    let long = format!("/srv/{}", "long/".repeat(40));
    let folder = tree("-headerpad 0");
    let line = format!("specialize --output tree={long} --destdir out --rewrite /opt/old={long}");
    let error = folder.postlink(&line).fails(1);
    assert!(
        error.contains("the install name `/opt/old/lib/libapp.dylib` cannot become"),
        "{error}"
    );
    assert!(error.contains("-headerpad_max_install_names"), "{error}");
    assert!(!folder.path("out").exists());
}

/// Where the program's own room is enough for a path that is relative to it.
#[test]
fn a_path_is_relative_where_only_that_fits() {
    let folder = Folder::new();
    let old = format!("/opt/{}", "o".repeat(40));
    std::fs::create_dir(folder.path("tree")).expect("a folder");
    mint(
        &folder,
        "tree/lib.dylib",
        &json!({
            "directories": [{ "hash": 2 }], "rpaths": [format!("{old}/lib"), old],
        })
        .to_string(),
    );
    let long = format!("/srv/{}", "n".repeat(60));
    let rewrite = format!("--rewrite {old}={long} --rewrite /opt/old=/opt/old");
    folder.postlink(&format!("specialize --output tree={long} --destdir out {rewrite}")).ok();
    let said = folder.run(&format!("llvm-otool-19 -l out{long}/lib.dylib")).ok();
    assert!(
        said.contains("path @loader_path/lib (") && said.contains("path @loader_path ("),
        "{said}"
    );
    folder.postlink(&format!("verify tree out{long} {rewrite}")).ok();
    // Beside the program itself, nothing is an old path.
    let scan = folder.postlink(&format!("scan out{long} --reference {old}")).ok();
    assert!(
        scan.contains("nothing") || scan.contains("0 found") || !scan.contains("rpath"),
        "{scan}"
    );
}

#[test]
fn a_certificate_is_refused_or_replaced_in_a_tree_too() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("tree")).expect("a folder");
    let how = json!({ "directories": [{ "hash": 2, "team": "TEAM123" }], "cms": 700, "rpaths": ["/opt/old/lib"] });
    mint(&folder, "tree/lib.dylib", &how.to_string());
    let line = "specialize --output tree=/opt/new --destdir out --rewrite /opt/old=/opt/new";
    let error = folder.postlink(line).fails(1);
    assert!(
        error.contains("tree/lib.dylib: it is signed with a certificate of TEAM123"),
        "{error}"
    );
    let said = folder.postlink(&format!("{line} --adhoc")).fails(0);
    assert!(said.contains("lib.dylib: an ad-hoc signature took the place"), "{said}");
    let found = signatures(&folder, &["out/opt/new/lib.dylib"]).remove(0);
    assert_eq!(
        (&found["signature"], &found["directories"][0]["wrong"]),
        (&json!("ad-hoc"), &json!([]))
    );
    let said = folder.postlink("verify tree out/opt/new --rewrite /opt/old=/opt/new -v").ok();
    assert!(said.contains("an ad-hoc signature took the place"), "{said}");
}

/// A path in what the signature has of itself stays, and everything else is carried.
#[test]
fn a_path_in_a_signature_is_told_and_never_edited() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("tree")).expect("a folder");
    let how = json!({ "directories": [{ "hash": 2 }], "entitlements": "<string>/opt/old/share</string>" });
    mint(&folder, "tree/lib.dylib", &how.to_string());
    let said = folder.postlink("scan tree --reference /opt/old").fails_with_output(3);
    assert!(said.contains("signatures: 1") && said.contains("sign it anew"), "{said}");
    let rewrite = "--rewrite /opt/old=/opt/new --equal-length";
    let line = format!("specialize --output tree=/opt/new --destdir out {rewrite}");
    let said = folder.postlink(&line).fails_with_output(3);
    assert!(said.contains("code signature") && said.contains("sign it anew"), "{said}");
    folder.postlink(&format!("{line} --allow-left lib.dylib")).ok();
    let found = signatures(&folder, &["out/opt/new/lib.dylib"]).remove(0);
    assert_eq!(found["directories"][0]["wrong"], json!([]));
    folder.postlink(&format!("verify tree out/opt/new {rewrite}")).ok();
    // Whoever did edit it did something that nothing explains.
    let bytes = folder.read("out/opt/new/lib.dylib");
    let at = bytes.windows(14).position(|part| part == b"/opt/old/share").expect("it");
    let mut other = bytes;
    other[at..at + 8].copy_from_slice(b"/opt/new");
    folder.write("out/opt/new/lib.dylib", other);
    let said = folder.postlink(&format!("verify tree out/opt/new {rewrite}")).fails_with_output(3);
    assert!(said.contains("code signature"), "{said}");
}

/// Folders in an environment variable of the loader follow like an rpath, also where they have to move.
#[test]
fn an_environment_of_the_loader_follows() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("tree")).expect("a folder");
    let how = |environment: &str| {
        json!({ "directories": [{ "hash": 2 }], "environment": [environment] }).to_string()
    };
    mint(&folder, "tree/lib.dylib", &how("DYLD_LIBRARY_PATH=/opt/abc/lib:/opt/old/lib"));
    let long = format!("/srv/{}", "n".repeat(60));
    let rewrite = format!("--rewrite /opt/old={long} --rewrite /opt/abc=/opt/xyz --equal-length");
    let line = format!("specialize --output tree={long} --destdir out {rewrite}");
    folder.postlink(&line).ok();
    let said = folder.run(&format!("llvm-otool-19 -l out{long}/lib.dylib")).ok();
    assert!(said.contains(&format!("name DYLD_LIBRARY_PATH=/opt/xyz/lib:{long}/lib (")), "{said}");
    let found = signatures(&folder, &[&format!("out{long}/lib.dylib")]).remove(0);
    assert_eq!(found["directories"][0]["wrong"], json!([]));
    folder.postlink(&format!("verify tree out{long} {rewrite}")).ok();
    // What dyld does not read there moves too, and cannot become another text at the same time.
    mint(&folder, "tree/lib.dylib", &how("/opt/abc"));
    std::fs::remove_dir_all(folder.path("out")).expect("a tree");
    let error = folder.postlink(&line).fails(1);
    assert!(error.contains("which becomes longer and moves what is behind it"), "{error}");
    assert!(error.contains("leave out --equal-length"), "{error}");
}

/// Two builds for two places differ in UUID and signature, and that is explained.
#[test]
fn a_comparison_of_builds_explains_uuids_and_signatures() {
    let folder = tree("");
    std::fs::rename(folder.path("tree"), folder.path("other")).expect("a tree");
    let built = tree("");
    built.run(&format!("cp -r {} other", folder.path("other").display())).ok();
    let mut bytes = built.read("other/lib/libapp.dylib");
    let uuid = signatures(&built, &["other/lib/libapp.dylib"])[0]["uuid"]
        .as_str()
        .expect("one")
        .to_owned();
    let at =
        bytes.windows(16).position(|part| postlink_tests::macho::hex(part) == uuid).expect("it");
    bytes[at..at + 16].fill(7);
    built.write("other/lib/libapp.dylib", &bytes);
    built.postlink("fill --adhoc other/lib/libapp.dylib --set version=2.0.1").ok();
    let said =
        built.postlink("scan tree --reference /opt/old --against other").fails_with_output(0);
    assert!(said.contains("build-id") && said.contains("signature of the other bytes"), "{said}");
}

/// Bytes behind the load commands that are not zero are something that nobody told of.
#[test]
fn load_commands_grow_over_nothing_but_zeros() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("tree")).expect("a folder");
    mint(&folder, "tree/lib.dylib", "{}");
    let mut bytes = folder.read("tree/lib.dylib");
    let end = 32 + u32::from_le_bytes(bytes[20..24].try_into().expect("four")) as usize;
    let long = format!("/srv/{}", "n".repeat(60));
    let line = format!("specialize --output tree={long} --destdir out --rewrite /opt/old={long}");
    bytes[end + 40] = 1;
    folder.write("tree/lib.dylib", &bytes);
    let error = folder.postlink(&line).fails(1);
    assert!(
        error.contains("the install name `/opt/old/lib/libminted.dylib` cannot become"),
        "{error}"
    );
    bytes[end + 40] = 0;
    folder.write("tree/lib.dylib", &bytes);
    folder.postlink(&line).ok();
    let said = folder.run(&format!("llvm-otool-19 -D out{long}/lib.dylib")).ok();
    assert!(said.ends_with(&format!("\n{long}/lib/libminted.dylib\n")), "{said}");
    // All that stood behind the name is still there.
    let others = |file: &str| {
        let said = folder.run(&format!("llvm-otool-19 -l {file}")).ok();
        let is_same = |line: &&str| !line.contains("cmdsize") && !line.contains("libminted");
        said.lines().skip(4).filter(is_same).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(others("tree/lib.dylib"), others(&format!("out{long}/lib.dylib")));
}

/// A bundle has hashes of its files, but for its own program, in a file of their own.
#[test]
fn a_bundle_that_has_a_hash_of_a_changed_file_is_told() {
    let folder = Folder::new();
    let framework = "tree/App.app/Contents/Frameworks/F.framework/Versions/A";
    for name in [
        "tree/App.app/Contents/MacOS",
        "tree/App.app/Contents/_CodeSignature",
        &format!("{framework}/_CodeSignature"),
    ] {
        std::fs::create_dir_all(folder.path(name)).expect(name);
    }
    for name in ["app", "lib.dylib"] {
        mint(
            &folder,
            &format!("tree/App.app/Contents/MacOS/{name}"),
            "{\"directories\": [{\"hash\": 2}]}",
        );
    }
    mint(&folder, &format!("{framework}/code"), "{\"directories\": [{\"hash\": 2}]}");
    folder.write(&format!("{framework}/_CodeSignature/CodeResources"), "<plist></plist>\n");
    std::fs::create_dir(folder.path("tree/App.app/Contents/Resources")).expect("a folder");
    folder.write("tree/App.app/Contents/Resources/a&b", "/opt/old\n");
    folder.run("ln -s /opt/old/x tree/App.app/Contents/Frameworks/link").ok();
    folder.write("tree/App.app/Contents/Info.plist", "<plist><string>/opt/old</string></plist>\n");
    folder.write(
        "tree/App.app/Contents/_CodeSignature/CodeResources",
        "<plist><key>MacOS/lib.dylib</key><data/><key>Info.plist</key><data/></plist>\n",
    );
    let line = "specialize --output tree=/opt/new --destdir out --rewrite /opt/old=/opt/new";
    let said = folder.postlink(line).fails(0);
    let told = |name: &str| {
        let is_told = |line: &&str| line.contains(name) && line.contains("sign the bundle again");
        said.lines().filter(is_told).count()
    };
    assert_eq!((told("/lib.dylib: "), told("/Info.plist: "), told("/app: ")), (1, 1, 0), "{said}");
    // Code that is sealed by its folder, in the outer bundle; a link; a name that is escaped in the seal.
    assert_eq!((told("/code: "), told("/link: "), told("/a&b: ")), (1, 1, 1), "{said}");
    let library = "tree/App.app/Contents/MacOS/lib.dylib";
    let said = folder.postlink(&format!("fill {library} --set version=2.0.1")).fails(0);
    assert!(said.contains("_CodeSignature/CodeResources vouches for as it was"), "{said}");
}

/// Outside of a tree, only the folders that it is in vouch for what it has: no link leads to a seal. A seal
/// that is too large to be read may have a hash of a program.
#[test]
fn seals_are_those_of_the_tree_and_of_the_folders_above() {
    let folder = Folder::new();
    let told = |line: &str| {
        let line = format!("specialize --dry-run --destdir out --rewrite /opt/old=/opt/new {line}");
        let said = folder.postlink(&line).fails(0);
        let is_told = |line: &&str| line.contains("sign the bundle again");
        said.lines().filter(is_told).map(str::to_owned).collect::<Vec<_>>()
    };
    folder.run("mkdir -p elsewhere tree/x App.app/MacOS App.app/_CodeSignature").ok();
    folder.write("elsewhere/CodeResources", "<key>f</key>\n");
    folder.run("ln -s ../../elsewhere tree/x/_CodeSignature").ok();
    folder.write("tree/x/f", "/opt/old\n");
    folder.write("App.app/MacOS/app", "/opt/old\n");
    let seal = "App.app/_CodeSignature/CodeResources";
    let (all, inner) = ("--output App.app=/opt/new", "--output App.app/MacOS=/opt/new");
    let (link, one) = ("--output link=/opt/new", "--output App.app/MacOS/app=/opt/new");
    folder.run("ln -s App.app/MacOS link").ok();
    for (text, count) in [("<key>MacOS/app</key>", 1), ("<key>MacOS/app<key>app</key>", 0)] {
        folder.write(seal, text);
        assert_eq!(told("--output tree=/opt/new"), [""; 0]);
        for line in [all, inner, link, one] {
            assert_eq!(told(line).len(), count, "{text} {line}");
        }
    }
    folder.run(&format!("truncate -s 67108865 {seal}")).ok();
    for line in [all, inner, link, one] {
        let told = told(line);
        assert!(told.len() == 1 && told[0].contains("it has more than 64 MiB"), "{told:?}");
    }
}
