//! `postlink completions`.

mod fields;

use super::talk::Exit;
use crate::error::Result;
use clap_complete::Shell;

pub(super) use fields::{COMMAND, print};

/// Print the completions for a shell
///
/// In bash, zsh and fish they also offer the names of a file's fields, and the values of an enum or a bool:
/// behind `fill FILE --set`, for one. The file is read for that, never run.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The shell: bash, elvish, fish, powershell or zsh
    #[arg(hide_possible_values = true)]
    shell: Shell,
}

pub(super) fn run(args: &Args, mut cli: clap::Command) -> Result<Exit> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut cli, "postlink", &mut text);
    let text = String::from_utf8_lossy(&text);
    super::talk::print(with_fields(args.shell, &text).trim_end());
    Ok(Exit::Done)
}

/// A script for a shell, which asks [`COMMAND`] for the names of fields too.
fn with_fields(shell: Shell, text: &str) -> String {
    match shell {
        // Ours is asked first, and the generated function for everything else.
        Shell::Bash => {
            let text = text.replace("complete -F _postlink ", "complete -F _postlink_with_fields ");
            // What a function answers with is put down as it is, and would be run; a file's name is quoted
            // where bash itself looks for it, which `-o default` says for an empty answer.
            let text = text.replace("COMPREPLY=($(compgen -f \"${cur}\"))", "COMPREPLY=()");
            format!("{}\n{text}", include_str!("fields.bash"))
        }
        Shell::Zsh => {
            let names = ["FIELD=VALUE", "FIELD=KEY", "FIELD=SOURCE", "FIELD[=FACT]", "NAME"];
            let text = names.iter().fold(text.to_owned(), |text, name| {
                text.replace(&format!(":{name}:_default'"), &format!(":{name}:_postlink_fields'"))
            });
            // With two colons, no option would be offered behind the first of these files.
            let text = text.replace("\n'*::", "\n'*:");
            // Deeper functions have other words, and see this variable.
            let start = "\n_postlink() {\n";
            let named = format!("{start}    local postlink_program=$words[1]\n");
            text.replacen(start, &format!("\n{}{named}", include_str!("fields.zsh")), 1)
        }
        Shell::Fish => {
            let mut text = format!("{text}\n{}", include_str!("fields.fish"));
            for (command, option) in fields::OPTIONS {
                let option = option.trim_start_matches("--");
                text += &format!(
                    "complete -c postlink -n \"__fish_postlink_using_subcommand {command}; and \
                     __postlink_names_no_path\" -l {option} -x -a \"(__postlink_fields)\"\n"
                );
            }
            text
        }
        _ => text.to_owned(),
    }
}
