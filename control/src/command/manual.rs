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
pub(super) const HELP: &str = "The packages install these scripts. By hand:
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

    fn tempfile() -> PathBuf {
        let folder = std::env::temp_dir().join(format!("tandem-manual-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }
}
