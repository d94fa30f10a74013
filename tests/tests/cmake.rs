//! CMake's functions: the page that tells of them, and a project with each kind of target.
#![forbid(unsafe_code)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use postlink_tests::page::Page;
use postlink_tests::windows::wine;
use postlink_tests::{Folder, Run, fixture, postlink};

/// The folder of the project, with what a shell would read. (Ninja compiles again and again below one with a `&`.)
const PLACE: &str = "a project (of +)";

/// A folder with a project, for which CMake finds postlink.
struct Project {
    folder: Folder,
    place: &'static str,
}

impl Project {
    /// `tests/with-cmake`.
    fn with_cmake() -> Self {
        let folder = Folder::new();
        copy(&fixture("../with-cmake"), &folder.path(PLACE));
        Self { folder, place: PLACE }
    }

    /// One of these files.
    fn of(files: &[(&str, &str)]) -> Self {
        let folder = Folder::new();
        fs::create_dir(folder.path("project")).expect("a folder");
        let project = Self { folder, place: "project" };
        files.iter().for_each(|(name, text)| project.write(name, text));
        project
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path(self.place).join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect(name);
    }

    /// Runs a line in the project's folder, by a shell. What it installs comes to be in `stage`.
    fn run(&self, line: &str) -> Run {
        let prefixes = format!("CMAKE_PREFIX_PATH={}", fixture("../../patcher").display());
        let ours = postlink().parent().expect("a folder").display();
        let path = format!("PATH={ours}:{}", std::env::var("PATH").unwrap_or_default());
        let stage = format!("DESTDIR={}", self.path("stage").display());
        let folder = self.path("").display().to_string();
        let words = ["--chdir", &folder, &prefixes, &path, &stage, "sh", "-c", line];
        self.folder.run_words("env".as_ref(), &words)
    }

    /// Builds; how many files were generated and how many compiled.
    fn build(&self, folder: &str) -> (usize, usize) {
        let said = self.run(&format!("cmake --build {folder} -j4")).ok();
        (said.matches("Generating ").count(), said.matches("Building CXX").count())
    }

    /// Gives the schema a time that is later than that of all others.
    fn touch_schema(&self) {
        std::thread::sleep(Duration::from_millis(20));
        let file = fs::File::options().append(true).open(self.path("schema.toml"));
        file.and_then(|file| file.set_modified(SystemTime::now())).expect("the schema");
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).expect("an entry");
        if path.is_dir() {
            copy(&path, &to.join(name));
        } else {
            fs::copy(path, to.join(name)).expect("a file");
        }
    }
}

/// The files of the page's project.
fn page_files(page: &Page) -> Vec<(&'static str, String)> {
    vec![
        ("schema.toml", page.blocks("toml")[0].clone()),
        ("CMakeLists.txt", page.blocks("cmake")[0].clone()),
        ("lib.cc", page.blocks("cpp")[0].clone()),
        ("main.cc", page.blocks("cpp")[1].clone()),
    ]
}

/// The guide, with the oldest CMake that it names and with a new one.
#[test]
fn the_page() {
    let page = Page::read("patcher/guides/cmake.md");
    for tools in ["python-oldest", "python"] {
        let cmake = fixture("../../target").join(tools).join("bin/cmake").display().to_string();
        let version = Folder::new().run(&format!("{cmake} --version")).ok();
        let version = version.split_whitespace().nth(2).expect("a version").to_owned();
        assert!(
            page.text().contains(&version),
            "the page does not tell that CMake {version} is tried"
        );
        let folder = Folder::new();
        page_files(&page).iter().for_each(|(name, text)| folder.write(name, text));
        symlink(fixture("../..").canonicalize().expect("it"), folder.path("postlink"))
            .expect("a link");
        let said = page.run_with(tools, &folder);
        let printed =
            page.text().lines().filter(|line| line.starts_with("app ") && line.contains(" in /"));
        let printed: Vec<&str> = printed.collect();
        let lines: Vec<&str> = said.lines().filter(|line| line.starts_with("app ")).collect();
        assert_eq!(lines, printed, "{said}");
        // Between the second install and the first one, nothing was built.
        let second = said.split("app 2.1.0").nth(1).expect("the second version");
        assert!(!second.contains("Building"), "{second}");
    }
}

