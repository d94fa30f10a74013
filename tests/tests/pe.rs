//! PE files: checksum, signature and all else that a fill must leave, as parties see it that share no code with
//! postlink.

use postlink_tests::Folder;
use postlink_tests::lix::sources;
use postlink_tests::windows::{CLANG, COMPILERS, assert_checksum, said, wine};

const SET: &str = "--set version=2.0.0 --set prefix=C:/app";

/// A folder with `gcc.exe` and `clang.exe`, which carry the record.
fn programs() -> Folder {
    let folder = sources();
    for (compiler, name) in COMPILERS.into_iter().zip(["gcc", "clang"]) {
        let line = format!("{compiler} -std=c++17 -O1 -static main.cc values.cc lix.gen.cc");
        folder.run(&format!("{line} -o {name}.exe")).ok();
    }
    folder
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn put(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

/// Where the checksum of a PE32+ file is.
fn checksum_at(bytes: &[u8]) -> usize {
    u32_at(bytes, 0x3c) as usize + 24 + 64
}

/// Where the entry of its certificate table is.
fn security_at(bytes: &[u8]) -> usize {
    u32_at(bytes, 0x3c) as usize + 24 + 112 + 4 * 8
}

#[test]
fn a_checksum_is_kept_right_and_none_is_made() {
    let folder = programs();
    // GNU's linker writes one, LLVM's does not.
    assert_ne!(said(&folder, "gcc.exe")["checksum"], 0);
    assert_eq!(said(&folder, "clang.exe")["checksum"], 0);
    for name in ["gcc.exe", "clang.exe"] {
        let quiet = folder.postlink(&format!("fill {name} --output filled.exe {SET}"));
        assert_eq!(quiet.stderr, "", "{name}");
        assert_checksum(&folder, "filled.exe");
    }
    assert_eq!(said(&folder, "filled.exe")["checksum"], 0);
    // One that was wrong is told, and is right then; also where the number of bytes is odd.
    let mut file = folder.read("gcc.exe");
    let at = checksum_at(&file);
    put(&mut file, at, 0x1234);
    file.push(7);
    folder.write("wrong.exe", &file);
    let told = folder.postlink(&format!("fill wrong.exe --output filled.exe {SET}")).stderr;
    assert!(told.contains("its checksum was wrong before, 0x00001234 in place of"), "{told}");
    assert_checksum(&folder, "filled.exe");
    // verify wants it to be right.
    let mut filled = folder.read("filled.exe");
    put(&mut filled, at, 0x1234);
    folder.write("filled.exe", &filled);
    let told = folder.postlink("verify wrong.exe filled.exe").fails_with_output(3);
    assert!(told.contains("are not what has to follow from the other changes"), "{told}");
}

/// A payload by GNU objcopy, and by LLVM's for object files, gives the same section.
#[test]
fn other_tools_put_the_same_bytes_into_the_section() {
    let folder = programs();
    for name in ["gcc.exe", "clang.exe"] {
        folder
            .postlink(&format!("payload --image {name} --section lix {SET} --output payload"))
            .ok();
        let line = format!("--update-section .plink=payload {name} by_gnu.exe");
        folder.run(&format!("x86_64-w64-mingw32-objcopy {line}")).ok();
        folder.postlink(&format!("fill {name} --output ours.exe {SET}")).ok();
        for image in ["by_gnu.exe", "ours.exe"] {
            let copy = format!("--only-section .plink --output-target binary {image} section");
            folder.run(&format!("x86_64-w64-mingw32-objcopy {copy}")).ok();
            let payload = folder.read("payload");
            assert!(folder.read("section").starts_with(&payload), "{image}");
            assert_eq!(wine(&folder, &format!("./{image}")).ok(), wine(&folder, "./ours.exe").ok());
        }
        let value = |image: &str| folder.postlink(&format!("inspect --field prefix {image}")).ok();
        assert_eq!(value("by_gnu.exe"), "C:/app\n");
        // But for the checksum, llvm-readobj sees the same.
        let headers = |image: &str| {
            let said = folder.run(&format!("llvm-readobj-19 --headers --sections {image}")).ok();
            let is_other = |line: &&str| line.contains("File: ") || line.contains("CheckSum: ");
            said.lines().filter(|line| !is_other(line)).collect::<Vec<_>>().join("\n")
        };
        assert_eq!(headers(name), headers("ours.exe"));
    }
}

/// A signature as openssl makes it: refused, removed, and made again.
#[test]
fn a_signature_is_refused_or_removed() {
    let folder = programs();
    let key = "openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 9";
    folder.run(&format!("{key} -subj /CN=tests -addext extendedKeyUsage=codeSigning")).ok();
    let sign = |from: &str, to: &str| {
        let key = "-certs cert.pem -key key.pem -h sha256";
        folder.run(&format!("osslsigncode sign {key} -in {from} -out {to}")).ok();
    };
    let is_valid = |file: &str| {
        folder.run(&format!("osslsigncode verify -CAfile cert.pem -in {file}")).code == 0
    };
    for name in ["gcc.exe", "clang.exe"] {
        let _ = std::fs::remove_file(folder.path("signed.exe"));
        let _ = std::fs::remove_file(folder.path("again.exe"));
        sign(name, "signed.exe");
        assert!(is_valid("signed.exe"));
        let before = folder.read("signed.exe");
        for mode in ["", "--in-place", "--dry-run", "--output other.exe"] {
            let told = folder.postlink(&format!("fill {mode} signed.exe {SET}")).fails(1);
            assert!(told.contains("signed.exe: it is signed (Authenticode)"), "{told}");
            assert!(told.contains("add --drop-signature"), "{told}");
        }
        assert!(
            folder.read("signed.exe") == before && !folder.names().contains(&"other.exe".into())
        );

        folder.copy("signed.exe", "in_place.exe");
        let drop = format!("--drop-signature {SET}");
        let told = folder.postlink(&format!("fill signed.exe --output dropped.exe {drop}")).stderr;
        assert!(told.contains("its signature (Authenticode) is removed"), "{told}");
        folder.postlink(&format!("fill --in-place in_place.exe {drop}")).ok();
        assert!(folder.read("dropped.exe") == folder.read("in_place.exe"));
        folder.postlink("verify signed.exe dropped.exe").ok();
        assert_checksum(&folder, "dropped.exe");
        let dropped = said(&folder, "dropped.exe");
        assert_eq!((&dropped["signatures"], &dropped["security"][0]), (&0.into(), &0.into()));
        assert_eq!(said(&folder, "signed.exe")["signatures"], 1);
        // But for the checksum, it is what the unsigned file would be.
        folder.postlink(&format!("fill {name} --output unsigned.exe {SET}")).ok();
        let (mut one, mut other) = (folder.read("dropped.exe"), folder.read("unsigned.exe"));
        let at = checksum_at(&one);
        put(&mut one, at, 0);
        put(&mut other, at, 0);
        other.resize(other.len().next_multiple_of(8), 0);
        assert!(one == other, "{name}");
        assert_eq!(wine(&folder, "./dropped.exe").ok(), wine(&folder, "./unsigned.exe").ok());
        // verify accepts no other end of the file.
        one.push(0);
        folder.write("longer.exe", one);
        folder.postlink("verify signed.exe longer.exe").fails_with_output(3);
        // So it is in a tree.
        std::fs::create_dir_all(folder.path("tree")).expect("a folder");
        folder.copy("signed.exe", "tree/app.exe");
        let carry = format!("specialize --output tree=/opt/{name} --destdir out {SET}");
        let told = folder.postlink(&carry).fails(1);
        assert!(told.contains("tree/app.exe: it is signed (Authenticode)"), "{told}");
        folder.postlink(&format!("{carry} --drop-signature")).ok();
        assert!(folder.read(&format!("out/opt/{name}/app.exe")) == folder.read("dropped.exe"));
        let told = folder.postlink(&format!("verify tree out/opt/{name} -v")).ok();
        assert!(told.contains("its signature (Authenticode) is removed"), "{told}");
        sign("dropped.exe", "again.exe");
        assert!(is_valid("again.exe"));
        assert!(!is_valid("dropped.exe"));
    }
}

/// The table of certificates must be the last of the file, and lie in it.
#[test]
fn a_signature_that_is_not_last_stays() {
    let folder = programs();
    let unsigned = folder.read("clang.exe");
    let (start, security) = (unsigned.len().next_multiple_of(8), security_at(&unsigned));
    let signed = |flags: u16, size: u32| {
        let mut file = unsigned.clone();
        file.resize(start, 0);
        put(&mut file, security, start as u32);
        put(&mut file, security + 4, size);
        let at = checksum_at(&file) + 6;
        file[at..at + 2].copy_from_slice(&flags.to_le_bytes());
        file.extend([24, 0, 0, 0, 0, 2, 2, 0]);
        file.extend([7; 16]);
        file
    };
    let fill = |file: &[u8]| {
        folder.write("signed.exe", file);
        folder.postlink(&format!("fill --drop-signature signed.exe --output out.exe {SET}"))
    };
    fill(&signed(0, 24)).ok();
    // A tool may tell the size without what fills it up to a multiple of 8.
    let mut padded = signed(0, 19);
    padded[start + 19..].fill(0);
    fill(&padded).ok();
    let told = fill(&signed(0, 19)).fails(1);
    assert!(told.contains("something was appended behind its signature"), "{told}");
    let told = fill(&signed(0x80, 24)).stderr;
    assert!(told.contains("linked with /INTEGRITYCHECK"), "{told}");
    let mut appended = signed(0, 24);
    appended.extend(*b"installer data");
    let told = fill(&appended).fails(1);
    assert!(told.contains("something was appended behind its signature"), "{told}");
    let told = fill(&signed(0, 240)).fails(1);
    assert!(told.contains("its signature ends behind the end of the file"), "{told}");
    let told = fill(&signed(0, u32::MAX)).fails(1);
    assert!(told.contains("its signature ends behind the end of the file"), "{told}");
    // It would take a section with it.
    let mut inside = signed(0, 24);
    inside.truncate(start);
    let before = (start - 512) as u32;
    put(&mut inside, security, before);
    put(&mut inside, security + 4, 512);
    let told = fill(&inside).fails(1);
    assert!(told.contains("its signature lies in what it should vouch for"), "{told}");
    // Without a place or a size there is none.
    fill(&signed(0, 0)).ok();
}

/// What an installer or a self-extracting archive appends stays, and where.
#[test]
fn appended_data_stays() {
    let folder = programs();
    for name in ["gcc.exe", "clang.exe"] {
        let mut file = folder.read(name);
        let end = file.len();
        file.extend(b"PK\x05\x06appended".repeat(1001));
        folder.write("with.exe", &file);
        folder.postlink(&format!("fill with.exe --output filled.exe {SET}")).ok();
        let filled = folder.read("filled.exe");
        assert!(filled[end..] == file[end..] && filled.len() == file.len(), "{name}");
        folder.postlink("verify with.exe filled.exe").ok();
        assert_eq!(wine(&folder, "./filled.exe").ok(), {
            folder.postlink(&format!("fill {name} --output plain.exe {SET}")).ok();
            wine(&folder, "./plain.exe").ok()
        });
        // verify names the place.
        let mut other = filled.clone();
        other[end + 5] ^= 1;
        folder.write("other.exe", other);
        let told = folder.postlink("verify with.exe other.exe").fails_with_output(3);
        assert!(told.contains("data behind the image"), "{told}");
    }
}

/// Hashes in place of times, the number by which a debugger finds the .pdb file, and its name stay.
#[test]
fn what_a_debugger_finds_the_program_by_stays() {
    let folder = sources();
    let pdb = "-g -gcodeview -Wl,--pdb=program.pdb -Wl,--no-insert-timestamp";
    let line = format!("{CLANG} -std=c++17 -static main.cc values.cc lix.gen.cc {pdb}");
    folder.run(&format!("{line} -Wl,-Xlink=/Brepro -o program.exe")).ok();
    assert_eq!(said(&folder, "program.exe")["repro"], true);
    let told = folder.postlink(&format!("fill program.exe --output filled.exe {SET}")).stderr;
    assert!(told.contains("hashes of the file as it was linked (/Brepro): they stay"), "{told}");
    let debug = |image: &str| {
        let said = folder.run(&format!("llvm-readobj-19 --coff-debug-directory {image}")).ok();
        said.replace(image, "")
    };
    assert!(debug("program.exe").contains("program.pdb"));
    assert_eq!(debug("program.exe"), debug("filled.exe"));
    for debug in ["", "--debug-file program.debug"] {
        let line = format!("fill program.exe --rewrite-build-id {debug} {SET}");
        let told = folder.postlink(&line).fails(1);
        assert!(told.contains("a PE file has no build-id that could be rewritten"), "{told}");
    }
}

#[test]
fn what_begins_like_a_program_of_windows_is_told_as_what_it_is() {
    let folder = programs();
    let dos = |kind: &[u8], more: &[u8]| {
        let mut file = b"MZ".to_vec();
        file.resize(64, 0);
        file[0x3c] = 64;
        file.extend(kind);
        file.extend(more);
        file
    };
    let mut object = folder.read("clang.exe")[..0x200].to_vec();
    object[..2].copy_from_slice(&0x8664_u16.to_le_bytes());
    let anonymous = |version: u8, class: &[u8]| {
        let mut file = vec![0, 0, 0xff, 0xff, version, 0, 0x64, 0x86, 0, 0, 0, 0];
        file.extend(class);
        file.resize(100, 0);
        file
    };
    let by_microsoft = [
        0x38, 0xfe, 0xb3, 0x0c, 0xa5, 0xd9, 0xab, 0x4d, 0xac, 0x9b, 0xd6, 0xb6, 0x22, 0x26, 0x53,
        0xc2,
    ];
    for (file, said) in [
        (dos(b"NE", &[0; 64]), "a program of 16-bit Windows or OS/2 (NE), which"),
        (dos(b"LE", &[0; 64]), "a program of OS/2 or a driver of Windows 95 (LE, LX), which"),
        (dos(b"LX", &[0; 64]), "a program of OS/2 or a driver of Windows 95 (LE, LX), which"),
        (dos(b"", &[]), "a program of DOS, which"),
        (b"MZ".to_vec(), "a program of DOS, which"),
        (b"M".to_vec(), "it is not an ELF, Mach-O or PE file"),
        (dos(b"PE\0\0", &[]), "it is a truncated or damaged PE file"),
        (dos(b"PE\0\0", &[0; 300]), "it is a truncated or damaged PE file"),
        (object, "it is not an ELF, Mach-O or PE file"),
        (anonymous(0, &[]), "a symbol of an import library, which"),
        (anonymous(1, &by_microsoft), "only intermediate code"),
        (anonymous(1, &[7; 16]), "it is not an ELF, Mach-O or PE file"),
    ] {
        folder.write("file", &file);
        let told = folder.postlink("inspect file").fails(1);
        assert!(told.contains(said), "{said}: {told}");
        // To a search it is a file like any other.
        let mut file = file;
        file.extend(b"\0/opt/app/lib\0");
        folder.write("file", file);
        folder.postlink("scan --reference /opt/app file").fails_with_output(3);
    }
    // An image whose end is missing is damaged, wherever that is.
    let whole = folder.read("gcc.exe");
    for length in [0x41, 0x90, 0x140, 0x200, 0x400, whole.len() / 2] {
        folder.write("short.exe", &whole[..length]);
        let told = folder.postlink(&format!("fill short.exe {SET}")).fails(1);
        let is_told = told.contains("damaged PE file") || told.contains("a program of DOS");
        assert!(is_told, "{told}");
    }
}

/// A separate debug file belongs to the program that was filled.
#[test]
fn a_debug_file_is_told() {
    let folder = programs();
    folder.run("x86_64-w64-mingw32-objcopy --only-keep-debug gcc.exe gcc.debug").ok();
    let told = folder.postlink(&format!("fill gcc.debug {SET}")).fails(1);
    assert!(told.contains("has no bytes in this file"), "{told}");
}

/// A tree is scanned, and carried to another path: also where the path is in UTF-16.
#[test]
fn a_tree_is_carried_to_another_path() {
    let folder = sources();
    folder.write(
        "wide.cc",
        "#include \"lix.gen.hh\"\n#include <cstdio>\n#include <cwchar>\n\
         extern const wchar_t icons[] = L\"C:/opt/app/icons\";\n\
         int main() { std::printf(\"%ls %s\\n\", icons, nix::placeholders::bin_dir().data()); }\n",
    );
    let schema = postlink_tests::fixture("../../schema.toml").display().to_string();
    let out = "--out-header lix.gen.hh --out-source lix.gen.cc --default prefix=/opt/app";
    folder.postlink(&format!("generate --schema {schema} {out}")).ok();
    std::fs::create_dir_all(folder.path("built/bin")).expect("a folder");
    folder.write("built/app.pc", "prefix=/opt/app\n");
    let compiler = COMPILERS[0];
    let line = format!("{compiler} -std=c++17 -g -static wide.cc lix.gen.cc");
    folder.run(&format!("{line} -o built/bin/app.exe")).ok();
    let said = folder.postlink("scan built --reference /opt/app --json").fails_with_output(3);
    let report: serde_json::Value = serde_json::from_str(&said).expect("one object");
    let findings = report["trees"][0]["findings"].as_array().expect("findings").clone();
    let of = |kind: &str| -> Vec<&serde_json::Value> {
        findings.iter().filter(|one| one["kind"] == kind).collect()
    };
    let wide = of("string");
    assert_eq!(wide.len(), 1, "{said}");
    assert_eq!((&wide[0]["encoding"], &wide[0]["section"]), (&"UTF-16LE".into(), &".rdata".into()));
    assert!(
        wide[0]["advice"].as_str().expect("a sentence").contains("does not rewrite UTF-16"),
        "{wide:?}"
    );
    assert!(wide[0]["symbol"].as_str().is_some_and(|name| name.contains("icons")), "{said}");
    assert!(!of("value").is_empty() && !of("descriptor").is_empty() && of("record").is_empty());

    let carry =
        "specialize --output built=/opt/app-2.0 --rewrite /opt/app=/opt/app-2.0 --destdir out";
    let told = folder.postlink(carry).fails_with_output(3);
    assert!(told.contains("bin/app.exe: .rdata, icons+0x4"), "{told}");
    folder.postlink(&format!("{carry} --allow-left bin/app.exe")).ok();
    folder.postlink("verify built out/opt/app-2.0 --rewrite /opt/app=/opt/app-2.0").ok();
    let printed = wine(&folder, "./out/opt/app-2.0/bin/app.exe").ok();
    assert_eq!(printed, "C:/opt/app/icons /opt/app-2.0/bin\n");
    assert_checksum(&folder, "out/opt/app-2.0/bin/app.exe");
    assert_eq!(folder.read("out/opt/app-2.0/app.pc"), b"prefix=/opt/app-2.0\n");
}

/// A package for a drive of Windows, carried by a machine that has none.
#[test]
fn paths_of_windows_follow_too() {
    let folder = sources();
    let schema = postlink_tests::fixture("../../schema.toml").display().to_string();
    let build = |tree: &str, prefix: &str| {
        std::fs::create_dir_all(folder.path(tree)).expect("a folder");
        let out =
            format!("--out-header lix.gen.hh --out-source lix.gen.cc --default prefix={prefix}");
        folder.postlink(&format!("generate --schema {schema} {out}")).ok();
        for (compiler, name) in COMPILERS.into_iter().zip(["gcc", "clang"]) {
            // The name of the debug file is the same, its number another one.
            let debug = if name == "clang" { "-g -gcodeview -Wl,--pdb=app.pdb" } else { "" };
            let line =
                format!("{compiler} -std=c++17 -static {debug} main.cc values.cc lix.gen.cc");
            folder.run(&format!("{line} -o {tree}/{name}.exe")).ok();
        }
        folder.write(&format!("{tree}/app.pc"), format!("prefix={prefix}\n"));
        folder
            .write(&format!("{tree}/run.cmd"), format!("@{}\\gcc.exe", prefix.replace('/', "\\")));
    };
    build("built", "C:/opt/app");
    let said = folder.postlink("scan built").ok();
    assert!(said.contains("built for C:/opt/app, as "), "{said}");
    let rewrite = "--rewrite C:/opt/app=D:/app2 --rewrite C:\\opt\\app=D:\\app2";
    folder.postlink(&format!("specialize --output built=/opt/app --destdir out {rewrite}")).ok();
    folder.postlink(&format!("verify built out/opt/app {rewrite}")).ok();
    assert_eq!(folder.read("out/opt/app/run.cmd"), b"@D:\\app2\\gcc.exe");
    assert_eq!(folder.read("out/opt/app/app.pc"), b"prefix=D:/app2\n");
    for name in ["gcc", "clang"] {
        let value =
            folder.postlink(&format!("inspect --field bin_dir out/opt/app/{name}.exe")).ok();
        assert_eq!(value, "D:/app2/bin\n");
    }
    // Two builds differ in paths, and in what the linker makes of the time and of all bytes.
    build("other", "C:/opt/ape");
    let said = folder
        .postlink("scan built --reference C:/opt/app --reference C:\\opt\\app --against other")
        .stdout;
    for reason in
        ["build-id (1)", "time, checksum or hash of the linker", "value of a declared field"]
    {
        assert!(said.contains(reason), "{reason}: {said}");
    }
    assert!(said.contains("everything that differs is explained"), "{said}");
}
