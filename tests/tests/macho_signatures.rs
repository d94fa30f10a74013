//! Signatures of Mach-O files: made by a script, changed by postlink, and checked by another script, with
//! which postlink shares no code.

use postlink_tests::Folder;
use postlink_tests::macho::{mint, signatures};
use serde_json::{Value, json};

const SET: &str = "--set version=2.0.1 --set prefix=/opt/new";

/// Fills `file` and says what the check finds: no wrong hash, or which.
fn filled(folder: &Folder, file: &str, way: &str) -> Value {
    folder.postlink(&format!("fill {way} {file} {SET}")).ok();
    let version = folder.postlink(&format!("inspect --field version {file}")).ok();
    assert_eq!(version, "2.0.1\n");
    signatures(folder, &[file]).remove(0)
}

fn of_all<'v>(found: &'v Value, key: &str) -> Vec<&'v Value> {
    found["directories"].as_array().expect("directories").iter().map(|one| &one[key]).collect()
}

/// Refuses to fill a library that is made like this, and says why; it stays as it is.
#[track_caller]
fn refused(how: &Value, way: &str, said: &str) {
    let folder = Folder::new();
    mint(&folder, "lib.dylib", &how.to_string());
    let before = folder.read("lib.dylib");
    let error = folder.postlink(&format!("fill {way} lib.dylib {SET}")).fails(1);
    assert!(error.contains(said), "{how}: {error}");
    assert!(error.contains("help: "), "{error}");
    assert!(before == folder.read("lib.dylib"));
}

#[test]
fn each_kind_of_hash_and_page_is_made_anew_in_each_directory() {
    let folder = Folder::new();
    let kinds: Vec<Value> = (1..=4).map(|hash| json!({ "hash": hash })).collect();
    let mut cases = vec![json!({ "directories": kinds })];
    for hash in 1..=4 {
        for power in [0, 9, 12, 14, 20] {
            let one = json!({ "hash": hash, "power": power, "flags": 0x20002 });
            // The version is in one page, and the prefix in the next one.
            cases.push(json!({ "directories": [one], "pad": 0xf60, "entitlements": "<plist/>" }));
        }
    }
    for case in &cases {
        mint(&folder, "before.dylib", &case.to_string());
        folder.copy("before.dylib", "lib.dylib");
        let found = filled(&folder, "lib.dylib", "");
        assert!(
            of_all(&found, "wrong").iter().all(|wrong| **wrong == json!([])),
            "{case}: {found}"
        );
        let before = signatures(&folder, &["before.dylib"]).remove(0);
        for key in ["flags", "identifier", "hash", "page"] {
            assert_eq!(of_all(&before, key), of_all(&found, key));
        }
        folder.postlink("verify before.dylib lib.dylib").ok();
        // Again, and in place, and back: the same bytes.
        let bytes = folder.read("lib.dylib");
        folder.postlink(&format!("fill lib.dylib {SET}")).ok();
        assert!(bytes == folder.read("lib.dylib"));
        folder.copy("before.dylib", "place.dylib");
        folder.postlink(&format!("fill --in-place --force place.dylib {SET}")).ok();
        assert!(bytes == folder.read("place.dylib"), "{case}");
        folder.postlink("fill lib.dylib --reset").ok();
        assert!(folder.read("before.dylib") == folder.read("lib.dylib"), "{case}");
    }
}

#[test]
fn a_hash_that_does_not_follow_is_told() {
    let folder = Folder::new();
    let how = json!({ "directories": [{ "hash": 2, "power": 12 }] });
    mint(&folder, "before.dylib", &how.to_string());
    folder.copy("before.dylib", "lib.dylib");
    filled(&folder, "lib.dylib", "");
    let (before, mut after) = (folder.read("before.dylib"), folder.read("lib.dylib"));
    // Another tool wrote the record, and forgot the signature.
    after[0x8040..].copy_from_slice(&before[0x8040..]);
    folder.write("lib.dylib", &after);
    let said = folder.postlink("verify before.dylib lib.dylib").fails_with_output(3);
    assert!(said.contains("code signature: the 32 bytes at"), "{said}");
    assert!(said.contains("are not what has to follow from the other changes"), "{said}");
}

