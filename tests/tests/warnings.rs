//! What a fill cannot put right is said: on standard error, and in `--json`.

use postlink_tests::Folder;
use postlink_tests::lix::{build_library, sources};

const SET: &str = "--set version=1.2.3 --set prefix=/p";

/// Fills, and returns the sentences; both ways of telling them tell the same.
#[track_caller]
fn warnings(folder: &Folder, line: &str) -> Vec<String> {
    let dry = folder.postlink(&format!("fill -n {line}"));
    let run = folder.postlink(&format!("fill --json {line}"));
    assert_eq!(dry.clone().stderr, run.stderr);
    dry.ok();
    let stderr = run.stderr.clone();
    let json: serde_json::Value = serde_json::from_str(&run.ok()).expect("one object");
    let list = json["images"][0]["warnings"].as_array().expect("an array").clone();
    let list: Vec<String> =
        list.iter().map(|text| text.as_str().expect("a text").to_owned()).collect();
    assert_eq!(stderr.lines().count(), list.len(), "{stderr}");
    assert!(
        stderr
            .lines()
            .zip(&list)
            .all(|(line, text)| { line.starts_with("warning: ") && line.ends_with(text.as_str()) })
    );
    list
}

/// What `sign-file` appends (Linux, `struct module_signature`).
fn module_signature(signature: &[u8]) -> Vec<u8> {
    let size = u32::try_from(signature.len()).expect("a size").to_be_bytes();
    let header = [0, 0, 2, 0, 0, 0, 0, 0];
    [signature, &header, &size, b"~Module signature appended~\n"].concat()
}

/// A file that is replaced keeps its old content under its other names, as programs that cargo has built.
#[test]
fn other_names_keep_the_old_content() {
    let folder = sources();
    build_library(&folder, "g++", "-O1");
    folder.run("ln libvalues.so other.so").ok();
    assert_eq!(warnings(&folder, &format!("libvalues.so --output copy.so {SET}")), [""; 0]);
    let said = warnings(&folder, &format!("libvalues.so {SET}"));
    assert!(said.len() == 1 && said[0].contains("another name (hard links)"), "{said:?}");
    assert!(folder.read("other.so") != folder.read("libvalues.so"));
}

#[test]
fn a_signed_kernel_module() {
    let folder = sources();
    folder.run("g++ -std=c++17 -c lix.gen.cc -o fresh.o").ok();
    folder.run("ld -r --build-id=sha1 fresh.o -o module.ko").ok();
    folder.copy("module.ko", "unsigned.ko");
    folder
        .run("openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out certificate -subj /CN=x")
        .ok();
    folder
        .run("openssl cms -sign -binary -in module.ko -signer certificate -inkey key -outform DER -out signature")
        .ok();
    let signed = [folder.read("module.ko"), module_signature(&folder.read("signature"))].concat();
    folder.write("module.ko", &signed);
    for way in ["--output other.ko", "--in-place"] {
        let said = warnings(&folder, &format!("{way} module.ko {SET}"));
        assert!(said.len() == 1 && said[0].contains("kernel module's signature"), "{said:?}");
        assert!(said[0].contains("sign it again"), "{said:?}");
    }
    assert!(folder.read("module.ko").ends_with(&module_signature(&folder.read("signature"))));
    // What does not change keeps its signature; what has none needs none.
    assert!(warnings(&folder, &format!("module.ko {SET}")).is_empty());
    assert!(warnings(&folder, &format!("unsigned.ko {SET}")).is_empty());
    let quiet = folder.postlink("fill -q module.ko --keep --set version=1.2.4");
    assert_eq!(quiet.stderr.clone() + &quiet.ok(), "");
}

/// The attributes that the kernel appraises; only root may set them.
#[test]
fn appraised_attributes() {
    let folder = sources();
    build_library(&folder, "g++", "-O1");
    folder.copy("libvalues.so", "fresh.so");
    let root = folder.run("id -u").ok().trim() == "0";
    let as_root = if root { "" } else { "sudo -n " };
    for (name, tool) in [("security.ima", "evmctl ima_sign"), ("security.evm", "evmctl sign")] {
        for way in ["--in-place", ""] {
            std::fs::remove_file(folder.path("libvalues.so")).expect("libvalues.so");
            folder.copy("fresh.so", "libvalues.so");
            folder.run(&format!("{as_root}setfattr -n {name} -v 0x0301 libvalues.so")).ok();
            let said = warnings(&folder, &format!("{way} libvalues.so {SET}"));
            assert!(
                said.len() == 1 && said[0].contains(name) && said[0].contains(tool),
                "{said:?}"
            );
            let kept = folder.run(&format!("getfattr -n {name} libvalues.so")).ok();
            assert!(kept.contains(name), "{kept}");
            // A new file has none of them.
            assert!(warnings(&folder, "libvalues.so --keep --set version=2.0.0 -o new").is_empty());
        }
    }
}
