//! `selvedge version`: what `--version` prints, for scripts too.

use clap::CommandFactory;
use serde_json::{Value, json};

use super::args::Cli;
use super::config::{OutputArgs, print_json};
use super::error::{CommandError, Ended};
use super::terminal;

pub(super) fn version(output: OutputArgs) -> Result<Ended, CommandError> {
    if output.is_json() {
        print_json(&described())?;
    } else {
        terminal::print(&Cli::command().render_version())?;
    }
    Ok(Ended::Done)
}

fn described() -> Value {
    let command = Cli::command();
    json!({"name": command.get_name(), "version": command.get_version()})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_say_the_same() {
        let told = described();
        assert_eq!(told["version"], env!("CARGO_PKG_VERSION"));
        let line = format!(
            "{} {}\n",
            told["name"].as_str().unwrap(),
            told["version"].as_str().unwrap()
        );
        assert_eq!(Cli::command().render_version(), line);
    }
}
