//! What the command line may say.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use selvedge_core::{Configuration, JobId};

use super::config::{ConfigArgs, OutputArgs};
use super::flink_flags::Taken;
use super::short_flags::Expanded;
use super::{MemoryArgs, YarnSessionArgs, exit, short_flags};

/// Run stream and batch jobs on Apache Hadoop YARN, or right here.
#[derive(Debug, Parser)]
#[command(name = "selvedge", version, max_term_width = 110)]
pub struct Cli {
    /// Write nothing but errors and warnings to standard error: no progress, no notes.
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Write without colours, as where the variable NO_COLOR is set.
    #[arg(long, global = true)]
    pub no_color: bool,
    /// A line for each flag of Flink's that was taken and means nothing here.
    #[arg(skip)]
    pub notes: Vec<String>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const JOB_PARAMETERS: &str = "JOB PARAMETERS";
const NO_COLOR: &str = "--no-color";

impl Cli {
    /// The command with all that its help and its manual show.
    pub(super) fn shown() -> clap::Command {
        short_flags::shown(Self::command()).after_long_help(exit::help())
    }

    /// Reads a command line, the program's name first.
    ///
    /// # Errors
    /// What clap says; help and version too.
    pub fn read(words: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let mut command = Self::shown();
        let Expanded { words, taken } = short_flags::expanded(&command, words)?;
        // Help and errors are written before anybody has read the command line.
        if words.iter().any(|word| word == NO_COLOR) {
            command = command.color(ColorChoice::Never);
        }
        let matches = command.try_get_matches_from(words);
        let read = matches.and_then(|matches| Self::from_arg_matches(&matches));
        let mut read = read.map_err(with_advice)?;
        read.take_over(taken)?;
        Ok(read)
    }

    fn take_over(&mut self, mut taken: Taken) -> Result<(), clap::Error> {
        self.notes = std::mem::take(&mut taken.notes);
        let settings = match &mut self.command {
            Command::Run(arguments) | Command::RunApplication(arguments) => &mut arguments.job.settings,
            Command::List(arguments) => &mut arguments.asked.settings,
            Command::Cancel(arguments) => &mut arguments.asked.settings,
            // Flink's flags of the others are no settings.
            _ => return Ok(()),
        };
        taken.add_to(settings)
    }
}

/// A job's parameter before its file is an unknown option to clap.
fn with_advice(mut error: clap::Error) -> clap::Error {
    let takes_parameters = |usage: &ContextValue| usage.to_string().contains(JOB_PARAMETERS);
    let is_misplaced =
        error.kind() == ErrorKind::UnknownArgument && error.get(ContextKind::Usage).is_some_and(takes_parameters);
    if is_misplaced {
        // A similar option is told already.
        let advice = match error.get(ContextKind::SuggestedArg) {
            Some(_) => Vec::new(),
            None => vec!["the parameters of the job itself stand after its file: <JOB> --NAME VALUE".into()],
        };
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(advice));
    }
    error
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a job or a program: in this process, in a session, or in an application of its own on YARN.
    Run(RunArgs),
    /// Run a program, or a job, in an application on YARN whose master runs the program too.
    RunApplication(RunArgs),
    /// List the jobs of a session.
    List(ListJobsArgs),
    /// Cancel a job.
    Cancel(CancelArgs),
    /// Start a session on YARN, or attend one that is there.
    YarnSession(YarnSessionArgs),
    /// Draw a job's graph: vertices, chains and why they end, parallelism, partitioners, schemas.
    Info(InfoArgs),
    /// Show how the memory of a worker or the master is divided: Flink's model, to the byte.
    Memory(MemoryArgs),
    /// Print the JSON Schema of a file form.
    Schema {
        /// Which file form.
        #[arg(value_enum)]
        form: SchemaForm,
    },
    /// Print the version.
    Version {
        /// How.
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Show what is configured and by whom, explain options, check files.
    Config(ConfigArgs),
    /// Print the completions of a shell, to be put where it looks for them.
    Completion {
        /// Which shell.
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Start a master by hand that takes jobs until it is told to end.
    StandaloneSession(RoleArgs),
    /// Start a master by hand that runs one job and ends with it.
    StandaloneJob(JobArgs),
    /// Start a worker by hand, for a master that was.
    StandaloneTaskmanager(RoleArgs),
    /// Write the pages of the manual into a directory, for a release.
    #[command(hide = true)]
    Manual {
        /// Where to.
        directory: PathBuf,
    },
    /// The master, as YARN's containers start it.
    #[command(hide = true)]
    Appmaster(RoleArgs),
    /// A worker, as the master's containers start it.
    #[command(hide = true)]
    Taskmanager(RoleArgs),
}

/// A file form with a JSON Schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaForm {
    /// A job's file.
    JobGraph,
}

/// Options of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Where.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// Submit the job and return without waiting for its result.
    // Twice, as -d -yd, is no contradiction.
    #[arg(short, long, overrides_with = "detached")]
    pub detached: bool,
    /// Cancel the job when this client, which waits for it, is gone.
    #[arg(long = "shutdownOnAttachedExit", conflicts_with = "detached")]
    pub shutdown_on_attached_exit: bool,
    /// How its end is told.
    #[command(flatten)]
    pub output: OutputArgs,
    /// The job and its settings.
    #[command(flatten)]
    pub job: JobArgs,
}

