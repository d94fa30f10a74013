//! Greets in both languages.

postlink::schema!("schema.toml");

unsafe extern "C" {
    safe fn greet();
}

fn main() {
    greet();
    for name in greeter::names() {
        println!("Rust: {}, {name}", greeter::greeting());
    }
}
