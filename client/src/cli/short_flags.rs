//! Flink's short flags of several letters. The command-line parser knows short flags of one letter only: these are turned
//! into their long forms before it sees them, and shown in the help, both by one table.

use std::ffi::OsString;

use clap::{Arg, Command};

use super::flink_flags::{Taken, Typed};

const END_OF_OPTIONS: &str = "--";

/// Subcommand, short flag without its dash, long form.
const SHORT_FLAGS: &[(&str, &str, &str)] = &[
    ("run", "sae", "shutdownOnAttachedExit"),
    ("run-application", "sae", "shutdownOnAttachedExit"),
    ("yarn-session", "at", "applicationType"),
    ("yarn-session", "id", "applicationId"),
    ("yarn-session", "jm", "jobManagerMemory"),
    ("yarn-session", "nl", "nodeLabel"),
    ("yarn-session", "nm", "name"),
    ("yarn-session", "qu", "queue"),
    ("yarn-session", "tm", "taskManagerMemory"),
    ("yarn-session", "yd", "yarndetached"),
];

/// The short flags of a subcommand, without their dashes, and their long forms.
pub(super) fn of(subcommand: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let own = SHORT_FLAGS.iter().filter(move |(owner, ..)| *owner == subcommand);
    own.map(|(_, short, long)| (*short, *long))
}

/// The command with its short flags in the help.
pub(super) fn shown(mut command: Command) -> Command {
    let owners: Vec<_> = command
        .get_subcommands()
        .map(|owner| owner.get_name().to_owned())
        .collect();
    for owner in owners.iter().filter(|owner| of(owner).next().is_some()) {
        command = command.mut_subcommand(owner, |subcommand| subcommand.mut_args(|arg| with_short(owner, arg)));
    }
    command
}

fn with_short(owner: &str, arg: Arg) -> Arg {
    let short = of(owner).find(|(_, long)| arg.get_long() == Some(*long));
    match (short, arg.get_help().cloned()) {
        (Some((short, _)), Some(help)) => arg.help(format!("[-{short}] {help}")),
        _ => arg,
    }
}

/// A command line as the parser knows it.
#[derive(Debug, Default)]
pub(super) struct Expanded {
    /// With long forms in place of short flags of several letters, and without flags that only Flink has.
    pub(super) words: Vec<OsString>,
    /// What those say.
    pub(super) taken: Taken,
}

/// Reads the words of a command line, the program's name first. What follows a job is the job's own.
pub(super) fn expanded(command: &Command, words: impl IntoIterator<Item = OsString>) -> Result<Expanded, clap::Error> {
    let mut words = words.into_iter();
    let mut expanded = Expanded::default();
    expanded.words.extend(words.next());
    // What stands before the subcommand takes no values.
    for word in words.by_ref() {
        let is_option = word.as_encoded_bytes().starts_with(b"-");
        expanded.words.push(word);
        if !is_option {
            break;
        }
    }
    let name = expanded
        .words
        .last()
        .and_then(|word| word.to_str())
        .unwrap_or_default()
        .to_owned();
    if let Some(subcommand) = command.find_subcommand(&name) {
        expanded.read_options(subcommand, &mut words)?;
    }
    expanded.words.extend(words);
    Ok(expanded)
}

impl Expanded {
    /// Reads up to the first word that is no option, and puts the job that a flag names before it.
    fn read_options(
        &mut self,
        subcommand: &Command,
        words: &mut impl Iterator<Item = OsString>,
    ) -> Result<(), clap::Error> {
        let name = subcommand.get_name();
        let mut last = None;
        while !self.taken.is_over
            && let Some(word) = words.next()
        {
            let Some(text) = word.to_str() else {
                self.words.push(word);
                continue;
            };
            if text == END_OF_OPTIONS || !text.starts_with('-') {
                last = Some(word);
                break;
            }
            if let Some(flag) = Typed::read(name, text) {
                self.taken.take(flag, words, &mut self.words)?;
                continue;
            }
            let text = long_form(name, text).unwrap_or_else(|| text.to_owned());
            let takes_next = takes_next_word(subcommand, &text);
            self.words.push(text.into());
            if takes_next {
                self.words.extend(words.next());
            }
        }
        // The parser would take its own flags for its own, though they stand behind a program.
        let is_of_a_job = subcommand.get_positionals().any(Arg::is_trailing_var_arg_set);
        if is_of_a_job && (last.is_some() || !self.taken.job.is_empty()) {
            self.words.push(END_OF_OPTIONS.into());
            last = last.filter(|word| word != END_OF_OPTIONS);
        }
        self.words.append(&mut self.taken.job);
        self.words.extend(last);
        Ok(())
    }
}

/// `-jm` and `-jm=1g`.
fn long_form(subcommand: &str, word: &str) -> Option<String> {
    let flag = word.strip_prefix('-')?;
    let (flag, value) = match flag.split_once('=') {
        Some((flag, value)) => (flag, Some(value)),
        None => (flag, None),
    };
    let (_, long) = of(subcommand).find(|(short, _)| *short == flag)?;
    Some(match value {
        Some(value) => format!("--{long}={value}"),
        None => format!("--{long}"),
    })
}

/// Whether the value of this option is the next word.
fn takes_next_word(subcommand: &Command, word: &str) -> bool {
    let is_it = |arg: &&Arg| match word.strip_prefix("--") {
        Some(long) => arg.get_long() == Some(long),
        None => arg.get_short().is_some_and(|short| word == format!("-{short}")),
    };
    let found = subcommand.get_arguments().find(is_it);
    found.is_some_and(|arg| arg.get_action().takes_values())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    fn expand(line: &str) -> String {
        let words = line.split(' ').map(OsString::from);
        let expanded = expanded(&Cli::command(), words).unwrap();
        let words: Vec<_> = expanded.words.iter().map(|word| word.to_str().unwrap()).collect();
        words.join(" ")
    }

    #[test]
    fn each_flag_of_the_table_is_one_of_its_command_and_shown_in_its_help() {
        let command = shown(Cli::command());
        for (owner, short, long) in SHORT_FLAGS {
            let owner = command.find_subcommand(owner).unwrap();
            let arg = owner.get_arguments().find(|arg| arg.get_long() == Some(long)).unwrap();
            let help = arg.get_help().unwrap().to_string();
            assert!(help.starts_with(&format!("[-{short}] ")), "{help}");
        }
    }

    #[test]
    fn short_flags_of_several_letters_are_those_of_their_command_only() {
        for (typed, read) in [
            (
                "selvedge yarn-session -jm 1g -tm=2g -D -tm -d -id a",
                "selvedge yarn-session --jobManagerMemory 1g --taskManagerMemory=2g -D -tm -d --applicationId a",
            ),
            (
                "selvedge run -sae -p 2 j",
                "selvedge run --shutdownOnAttachedExit -p 2 -- j",
            ),
            (
                "selvedge run -p 2 j -sae --nm -sae",
                "selvedge run -p 2 -- j -sae --nm -sae",
            ),
            (
                "selvedge -q --no-color yarn-session -jm 1g",
                "selvedge -q --no-color yarn-session --jobManagerMemory 1g",
            ),
            ("selvedge run -- j -d", "selvedge run -- j -d"),
            ("selvedge run -jm 1g j", "selvedge run -jm -- 1g j"),
            ("selvedge info -sae j", "selvedge info -sae -- j"),
            ("selvedge", "selvedge"),
        ] {
            assert_eq!(expand(typed), read);
        }
    }
}