/// Which cluster a command is about.
#[derive(Debug, Clone, Args)]
pub struct ClusterArgs {
    /// Where: local, remote, yarn-session, yarn-per-job or yarn-application [default: the last session of yarn-session,
    /// else local].
    #[arg(short, long, value_name = "TARGET")]
    pub target: Option<String>,
    /// The REST endpoint of a cluster that is there (-t remote).
    #[arg(short = 'm', long, value_name = "HOST:PORT")]
    pub jobmanager: Option<String>,
}

/// What the commands have in common that ask a cluster about its jobs.
#[derive(Debug, Args)]
pub struct AskedArgs {
    /// Whose.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// How.
    #[command(flatten)]
    pub output: OutputArgs,
    /// Common settings.
    #[command(flatten)]
    pub settings: SettingArgs,
}

/// Options of `list`.
#[derive(Debug, Args)]
pub struct ListJobsArgs {
    /// Jobs that run or are restarted.
    #[arg(short, long)]
    pub running: bool,
    /// Jobs that are to run.
    #[arg(short, long)]
    pub scheduled: bool,
    /// All, those that have ended too.
    #[arg(short, long)]
    pub all: bool,
    /// Whose, and how.
    #[command(flatten)]
    pub asked: AskedArgs,
}

/// Options of `cancel`.
#[derive(Debug, Args)]
pub struct CancelArgs {
    /// Whose, and how.
    #[command(flatten)]
    pub asked: AskedArgs,
    /// The job's id.
    pub job: JobId,
}

/// Options of `info`.
#[derive(Debug, Args)]
pub struct InfoArgs {
    /// How.
    #[command(flatten)]
    pub output: OutputArgs,
    /// The job and its settings.
    #[command(flatten)]
    pub job: JobArgs,
}

/// A job and its settings.
#[derive(Debug, Args)]
pub struct JobArgs {
    /// The parallelism of vertices that state none.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub parallelism: Option<u32>,
    /// Common settings.
    #[command(flatten)]
    pub settings: SettingArgs,
    /// How long a job's program may take [default: without limit].
    #[arg(long = "program-timeout", value_name = "DURATION")]
    pub program_timeout: Option<String>,
    /// The job: a file (JSON; see `selvedge schema job-graph`), or an executable that prints its graph or submits it.
    pub job: PathBuf,
    /// The job's own parameters, `--NAME VALUE` or `--NAME=VALUE` for each `${NAME}` in the file; a program's arguments.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = JOB_PARAMETERS)]
    pub parameters: Vec<String>,
}