/// The page's project, with its target that fills in the build tree.
#[test]
fn filled_in_the_build_tree() {
    let page = Page::read("patcher/guides/cmake.md");
    let block =
        page.blocks("cmake").into_iter().find(|block| block.starts_with("add_custom_target"));
    let files = page_files(&page);
    let files: Vec<(&str, &str)> =
        files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let project = Project::of(&files);
    let lists = page.blocks("cmake")[0].clone() + &block.expect("the target");
    project.write("CMakeLists.txt", &lists);
    project.run("cmake -S . -B build -G Ninja -D CMAKE_INSTALL_PREFIX=/opt/app").ok();
    assert_eq!(project.build("build"), (1, 3));
    assert_eq!(project.run("build/main").ok(), "app 2.1.0 in /opt/app\n");
    project.write("CMakeLists.txt", &lists.replace("--set version=2.1.0", "--set version=2.2.0"));
    let said = project.run("cmake --build build").ok();
    assert!(!said.contains("Linking"), "{said}");
    assert_eq!(project.run("build/main").ok(), "app 2.2.0 in /opt/app\n");
}

/// The page's project, which fetches postlink; and how it is configured, from the folder that has it.
fn fetching() -> (Project, String) {
    let page = Page::read("patcher/guides/cmake.md");
    let fetch =
        page.blocks("cmake").into_iter().find(|block| block.starts_with("include(FetchContent"));
    let find = "find_package(postlink 0.1 REQUIRED)\n";
    let files = page_files(&page);
    let files: Vec<(&str, &str)> =
        files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let project = Project::of(&files);
    let lists = page.blocks("cmake")[0].replace(find, fetch.as_deref().expect("how it is fetched"));
    assert!(!lists.contains("find_package"), "{lists}");
    project.write("CMakeLists.txt", &lists);
    let root = fixture("../..").canonicalize().expect("the sources").display().to_string();
    let configure = format!(
        "unset CMAKE_PREFIX_PATH; cmake -S . -B build -D CMAKE_INSTALL_PREFIX=/opt/app \
         -D FETCHCONTENT_SOURCE_DIR_POSTLINK={root}"
    );
    (project, configure)
}

/// Cargo builds the program where it is wanted first.
#[test]
fn fetched() {
    for generator in ["Ninja", "Unix Makefiles"] {
        let (project, configure) = fetching();
        let target = postlink().ancestors().nth(2).expect("the target folder").display();
        project
            .run(&format!(
                "{configure} -G '{generator}' -D POSTLINK_CARGO_PROFILE=dev -D POSTLINK_CARGO_TARGET_DIR={target}"
            ))
            .ok();
        let said = project.run("cmake --build build -j4").ok();
        let (cargo, made) = (said.find("postlink with cargo"), said.find("Generating"));
        assert!(cargo.is_some() && cargo < made, "{said}");
        project.run("cmake --install build").ok();
        assert_eq!(project.run("stage/opt/app/bin/main").ok(), "app 2.1.0 in /opt/app\n");
    }
}

/// A program that is named is taken, if it runs, and cargo is not asked for one.
#[test]
fn fetched_with_a_program() {
    let (project, configure) = fetching();
    let said = project.run(&format!("{configure} -D POSTLINK_EXECUTABLE=/bin/false")).fails(1);
    assert!(said.contains("/bin/false does not run here"), "{said}");
    project.run(&format!("{configure} -D POSTLINK_EXECUTABLE={}", postlink().display())).ok();
    let said = project.run("cmake --build build -j4").ok();
    assert!(!said.contains("cargo"), "{said}");
    project.run("cmake --install build").ok();
    assert_eq!(project.run("stage/opt/app/bin/main").ok(), "app 2.1.0 in /opt/app\n");
}

/// What the installed project says, and that nothing but values differs from what was built.
fn installed(project: &Project, run: &str) {
    let said = project.run(&format!("{run} stage/opt/app/bin/main")).ok();
    assert_eq!(said, "app 2.1.0 in /opt/app/share/app\n");
    for tool in ["of-objects", "of-archive", "of-itself"] {
        let said = project.run(&format!("{run} stage/opt/app/bin/{tool}")).ok();
        assert_eq!(said, format!("{tool} in /opt/app\n"));
    }
}

