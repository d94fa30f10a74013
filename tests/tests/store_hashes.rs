//! A record lives through what Nix does with content-addressed packages: it replaces the hash of a store
//! path wherever it stands.
#![forbid(unsafe_code)]

use postlink_format::without_store_hashes;
use postlink_tests::lix::{VERSION, build_program, expected};
use postlink_tests::{Folder, fixture, fixture_text, place_of, readers_agree};

const BUILT: &str = "74gd1fr2vb1lq5g9gr62msik8a788bk5";
const FILLED: &str = "jp9yk419hci302g187aih80q0by4v3g0";
const CARRIED: [&str; 2] = ["r3gzzfk82m71r8m4rz5sk6inn0grdyf8", "1m78718wjc24lrpz5ma11c1zjcdf1bwc"];

fn path(hash: &str) -> String {
    format!("/nix/store/{hash}-lix-2.97.0")
}

fn places(bytes: &[u8], hash: &str) -> Vec<usize> {
    let found = bytes.windows(hash.len()).enumerate();
    found.filter(|(_, window)| *window == hash.as_bytes()).map(|(at, _)| at).collect()
}

/// The program `program`, whose record was generated for a store path.
fn program() -> Folder {
    let folder = Folder::new();
    let schema = fixture("../../schema.toml").display().to_string();
    let names = "--out-header lix.gen.hh --out-source lix.gen.cc";
    folder
        .postlink(&format!("generate --schema {schema} {names} --default prefix={}", path(BUILT)))
        .ok();
    folder.write("values.cc", fixture_text("values.cc"));
    folder.write("main.cc", fixture_text("main.cc"));
    build_program(&folder, "g++", "-O2", "program");
    folder
}

/// What Nix does: one hash becomes another wherever it stands.
fn carry(folder: &Folder, from: &str, to: &str, hashes: &[(&str, &str)]) {
    let mut bytes = folder.read(from);
    for (old, new) in hashes {
        let found = places(&bytes, old);
        assert!(!found.is_empty(), "{old}");
        for at in found {
            bytes[at..at + new.len()].copy_from_slice(new.as_bytes());
        }
    }
    folder.write(to, bytes);
    folder.run(&format!("chmod +x {to}")).ok();
}

#[test]
fn a_record_that_nix_carried_is_the_one_of_a_fill() {
    let folder = program();
    let fill = |from: &str, to: &str, prefix: &str| {
        let values = format!("--set version={VERSION} --set prefix={prefix}");
        folder.postlink(&format!("fill {from} --output {to} {values}")).ok();
    };
    fill("program", "filled", &path(FILLED));
    let hashes = [(BUILT, CARRIED[0]), (FILLED, CARRIED[1])];
    carry(&folder, "filled", "carried", &hashes);
    assert_eq!(folder.run("./carried").ok(), expected(VERSION, &path(CARRIED[1]), true));
    readers_agree(&folder, "carried");
    // A Rust program asks its record in this way.
    let (at, layout) = place_of(&folder, "carried", "lix");
    let bytes = folder.read("carried");
    assert!(postlink::generated::is_specialized(&bytes[at..], layout.fields_offset));
    // Nothing but values and the default differs.
    let said = folder.postlink("verify filled carried").ok();
    assert!(said.contains("defaults changed: prefix"), "{said}");

    // The other way round: carried while it was not filled yet, then filled.
    carry(&folder, "program", "moved", &hashes[..1]);
    let unfilled = expected("0.0.0-unspecialized", &path(CARRIED[0]), false);
    assert_eq!(folder.run("./moved").ok(), unfilled);
    readers_agree(&folder, "moved");
    fill("moved", "moved-filled", &path(CARRIED[1]));
    assert!(folder.read("moved-filled") == folder.read("carried"));
}

