//! `selvedge completion` and `selvedge manual`: what shells and `man` know of the command line.

mod short_flags;

use std::path::Path;

use clap_complete::Shell;

use super::args::Cli;
use super::error::{CommandError, Ended};
use super::exit::ExitKind;
use super::terminal;

/// Prints the shell's completions.
pub(super) fn completion(shell: Shell) -> Result<Ended, CommandError> {
    terminal::print(&script(shell))?;
    Ok(Ended::Done)
}

fn script(shell: Shell) -> String {
    let mut text = Vec::new();
    let mut command = Cli::shown();
    clap_complete::generate(shell, &mut command, "selvedge", &mut text);
    short_flags::added(shell, &String::from_utf8_lossy(&text))
}

/// Writes a page for the command and one for each subcommand: `selvedge.1`, `selvedge-run.1` and so on.
pub(super) fn manual(directory: &Path) -> Result<Ended, CommandError> {
    let command = Cli::shown();
    let written = std::fs::create_dir_all(directory).and_then(|()| clap_mangen::generate_to(command, directory));
    written.map_err(|error| {
        let text = format!("the manual cannot be written to {}: {error}", directory.display());
        CommandError::new(ExitKind::Failed, text)
    })?;
    Ok(Ended::Done)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn every_command_that_people_use_has_a_page_and_the_roles_have_none() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("man1");
        manual(&directory).unwrap();
        let command = Cli::command();
        for subcommand in command.get_subcommands() {
            let page = directory.join(format!("selvedge-{}.1", subcommand.get_name()));
            assert_eq!(page.is_file(), !subcommand.is_hide_set(), "{}", page.display());
        }
        let page = std::fs::read_to_string(directory.join("selvedge-run.1")).unwrap();
        assert!(page.contains("detached") && page.contains("parallelism"), "{page}");
        let page = std::fs::read_to_string(directory.join("selvedge-yarn-session.1")).unwrap();
        assert!(page.contains("[\\-jm]"), "{page}");
        let page = std::fs::read_to_string(directory.join("selvedge.1")).unwrap();
        assert!(page.contains("Exit codes"), "{page}");
    }
}
