//! What happens where a record is there twice, or in two versions: each image reads its own, or the
//! build fails, or the fill is refused. Nothing is half-filled.

use postlink_tests::lix::{VERSION, expected, sources};
use postlink_tests::{COMPILERS, Folder, fixture};

const LINKERS: [&str; 4] = ["bfd", "gold", "lld", "mold"];

/// g++ finds lld under another name only; clang drives them all.
const CLANG: &str = "clang++-19 -std=c++17 -O2 -fPIC";

fn compile(folder: &Folder, compiler: &str, flags: &str, source: &str, object: &str) {
    folder.run(&format!("{compiler} -std=c++17 -O2 -fPIC {flags} -c {source} -o {object}")).ok();
}

/// Values and record are in an archive that is linked whole, twice: the build fails, and names the
/// record. Linked twice without being whole, it is there once.
#[test]
fn an_archive_that_is_linked_twice() {
    let folder = sources();
    compile(&folder, "clang++-19", "", "values.cc", "values.o");
    compile(&folder, "clang++-19", "", "lix.gen.cc", "lix.o");
    for archive in ["libone.a", "libtwo.a"] {
        folder.run(&format!("ar rcs {archive} values.o lix.o")).ok();
    }
    for linker in LINKERS {
        let line = format!("{CLANG} -fuse-ld={linker} main.cc");
        let whole = "-Wl,--whole-archive libone.a libtwo.a -Wl,--no-whole-archive";
        let said = folder.run(&format!("{line} {whole} -o program")).fails(1);
        assert!(said.contains("postlink_record_lix"), "{linker}: {said}");
        folder.run(&format!("{line} libone.a libtwo.a libone.a -o program")).ok();
        folder.postlink("fill program --set version=1.2.3 --set prefix=/p").ok();
        assert_eq!(folder.run("./program").ok(), expected("1.2.3", "/p", true), "{linker}");
    }
}

/// A linker that is told to put up with doubles keeps two records, one of which no one reads: the
/// fill is refused, and `--all` fills both.
#[test]
fn doubles_that_the_linker_was_told_to_allow() {
    let folder = sources();
    for compiler in COMPILERS {
        compile(&folder, compiler, "", "values.cc", "values.o");
        compile(&folder, compiler, "", "lix.gen.cc", "lix.o");
        let line = format!("{compiler} main.cc values.o lix.o lix.o -o program");
        folder.run(&format!("{line} -Wl,--allow-multiple-definition")).ok();
        let before = folder.read("program");
        let line = format!("fill program --set version={VERSION} --set prefix=/p");
        let said = folder.postlink(&line).fails(1);
        assert!(said.contains("has 2 records of section `lix`"), "{said}");
        assert!(folder.read("program") == before);
        folder.postlink(&format!("{line} --all")).ok();
        assert_eq!(folder.run("./program").ok(), expected(VERSION, "/p", true), "{compiler}");
        let versions = folder.postlink("inspect --field version program").ok();
        assert_eq!(versions, format!("{VERSION}\n{VERSION}\n"));
    }
}

