//! The generated Rust module, compiled into this very program.

include!("../golden/shared.rs");

use postlink_tests::{Folder, fixture, readers_agree};

#[test]
fn every_value_is_read_as_declared() {
    assert!(!shared::is_specialized());
    assert_eq!(shared::name(), "nobody");
    assert_eq!(shared::level(), shared::Level::Low);
    assert_eq!(shared::items().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(shared::items().len(), 2);
    assert_eq!(shared::key(), [1]);
    let stopped = std::panic::catch_unwind(shared::home).expect_err("it is required");
    let said = stopped.downcast::<String>().expect("a sentence");
    assert!(
        said.contains("shared: field home has no value") && said.contains("--set home="),
        "{said}"
    );
}

/// A copy of this program is filled and asked.
#[test]
fn the_program_reads_what_is_filled() {
    let name = "POSTLINK_TEST_ASK";
    if std::env::var_os(name).is_some() {
        let items: Vec<&str> = shared::items().collect();
        print!(
            "{} {} {:?} {items:?} {:?} ",
            shared::is_specialized(),
            shared::name(),
            shared::level(),
            shared::key()
        );
        println!("{} {} end", shared::ready(), shared::home());
        return;
    }
    let folder = Folder::new();
    std::fs::copy(std::env::current_exe().expect("this program"), folder.path("copy"))
        .expect("a copy");
    let schema = fixture("rust_owned.toml").display().to_string();
    let line = "--set name=somebody --set level=high --set items=x --set key= --set home=/home";
    folder.postlink(&format!("fill copy --schema {schema} {line}")).ok();
    let line = format!("env {name}=1 ./copy --exact the_program_reads_what_is_filled --nocapture");
    let asked = folder.run(&line).ok();
    readers_agree(&folder, "copy");
    assert!(asked.contains("true somebody High [\"x\"] [] false /home end"), "{asked}");
}

/// What the checksum would show stops the accessor as well, before a wrong value is used.
#[test]
fn damaged_values_stop_the_program() {
    let folder = Folder::new();
    std::fs::copy(std::env::current_exe().expect("this program"), folder.path("copy"))
        .expect("a copy");
    folder.postlink("fill copy --set name=somebody --set home=/home").ok();
    let good = folder.read("copy");
    let (offset, layout) = postlink_tests::place_of(&folder, "copy", "shared");
    // The code of the enum; the count of the list; a string's UTF-8; a NUL inside it; none behind it; a bool.
    let places = [
        (layout.values[1], 9, "level"),
        (layout.states[2] + 8, 9, "items"),
        (layout.values[0] + 1, 0xff, "name"),
        (layout.values[0] + 1, 0, "name"),
        (layout.states[0] + 4, 3, "name"),
        (layout.values[5], 2, "ready"),
    ];
    for (at, byte, field) in places {
        let mut bad = good.clone();
        bad[offset + at as usize] = byte;
        folder.write("bad", &bad);
        folder.run("chmod +x bad").ok();
        let line =
            "env POSTLINK_TEST_ASK=1 ./bad --exact the_program_reads_what_is_filled --nocapture";
        let run = folder.run(line);
        let said = run.stdout + &run.stderr;
        assert!(said.contains(&format!("field {field}: the record is damaged")), "{field} {said}");
    }
}