/// Each target is generated once, and again when the schema changed; only what another text reaches
/// is compiled.
fn each_kind_of_target(preset: &str) {
    let project = Project::with_cmake();
    let build = format!("build-{preset}");
    project.run(&format!("cmake --preset {preset}")).ok();
    assert_eq!(project.build(&build), (4, 12));
    assert_eq!(project.build(&build), (0, 0));
    project.touch_schema();
    assert_eq!(project.build(&build), (4, 0));
    assert_eq!(project.build(&build), (0, 0));
    let schema = fs::read_to_string(project.path("schema.toml")).expect("the schema");
    // The field's capacity in the section of the library alone.
    project.write("schema.toml", &schema.replacen("capacity = 64", "capacity = 72", 1));
    project.touch_schema();
    assert_eq!(project.build(&build), (4, 3));
    // Another default, in the command alone.
    project.run(&format!("cmake --preset {preset} -D CMAKE_INSTALL_PREFIX=/opt/other")).ok();
    assert_eq!(project.build(&build), (1, 1));
    assert_eq!(project.run(&format!("{build}/main")).ok(), "app 2.0.0 in /opt/other/share/app\n");
    project.run(&format!("cmake --preset {preset} && cmake --build {build}")).ok();

    project.run(&format!("cmake --install {build}")).ok();
    installed(&project, "");
    let library = "libapp.so.2.0.0";
    project
        .run(&format!("postlink verify {build}/library/{library} stage/opt/app/lib/{library}"))
        .ok();
    project.run(&format!("postlink verify {build}/of-itself stage/opt/app/bin/of-itself")).ok();
    assert!(project.path("stage/opt/app/include/app/values.macros.gen.hh").exists());

    // Stripped first, then filled; into a tree that has filled files already.
    project.run(&format!("cmake --install {build} --strip")).ok();
    installed(&project, "");
    project.run(&format!("strip {build}/of-itself -o stripped")).ok();
    project.run("postlink verify stripped stage/opt/app/bin/of-itself").ok();
}

#[test]
fn each_kind_of_target_by_ninja() {
    each_kind_of_target("ninja");
}

#[test]
fn each_kind_of_target_by_make() {
    each_kind_of_target("make");
}

/// A component, a directory, another prefix; and packages, which have one only with a DESTDIR.
#[test]
fn parts_and_packages() {
    let project = Project::with_cmake();
    project.run("cmake --preset several").ok();
    project.run("cmake --build build-several --config Release -j4").ok();
    let said = project.run("cmake --install build-several --component tools").ok();
    assert_eq!(said.matches(" filled;").count(), 3, "{said}");
    let said = project
        .run("unset DESTDIR; cmake --install build-several/library --prefix \"$PWD/moved\"")
        .ok();
    assert_eq!(said.matches(" filled;").count(), 1, "{said}");
    let said = project.run("postlink inspect moved/lib/libapp.so --field prefix").ok();
    assert_eq!(said.trim_end(), project.path("moved").display().to_string());

    let pack = "cd build-several && unset DESTDIR && cpack -C Release -G TGZ";
    project.run(&format!("{pack} && tar --extract --file app.tar.gz")).ok();
    project
        .run("mv build-several/app stage-of-package && rm -r stage && mv stage-of-package stage")
        .ok();
    installed(&project, "");
    let said = project.run(&format!("{pack} -D CPACK_SET_DESTDIR=OFF")).fails_with_output(1);
    assert!(said.contains("set(CPACK_SET_DESTDIR"), "{said}");
}