/// The last bytes of the value area are a hash and its hyphen, or a hash alone, which is covered.
#[test]
fn a_hash_at_the_end_of_the_values() {
    let folder = Folder::new();
    folder.write(
        "schema.toml",
        "[section.app]\n[section.app.field]\nkey = { type = \"bytes\", capacity = 40, default = \"\" }\n",
    );
    folder
        .postlink("generate --schema schema.toml --out-header app.gen.hh --out-source app.gen.cc")
        .ok();
    folder.write(
        "main.cc",
        "#include \"app.gen.hh\"\nint main() { return app::is_specialized() ? 0 : 9; }\n",
    );
    folder.run("g++ -std=c++17 -O2 main.cc app.gen.cc -o program").ok();
    let (_, layout) = place_of(&folder, "program", "app");
    assert_eq!(layout.values[0] + 40, layout.fields_offset, "the value ends with the area");
    for (text, code) in [(format!("123456/{FILLED}-"), 0), (format!("1234567/{FILLED}"), 9)] {
        let key: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        folder.postlink(&format!("fill program --output filled --set key={key}")).ok();
        assert_eq!(folder.run("./filled").code, 0);
        carry(&folder, "filled", "carried", &[(FILLED, CARRIED[0])]);
        assert_eq!(folder.run("./carried").code, code, "{text}");
        assert_eq!(folder.postlink("inspect carried").code, i32::from(code != 0), "{text}");
        if code == 0 {
            readers_agree(&folder, "carried");
        }
    }
}

#[test]
fn a_hash_that_is_none_of_a_path_is_covered() {
    let folder = program();
    // Without a slash before it, in a string.
    let version = format!("--set version=2.97.0-{FILLED}-x");
    folder.postlink(&format!("fill program --output filled {version}")).ok();
    carry(&folder, "filled", "carried", &[(FILLED, CARRIED[0])]);
    let printed = folder.run("./carried").ok();
    assert!(printed.ends_with("specialized=0\n"), "{printed}");
    let said = folder.postlink("inspect carried").fails(1);
    assert!(said.contains("the checksum of the values is wrong"), "{said}");
}

/// The checksum does not see a hash that became another one. What follows from it does.
#[test]
fn a_damaged_hash_is_noticed_where_it_can_be() {
    let folder = program();
    folder.postlink(&format!("fill program --set prefix={}", path(FILLED))).ok();
    let good = folder.read("program");
    let reader = fixture("../reader.py").display().to_string();
    let found = places(&good, FILLED);
    for (byte, said) in [(b'E', "the checksum of the values is wrong"), (b'0', "not those")] {
        for &at in &found {
            let mut bad = good.clone();
            bad[at + 7] = byte;
            folder.write("bad", bad);
            let refused = folder.postlink("inspect bad").fails(1);
            assert!(refused.contains(said), "{refused}");
            folder.run(&format!("python3 {reader} bad")).fails(1);
        }
    }
}

/// The C++ loop, the Rust one and the regular expression of `reader.py` agree on what a hash is.
#[test]
fn what_looks_like_a_hash_is_judged_alike() {
    let folder = program();
    let hash = FILLED;
    for (index, value) in [
        format!("/{hash}"),
        format!("/{hash}-"),
        format!("/{hash}-/{hash}-/{hash}"),
        format!("//{hash}-x"),
        format!("/{hash}0-x"),
        format!("/{}-x", &hash[1..]),
        format!("/{}-x", hash.replace('k', "e")),
        format!("/{}-x", hash.replace('k', "K")),
        format!("/x{hash}-x/{hash}--{hash}-"),
    ]
    .iter()
    .enumerate()
    {
        let image = format!("filled-{index}");
        folder
            .postlink(&format!(
                "fill program --output {image} --set prefix=/usr --set builtin_dep_closure={value}"
            ))
            .ok();
        let printed = folder.run(&format!("./{image}")).ok();
        assert!(printed.ends_with("specialized=1\n"), "{value}: {printed}");
        readers_agree(&folder, &image);
    }
}

#[test]
fn a_store_hash_is_hidden_and_nothing_else() {
    let hash = "0123456789abcdfghijklmnpqrsvwxyz";
    let hidden = |text: &str| {
        let shown = text.bytes().zip(without_store_hashes(text.as_bytes()));
        shown.filter(|&(before, after)| before != after && after == 0).count()
    };
    for text in [format!("/nix/store/{hash}-lix"), format!("/{hash}-"), format!("//{hash}--")] {
        assert_eq!(hidden(&text), 32, "{text}");
    }
    assert_eq!(hidden(&format!("/x/{hash}-a/{hash}-b")), 64);
    let mut none = vec![
        format!("{hash}-lix"),
        format!("/{hash}"),
        format!("/{hash}/"),
        format!("/{hash}0-lix"),
        format!("/{}-lix", &hash[1..]),
    ];
    none.extend("eotuA/-_\0".chars().map(|foreign| format!("/{}{foreign}-lix", &hash[1..])));
    for text in none {
        assert_eq!(hidden(&text), 0, "{text:?}");
    }
}
