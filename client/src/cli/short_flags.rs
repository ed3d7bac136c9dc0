//! Flink's short flags of several letters. The command-line parser knows short flags of one letter only: these are turned
//! into their long forms before it sees them, and shown in the help, both by one table.

use std::ffi::OsString;

use clap::{Arg, Command};

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

fn of(subcommand: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
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

/// The words of a command line, the program's name first, with long forms in place of short flags of several letters. What
/// follows a job is the job's own.
pub(super) fn expanded(command: &Command, words: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut words = words.into_iter();
    let mut expanded: Vec<OsString> = words.by_ref().take(1).collect();
    // What stands before the subcommand takes no values.
    for word in words.by_ref() {
        let is_option = word.as_encoded_bytes().starts_with(b"-");
        expanded.push(word);
        if !is_option {
            break;
        }
    }
    let name = expanded.last().and_then(|word| word.to_str()).unwrap_or_default();
    let subcommand = command.find_subcommand(name);
    let (Some(subcommand), true) = (subcommand, of(name).next().is_some()) else {
        expanded.extend(words);
        return expanded;
    };
    let subcommand_name = name.to_owned();
    while let Some(word) = words.next() {
        let Some(text) = word.to_str() else {
            expanded.push(word);
            continue;
        };
        if text == "--" || !text.starts_with('-') {
            expanded.push(word);
            break;
        }
        let text = long_form(&subcommand_name, text).unwrap_or_else(|| text.to_owned());
        let takes_next = takes_next_word(subcommand, &text);
        expanded.push(text.into());
        if takes_next {
            expanded.extend(words.next());
        }
    }
    expanded.extend(words);
    expanded
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
        let expanded = expanded(&Cli::command(), words);
        let words: Vec<_> = expanded.iter().map(|word| word.to_str().unwrap()).collect();
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
                "selvedge run --shutdownOnAttachedExit -p 2 j",
            ),
            (
                "selvedge run -p 2 j -sae --nm -sae",
                "selvedge run -p 2 j -sae --nm -sae",
            ),
            (
                "selvedge -q --no-color yarn-session -jm 1g",
                "selvedge -q --no-color yarn-session --jobManagerMemory 1g",
            ),
            ("selvedge run -jm 1g j", "selvedge run -jm 1g j"),
            ("selvedge info -sae j", "selvedge info -sae j"),
            ("selvedge", "selvedge"),
        ] {
            assert_eq!(expand(typed), read);
        }
    }
}
