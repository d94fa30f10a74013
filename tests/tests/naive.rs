//! The harness sees what it is there to see: placeholders that are declared or read without care keep
//! their old value, or are dropped, though the section was changed after the link.

use postlink_tests::Folder;

/// A way to declare and read a placeholder.
struct Way {
    name: &'static str,
    /// What the program's own file says before `main`.
    beside: &'static str,
    /// What another file says.
    elsewhere: &'static str,
    /// The pointer that is read.
    read: &'static str,
    /// What comes of it: by g++, with LTO, by clang, with LTO and with ThinLTO.
    outcome: &'static str,
}

/// `SECTION` and `VALUE` are macros of the test.
const WAYS: &[Way] = &[
    Way {
        name: "static const, not used",
        beside: "SECTION static const char p[32] = VALUE;",
        elsewhere: "",
        read: "p",
        outcome: "gone gone gone gone gone",
    },
    Way {
        name: "static const, used",
        beside: "SECTION __attribute__((used)) static const char p[32] = VALUE;",
        elsewhere: "",
        read: "p",
        outcome: "bad bad bad bad bad",
    },
    Way {
        name: "extern const, same file",
        beside: "SECTION __attribute__((used)) extern const char p[32] = VALUE;",
        elsewhere: "",
        read: "p",
        outcome: "bad bad bad bad bad",
    },
    Way {
        name: "extern const, own file",
        beside: "extern const char p[32];",
        elsewhere: "SECTION __attribute__((used)) extern const char p[32] = VALUE;",
        read: "p",
        outcome: "ok bad ok bad bad",
    },
    Way {
        name: "weak const, used, own file",
        beside: "extern const char p[32];",
        elsewhere: "SECTION __attribute__((weak, used)) extern const char p[32] = VALUE;",
        read: "p",
        outcome: "ok bad ok ok ok",
    },
    Way {
        name: "noinline getter, own file",
        beside: "const char *get();",
        elsewhere: "SECTION __attribute__((used)) static const char p[32] = VALUE;
            __attribute__((noinline)) const char *get() { return p; }",
        read: "get()",
        outcome: "ok ok ok bad ok",
    },
    Way {
        name: "const volatile, cast away",
        beside: "SECTION __attribute__((used)) static const volatile char p[32] = VALUE;",
        elsewhere: "",
        read: "const_cast<const char *>(p)",
        outcome: "ok ok bad bad bad",
    },
    Way {
        name: "const volatile, volatile loads",
        beside: "SECTION __attribute__((used)) static const volatile char p[32] = VALUE;
            static const char *loaded() { static char to[32]; for (int i = 0; i < 32; ++i) to[i] = p[i]; return to; }",
        elsewhere: "",
        read: "loaded()",
        outcome: "ok ok ok ok ok",
    },
    Way {
        name: "static const, used, asm on the pointer",
        beside: "SECTION __attribute__((used)) static const char p[32] = VALUE;
            static const char *hidden() { const char *at = p; __asm__ volatile(\"\" : \"+r\"(at)); return at; }",
        elsewhere: "",
        read: "hidden()",
        outcome: "ok ok ok ok ok",
    },
];

const TOOLCHAINS: [(&str, &str); 5] = [
    ("g++", "g++ -O3"),
    ("g++ LTO", "g++ -O3 -flto"),
    ("clang", "clang++-19 -O3 -fuse-ld=lld"),
    ("clang LTO", "clang++-19 -O3 -fuse-ld=lld -flto"),
    ("ThinLTO", "clang++-19 -O3 -fuse-ld=lld -flto=thin"),
];

/// Builds the program, changes its section and asks it.
fn outcome(folder: &Folder, toolchain: &str, way: &Way) -> &'static str {
    let start = "#define SECTION __attribute__((section(\"naive\")))\n#define VALUE \"0.0.0-unspecialized\"\n";
    let Way { beside, elsewhere, read, .. } = way;
    folder.write("elsewhere.cc", format!("{start}{elsewhere}\n"));
    folder.write(
        "main.cc",
        format!(
            "{start}#include <cstdio>\n#include <cstring>\n{beside}\nint main() {{\n\
             const char *read = {read};\n\
             std::printf(\"%c %d %d\\n\", read[0], int(std::strlen(read)), std::strcmp(read, VALUE) == 0);\n}}\n"
        ),
    );
    folder.run(&format!("{toolchain} main.cc elsewhere.cc -o program")).ok();
    assert_eq!(folder.run("./program").ok(), "0 19 1\n", "{}", way.name);
    let sections = folder.run("readelf --sections --wide program").ok();
    if !sections.contains(" naive ") {
        return "gone";
    }
    folder.write("new", b"9.87.654-pre".iter().copied().chain([0; 20]).collect::<Vec<u8>>());
    folder.run("objcopy --update-section naive=new program").ok();
    if folder.run("./program").ok() == "9 12 0\n" { "ok" } else { "bad" }
}

#[test]
fn naive_placeholders_are_seen_to_fail() {
    let folder = Folder::new();
    let mut wrong = Vec::new();
    let names = TOOLCHAINS.map(|(name, _)| format!("{name:>9}"));
    println!("{:38} {}", "", names.join(" "));
    for way in WAYS {
        let seen = TOOLCHAINS.map(|(_, toolchain)| outcome(&folder, toolchain, way));
        println!("{:38} {}", way.name, seen.map(|outcome| format!("{outcome:>9}")).join(" "));
        if seen.join(" ") != way.outcome {
            wrong.push(format!("{}: {}, not {}", way.name, seen.join(" "), way.outcome));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// `used` speaks to the compiler only: most linkers drop what nothing refers to, unless told.
#[test]
fn garbage_collection_is_seen_to_drop() {
    let folder = Folder::new();
    let kept = |linker: &str, attributes: &str| {
        folder.write(
            "main.cc",
            format!(
                "__attribute__(({attributes}, section(\"naive\"))) static const char p[] = \"old\";\n\
                 int main() {{}}\n"
            ),
        );
        let line = format!("clang++-19 -O2 -Wl,--gc-sections -fuse-ld={linker}");
        let line = match linker {
            "bfd" | "lld" => format!("{line} -Wl,-z,start-stop-gc"),
            _ => line,
        };
        folder.run(&format!("{line} main.cc -o program")).ok();
        folder.run("readelf --sections --wide program").ok().contains(" naive ")
    };
    for (linker, keeps_used) in [("bfd", false), ("gold", false), ("lld", false), ("mold", true)] {
        assert_eq!(kept(linker, "used"), keeps_used, "{linker}");
        assert!(kept(linker, "used, retain"), "{linker}");
    }
}
