//! What generated C++ does where a field has no value: `try_`, the program's own function, and the end.
#![forbid(unsafe_code)]

use postlink_tests::{COMPILERS, Folder, STRICT, place_of, sanitized};

const SCHEMA: &str = r#"
[section.app]
EXTRA
[section.app.field]
version = { type = "string", capacity = 40, default = "1.0" }
prefix = { type = "path", capacity = 40, required = true }
bin_dir = { type = "path", capacity = 60, default = "{prefix}/bin" }
jobs = { type = "u16", default = 7 }
paths = { type = "list<path>", capacity = 80, max_items = 3, default = ["/usr", "{prefix}"] }
key = { type = "bytes", capacity = 4, default = "00ff" }
channel = { type = "enum", names = ["stable", "beta"], default = "beta" }
beta = { type = "bool", default = true }
"#;

const MISSING: &str = "postlink: section app: field bin_dir has no value: the file was not specialized. \
    Fill it: postlink fill FILE --set prefix=...\n";
const DAMAGED: &str = "postlink: section app: field jobs: the record is damaged, or a fill was interrupted. \
    Fill the file again: postlink fill FILE --reset --set jobs=...\n";

/// The generated header and source of the schema, whose section has this line, and the program.
fn sources(line: &str, main: &str) -> Folder {
    let folder = Folder::new();
    folder.write("schema.toml", SCHEMA.replace("EXTRA", line));
    folder
        .postlink("generate --schema schema.toml --out-header app.gen.hh --out-source app.gen.cc")
        .ok();
    folder.write("main.cc", main);
    folder
}

fn build(folder: &Folder, compiler: &str) {
    let strict = STRICT.join(" ");
    folder.run(&format!("{compiler} -std=c++17 -O2 {strict} main.cc app.gen.cc -o app")).ok();
}

fn fill(folder: &Folder) {
    folder.postlink("fill app --set prefix=/opt/app").ok();
}

/// Changes bytes of the record, from the start of the value area.
fn damage(folder: &Folder, at: usize, byte: u8) {
    let (start, _) = place_of(folder, "app", "app");
    let mut image = folder.read("app");
    image[start + at] = byte;
    folder.write("app", image);
}

const TRY: &str = r#"
#include "app.gen.hh"
#include <cstdio>

template <typename T> static void print(const char *name, std::optional<T> (*read)(app::failure *) noexcept)
{
    app::failure why = app::failure::damaged;
    const std::optional<T> value = read(&why);
    const std::optional<T> same = read(nullptr);
    std::printf("%s=%d%d%d\n", name, value.has_value(), same.has_value(), static_cast<int>(why));
}

int main()
{
    print("version", app::try_version);
    print("bin_dir", app::try_bin_dir);
    print("jobs", app::try_jobs);
    print("paths", app::try_paths);
    print("key", app::try_key);
    print("channel", app::try_channel);
    print("beta", app::try_beta);
    std::printf("%s %d\n", app::try_version().value_or("none").data(), app::try_jobs().value_or(0));
}
"#;

/// A value and no failure, or no value and the reason for it.
#[test]
fn try_tells_the_reason() {
    let folder = sources("", TRY);
    for compiler in COMPILERS {
        build(&folder, compiler);
        assert_eq!(
            folder.run("./app").ok(),
            "version=110\nbin_dir=001\njobs=110\npaths=001\nkey=110\nchannel=110\nbeta=110\n1.0 7\n"
        );
        fill(&folder);
        let (_, layout) = place_of(&folder, "app", "app");
        let good = "version=110\nbin_dir=110\njobs=110\npaths=110\nkey=110\nchannel=110\nbeta=110\n1.0 7\n";
        assert_eq!(folder.run("./app").ok(), good);
        // What an accessor checks, as the specification has it.
        let places = [
            ("version", layout.states[0] + 4, 99),
            ("version", layout.states[0] + 4, 2),
            ("version", layout.values[0] + 1, 0),
            ("version", layout.values[0] + 1, 0xff),
            ("bin_dir", layout.values[2] + "/opt/app/bin".len() as u32, b'x'),
            ("jobs", layout.states[3] + 4, 1),
            ("paths", layout.states[4] + 8, 3),
            ("paths", layout.values[4] + 1, 0),
            ("paths", layout.values[4] + 1, 0xc0),
            ("key", layout.states[5] + 4, 5),
            ("channel", layout.values[6], 2),
            ("beta", layout.values[7], 2),
        ];
        for (name, at, byte) in places {
            let filled = folder.read("app");
            damage(&folder, at as usize, byte);
            let said = folder.run("./app").ok();
            assert!(said.contains(&format!("{name}=002\n")), "{name} {byte}: {said}");
            assert_eq!(said.matches("=110\n").count(), 6, "{name} {byte}: {said}");
            folder.write("app", filled);
        }
    }
}

const HOOK: &str = r#"
#include "app.gen.hh"
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>

static bool returns = false;

void app::value_failed(const char *section, const char *field, const char *sentence)
{
    if (!returns)
        throw std::runtime_error(std::string(section) + "." + field + ": " + sentence);
}

static_assert(!noexcept(app::prefix()) && !noexcept(app::fields().begin()->has_value()));
static_assert(noexcept(app::try_prefix()) && noexcept(app::fields()));

