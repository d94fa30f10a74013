//! Records in Mach-O files: of LLVM's linker and of zig's, thin and universal, linked or not.

use postlink_tests::Folder;
use postlink_tests::macho::{
    clang, hex, linker, mint, record_in_c, sections_by_lief, signatures, zig,
};
use serde_json::{Value, json};

const SET: &str = "--set version=2.0.1 --set prefix=/opt/new";

/// A folder with `lib.c` and `main.c`; and `lib.o`, `lib.a`, `lib.dylib` and `lib.bundle` of LLVM for this
/// processor.
fn built(processor: &str) -> Folder {
    let folder = Folder::new();
    let record = record_in_c(&folder);
    folder.write("lib.c", format!("{record}const unsigned char *app(void) {{ return record; }}\n"));
    folder.write(
        "main.c",
        "extern const unsigned char *app(void);\nint main(void) { return app()[0]; }\n",
    );
    folder.write("text", "no object file\n");
    let link = format!("{} -dead_strip lib.o", linker(processor));
    for line in [
        format!("{} -c lib.c -o lib.o", clang(processor)),
        "llvm-ar-19 rcs lib.a lib.o".to_owned(),
        "llvm-ar-19 rcs mixed.a lib.o text".to_owned(),
        format!("{link} -dylib -o lib.dylib"),
        format!("{link} -bundle -o lib.bundle"),
    ] {
        // The linker has forgotten the oldest processor.
        if !(processor == "i386" && line.starts_with(&link)) {
            folder.run(&line).ok();
        }
    }
    folder
}

