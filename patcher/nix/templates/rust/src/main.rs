postlink::schema!("schema.toml");

fn main() {
    println!("{}", app::version());
}