/// The program is the one of this machine, and the library that it fills is not. Here, it and the files
/// of CMake are installed in a prefix whose `bin` is on PATH.
#[test]
fn for_other_machines() {
    let project = Project::with_cmake();
    fs::create_dir_all(project.path("prefix/bin")).expect("a prefix");
    symlink(postlink(), project.path("prefix/bin/postlink")).expect("a link");
    fs::create_dir_all(project.path("prefix/lib/cmake")).expect("a prefix");
    copy(&fixture("../../patcher/cmake"), &project.path("prefix/lib/cmake/postlink"));
    let installed = "unset CMAKE_PREFIX_PATH; PATH=$PWD/prefix/bin:$PATH";
    for preset in ["aarch64", "windows"] {
        let build = format!("cmake --build build-{preset} --target main -j4");
        project.run(&format!("{installed} cmake --preset {preset} && {build}")).ok();
        let program = format!(
            "POSTLINK_EXECUTABLE:FILEPATH={}",
            project.path("prefix/bin/postlink").display()
        );
        let cache = fs::read_to_string(project.path(&format!("build-{preset}/CMakeCache.txt")));
        assert!(cache.expect("the cache").contains(&program), "{program}");
        project.run(&format!("cmake --install build-{preset}/library --strip")).ok();
    }
    let expected = "app 2.1.0 in /opt/app/share/app\n";
    let libraries = "LD_LIBRARY_PATH=stage/opt/app/lib:/usr/aarch64-linux-gnu/lib";
    let emulator = "qemu-aarch64-static -L /usr/aarch64-linux-gnu -E";
    let said = project.run(&format!("{emulator} {libraries} build-aarch64/main")).ok();
    assert_eq!(said, expected);
    project.run("mv build-windows/main.exe stage/opt/app/bin/libapp.dll ..").ok();
    assert_eq!(wine(&project.folder, "./main.exe").ok(), expected);
}

/// Two programs of one name, installed by another directory than their own.
#[test]
fn files_of_one_name() {
    let lists = "cmake_minimum_required(VERSION 3.21)\nproject(n LANGUAGES CXX)\nfind_package(postlink REQUIRED)\n\
                 add_subdirectory(one)\nadd_subdirectory(two)\n\
                 install(TARGETS one DESTINATION bin/one COMPONENT one)\ninstall(TARGETS two DESTINATION bin/two)\n";
    let project = Project::of(&[("CMakeLists.txt", lists)]);
    for name in ["schema.toml", "tool.cc", "tool-main.cc"] {
        fs::copy(fixture("../with-cmake").join(name), project.path(name)).expect(name);
    }
    for name in ["one", "two"] {
        fs::create_dir(project.path(name)).expect(name);
        let lists = format!(
            "add_executable({name} ../tool.cc ../tool-main.cc)\n\
             set_target_properties({name} PROPERTIES OUTPUT_NAME same)\n\
             postlink_generate({name} SCHEMA ../schema.toml SECTION tool)\n\
             postlink_fill({name} SET name={name} ${{{name}}})\n"
        );
        project.write(&format!("{name}/CMakeLists.txt"), &lists);
    }
    project.run("cmake -S . -B build -G Ninja -D CMAKE_INSTALL_PREFIX=/usr").ok();
    project.run("cmake --build build").ok();
    let said = project.run("cmake --install build").fails(1);
    assert!(said.contains("DESTINATION FOLDER"), "{said}");
    let said = project.run("cmake --install build --component one").fails(1);
    assert!(said.contains("DESTINATION FOLDER"), "{said}");
    project.run("cmake build '-Done=DESTINATION;bin/one' '-Dtwo=DESTINATION;/usr/bin/two/'").ok();
    project.run("cmake --install build").ok();
    for name in ["one", "two"] {
        assert_eq!(project.run(&format!("stage/usr/bin/{name}/same")).ok(), format!("{name}\n"));
    }
    project.run("cmake build '-Dtwo=DESTINATION;elsewhere'").ok();
    let said = project.run("cmake --install build").fails(1);
    assert!(said.contains("no same is installed in elsewhere"), "{said}");
}

