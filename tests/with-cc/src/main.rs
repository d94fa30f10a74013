//! Greets in both languages.

postlink::schema!("schema.toml");

// SAFETY: src/greeter.cc defines it so: it takes and returns nothing, and may be called at any time.
#[expect(unsafe_code, reason = "it calls a function of C++")]
unsafe extern "C" {
    safe fn greet();
}

fn main() {
    greet();
    for name in greeter::names() {
        println!("Rust: {}, {name}", greeter::greeting());
    }
}
