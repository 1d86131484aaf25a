//! `tandem completions` and `tandem manual`: what shells and man(1) know of the command line, made
//! of its definition, so that they cannot differ from it.

use std::path::PathBuf;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, Context};
use crate::error::Error;

#[derive(Clone, Debug, Args)]
pub(super) struct Completions {
    /// For which shell
    shell: Shell,
}

#[derive(Clone, Debug, Args)]
pub(super) struct Manual {
    /// The folder for the pages, one for each command
    folder: PathBuf,
}

/// Where each shell looks for it.
pub(super) const HELP: &str = "\
The packages install these scripts.

Examples:
  tandem completions bash > /usr/share/bash-completion/completions/tandem
  tandem completions fish > /usr/share/fish/vendor_completions.d/tandem.fish
  tandem completions zsh > /usr/share/zsh/vendor-completions/_tandem";

/// Writes the script that a shell reads.
pub(super) fn completions(arguments: &Completions, context: &mut Context<'_>) -> Result<(), Error> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "tandem", &mut script);
    Ok(context.out.write_all(&script)?)
}

/// Writes the pages.
pub(super) fn pages(arguments: &Manual) -> Result<(), Error> {
    Ok(clap_mangen::generate_to(Cli::command(), &arguments.folder)?)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn said(arguments: &[&str]) -> String {
        let mut out = Vec::new();
        Cli::parse_from(arguments).run(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn shells_learn_every_command() {
        for shell in ["bash", "fish", "zsh"] {
            let script = said(&["tandem", "completions", shell]);
            for command in Cli::command().get_subcommands().filter(|command| !command.is_hide_set())
            {
                assert!(script.contains(command.get_name()), "{shell}: {}", command.get_name());
            }
        }
    }

    #[test]
    fn every_command_has_a_page() {
        let folder = tempfile();
        said(&["tandem", "manual", folder.to_str().unwrap()]);
        for command in Cli::command().get_subcommands().filter(|command| !command.is_hide_set()) {
            let page = folder.join(format!("tandem-{}.1", command.get_name()));
            let text = std::fs::read_to_string(&page).unwrap();
            assert!(text.contains(".SH DESCRIPTION"), "{}", page.display());
        }
        std::fs::remove_dir_all(folder).unwrap();
    }

    /// Every command has an example, which is about itself.
    #[test]
    fn every_command_has_an_example() {
        fn look(command: &clap::Command, path: &str) {
            let name = format!("{path} {}", command.get_name()).trim().to_owned();
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let examples = help.split_once("Examples:\n").map_or("", |(_, examples)| examples);
            assert!(examples.contains(&format!("  {name}")), "{name} has no example: {help}");
            for line in examples.lines().filter(|line| !line.is_empty()) {
                assert!(line.starts_with("  ") && line.chars().count() <= 100, "{name}: {line}");
            }
            command.get_subcommands().for_each(|below| look(below, &name));
        }
        Cli::command().get_subcommands().for_each(|command| look(command, "tandem"));
    }

    /// What an example types, clap understands.
    #[test]
    fn examples_are_understood() {
        fn look(command: &clap::Command) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let examples = help.split_once("Examples:\n").map_or("", |(_, examples)| examples);
            for line in examples.lines() {
                // What stands behind it says what it is for.
                let typed = line.trim().split("   ").next().unwrap_or_default();
                let steps = typed.split(['|', '>', '&', ';', '<']);
                for step in steps.filter_map(|step| step.find("tandem ").map(|at| &step[at..])) {
                    let result = Cli::command().try_get_matches_from(step.split_whitespace());
                    if let Err(error) = result {
                        let is_help = error.kind() == clap::error::ErrorKind::DisplayHelp;
                        assert!(is_help, "{line}: {error}");
                    }
                }
            }
            command.get_subcommands().for_each(look);
        }
        look(&Cli::command());
    }

    fn tempfile() -> PathBuf {
        let folder = std::env::temp_dir().join(format!("tandem-manual-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }
}
