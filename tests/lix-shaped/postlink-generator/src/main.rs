//! The command `postlink`, built from the crates of this tree.

fn main() -> std::process::ExitCode {
    postlink_patcher::cli::main("in tree".to_owned())
}