#[test]
fn a_certificate_is_refused_or_replaced() {
    let signed = json!({
        "directories": [
            { "hash": 1, "power": 12, "flags": 0x10000, "team": "TEAM123" },
            { "hash": 2, "power": 12, "flags": 0x10000, "team": "TEAM123" },
        ],
        "cms": 900, "requirements": 80, "entitlements": "<plist>get-task-allow</plist>",
    });
    refused(&signed, "", "it is signed with a certificate of TEAM123");
    let folder = Folder::new();
    mint(&folder, "before.dylib", &signed.to_string());
    assert_eq!(signatures(&folder, &["before.dylib"])[0]["signature"], "certificate");
    folder.copy("before.dylib", "lib.dylib");
    let said = folder.postlink(&format!("fill --adhoc lib.dylib {SET}")).fails(0);
    assert!(said.contains("an ad-hoc signature took the place of that"), "{said}");
    assert!(said.contains("hardened runtime"), "{said}");
    let found = signatures(&folder, &["lib.dylib"]).remove(0);
    assert_eq!(found["signature"], "ad-hoc");
    assert_eq!(of_all(&found, "team"), [&Value::Null; 2]);
    assert_eq!(of_all(&found, "flags"), [&json!("0x10002"); 2]);
    // Those of requirements and entitlements too.
    assert_eq!(of_all(&found, "wrong"), [&json!([]); 2]);
    let said = folder.postlink("verify before.dylib lib.dylib").fails_with_output(0);
    assert!(said.contains("an ad-hoc signature took the place"), "{said}");
    // From then on it is an ad-hoc one.
    let bytes = folder.read("lib.dylib");
    folder.postlink("fill lib.dylib --reset").ok();
    filled(&folder, "lib.dylib", "");
    assert!(bytes == folder.read("lib.dylib"));
}

#[test]
fn what_was_wrong_before_is_not_mended_in_passing() {
    let stale = |page: u32| json!({ "directories": [{ "hash": 2, "power": 12 }], "stale": page });
    // The record is in page 1.
    refused(&stale(1), "", "the hash of page 1 is not that of its bytes");
    let folder = Folder::new();
    mint(&folder, "lib.dylib", &stale(3).to_string());
    assert_eq!(of_all(&filled(&folder, "lib.dylib", ""), "wrong"), [&json!([3])]);
    mint(&folder, "lib.dylib", &stale(1).to_string());
    let said = folder.postlink(&format!("fill --adhoc lib.dylib {SET}")).fails(0);
    assert!(said.contains("all hashes were made anew"), "{said}");
    let found = signatures(&folder, &["lib.dylib"]).remove(0);
    assert_eq!(of_all(&found, "wrong"), [&json!([])]);
    // Also a page that does not change; and what was done can be seen.
    mint(&folder, "before.dylib", &stale(3).to_string());
    folder.copy("before.dylib", "lib.dylib");
    folder.postlink(&format!("fill --adhoc lib.dylib {SET}")).ok();
    assert_eq!(of_all(&signatures(&folder, &["lib.dylib"])[0], "wrong"), [&json!([])]);
    let said = folder.postlink("verify before.dylib lib.dylib").fails_with_output(0);
    assert!(said.contains("all hashes were made anew"), "{said}");
}

