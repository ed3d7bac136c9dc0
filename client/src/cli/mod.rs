//! The command line. Its exit codes are in [`ExitKind`].

mod application;
mod args;
mod completion;
mod config;
mod error;
mod exit;
mod flink_flags;
mod info;
mod interrupt;
mod job_source;
mod jobs;
mod memory;
mod on_yarn;
mod parameters;
mod programs;
mod report;
mod role;
mod run;
mod settings;
mod short_flags;
mod target;
mod terminal;
mod version;
mod yarn_session;

use std::process::ExitCode;

pub use args::{
    CancelArgs, Cli, ClusterArgs, Command, InfoArgs, JobArgs, ListJobsArgs, RoleArgs, RunArgs, SchemaForm, SettingArgs,
};
pub use config::{CheckArgs, ConfigArgs, ConfigCommand, KeyArgs, ListArgs, OutputArgs, OutputForm};
pub use error::{CommandError, Ended};
pub use exit::ExitKind;
pub use interrupt::Interruption;
pub use memory::{MemoryArgs, MemoryOf, MemoryOutput};
pub use parameters::{ParameterSyntaxError, parse_parameters};

pub use yarn_session::YarnSessionArgs;

pub(crate) use terminal::{has_colors, is_quiet, say, say_always};

use terminal::Manner;

/// The client waits for others most of its time.
const CLIENT_THREADS: usize = 2;

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let cli = match Cli::read(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors: clap knows where each goes.
            let _ = error.print();
            let kind = if error.use_stderr() {
                ExitKind::Usage
            } else {
                ExitKind::Done
            };
            return kind.into();
        }
    };
    let manner = Manner {
        quiet: cli.quiet,
        no_color: cli.no_color,
    };
    manner.adopt();
    for note in &cli.notes {
        say(note);
    }
    match execute(cli.command) {
        Ok(ended) => ended.into(),
        Err(error) => {
            say_always(format_args!("error: {}", error.message()));
            error.kind().into()
        }
    }
}

fn execute(command: Command) -> Result<Ended, CommandError> {
    // Fails only where a provider is there already: then TLS works too.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match command {
        Command::Run(arguments) => with_runtime(run::run(arguments)),
        Command::RunApplication(arguments) => with_runtime(application::run_application(arguments)),
        Command::List(arguments) => with_runtime(jobs::list(arguments)),
        Command::Cancel(arguments) => with_runtime(jobs::cancel(arguments)),
        Command::YarnSession(arguments) => with_runtime(yarn_session::yarn_session(arguments)),
        Command::Info(arguments) => with_runtime(info::info(arguments)),
        Command::Memory(arguments) => memory::memory(&arguments),
        Command::Schema { form } => schema(form),
        Command::Version { output } => version::version(output),
        Command::Completion { shell } => completion::completion(shell),
        Command::Manual { directory } => completion::manual(&directory),
        Command::Config(arguments) => config::config(arguments),
        Command::StandaloneSession(arguments) => {
            with_runtime(role::standalone_session(arguments)).map_err(CommandError::of_role)
        }
        Command::StandaloneJob(arguments) => {
            with_runtime(role::standalone_job(arguments)).map_err(CommandError::of_role)
        }
        Command::StandaloneTaskmanager(arguments) => {
            with_runtime(role::standalone_taskmanager(arguments)).map_err(CommandError::of_role)
        }
        Command::Appmaster(arguments) => role::appmaster(arguments),
        Command::Taskmanager(arguments) => role::taskmanager(arguments),
    }
}

fn with_runtime(work: impl Future<Output = Result<Ended, CommandError>>) -> Result<Ended, CommandError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(CLIENT_THREADS)
        .thread_name("selvedge-client")
        .enable_all()
        .build()?;
    let ended = runtime.block_on(work);
    // Whatever still runs serves nobody.
    runtime.shutdown_background();
    ended
}

fn schema(form: SchemaForm) -> Result<Ended, CommandError> {
    let schema = match form {
        SchemaForm::JobGraph => schemars::schema_for!(selvedge_core::JobGraph),
    };
    let text = serde_json::to_string_pretty(&schema)?;
    terminal::print(&format!("{text}\n"))?;
    Ok(Ended::Done)
}
