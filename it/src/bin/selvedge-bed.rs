//! The test bed for a person, and the processes behind it.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line program")]

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, bail};
use clap::{Args, Parser, Subcommand};
use selvedge_it::bed::{self, Bed, BedOptions, HadoopVersion};

/// Real HDFS and YARN daemons on this machine.
#[derive(Parser)]
#[command(name = "selvedge-bed")]
struct Cli {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Start a bed that stays up, or show the one that is.
    Up(Shape),
    /// End the bed that is up.
    Down,
    /// Show the bed that is up and its daemons.
    Status,
    /// Run a command with a bed of its own; the bed ends with it.
    Run {
        #[command(flatten)]
        shape: Shape,
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
    /// Own a bed's daemons.
    #[command(hide = true)]
    Supervise {
        #[arg(long)]
        scratch: PathBuf,
        #[arg(long)]
        detached: bool,
    },
    /// Become another program that is killed when its parent ends.
    #[command(hide = true)]
    Exec {
        #[arg(long)]
        parent: i32,
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
}

#[derive(Args)]
struct Shape {
    /// Who submits jobs.
    #[arg(long, default_value = "alice")]
    user: String,
    /// How many NodeManagers, at 127.0.0.2 and upwards.
    #[arg(long, default_value_t = 2)]
    node_managers: usize,
    /// Memory that each NodeManager offers, in MB.
    #[arg(long, default_value_t = 6144)]
    node_memory_mb: u32,
    /// 2.10.2, 3.3.6, 3.4.3 or 3.5.0.
    #[arg(long, default_value_t)]
    hadoop_version: HadoopVersion,
    /// 1, or 2 with a ZooKeeper, in which they elect the active one.
    #[arg(long, default_value_t = 1)]
    resource_managers: usize,
    /// With a history server, and logs that are gathered when their application ends.
    #[arg(long)]
    history_server: bool,
}

impl From<Shape> for BedOptions {
    fn from(
        Shape {
            user,
            node_managers,
            node_memory_mb,
            hadoop_version,
            resource_managers,
            history_server,
        }: Shape,
    ) -> Self {
        Self {
            user,
            node_managers,
            node_memory_mb,
            hadoop: hadoop_version,
            resource_managers,
            history_server,
            ..Self::default()
        }
    }
}

fn main() -> ExitCode {
    carry_out(Cli::parse().command).unwrap_or_else(|error| {
        eprintln!("selvedge-bed: {error:#}");
        ExitCode::FAILURE
    })
}

fn carry_out(task: Task) -> anyhow::Result<ExitCode> {
    // One thread: a daemon dies with the thread that has started it.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match task {
        Task::Up(shape) => show(&runtime.block_on(bed::up(shape.into()))?),
        Task::Down => runtime.block_on(bed::down())?,
        Task::Status => {
            let (bed, daemons) = runtime.block_on(bed::status())?;
            show(&bed);
            for (daemon, state) in daemons {
                println!("# {daemon}: {state}");
            }
        }
        Task::Run { shape, command } => return run(&runtime.block_on(Bed::start(shape.into()))?, &command),
        Task::Supervise { scratch, detached } => runtime.block_on(bed::supervise(scratch, detached))?,
        Task::Exec { parent, command } => exec(parent, &command)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Lines for a shell's `eval`; what it need not know is a comment.
fn show(bed: &Bed) {
    println!("export HADOOP_CONF_DIR={}", bed.hadoop_conf_dir().display());
    println!("export HADOOP_USER_NAME={}", bed.user());
    println!("# HDFS: {}, {}", bed.hdfs_uri(), bed.namenode_web());
    println!("# Hadoop {}", bed.hadoop());
    println!("# ResourceManager: {}", bed.rm_web());
    if let Some(history) = bed.history_web() {
        println!("# History server: {history}");
    }
    for node in bed.node_managers() {
        println!(
            "# NodeManager: {}, container logs in {}",
            node.web,
            node.log_dir.display()
        );
    }
    println!("# Logs of the daemons: {}", bed.scratch().join("logs").display());
}

fn run(bed: &Bed, command: &[OsString]) -> anyhow::Result<ExitCode> {
    let this = std::env::current_exe().context("finding this program")?;
    let status = bed
        .command(this)
        .args(["exec", "--parent", &std::process::id().to_string(), "--"])
        .args(command)
        .env("SELVEDGE_BED_SCRATCH", bed.scratch())
        .status()
        .context("starting the command")?;
    Ok(status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from))
}

fn exec(parent: i32, command: &[OsString]) -> anyhow::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
        .context("asking to be killed with the parent")?;
    // It may have ended before that took effect.
    if rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get()) != Some(parent) {
        bail!("process {parent} has ended");
    }
    let (program, arguments) = command.split_first().context("no program")?;
    Err(Command::new(program).args(arguments).exec()).with_context(|| format!("becoming {}", program.display()))
}