/// Where a fill in place was killed, the record says so, and the next one makes the hashes right.
#[test]
fn what_a_killed_fill_left_is_mended() {
    let folder = Folder::new();
    let how = json!({ "directories": [{ "hash": 2, "power": 12 }], "pad": 0xf60 });
    mint(&folder, "lib.dylib", &how.to_string());
    folder.copy("lib.dylib", "fresh.dylib");
    filled(&folder, "fresh.dylib", "");
    let kill = "strace -f -o /dev/null -e trace=pwrite64 -e inject=pwrite64:signal=KILL:when=";
    let fill = format!("{} fill -i --force", postlink_tests::postlink().display());
    let mut killed = 0;
    for at in 1..9 {
        folder.copy("lib.dylib", "killed.dylib");
        let run = folder.run(&format!("{kill}{at} {fill} killed.dylib {SET}"));
        killed += usize::from(run.code != 0);
        filled(&folder, "killed.dylib", "--reset");
        assert!(folder.read("killed.dylib") == folder.read("fresh.dylib"), "write {at}");
    }
    assert!(killed > 3, "{killed} runs were killed");
}

#[test]
fn what_cannot_be_renewed_is_refused() {
    let with = |key: &str, value: u32| json!({ "directories": [{ "hash": 2 }], key: value });
    let within = |key: &str| json!({ "directories": [{ "hash": 2, key: 1 }] });
    refused(&with("encrypted", 1), "", "is encrypted");
    refused(&with("behind", 16), "", "is not the last thing in it: 16 bytes follow");
    refused(&within("scatter"), "", "scattered pages");
    refused(&within("before_encryption"), "", "hashes of pages before their encryption");
    let signed = json!({ "directories": [{ "hash": 2 }] });
    refused(&signed, "--in-place", "macOS keeps a signature by the file's inode");
    refused(&signed, "--rewrite-build-id", "a Mach-O file has no build-id");
    let with_debug_file = "--rewrite-build-id --debug-file file.dSYM";
    refused(&signed, with_debug_file, "a Mach-O file has no build-id");
}

/// Where a load command begins.
fn command(bytes: &[u8], start: &[u8]) -> usize {
    bytes.windows(start.len()).position(|part| part == start).expect("a load command")
}

const CODE_SIGNATURE: &[u8] = b"\x1d\0\0\0\x10\0\0\0";

/// A universal file: of each slice its processor, where it begins, and its bytes.
fn universal(slices: &[([u32; 2], usize, &[u8])]) -> Vec<u8> {
    let mut bytes: Vec<u8> =
        [0xcafe_babe, slices.len() as u32].iter().flat_map(|word| word.to_be_bytes()).collect();
    for ([cpu, model], start, slice) in slices {
        let words = [*cpu, *model, *start as u32, slice.len() as u32, 14];
        bytes.extend(words.iter().flat_map(|word| word.to_be_bytes()));
    }
    for (_, start, slice) in slices {
        bytes.resize(bytes.len().max(start + slice.len()), 0);
        bytes[*start..start + slice.len()].copy_from_slice(slice);
    }
    bytes
}

const ARM64: u32 = 0x0100_000c;

