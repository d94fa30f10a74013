//! Records that are written anew, with the defaults of another place.

use postlink_tests::lix::{expected, sources};
use postlink_tests::{Folder, fixture, readers_agree};

const OLD: &str = "/nix/store/0123456789abcdfghijklmnpqrsvwxyz-lix-unspecialized";
const SAME: &str = "/nix/store/zyxwvsrqpnmlkjihgfdcba9876543210-lix-2.96.0-dev-12345";
const SHORT: &str = "/opt/lix";

/// Carries the file `from` to `to`, where `old` becomes `new`; or what was said where it is refused.
fn carry(
    folder: &Folder,
    (from, to): (&str, &str),
    (old, new): (&str, &str),
    sets: &[&str],
) -> Result<(), String> {
    let place = folder.path(to);
    let _ = std::fs::remove_file(&place);
    let sets: String = sets.iter().map(|set| format!(" --set {set}")).collect();
    let place = place.display();
    let run =
        folder.postlink(&format!("specialize --output {from}={place} --rewrite {old}={new}{sets}"));
    match run.code {
        0 => Ok(()),
        _ => Err(run.fails(1)),
    }
}

/// [`carry`], from [`OLD`].
fn specialize(
    folder: &Folder,
    from: &str,
    to: &str,
    new: &str,
    sets: &[&str],
) -> Result<(), String> {
    carry(folder, (from, to), (OLD, new), sets)
}

/// Builds the program `name`, whose record has this default of the prefix.
#[track_caller]
fn build(folder: &Folder, compiler: &str, prefix: &str, name: &str) {
    let schema = fixture("../../schema.toml").display().to_string();
    folder
        .postlink(&format!(
            "generate --schema {schema} --out-header lix.gen.hh --out-source lix.gen.cc --default prefix={prefix}"
        ))
        .ok();
    let flags = "-std=c++17 -O2 -static -Wl,--build-id=none";
    folder.run(&format!("{compiler} {flags} main.cc values.cc lix.gen.cc -o {name}")).ok();
}

/// One of each byte order.
const MACHINES: [(&str, &str); 2] = [("g++", ""), ("s390x-linux-gnu-g++", "qemu-s390x-static")];

#[track_caller]
fn run(folder: &Folder, emulator: &str, program: &str) -> String {
    let program = folder.path(program).display().to_string();
    folder.run(&format!("{emulator} {program}")).ok()
}

#[test]
fn specialized_equals_rebuilt() {
    for (compiler, emulator) in MACHINES {
        let folder = sources();
        build(&folder, compiler, OLD, "fresh");
        build(&folder, compiler, SAME, "rebuilt");
        folder.postlink("fill rebuilt --set version=1.2.3").ok();
        specialize(&folder, "fresh", "program", SAME, &["version=1.2.3"]).expect(compiler);
        assert!(folder.read("program") == folder.read("rebuilt"), "{compiler}");
        assert_eq!(run(&folder, emulator, "program"), expected("1.2.3", SAME, true));
        assert!(!String::from_utf8_lossy(&folder.read("program")).contains(OLD), "{compiler}");
        // Nothing that is to be rewritten is nothing but a fill.
        folder.postlink("fill fresh --set version=1.2.3 --output filled").ok();
        specialize(&folder, "fresh", "same", OLD, &["version=1.2.3"]).expect(compiler);
        assert!(folder.read("same") == folder.read("filled"), "{compiler}");
    }
}

