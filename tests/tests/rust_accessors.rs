//! The generated Rust module, compiled into this very program.

include!("../golden/shared.rs");

use postlink_tests::{Folder, fixture};

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
        println!("{} end", shared::home());
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
    assert!(asked.contains("true somebody High [\"x\"] [] /home end"), "{asked}");
}