/// Each contradiction in a file, and each form that is not known, has a sentence of its own.
#[test]
fn what_is_damaged_or_unknown_is_named() {
    type Damage = fn(&mut Vec<u8>);
    let cases: [(Value, Damage, &str); 11] = [
        (json!({ "info": 1 }), |_| {}, "the change lies in its Info.plist"),
        (
            json!({}),
            |bytes| {
                // It begins before the record.
                let at = command(bytes, CODE_SIGNATURE) + 8;
                let size = (bytes.len() - 0x1000) as u32;
                bytes[at..at + 4].copy_from_slice(&0x1000_u32.to_le_bytes());
                bytes[at + 4..at + 8].copy_from_slice(&size.to_le_bytes());
            },
            "the change lies in its signature itself",
        ),
        (
            json!({}),
            |bytes| {
                // The UUID's command.
                let at = command(bytes, b"\x1b\0\0\0\x18\0\0\0");
                bytes[at] = 0x1d;
            },
            "there are several",
        ),
        (
            json!({}),
            |bytes| bytes[0x8040..0x8044].copy_from_slice(&0xfade_0b02_u32.to_be_bytes()),
            "its signature has an older form",
        ),
        (json!({ "power": 9 }), |bytes| bytes[0x804b] = 65, "it has too many parts"),
        (
            json!({}),
            |bytes| {
                let at = command(bytes, CODE_SIGNATURE) + 12;
                bytes[at..at + 4].fill(0);
            },
            "of its signature, it is empty",
        ),
        (
            json!({}),
            |bytes| {
                let at = command(bytes, b"__LINKEDIT\0\0\0\0\0\0\0\x80") + 40;
                bytes[at] ^= 8;
            },
            "and the segment __LINKEDIT at",
        ),
        (
            json!({}),
            |bytes| {
                let at = command(bytes, b"__LINKEDIT\0\0\0\0\0\0\0\x80");
                bytes[at] = b'x';
            },
            "it lies in no segment __LINKEDIT",
        ),
        // SG_PROTECTED_VERSION_1, of __TEXT.
        (json!({}), |bytes| bytes[100] = 8, "section `__TEXT,__postlink` is encrypted"),
        (json!({ "encrypted": 1 }), |_| {}, "section `__TEXT,__postlink` is encrypted"),
        (
            json!({}),
            |bytes| {
                let one = bytes.clone();
                *bytes = universal(&[([ARM64, 0], 0x4000, &one), ([ARM64, 2], 0x8000, &one)]);
            },
            "its part arm64e begins inside another one",
        ),
    ];
    let folder = Folder::new();
    for (how, damage, said) in cases {
        let power = how.get("power").cloned().unwrap_or(json!(12));
        let mut how = how;
        how["directories"] = json!([{ "hash": 2, "power": power }]);
        mint(&folder, "lib.dylib", &how.to_string());
        let mut bytes = folder.read("lib.dylib");
        damage(&mut bytes);
        folder.write("lib.dylib", &bytes);
        let error = folder.postlink(&format!("fill lib.dylib {SET}")).fails(1);
        assert!(error.contains(said) && error.contains("help: "), "{how}: {error}");
        assert!(bytes == folder.read("lib.dylib"), "{how}");
    }
}

/// Each slice has a name of its own, as Apple's `lipo` calls it.
#[test]
fn a_slice_has_the_name_of_its_processor() {
    let folder = Folder::new();
    mint(&folder, "lib.dylib", r#"{"directories": [{"hash": 2}]}"#);
    let one = folder.read("lib.dylib");
    let slice = |model| ([ARM64, model], 0x4000 + model as usize * 0x10000, one.as_slice());
    folder.write("fat", universal(&[slice(0), slice(1), slice(2)]));
    let said = folder.postlink("inspect fat").ok();
    for name in ["arm64", "arm64v8", "arm64e"] {
        assert!(said.contains(&format!("fat({name}): ")), "{name}: {said}");
    }
}

/// A signature may have hashes of a part of the file only.
#[test]
fn a_change_that_no_hash_is_of_is_told() {
    let folder = Folder::new();
    // Up to the record.
    let how = json!({ "directories": [{ "hash": 2, "power": 12 }], "limit": 0x7040 });
    mint(&folder, "before.dylib", &how.to_string());
    folder.copy("before.dylib", "lib.dylib");
    let told = "has no hash in its signature, which has those of the bytes up to 0x1000 only";
    let said = folder.postlink(&format!("fill lib.dylib {SET}")).fails(0);
    assert!(said.contains(told), "{said}");
    let said = folder.postlink("verify before.dylib lib.dylib").fails_with_output(0);
    assert!(said.contains(told), "{said}");
}

/// Bytes that no hash is of may change without one.
#[test]
fn unsigned_stays_unsigned() {
    let folder = Folder::new();
    mint(&folder, "before.dylib", "{}");
    folder.copy("before.dylib", "lib.dylib");
    let found = filled(&folder, "lib.dylib", "--in-place");
    assert_eq!(
        (&found["signature"], &found["uuid"]),
        (&Value::Null, &json!("000102030405060708090a0b0c0d0e0f"))
    );
    let said = folder.postlink("verify before.dylib lib.dylib").fails_with_output(0);
    assert!(said.contains("nothing but declared values differs"), "{said}");
}