#[test]
fn a_shorter_record_works_as_before() {
    for (compiler, emulator) in MACHINES {
        let folder = sources();
        build(&folder, compiler, OLD, "fresh");
        build(&folder, compiler, SHORT, "rebuilt");
        specialize(&folder, "fresh", "program", SHORT, &["version=1.2.3"]).expect(compiler);
        folder.postlink("fill rebuilt --set version=1.2.3").ok();
        readers_agree(&folder, "program");
        let payload = |image: &str| {
            let line = "payload --section lix --output payload --image";
            folder.postlink(&format!("{line} {image}")).ok();
            folder.read("payload")
        };
        // The same record, with zero bytes behind it.
        let (long, short) = (payload("program"), payload("rebuilt"));
        let (record, rest) = long.split_at(short.len());
        assert!(record == short && rest.len() > 16 && rest.iter().all(|&byte| byte == 0));
        assert_eq!(run(&folder, emulator, "program"), expected("1.2.3", SHORT, true));
        let said = folder.postlink("verify fresh program").ok();
        assert!(
            said.contains("defaults changed: prefix") && said.contains("nothing but"),
            "{said}"
        );
        // Filled again, also in place.
        for way in ["", "--in-place"] {
            folder.postlink(&format!("fill {way} program --reset --set version=2.0.0")).ok();
            assert_eq!(run(&folder, emulator, "program"), expected("2.0.0", SHORT, true));
            folder.postlink("verify fresh program").ok();
            folder
                .postlink(&format!(
                    "fill {way} program --reset --set prefix=/p --set version=1.0.0"
                ))
                .ok();
            assert_eq!(run(&folder, emulator, "program"), expected("1.0.0", "/p", true));
        }
        // And written anew from there.
        let both = format!("{SHORT}={OLD} --rewrite /p=/p");
        carry(&folder, ("program", "again"), both.split_once('=').expect("a pair"), &[])
            .expect(compiler);
    }
}

/// A default that has no room goes; its field keeps the value.
#[test]
fn a_longer_default_is_left_out() {
    let folder = sources();
    build(&folder, "g++", OLD, "fresh");
    let long = format!("{OLD}-and-much-longer-than-that");
    for set in [None, Some(format!("prefix={long}"))] {
        let sets: Vec<&str> = ["version=1.2.3"].into_iter().chain(set.as_deref()).collect();
        specialize(&folder, "fresh", "program", &long, &sets).expect("it fits");
        assert_eq!(run(&folder, "", "program"), expected("1.2.3", &long, true));
        let json = folder.postlink("inspect --json program").ok();
        let json: serde_json::Value = serde_json::from_str(&json).expect("one object");
        let field = &json["images"][0]["records"][0]["fields"][1];
        assert!(field["required"] == true && field["origin"] == "set", "{field}");
        let said = folder.postlink("verify fresh program").ok();
        assert!(said.contains("defaults changed: prefix"), "{said}");
        let json = folder.postlink("verify --json fresh program").ok();
        let json: serde_json::Value = serde_json::from_str(&json).expect("one object");
        assert_eq!(json["changed_defaults"], serde_json::json!(["prefix"]));
        let refused = folder.postlink("fill program --reset --set version=1.0.0").fails(1);
        assert!(refused.contains("`prefix`: it is required"), "{refused}");
    }
}

const ONE: &str = r#"
[section.one]
elf = "postlink_both"
field.dir = { type = "path", capacity = 64, default = "/old/place/one" }
field.name = { type = "string", capacity = 64, default = "/old/place {{not a field}}" }
field.list = { type = "list<path>", capacity = 256, max_items = 4, default = ["/old/place/a", "/b", "/old/place/c"] }
field.derived = { type = "list<string>", capacity = 256, max_items = 4, default = ["/old/place/{{{name}}}:{dir}", "{dir}"] }
field.tight = { type = "path", capacity = 10, default = "/old/place" }
field.count = { type = "u8", default = 7 }
"#;

const TWO: &str = r#"
[section.two]
elf = "postlink_both"
field.dir = { type = "path", capacity = 64, default = "/old/place/two" }
"#;

/// A library with two records in one section.
fn two_records(place: &str) -> Folder {
    let folder = Folder::new();
    for (section, schema) in [("one", ONE), ("two", TWO)] {
        folder.write("schema.toml", schema.replace("/old/place", place));
        folder
            .postlink(&format!(
                "generate --schema schema.toml --out-header {section}.hh --out-source {section}.cc"
            ))
            .ok();
    }
    folder.run("g++ -std=c++17 -fPIC -shared -Wl,--build-id=none one.cc two.cc -o lib.so").ok();
    folder
}

fn rewritten(folder: &Folder, new: &str, sets: &[&str]) -> Result<(), String> {
    carry(folder, ("lib.so", "new.so"), ("/old/place", new), sets)
}

