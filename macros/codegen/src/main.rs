//! The command `postlink-generate`.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    postlink_codegen::generate::program()
}