/// A target that its own directory installs and another one again, into another folder or the same.
#[test]
fn installed_twice() {
    let lists = "cmake_minimum_required(VERSION 3.21)\nproject(n LANGUAGES CXX)\nfind_package(postlink REQUIRED)\n\
                 add_subdirectory(sub)\ninstall(TARGETS tool DESTINATION ${AGAIN})\n";
    let sub = "add_executable(tool ../tool.cc ../tool-main.cc)\n\
               postlink_generate(tool SCHEMA ../schema.toml)\n\
               postlink_fill(tool SET name=filled ${MORE})\ninstall(TARGETS tool DESTINATION bin)\n";
    let project = Project::of(&[("CMakeLists.txt", lists)]);
    for name in ["schema.toml", "tool.cc", "tool-main.cc"] {
        fs::copy(fixture("../with-cmake").join(name), project.path(name)).expect(name);
    }
    fs::create_dir(project.path("sub")).expect("a folder");
    project.write("sub/CMakeLists.txt", sub);
    project.run("cmake -S . -B build -D CMAKE_INSTALL_PREFIX=/usr -D AGAIN=plugins").ok();
    project.run("cmake --build build").ok();
    let said = project.run("cmake --install build").fails(1);
    assert!(said.contains("/usr/bin/tool, /usr/plugins/tool; name the folders"), "{said}");
    for (again, more) in [("plugins", "DESTINATION;bin;plugins"), ("bin", "")] {
        project.run(&format!("cmake build -D AGAIN={again} '-DMORE={more}'")).ok();
        project.run("rm -r stage && cmake --install build").ok();
        for folder in ["bin", again] {
            let said = project.run(&format!("stage/usr/{folder}/tool")).ok();
            assert_eq!(said, "filled\n", "{folder}");
        }
    }
}

/// A value of brackets is no code, and a file may have its form in front.
#[test]
fn values_are_as_they_are_given() {
    let text = "[[]==]) message(FATAL_ERROR x) set([==[ ]] []===";
    let lists = format!(
        "cmake_minimum_required(VERSION 3.21)\nproject(n LANGUAGES CXX)\nfind_package(postlink REQUIRED)\n\
         foreach(name one two)\n  add_executable(${{name}} tool.cc tool-main.cc)\n\
         postlink_generate(${{name}} SCHEMA schema.toml SECTION tool)\nendforeach()\n\
         postlink_fill(one SET \"name={text}\")\npostlink_fill(two VALUES status:info.txt)\n\
         install(TARGETS one two)\n"
    );
    let project = Project::of(&[("CMakeLists.txt", &lists), ("info.txt", "name of a file\n")]);
    for name in ["schema.toml", "tool.cc", "tool-main.cc"] {
        fs::copy(fixture("../with-cmake").join(name), project.path(name)).expect(name);
    }
    project.run("cmake -S . -B build -D CMAKE_INSTALL_PREFIX=/usr && cmake --build build").ok();
    project.run("cmake --install build").ok();
    assert_eq!(project.run("stage/usr/bin/one").ok(), format!("{text}\n"));
    assert_eq!(project.run("stage/usr/bin/two").ok(), "of a file\n");
}

