//! The options of Hadoop's DistributedShell. As there, one dash will do: `-num_containers 3`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, CommandFactory, Parser, ValueEnum};
use yarn_common::resource::Resource;
use yarn_rpc::am::{Execution, Locality, PlacementSpec};
use yarn_rpc::types::ExecutionType;

use super::amounts::Amounts;
use super::retries::Retries;

/// Runs a shell command in many containers.
#[derive(Clone, Debug, Parser)]
#[command(name = "distributed-shell")]
pub(crate) struct Options {
    /// The application's name.
    #[arg(long, default_value = "DistributedShell")]
    pub(crate) appname: String,
    /// The application's priority: the higher wins.
    #[arg(long, default_value_t = 0)]
    pub(crate) priority: i32,
    /// The queue.
    #[arg(long, default_value = "default")]
    pub(crate) queue: String,
    /// Milliseconds after which the client kills the application.
    #[arg(long, default_value_t = 600_000)]
    timeout: u64,
    /// Memory of the ApplicationMaster, in MB.
    #[arg(long = "master_memory", default_value_t = 100)]
    master_memory: u64,
    /// Cores of the ApplicationMaster.
    #[arg(long = "master_vcores", default_value_t = 1)]
    master_vcores: u32,
    /// Resources of the ApplicationMaster by type, `memory-mb=512,vcores=2`; they count before the two above.
    #[arg(long = "master_resources", value_name = "TYPE=AMOUNT,...")]
    master_resources: Option<Amounts>,
    #[command(flatten)]
    pub(crate) shell: Shell,
    #[command(flatten)]
    pub(crate) containers: Containers,
    #[command(flatten)]
    pub(crate) retries: Retries,
    /// Words to find the application by, with commas.
    #[arg(long = "application_tags", value_delimiter = ',')]
    pub(crate) application_tags: Vec<String>,
    /// A regular expression of log files that are gathered while the application runs.
    #[arg(long = "rolling_log_pattern", value_name = "REGEX")]
    pub(crate) rolling_log_pattern: Option<String>,
    /// The containers live on while a new ApplicationMaster takes the place of one that died.
    #[arg(long = "keep_containers_across_application_attempts")]
    pub(crate) keep_containers: bool,
    /// Only failures of the ApplicationMaster within so many milliseconds count.
    #[arg(long = "attempt_failures_validity_interval", value_name = "MILLISECONDS")]
    attempt_failures_validity_interval: Option<u64>,
    /// Hadoop's, for which there is nothing here to do.
    #[arg(long = "log_properties", hide = true, value_parser = no_log4j)]
    log_properties: Option<PathBuf>,
    /// The same.
    #[arg(long, hide = true, value_parser = no_jar)]
    jar: Option<PathBuf>,
    /// This process is the ApplicationMaster.
    #[arg(long, hide = true)]
    pub(crate) master: bool,
}

/// What runs in each container.
#[derive(Args, Clone, Debug)]
pub(crate) struct Shell {
    /// What the containers' shells read.
    #[arg(long = "shell_command", required_unless_present = "shell_script")]
    pub(crate) shell_command: Option<String>,
    /// A script of this machine, for the containers' shells instead of a command.
    #[arg(long = "shell_script", conflicts_with = "shell_command")]
    pub(crate) shell_script: Option<PathBuf>,
    /// What follows the command or the script.
    #[arg(long = "shell_args", num_args = 1..)]
    pub(crate) shell_args: Vec<String>,
    /// A variable of the containers, `NAME=VALUE`; may be given several times.
    #[arg(long = "shell_env", value_name = "NAME=VALUE")]
    shell_env: Vec<String>,
}

