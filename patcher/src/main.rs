//! The command `postlink`.
#![forbid(unsafe_code)]

postlink::schema!("about.toml", version = env!("CARGO_PKG_VERSION"));

fn main() -> std::process::ExitCode {
    let built = [about::commit(), about::build_date()];
    let built: Vec<&str> = built.into_iter().filter(|text| !text.is_empty()).collect();
    let mut version = about::version().to_owned();
    if !built.is_empty() {
        version += &format!(" ({})", built.join(", "));
    }
    postlink_patcher::cli::main(version)
}