/// Wrong calls are refused when CMake configures, with what is wrong.
#[test]
fn refused() {
    let lists = "cmake_minimum_required(VERSION 3.21)\nproject(n LANGUAGES CXX)\n\
                 find_package(postlink ${VERSION} REQUIRED)\nadd_library(face INTERFACE)\n\
                 add_executable(top main.cc)\nadd_executable(n::top ALIAS top)\n\
                 add_library(objects OBJECT main.cc)\ninclude(wrong.cmake)\n";
    let project = Project::of(&[
        ("CMakeLists.txt", lists),
        ("main.cc", "int main() {}\n"),
        ("wrong.cmake", ""),
        ("schema.toml", "[section.top]\n"),
    ]);
    project.run("cmake -S . -B build").ok();
    for version in ["0", "0.1", "0.1.0"] {
        project.run(&format!("cmake build -D VERSION={version}")).ok();
    }
    project.run("cmake build -U VERSION").ok();
    let refused = |call: &str, words: &str| {
        project.write("wrong.cmake", call);
        let said = project.run("cmake build").fails(1);
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(words), "{call}: {said}");
    };
    let schema = "SCHEMA schema.toml";
    refused(&format!("postlink_generate(face {schema})"), "of the type INTERFACE_LIBRARY");
    refused(&format!("postlink_generate(n::top {schema})"), "another name of top");
    refused(&format!("postlink_generate(nobody {schema})"), "no target of this name yet");
    refused("postlink_generate(top)", "SCHEMA FILE is missing");
    refused(
        &format!("postlink_generate(objects {schema})"),
        "no section objects; name one with SECTION",
    );
    refused("postlink_generate(top schema.toml)", "does not know `schema.toml`");
    refused(&format!("postlink_generate(top {schema} DEFAULT)"), "nothing follows DEFAULT");
    refused(
        &format!("postlink_generate(top {schema})\npostlink_generate(top {schema})"),
        "called twice",
    );
    refused("postlink_fill(objects SET a=1)", "of the type OBJECT_LIBRARY");
    refused("postlink_fill(top)", "no value is given");
    refused("postlink_fill(top SET a=1)\npostlink_fill(top SET b=1)", "called twice");
    // Each of them would have become another value.
    for value in ["a;b", "[", "a[b;c]", "a\\\\"] {
        refused(
            &format!("postlink_generate(top {schema} DEFAULT \"a={value}\")"),
            "CMake cannot carry",
        );
        refused(&format!("postlink_fill(top SET \"a={value}\" b=1)"), "CMake cannot carry");
        refused(&format!("postlink_fill(top VALUES f SET \"a={value}\")"), "CMake cannot carry");
    }
    project.write("wrong.cmake", "");
    let said = project.run("cmake build -D POSTLINK_EXECUTABLE=/bin/false").fails(1);
    assert!(said.contains("does not run here"), "{said}");
    for version in ["0.0", "0.2", "1"] {
        let said = project
            .run(&format!(
                "cmake build -D POSTLINK_EXECUTABLE=- -U POSTLINK_EXECUTABLE -D VERSION={version}"
            ))
            .fails(1);
        assert!(said.contains("postlink-config.cmake, version: 0.1"), "{said}");
    }
}

/// What a generator expression becomes is as little cut or joined as what stands in the call.
#[test]
fn generator_expressions() {
    let lists = "cmake_minimum_required(VERSION 3.21)\nproject(n LANGUAGES CXX)\nfind_package(postlink REQUIRED)\n\
                 add_executable(tool tool.cc tool-main.cc)\npostlink_generate(tool SCHEMA schema.toml)\n\
                 set_target_properties(tool PROPERTIES MANY \"b;--set;name=evil\" BRACKET \"b]==] [==[--version\")\n\
                 install(TARGETS tool)\ninclude(call.cmake)\n";
    let project = Project::of(&[("CMakeLists.txt", lists)]);
    for name in ["schema.toml", "tool.cc", "tool-main.cc"] {
        fs::copy(fixture("../with-cmake").join(name), project.path(name)).expect(name);
    }
    let install = |generator: &str, words: &str| {
        project.write("call.cmake", &format!("postlink_fill(tool {words})\n"));
        let build = format!("'build {generator}'");
        let configure =
            format!("cmake -S . -B {build} -G '{generator}' -D CMAKE_INSTALL_PREFIX=/usr");
        project.run(&format!("{configure} && cmake --build {build} --config Release")).ok();
        project.run(&format!("cmake --install {build} --config Release"))
    };
    for value in ["a\\\\$<SEMICOLON>b", "$<TARGET_PROPERTY:tool,MANY>"] {
        let said = install("Ninja", &format!("SET \"name={value}\"")).fails(1);
        assert!(said.contains("cannot carry a `;`"), "{value}: {said}");
    }
    for generator in ["Ninja", "Ninja Multi-Config"] {
        // An option that is empty is none.
        let option = "OPTIONS $<$<CONFIG:None>:--nonsense>";
        install(generator, &format!("SET name=$<TARGET_PROPERTY:tool,BRACKET> {option}")).ok();
        assert_eq!(project.run("stage/usr/bin/tool").ok(), "b]==] [==[--version\n");
    }
    install("Ninja", "SET $<$<CONFIG:None>:name=a>").fails(1);
}

/// The files of CMake are of the version that the program is of.
#[test]
fn one_version() {
    let path = fixture("../../patcher/cmake/postlink-config-version.cmake");
    let text = fs::read_to_string(path).expect("the version");
    let version = env!("CARGO_PKG_VERSION");
    assert!(text.contains(&format!("set(PACKAGE_VERSION {version})\n")), "{version}");
}