#[test]
fn every_kind_of_default_in_several_records() {
    let folder = two_records("/old/place");
    let rebuilt = two_records("/new/place");
    rewritten(&folder, "/new/place", &[]).expect("it fits");
    rebuilt.postlink("fill lib.so --reset").ok();
    assert!(folder.read("new.so") == rebuilt.read("lib.so"));
    assert_eq!(
        folder.postlink("inspect --field derived new.so").ok(),
        "/new/place/{/new/place {not a field}}:/new/place/one\n/new/place/one\n"
    );
    let said = folder.postlink("verify lib.so new.so").ok();
    assert!(said.contains("defaults changed: dir, name, list, derived, tight, dir"), "{said}");
    // Shorter: zero bytes between the records too.
    rewritten(&folder, "/n", &[]).expect("it fits");
    readers_agree(&folder, "new.so");
    folder.postlink("fill new.so --set two.dir=/two --set one.dir=/one").ok();
    assert_eq!(folder.postlink("inspect --field two.dir new.so").ok(), "/two\n");
    folder.postlink("verify lib.so new.so").ok();
    // Longer: a default that does not fit its field is not wanted, if there is a value.
    let long = "/new/place/is/longer";
    let refused = |new: &str, sets: &[&str]| rewritten(&folder, new, sets).expect_err("no room");
    let said = refused(long, &[]);
    assert!(said.contains("`tight`: its default would be another: the value has 20"), "{said}");
    assert!(said.contains("--set tight=VALUE"), "{said}");
    rewritten(&folder, long, &["tight=/s"]).expect("it fits");
    folder.postlink("verify lib.so new.so").ok();
    readers_agree(&folder, "new.so");
    let derived = folder.postlink("inspect --field derived new.so").ok();
    assert_eq!(derived, format!("{long}/{{{long} {{not a field}}}}:{long}/one\n{long}/one\n"));
    // A derivation does not turn into a value by itself.
    let long = format!("/{}", "n".repeat(120));
    let all = ["tight=/s", "one.dir=/d", "name=n", "list=/l", "two.dir=/d", "derived=d"];
    let said = refused(&long, &all[..5]);
    assert!(
        said.contains("`derived`: its default would be longer, and the record would"),
        "{said}"
    );
    rewritten(&folder, &long, &all).expect("it fits");
    folder.postlink("verify lib.so new.so").ok();
    readers_agree(&folder, "new.so");
}

/// What no rewriting makes is still told.
#[test]
fn verify_names_what_else_differs() {
    let folder = two_records("/old/place");
    rewritten(&folder, "/n", &[]).expect("it fits");
    let good = folder.read("new.so");
    let refused = |bad: &[u8]| {
        folder.write("bad.so", bad);
        let run = folder.postlink("verify lib.so bad.so");
        assert_eq!(run.code, 3, "{run:?}");
        run.stdout
    };
    let (at, _) = postlink_tests::place_of(&folder, "new.so", "one");
    let size = |bytes: &[u8]| u32::from_le_bytes(*bytes[at + 12..].first_chunk().expect("a size"));
    let (short, long) = (size(&good) as usize, size(&folder.read("lib.so")) as usize);
    assert!(short < long);
    let mut bad = good.clone();
    bad[at + long - 1] = 1;
    assert!(refused(&bad).contains("a byte behind it, where it was longer, is not zero"));
    // Records of other schemas, though they are right in themselves.
    let schema = |change: fn(&str) -> String| {
        folder.write("schema.toml", change(ONE));
        let line = "payload --schema schema.toml --section one --output payload";
        folder.postlink(line).ok();
        let payload = folder.read("payload");
        let mut bad = folder.read("lib.so");
        bad[at..at + long].fill(0);
        bad[at..at + payload.len()].copy_from_slice(&payload);
        refused(&bad)
    };
    let others: [fn(&str) -> String; 4] = [
        |text| text.replace("default = 7", "default = 8"),
        |text| text.replace("\"{dir}\"]", "\"{name}\"]"),
        |text| text.replace("\"/b\", ", ""),
        |text| {
            text.replace(
                "capacity = 64, default = \"/old/place/one\"",
                "capacity = 60, default = \"/old/place/one\"",
            )
        },
    ];
    for (number, other) in others.into_iter().enumerate() {
        let said = schema(other);
        assert!(said.contains("its descriptor differs"), "{number} {said}");
    }
}