/// Two sections whose schemas spell them alike share one ELF section: each record is filled by the
/// name of its own.
#[test]
fn two_schemas_in_one_elf_section() {
    let folder = Folder::new();
    let section = |name: &str| {
        format!(
            "[section.{name}]\nelf = \"postlink_shared\"\n[section.{name}.field.word]\n\
             type = \"string\"\ncapacity = 40\ndefault = \"default of {name}\"\n"
        )
    };
    for name in ["first", "second"] {
        folder.write(&format!("{name}.toml"), section(name));
        let out = format!("--out-header {name}.gen.hh --out-source {name}.gen.cc");
        folder.postlink(&format!("generate --schema {name}.toml {out}")).ok();
    }
    folder.write(
        "main.cc",
        "#include \"first.gen.hh\"\n#include \"second.gen.hh\"\n#include <cstdio>\n\
         int main() { std::printf(\"%s, %s\\n\", first::word().data(), second::word().data()); }\n",
    );
    for linker in LINKERS {
        let line = format!("{CLANG} -fuse-ld={linker} main.cc first.gen.cc second.gen.cc");
        folder.run(&format!("{line} -o program")).ok();
        let sections = folder.run("readelf --sections --wide program").ok();
        assert_eq!(sections.matches(" postlink_").count(), 1, "{sections}");
        let said = folder.postlink("fill program --set word=both").fails(1);
        assert!(said.contains("first.word"), "{said}");
        folder.postlink("fill program --set second.word=two").ok();
        assert_eq!(folder.run("./program").ok(), "default of first, two\n", "{linker}");
        folder.postlink("fill program --set first.word=one --set second.word=two").ok();
        assert_eq!(folder.run("./program").ok(), "one, two\n", "{linker}");
    }
    // Kept apart by the linker, two sections have one name: objcopy cannot tell them apart.
    folder.run("g++ -std=c++17 main.cc first.gen.cc second.gen.cc -Wl,--unique -o program").ok();
    let sections = folder.run("readelf --sections --wide program").ok();
    assert_eq!(sections.matches(" postlink_shared ").count(), 2, "{sections}");
    let payload = "payload --image program --section first --set first.word=x --output payload";
    let said = folder.postlink(payload).fails(1);
    assert!(said.contains("has 2 sections `first`"), "{said}");
    folder.postlink("fill program --set first.word=one --set second.word=two").ok();
    assert_eq!(folder.run("./program").ok(), "one, two\n");
}

/// Prints two values in the ways that are not accessors'.
const FIELDS: &str = r#"
#include "lix.gen.hh"
#include <iostream>
extern "C" void print_fields();
void print_fields()
{
    std::cout << nix::placeholders::try_version().value_or("none");
    for (const auto &field : nix::placeholders::fields())
        if (field.name() == "version" || field.name() == "prefix")
            std::cout << ' ' << field.json();
    std::cout << std::endl;
}
"#;

/// Loads both libraries, asks each for its values, and asks again when both are there.
const LOADER: &str = r#"
#include <cstdio>
#include <dlfcn.h>
void *load(const char *path)
{
    void *const library = dlopen(path, RTLD_NOW | SCOPE);
    if (library == nullptr)
        std::fprintf(stderr, "%s\n", dlerror());
    return library;
}
void print(void *library)
{
    reinterpret_cast<void (*)()>(dlsym(library, "print_values"))();
    std::fflush(stdout);
    if (void *const more = dlsym(library, "print_fields"))
        reinterpret_cast<void (*)()>(more)();
}
int main()
{
    void *const one = load("./one.so");
    print(one);
    void *const two = load("./two.so");
    print(two);
    print(one);
}
"#;

/// One section in two libraries that a program loads, whatever their symbols' scope and however they
/// were linked: each reads its own record.
#[test]
fn loaded_libraries_read_their_own() {
    let folder = sources();
    folder.write("loader.cc", LOADER);
    folder.write("fields.cc", FIELDS);
    for (source, object) in
        [("values.cc", "values.o"), ("fields.cc", "fields.o"), ("lix.gen.cc", "lix.o")]
    {
        compile(&folder, "clang++-19", "", source, object);
    }
    let expected = |version: &str, prefix: &str| {
        expected(version, prefix, true) + &format!("{version} \"{version}\" \"{prefix}\"\n")
    };
    for scope in ["RTLD_GLOBAL", "RTLD_LOCAL"] {
        folder.run(&format!("{CLANG} -DSCOPE={scope} loader.cc -ldl -o {scope}")).ok();
    }
    for linker in LINKERS {
        for flags in ["", "-Wl,-Bsymbolic"] {
            let line = format!("{CLANG} -fuse-ld={linker} -shared {flags} values.o fields.o lix.o");
            folder.run(&format!("{line} -o one.so")).ok();
            folder.postlink("fill one.so --output two.so --set version=2.0.0 --set prefix=/2").ok();
            folder.postlink("fill one.so --set version=1.0.0 --set prefix=/1").ok();
            let (one, two) = (expected("1.0.0", "/1"), expected("2.0.0", "/2"));
            for program in ["./RTLD_GLOBAL", "./RTLD_LOCAL"] {
                let printed = folder.run(program).ok();
                assert_eq!(printed, format!("{one}{two}{one}"), "{program} {line}");
            }
        }
    }
}

