//! Flags of Flink's `run` that are none of ours: the old family for YARN (`-m yarn-cluster -yjm 1g`), and what is of Java,
//! Python and savepoints. Each is taken for what it stands for here, said to mean nothing, or refused, all by one table.
//! Neither the help nor completions show them.

#[cfg(test)]
mod tests;

use std::ffi::OsString;

use clap::Error;
use clap::error::ErrorKind;
use selvedge_core::config::options::{high_availability, jobmanager, taskmanager, yarn};

use super::SettingArgs;
use super::settings::{mebibytes, set_by_flag};

/// What a flag is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// A flag of ours, with the same value.
    Option(&'static str),
    /// A flag of ours without a value.
    Switch(&'static str),
    /// The setting of this key.
    Setting(&'static str),
    /// The same of a size: a bare number counts MiB.
    Memory(&'static str),
    /// The same of a list: each adds to it.
    List(&'static str),
    /// The job.
    Job,
    /// The job's own parameters: all that follows.
    Parameters,
    /// Nothing, for this reason, and what it is given neither.
    Nothing(&'static str),
    /// The same without a value.
    EmptyNothing(&'static str),
    /// Without it something else would run than was asked for: what it is, and what to do.
    Refused(&'static str),
}

/// One of Flink's flags.
#[derive(Debug)]
struct FlinkFlag {
    /// Ours that know it.
    commands: &'static [&'static str],
    /// Without its dash.
    short: &'static str,
    /// Without its dashes.
    long: Option<&'static str>,
    meaning: Meaning,
}

const RUN: &[&str] = &["run", "run-application"];
const OF_A_JOB: &[&str] = &["run", "run-application", "info"];
const OF_A_CLUSTER: &[&str] = &["run", "run-application", "list", "cancel"];

const JAVA: &str = "is of a Java program, and there is no JVM here: give the job's file, or an executable that prints its \
                    graph or submits it";
const PYTHON: &str =
    "is of PyFlink, which has no meaning here: a program in Python is run as any executable is, selvedge run PROGRAM";
const SAVEPOINT: &str =
    "is of savepoints, and a job cannot be started from one yet: leave it out to start from nothing";
const CLUSTER_ID: &str = high_availability::CLUSTER_ID.key();

const TABLE: &[FlinkFlag] = &[
    flag(OF_A_CLUSTER, "e", "executor", Meaning::Option("--target")),
    flag(OF_A_CLUSTER, "z", "zookeeperNamespace", Meaning::Setting(CLUSTER_ID)),
    flag(
        OF_A_CLUSTER,
        "yz",
        "yarnzookeeperNamespace",
        Meaning::Setting(CLUSTER_ID),
    ),
    flag(
        OF_A_CLUSTER,
        "yid",
        "yarnapplicationId",
        Meaning::Setting(yarn::APPLICATION_ID.key()),
    ),
    FlinkFlag {
        commands: OF_A_CLUSTER,
        short: "yD",
        long: None,
        meaning: Meaning::Option("-D"),
    },
    flag(
        OF_A_CLUSTER,
        "v",
        "verbose",
        Meaning::EmptyNothing("SELVEDGE_LOG=debug shows what the client does"),
    ),
    flag(
        RUN,
        "yjm",
        "yarnjobManagerMemory",
        Meaning::Memory(jobmanager::TOTAL_PROCESS_MEMORY.key()),
    ),
    flag(
        RUN,
        "ytm",
        "yarntaskManagerMemory",
        Meaning::Memory(taskmanager::TOTAL_PROCESS_MEMORY.key()),
    ),
    flag(
        RUN,
        "ys",
        "yarnslots",
        Meaning::Setting(taskmanager::NUMBER_OF_TASK_SLOTS.key()),
    ),
    flag(RUN, "ynm", "yarnname", Meaning::Setting(yarn::APPLICATION_NAME.key())),
    flag(RUN, "yqu", "yarnqueue", Meaning::Setting(yarn::APPLICATION_QUEUE.key())),
    flag(
        RUN,
        "ynl",
        "yarnnodeLabel",
        Meaning::Setting(yarn::APPLICATION_NODE_LABEL.key()),
    ),
    flag(
        RUN,
        "yat",
        "yarnapplicationType",
        Meaning::Setting(yarn::APPLICATION_TYPE.key()),
    ),
    flag(RUN, "yt", "yarnship", Meaning::List(yarn::SHIP_FILES.key())),
    flag(RUN, "yd", "yarndetached", Meaning::Switch("--detached")),
    flag(
        RUN,
        "yj",
        "yarnjar",
        Meaning::Nothing("there is no jar, and the program stages itself"),
    ),
    flag(
        RUN,
        "yq",
        "yarnquery",
        Meaning::EmptyNothing("selvedge yarn-session -q shows nodes and queues"),
    ),
    flag(
        RUN,
        "yn",
        "yarncontainer",
        Meaning::Refused("is a number of workers, which come when jobs need them: leave it out"),
    ),
    flag(OF_A_JOB, "j", "jarfile", Meaning::Job),
    flag(OF_A_JOB, "a", "arguments", Meaning::Parameters),
    flag(OF_A_JOB, "c", "class", Meaning::Refused(JAVA)),
    flag(OF_A_JOB, "C", "classpath", Meaning::Refused(JAVA)),
    flag(OF_A_JOB, "py", "python", Meaning::Refused(PYTHON)),
    flag(OF_A_JOB, "pym", "pyModule", Meaning::Refused(PYTHON)),
    flag(OF_A_JOB, "pyfs", "pyFiles", Meaning::Refused(PYTHON)),
    flag(OF_A_JOB, "pyarch", "pyArchives", Meaning::Refused(PYTHON)),
    flag(OF_A_JOB, "pyreq", "pyRequirements", Meaning::Refused(PYTHON)),
    flag(OF_A_JOB, "pyexec", "pyExecutable", Meaning::Refused(PYTHON)),
    flag(OF_A_JOB, "pyclientexec", "pyClientExecutable", Meaning::Refused(PYTHON)),
    flag(OF_A_JOB, "pypath", "pyPythonPath", Meaning::Refused(PYTHON)),
    flag(RUN, "s", "fromSavepoint", Meaning::Refused(SAVEPOINT)),
    flag(RUN, "n", "allowNonRestoredState", Meaning::Refused(SAVEPOINT)),
    flag(RUN, "cm", "claimMode", Meaning::Refused(SAVEPOINT)),
    flag(RUN, "rm", "restoreMode", Meaning::Refused(SAVEPOINT)),
];

const fn flag(
    commands: &'static [&'static str],
    short: &'static str,
    long: &'static str,
    meaning: Meaning,
) -> FlinkFlag {
    FlinkFlag {
        commands,
        short,
        long: Some(long),
        meaning,
    }
}

/// A flag on a command line.
#[derive(Debug)]
pub(super) struct Typed {
    meaning: Meaning,
    /// With its dashes.
    name: String,
    /// What stands beside it.
    value: Option<OsString>,
}

impl Typed {
    /// What this word is, where it is one of Flink's flags for this command.
    pub(super) fn read(command: &str, word: &str) -> Option<Self> {
        let (name, value) = name_and_value(word);
        let is_it = |flag: &&FlinkFlag| match name.strip_prefix("--") {
            Some(long) => flag.long == Some(long),
            None => name.strip_prefix('-') == Some(flag.short),
        };
        let mut known = TABLE.iter().filter(|flag| flag.commands.contains(&command));
        let flag = known.find(is_it)?;
        Some(Self {
            meaning: flag.meaning,
            name: name.to_owned(),
            value: value.map(OsString::from),
        })
    }

    fn value(&mut self, following: &mut impl Iterator<Item = OsString>) -> Result<OsString, Error> {
        let value = self.value.take().or_else(|| following.next());
        value.ok_or_else(|| refusal(&format!("{} needs a value", self.name)))
    }

    fn text(&mut self, following: &mut impl Iterator<Item = OsString>) -> Result<String, Error> {
        let value = self.value(following)?;
        value
            .into_string()
            .map_err(|value| refusal(&format!("{} {} is no text", self.name, value.display())))
    }
}

/// `-yjm=1g` and `--yarnqueue=low`; `-yDkey=value`, as `-D`.
fn name_and_value(word: &str) -> (&str, Option<&str>) {
    match (word.strip_prefix("-yD"), word.split_once('=')) {
        (Some(setting), _) if !setting.is_empty() => ("-yD", Some(setting)),
        (None, Some((name, value))) => (name, Some(value)),
        _ => (word, None),
    }
}

/// What a command line with flags of Flink's says, but for the words of ours.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// Flag, key, value.
    settings: Vec<(String, &'static str, String)>,
    /// The job that `-j` names, and the parameter beside `-a`.
    pub(super) job: Vec<OsString>,
    /// Whether what follows is the job's own.
    pub(super) is_over: bool,
    /// A line for each flag that means nothing.
    pub(super) notes: Vec<String>,
}

impl Taken {
    /// Takes a flag, its value from the words that follow it; what is a flag of ours goes to `words`.
    pub(super) fn take(
        &mut self,
        mut flag: Typed,
        following: &mut impl Iterator<Item = OsString>,
        words: &mut Vec<OsString>,
    ) -> Result<(), Error> {
        match flag.meaning {
            Meaning::Option(ours) => words.extend([ours.into(), flag.value(following)?]),
            Meaning::Switch(_) | Meaning::EmptyNothing(_) if flag.value.is_some() => {
                return Err(refusal(&format!("{} takes no value", flag.name)));
            }
            Meaning::Switch(ours) => words.push(ours.into()),
            Meaning::Setting(key) => {
                let value = flag.text(following)?;
                self.settings.push((flag.name, key, value));
            }
            Meaning::Memory(key) => {
                let value = mebibytes(&flag.text(following)?);
                self.settings.push((flag.name, key, value));
            }
            Meaning::List(key) => {
                let value = flag.text(following)?;
                match self.settings.iter_mut().find(|(_, known, _)| *known == key) {
                    Some((_, _, list)) => *list = format!("{list};{value}"),
                    None => self.settings.push((flag.name, key, value)),
                }
            }
            Meaning::Job => self.job = vec![flag.value(following)?],
            Meaning::Parameters if self.job.is_empty() => {
                let text = format!(
                    "{} stands after -j JOB; a job without it is followed by its parameters",
                    flag.name
                );
                return Err(refusal(&text));
            }
            Meaning::Parameters => {
                self.job.extend(flag.value);
                self.is_over = true;
            }
            Meaning::Nothing(reason) => {
                let value = flag.text(following)?;
                let note = format!("{} {value} has no meaning here: {reason}", flag.name);
                self.notes.push(note);
            }
            Meaning::EmptyNothing(reason) => self.notes.push(format!("{} has no meaning here: {reason}", flag.name)),
            Meaning::Refused(reason) => return Err(refusal(&format!("{} {reason}", flag.name))),
        }
        Ok(())
    }

    /// Adds the settings that the flags stand for to those of the command line.
    pub(super) fn add_to(self, settings: &mut SettingArgs) -> Result<(), Error> {
        for (flag, key, value) in self.settings {
            set_by_flag(&mut settings.set, &flag, key, value).map_err(|error| refusal(&error.to_string()))?;
        }
        Ok(())
    }
}

/// A line for the user, as for a command line that cannot be understood.
fn refusal(line: &str) -> Error {
    Error::raw(ErrorKind::ArgumentConflict, format!("{line}\n"))
}