/// Settings from the command line.
#[derive(Debug, Args)]
pub struct SettingArgs {
    /// A setting that overrides the configuration file's.
    #[arg(short = 'D', value_name = "KEY=VALUE", value_parser = key_and_value)]
    pub set: Vec<(String, String)>,
    /// The directory that holds config.yaml [default: $SELVEDGE_CONF_DIR, else the settings compiled in]
    #[arg(long = "configDir", value_name = "DIR")]
    pub config_dir: Option<PathBuf>,
}

/// Options of the roles that containers and people start.
#[derive(Debug, Args)]
pub struct RoleArgs {
    /// Common settings.
    #[command(flatten)]
    pub settings: SettingArgs,
}

impl RoleArgs {
    /// What the command line sets.
    pub(super) fn assignments(self) -> Configuration {
        self.settings.set.into_iter().collect()
    }
}

fn key_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE, such as -Dparallelism.default=2".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn run(arguments: &[&str]) -> Result<RunArgs, clap::Error> {
        let arguments = ["selvedge", "run"].iter().chain(arguments);
        match Cli::read(arguments.map(OsString::from))?.command {
            Command::Run(run) => Ok(run),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn global_flags_stand_before_the_subcommand_or_after_it_but_a_sessions_q_is_its_query() {
        for (line, quiet, no_color) in [
            ("list", false, false),
            ("-q list", true, false),
            ("list -q", true, false),
            ("--no-color config list --quiet", true, true),
            ("config list --no-color -q", true, true),
            ("--quiet yarn-session -jm 1g", true, false),
            ("yarn-session -jm 1g --quiet", true, false),
            ("yarn-session -q", false, false),
            ("run j --no-color -q", false, false),
        ] {
            let words = ["selvedge"].into_iter().chain(line.split(' '));
            let cli = Cli::read(words.map(OsString::from)).unwrap();
            assert_eq!((cli.quiet, cli.no_color), (quiet, no_color), "{line}");
            if let Command::YarnSession(session) = cli.command {
                assert_eq!(session.query, line.ends_with("-q"), "{line}");
                assert_eq!(session.job_manager_memory.is_some(), line.contains("-jm"), "{line}");
            }
        }
    }

    #[test]
    fn what_follows_the_job_belongs_to_the_job() {
        let own = ["-p", "3", "-d", "-o", "out", "--help"];
        let run_at_once = run(&[["p.sh"].as_slice(), &own].concat()).unwrap();
        assert_eq!((run_at_once.job.parallelism, run_at_once.detached), (None, false));
        assert_eq!(run_at_once.job.parameters, own);
        let run = run(&[
            "-p",
            "2",
            "-Dyarn.application.name=a=b",
            "j.json",
            "--input",
            "x",
            "-p",
            "--o=y",
        ])
        .unwrap();
        assert_eq!(run.job.parallelism, Some(2));
        assert_eq!(
            run.job.settings.set,
            [("yarn.application.name".to_owned(), "a=b".to_owned())]
        );
        assert_eq!(run.job.parameters, ["--input", "x", "-p", "--o=y"]);
    }

    #[test]
    fn a_parameter_before_the_job_is_told_where_it_belongs() {
        for (arguments, expected) in [
            (["--input", "x", "j"], "after its file: <JOB> --NAME VALUE"),
            (["--paralelism", "2", "j"], "'--parallelism'"),
        ] {
            let message = run(&arguments).unwrap_err().to_string();
            assert!(
                message.contains(expected) && !message.contains("as a value"),
                "{message}"
            );
        }
    }

    #[test]
    fn a_parallelism_of_zero_and_a_setting_without_value_are_refused() {
        for (arguments, expected) in [
            (["-p", "0", "j"], "0 is not in 1.."),
            (["-D", "k", "j"], "expected KEY=VALUE"),
        ] {
            let message = run(&arguments).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}
