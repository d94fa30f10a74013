//! The generator of postlink, built from the crates of this tree.

fn main() -> std::process::ExitCode {
    postlink_codegen::generate::program()
}