/// How many containers, of which size, and where.
#[derive(Args, Clone, Debug)]
pub(crate) struct Containers {
    /// How many containers.
    #[arg(long = "num_containers", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) num_containers: u32,
    /// Memory of each container, in MB.
    #[arg(long = "container_memory", default_value_t = 10)]
    container_memory: u64,
    /// Cores of each container.
    #[arg(long = "container_vcores", default_value_t = 1)]
    container_vcores: u32,
    /// Resources of each container by type, `memory-mb=256,vcores=1`; they count before the two above.
    #[arg(long = "container_resources", value_name = "TYPE=AMOUNT,...")]
    container_resources: Option<Amounts>,
    /// Whether the containers' resources are set aside for them, or what others leave.
    #[arg(long = "container_type", value_enum, default_value = "GUARANTEED")]
    container_type: ContainerType,
    /// Groups of containers and where they may stand, `zk(3),NOTIN,NODE,zk:hbase(5),IN,RACK,zk`; all guaranteed, and
    /// counted here instead of by -num_containers.
    #[arg(long = "placement_spec", value_name = "TAG(NUMBER),CONSTRAINT:...")]
    pub(crate) placement_spec: Option<PlacementSpec>,
    /// No other type will do.
    #[arg(long = "enforce_execution_type")]
    enforce_execution_type: bool,
    /// The containers' priority: the lower is served first.
    #[arg(long = "shell_cmd_priority", default_value_t = 0)]
    pub(crate) shell_cmd_priority: i32,
    /// The label of the nodes that run the application.
    #[arg(long = "node_label_expression")]
    pub(crate) node_label_expression: Option<String>,
    /// Nodes to run on, `HOST` or `HOST=/RACK`, with commas.
    #[arg(long, value_delimiter = ',', conflicts_with = "racks")]
    hosts: Vec<String>,
    /// Racks to run on, with commas.
    #[arg(long, value_delimiter = ',')]
    racks: Vec<String>,
    /// No other node or rack will do.
    #[arg(long = "strict_locality")]
    strict_locality: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "UPPER")]
enum ContainerType {
    Guaranteed,
    Opportunistic,
}

impl Options {
    /// Those of this process. What cannot be understood ends it, with exit code 2 and the reason.
    pub(crate) fn from_command_line() -> Self {
        Self::parse_from(with_two_dashes(std::env::args_os()))
    }

    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout)
    }

    pub(crate) fn validity_interval(&self) -> Option<Duration> {
        self.attempt_failures_validity_interval.map(Duration::from_millis)
    }

    pub(crate) fn master_resource(&self) -> Resource {
        with_amounts(
            self.master_resources.as_ref(),
            Resource::new(self.master_memory, self.master_vcores),
        )
    }
}

impl Shell {
    pub(crate) fn environment(&self) -> impl Iterator<Item = (&str, &str)> {
        self.shell_env
            .iter()
            .map(|variable| variable.split_once('=').unwrap_or((variable, "")))
    }
}

impl Containers {
    pub(crate) fn resource(&self) -> Resource {
        with_amounts(
            self.container_resources.as_ref(),
            Resource::new(self.container_memory, self.container_vcores),
        )
    }

    pub(crate) fn execution(&self) -> Execution {
        Execution {
            kind: match self.container_type {
                ContainerType::Guaranteed => ExecutionType::Guaranteed,
                ContainerType::Opportunistic => ExecutionType::Opportunistic,
            },
            enforce: self.enforce_execution_type,
        }
    }

    pub(crate) fn locality(&self) -> Locality {
        let relax = !self.strict_locality;
        let with_rack = |host: &String| match host.split_once('=') {
            Some((host, rack)) => (host.to_owned(), rack.to_owned()),
            None => (host.clone(), "/default-rack".to_owned()),
        };
        match (self.hosts.as_slice(), self.racks.as_slice()) {
            ([], []) => Locality::Anywhere,
            ([], racks) => Locality::Racks {
                racks: racks.to_vec(),
                relax,
            },
            (hosts, _) => Locality::Nodes {
                nodes: hosts.iter().map(with_rack).collect(),
                relax,
            },
        }
    }
}

fn with_amounts(amounts: Option<&Amounts>, resource: Resource) -> Resource {
    match amounts {
        Some(amounts) => amounts.over(resource),
        None => resource,
    }
}

fn no_log4j(_: &str) -> Result<PathBuf, &'static str> {
    Err(
        "it configures log4j, which this program does not have: the ApplicationMaster writes AppMaster.stdout and \
         AppMaster.stderr into its container's logs",
    )
}

fn no_jar(_: &str) -> Result<PathBuf, &'static str> {
    Err("this program is its own ApplicationMaster and stages itself: leave the option out")
}

/// Hadoop's parser takes `-option` for `--option`.
fn with_two_dashes(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let command = Options::command();
    let known = |name: &str| {
        command
            .get_arguments()
            .any(|argument| argument.get_long() == Some(name))
    };
    let long = |argument: OsString| {
        let text = argument.to_string_lossy();
        let name = text
            .strip_prefix('-')
            .map(|rest| rest.split('=').next().unwrap_or(rest));
        match name {
            Some(name) if known(name) || name == "help" => {
                let mut long = OsString::from("-");
                long.push(&argument);
                long
            }
            _ => argument,
        }
    };
    arguments.map(long).collect()
}