/// The accessors of another version of the schema, in which one capacity differs.
fn next_version(folder: &Folder) {
    let schema = std::fs::read_to_string(fixture("../../schema.toml")).expect("the schema");
    folder.write("next.toml", schema.replacen("capacity = 128", "capacity = 64", 1));
    std::fs::create_dir(folder.path("next")).expect("a folder");
    folder.copy("values.cc", "next/values.cc");
    let out = "--out-header next/lix.gen.hh --out-source next/lix.gen.cc";
    folder.postlink(&format!("generate --schema next.toml {out} --default prefix=/usr/local")).ok();
}

/// Two versions of one schema: in two libraries of a process each reads its own; a header of one and
/// a source of the other do not link; a program does not start with the other version's library; of
/// both in one image the fill is refused.
#[test]
fn two_versions_of_one_schema() {
    let folder = sources();
    next_version(&folder);
    folder.write("loader.cc", LOADER);
    folder.write(
        "both.cc",
        "extern \"C\" void print_values();\nextern \"C\" void print_others();\n\
         int main() { print_values(); print_others(); }\n",
    );
    let schema = fixture("../../schema.toml").display().to_string();
    for compiler in COMPILERS {
        let line = format!("{compiler} -std=c++17 -O2 -fPIC");
        folder.run(&format!("{line} -shared values.cc lix.gen.cc -o one.so")).ok();
        folder.run(&format!("{line} -shared next/values.cc next/lix.gen.cc -o two.so")).ok();
        folder.postlink("fill one.so --set version=1.0.0 --set prefix=/1").ok();
        let of_two = "fill two.so --set version=2.0.0 --set prefix=/2";
        let said = folder.postlink(&format!("{of_two} --schema {schema}")).fails(1);
        assert!(said.contains("another schema"), "{said}");
        folder.postlink(&format!("{of_two} --schema next.toml")).ok();
        folder.run(&format!("{line} -DSCOPE=RTLD_GLOBAL loader.cc -ldl -o loader")).ok();
        let (one, two) = (expected("1.0.0", "/1", true), expected("2.0.0", "/2", true));
        assert_eq!(folder.run("./loader").ok(), format!("{one}{two}{one}"), "{compiler}");

        let halves = folder.run(&format!("{line} main.cc values.cc next/lix.gen.cc -o halves"));
        assert!(halves.fails(1).contains("postlink_"), "{compiler}");

        folder.run(&format!("{line} -shared lix.gen.cc -o librecord.so")).ok();
        let uses = "-L. -lrecord -Wl,-rpath,$ORIGIN";
        folder.run(&format!("{line} main.cc values.cc {uses} -o program")).ok();
        folder.run("./program").ok();
        folder.run(&format!("{line} -shared next/lix.gen.cc -o librecord.so")).ok();
        let said = folder.run("./program").fails(127);
        assert!(said.contains("undefined symbol") && said.contains("postlink_"), "{said}");

        // Both in one image: each part reads its own, and only both together are filled.
        let renamed = "-Dprint_values=print_others";
        folder.run(&format!("{line} {renamed} -c next/values.cc -o others.o")).ok();
        folder
            .run(&format!("{line} values.cc lix.gen.cc others.o next/lix.gen.cc both.cc -o both"))
            .ok();
        let line = "fill both --set version=3.0.0 --set prefix=/3";
        let said = folder.postlink(line).fails(1);
        assert!(said.contains("has 2 records of section `lix`"), "{said}");
        folder.postlink(&format!("{line} --all")).ok();
        assert_eq!(folder.run("./both").ok(), expected("3.0.0", "/3", true).repeat(2));
    }
}