static std::string early()
{
    try {
        return std::string(app::bin_dir());
    } catch (const std::exception &error) {
        return error.what();
    }
}
static const std::string before_main = early();

int main(int count, char **)
{
    std::printf("%s\n", before_main.c_str());
    try {
        std::printf("%d\n", app::jobs());
        for (const auto &field : app::fields())
            std::printf("%d", field.has_value());
        std::printf("\n");
    } catch (const std::exception &error) {
        std::printf("%s\n", error.what());
    }
    std::fflush(stdout);
    returns = count > 1;
    return app::bin_dir().size() + app::jobs() == 0;
}
"#;

/// The function of the program gets the sentence that is printed without it. What it throws arrives,
/// also in a static initialiser; where it returns, the program is stopped all the same.
#[test]
fn the_program_is_asked_first() {
    let folder = sources("on_failure = \"app::value_failed\"", HOOK);
    let told = |field: &str, sentence: &str| format!("app.{field}: {sentence}");
    for compiler in COMPILERS {
        build(&folder, compiler);
        let run = folder.run("./app return");
        assert_eq!(run.code, 134);
        assert_eq!(run.stdout, format!("{}7\n10010111\n", told("bin_dir", MISSING)));
        assert_eq!(run.stderr, MISSING);
        assert!(folder.run("./app").fails(134).contains("terminate called"));
        fill(&folder);
        assert_eq!(folder.run("./app").ok(), "/opt/app/bin\n7\n11111111\n");
        let (_, layout) = place_of(&folder, "app", "app");
        damage(&folder, (layout.states[3] + 4) as usize, 99);
        let run = folder.run("./app return");
        assert_eq!(run.stdout, format!("/opt/app/bin\n{}", told("jobs", DAMAGED)));
        assert_eq!((run.code, run.stderr.as_str()), (134, DAMAGED));
    }
    // Without the function the linker names it.
    folder.write("main.cc", "#include \"app.gen.hh\"\nint main() { return app::jobs(); }\n");
    let said = folder.run("g++ -std=c++17 main.cc app.gen.cc -o app").fails(1);
    assert!(said.contains("app::value_failed(char const*, char const*, char const*)"), "{said}");
}

const VFORK: &str = r#"
#include "app.gen.hh"
#include <csignal>
#include <cstdio>
#include <sys/wait.h>
#include <unistd.h>

int main()
{
    std::printf("%d\n", app::jobs());
    std::fflush(stdout);
    const pid_t child = vfork();
    if (child == 0)
        _exit(static_cast<int>(app::bin_dir().size()));
    int status = 0;
    waitpid(child, &status, 0);
    std::printf("%d %d\n", WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, app::jobs());
}
"#;

/// A child of vfork has its parent's memory: it allocates nothing, and the parent lives on.
#[test]
fn a_child_of_vfork_may_stop() {
    let folder = sources("", VFORK);
    for compiler in COMPILERS {
        build(&folder, compiler);
        let run = folder.run("./app");
        assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("7\n1 7\n", MISSING));
        folder.run("strace -ff -o trace ./app").ok();
        let traces = folder.names().into_iter().filter(|name| name.starts_with("trace."));
        let mut traces = traces.map(|name| String::from_utf8(folder.read(&name)).expect("UTF-8"));
        let child = traces.rfind(|trace| trace.contains("killed by SIGABRT"));
        let child = child.expect("the child's calls");
        assert_eq!(child.matches("write(").count(), 1, "{child}");
        let allocates = ["brk(", "mmap(", "mremap("].iter().any(|call| child.contains(call));
        assert!(!allocates, "{child}");
        for name in folder.names().iter().filter(|name| name.starts_with("trace.")) {
            std::fs::remove_file(folder.path(name)).expect(name);
        }
    }
}

/// The sentence of the longest names fits where it is put together.
#[test]
fn the_longest_names_fit() {
    let folder = Folder::new();
    let (section, field, root) = ("s".repeat(64), "f".repeat(64), "r".repeat(64));
    folder.write(
        "schema.toml",
        format!(
            "[section.{section}]\n[section.{section}.field]\n\
             {field} = {{ type = \"path\", capacity = 9, default = \"{{{root}}}\" }}\n\
             {root} = {{ type = \"path\", capacity = 9, required = true }}\n"
        ),
    );
    let out = "--out-header app.gen.hh --out-source app.gen.cc";
    folder.postlink(&format!("generate --schema schema.toml {out}")).ok();
    let call = format!("{section}::{field}()");
    folder.write(
        "main.cc",
        format!("#include \"app.gen.hh\"\nint main() {{ return {call} == \"\"; }}\n"),
    );
    for compiler in COMPILERS {
        let line = format!("{} -std=c++17 main.cc app.gen.cc", sanitized(compiler));
        folder.run(&format!("{line} -o app")).ok();
        let names = format!("postlink: section {section}: field {field} has no value: ");
        let unset = folder.run("./app").stderr;
        assert!(unset.starts_with(&names) && unset.ends_with(&format!("{root}=...\n")), "{unset}");
        let (start, _) = place_of(&folder, "app", &section);
        let mut image = folder.read("app");
        image[start + 80] = 99;
        folder.write("app", image);
        let damaged = folder.run("./app").stderr;
        assert!(damaged.ends_with(&format!(" --reset --set {field}=...\n")), "{damaged}");
    }
}
