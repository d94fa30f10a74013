//! The command `postlink`.

fn main() -> std::process::ExitCode {
    postlink_patcher::cli::main()
}