/// Fills a file, and has it looked at by others.
fn fill(folder: &Folder, file: &str) -> Vec<Value> {
    folder.copy(file, "before");
    folder.postlink(&format!("fill {file} {SET}")).ok();
    folder.postlink(&format!("verify before {file}")).ok();
    let version = folder.postlink(&format!("inspect --field version {file}")).ok();
    assert!(version.lines().all(|line| line.ends_with("2.0.1")), "{version}");
    // Apart from bytes, nothing is another one to LLVM.
    let headers = |file: &str| {
        let said = folder.run(&format!("llvm-objdump-19 --macho --all-headers {file}")).ok();
        // Members have the file's name before their own.
        let said = said.replace(&format!("{file}("), "(");
        said.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(headers("before"), headers(file), "{file}");
    if file.ends_with(".a") {
        return Vec::new();
    }
    folder.postlink(&format!("payload --image {file} --section app --output payload")).ok();
    let payload = hex(&folder.read("payload"));
    let seen = sections_by_lief(folder, file);
    assert!(!seen.is_empty() && seen.iter().all(|bytes| *bytes == payload), "{file}");
    let found = signatures(folder, &[file]);
    for one in found.iter().flat_map(|one| one["directories"].as_array().expect("a list")) {
        assert_eq!(one["wrong"], json!([]), "{file}: {one}");
    }
    found
}

#[test]
fn linked_or_not_for_each_processor() {
    for (processor, kind) in [("arm64", "ad-hoc"), ("x86_64", ""), ("i386", "")] {
        let folder = built(processor);
        for file in ["lib.o", "lib.a", "mixed.a", "lib.dylib", "lib.bundle"] {
            if !folder.path(file).exists() {
                continue;
            }
            let found = fill(&folder, file);
            if file == "lib.dylib" {
                assert_eq!(found[0]["signature"].as_str().unwrap_or_default(), kind, "{processor}");
            }
        }
        let said = folder.postlink("inspect lib.a").ok();
        assert!(said.contains("lib.a(lib.o)"), "{said}");
    }
}

#[test]
fn a_universal_file_has_one_value_for_all_processors() {
    let (arm, intel) = (built("arm64"), built("x86_64"));
    let folder = Folder::new();
    for file in ["lib.dylib", "lib.a", "lib.o"] {
        folder.write(&format!("arm64-{file}"), arm.read(file));
        folder.write(&format!("x86_64-{file}"), intel.read(file));
        folder.run(&format!("llvm-lipo-19 -create arm64-{file} x86_64-{file} -output {file}")).ok();
        fill(&folder, file);
        for thin in ["arm64", "x86_64"] {
            // What is cut out is what was filled by itself.
            folder.run(&format!("llvm-lipo-19 {file} -thin {thin} -output thin")).ok();
            folder.postlink(&format!("fill {thin}-{file} {SET}")).ok();
            assert!(folder.read("thin") == folder.read(&format!("{thin}-{file}")), "{thin} {file}");
        }
    }
    let said = folder.postlink("inspect lib.a").ok();
    assert!(
        said.contains("lib.a(arm64: lib.o)") && said.contains("lib.a(x86_64: lib.o)"),
        "{said}"
    );
    // The header with 64 bits; arm64e beside arm64.
    let thin = arm.read("lib.dylib");
    let mut other = thin.clone();
    other[8] = 2;
    let mut fat = vec![0xca, 0xfe, 0xba, 0xbf, 0, 0, 0, 2];
    let second = 0x4000 + thin.len().next_multiple_of(0x4000);
    for (subtype, start) in [(0_u32, 0x4000), (2, second)] {
        fat.extend([0x0100_000c_u32.to_be_bytes(), subtype.to_be_bytes()].concat());
        fat.extend([(start as u64).to_be_bytes(), (thin.len() as u64).to_be_bytes()].concat());
        fat.extend([14_u32.to_be_bytes(), [0; 4]].concat());
    }
    fat.resize(0x4000, 0);
    fat.extend(&thin);
    fat.resize(second, 0);
    fat.extend(&other);
    folder.write("fat64.dylib", &fat);
    // The other one's signature is of what it was.
    let error = folder.postlink(&format!("fill fat64.dylib {SET}")).fails(1);
    assert!(error.contains("its part arm64e: its signature was wrong before"), "{error}");
    folder.postlink(&format!("fill --adhoc fat64.dylib {SET}")).ok();
    let found = signatures(&folder, &["fat64.dylib"]);
    assert!(
        found.len() == 2 && found.iter().all(|one| one["directories"][0]["wrong"] == json!([]))
    );
}

#[test]
fn a_processor_without_a_record_is_told() {
    let (folder, intel) = (built("arm64"), built("x86_64"));
    intel.write("empty.c", "int empty;\n");
    intel.run(&format!("{} -c empty.c -o empty.o", clang("x86_64"))).ok();
    intel.run(&format!("{} -dylib empty.o -o empty.dylib", linker("x86_64"))).ok();
    folder.write("empty.dylib", intel.read("empty.dylib"));
    folder.run("llvm-lipo-19 -create lib.dylib empty.dylib -output fat.dylib").ok();
    let said = folder.postlink(&format!("fill fat.dylib {SET}")).fails(0);
    assert!(said.contains("its part x86_64 has no record"), "{said}");
    let error = folder.postlink(&format!("fill empty.dylib {SET}")).fails(1);
    assert!(error.contains("empty.dylib has no postlink section"), "{error}");
}

/// Processors that `lipo` tells apart had one name: that one of them has no record was not told, and two that
/// have one each were refused.
#[test]
fn processors_of_one_family_are_told_apart() {
    const ARM: u32 = 12;
    let folder = built("arm64");
    folder.write("empty.c", "int empty;\n");
    folder.run(&format!("{} -c empty.c -o empty.o", clang("x86_64"))).ok();
    folder.run(&format!("{} -dylib empty.o -o empty.dylib", linker("x86_64"))).ok();
    folder.run("llvm-lipo-19 -create lib.dylib empty.dylib -output fat.dylib").ok();
    for (models, name) in [
        ([15, 16_u32], "armv7em".to_owned()),
        ([16, 15], "armv7m".to_owned()),
        ([9, 17], format!("processor {ARM}, model 17")),
        ([9, 9], "armv7 at 0x".to_owned()),
    ] {
        let mut file = folder.read("fat.dylib");
        // Behind the magic number and their count, 20 bytes for each processor.
        let has_record =
            u32::from_be_bytes(file[8..12].try_into().expect("4 bytes")) != 0x0100_0007;
        let models = if has_record { models } else { [models[1], models[0]] };
        for (at, model) in [8, 28].into_iter().zip(models) {
            file[at..at + 8].copy_from_slice(&[ARM, model].map(u32::to_be_bytes).concat());
        }
        folder.write("arm.dylib", file);
        let said = folder.postlink(&format!("fill arm.dylib --output filled {SET}")).fails(0);
        assert!(said.contains(&format!("its part {name}")), "{name}: {said}");
        assert!(said.contains("has no record"), "{name}: {said}");
    }
}

#[test]
fn two_records_of_one_processor_are_refused() {
    let folder = built("arm64");
    folder.run("llvm-lipo-19 -create lib.a -output fat.a").ok();
    fill(&folder, "fat.a");
    folder.copy("lib.o", "again.o");
    folder.run("llvm-ar-19 rcs two.a lib.o again.o").ok();
    folder.run("llvm-lipo-19 -create two.a -output two.fat.a").ok();
    let error = folder.postlink(&format!("fill two.fat.a {SET}")).fails(1);
    assert!(error.contains("has 2 records of section `app`"), "{error}");
    assert!(error.contains("(arm64: lib.o)") && error.contains("(arm64: again.o)"), "{error}");
}

/// dsymutil leaves the bytes of sections out.
#[test]
fn a_separate_debug_file_is_left_alone() {
    let folder = built("arm64");
    folder.run(&format!("{} -g -c lib.c -o lib.o", clang("arm64"))).ok();
    folder.run(&format!("{} -dylib lib.o -o lib.dylib", linker("arm64"))).ok();
    folder.run("dsymutil-19 lib.dylib").ok();
    let debug = "lib.dylib.dSYM/Contents/Resources/DWARF/lib.dylib";
    let error = folder.postlink(&format!("fill {debug} {SET}")).fails(1);
    assert!(error.contains("has no bytes in this file"), "{error}");
    fill(&folder, "lib.dylib");
    let uuids = signatures(&folder, &["lib.dylib", debug]);
    assert_eq!(uuids[0]["uuid"], uuids[1]["uuid"]);
}

#[test]
fn programs_of_another_linker() {
    let folder = Folder::new();
    let record = record_in_c(&folder);
    let barrier = "__asm__ volatile(\"\" : \"+r\"(start));";
    folder.write(
        "main.c",
        format!(
            "#include <stdio.h>\n{record}int main(void) {{ const unsigned char *start = record; {barrier} \
             return printf(\"%d\\n\", start[9]); }}\n"
        ),
    );
    for (target, kind) in [("aarch64-macos", json!("ad-hoc")), ("x86_64-macos", Value::Null)] {
        folder.run(&format!("{} -O2 main.c -o main", zig("cc", target))).ok();
        let found = fill(&folder, "main").remove(0);
        assert_eq!(found["signature"], kind, "{target}");
    }
}

/// Sections are found by their headers; a name that was given by the linker is none of ours.
#[test]
fn a_record_is_found_by_how_it_begins() {
    let folder = Folder::new();
    mint(&folder, "lib.dylib", "{}");
    let mut bytes = folder.read("lib.dylib");
    let at = bytes.windows(10).position(|name| name == b"__postlink").expect("the section");
    bytes[at..at + 10].copy_from_slice(b"__renamed_");
    folder.write("lib.dylib", &bytes);
    let said = folder.postlink("inspect lib.dylib").ok();
    assert!(said.contains("__TEXT,__renamed_"), "{said}");
    bytes[0x1000] = 0;
    folder.write("lib.dylib", &bytes);
    folder.postlink("inspect lib.dylib").fails(1);
}
