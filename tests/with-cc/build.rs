//! Generates the C++ half of the record, and compiles it.

fn main() -> Result<(), postlink_codegen::generate::Error> {
    let greeter =
        postlink_codegen::Build::new("schema.toml").default("names", "nobody").generate()?;
    println!("cargo::rerun-if-changed=src/greeter.cc");
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .include(greeter.include)
        .file(greeter.source)
        .file("src/greeter.cc")
        .compile("greeter");
    Ok(())
}
