//! What the command line of `yarn-session` may say.

use clap::Args;
use selvedge_core::config::options::{high_availability, jobmanager, resourcemanager, taskmanager, yarn};
use thiserror::Error;
use yarn_common::id::ApplicationId;

use crate::cli::SettingArgs;
use crate::cli::config::OutputArgs;
use crate::cli::settings::{Contradiction, mebibytes, set_by_flag};

/// Options of `yarn-session`.
#[derive(Debug, Args)]
pub struct YarnSessionArgs {
    /// Start the session and return.
    #[arg(short, long)]
    pub detached: bool,
    /// The same, as Flink once called it.
    #[arg(long = "yarndetached", hide = true)]
    pub yarndetached: bool,
    /// Attend the session in this application, in place of starting one.
    #[arg(long = "applicationId", value_name = "ID", conflicts_with_all = [
        "job_manager_memory", "task_manager_memory", "name", "queue", "node_label", "slots", "zookeeper_namespace", "ship", "query",
    ])]
    pub application_id: Option<ApplicationId>,
    /// The memory of the master's process, such as 1g; a bare number counts MiB.
    #[arg(long = "jobManagerMemory", value_name = "SIZE")]
    pub job_manager_memory: Option<String>,
    /// The memory of a worker's process, such as 2g; a bare number counts MiB.
    #[arg(long = "taskManagerMemory", value_name = "SIZE")]
    pub task_manager_memory: Option<String>,
    /// The slots of a worker.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub slots: Option<u32>,
    /// The name of the application on YARN.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// The queue that it goes to.
    #[arg(long, value_name = "QUEUE")]
    pub queue: Option<String>,
    /// The node label on which it runs.
    #[arg(long = "nodeLabel", value_name = "LABEL")]
    pub node_label: Option<String>,
    /// The type under which YARN lists it.
    #[arg(long = "applicationType", value_name = "TYPE")]
    pub application_type: Option<String>,
    /// The name of the cluster for high availability, in place of the application's id.
    #[arg(short = 'z', long = "zookeeperNamespace", value_name = "NAME")]
    pub zookeeper_namespace: Option<String>,
    /// A file or directory that every container gets; may be given several times.
    #[arg(short = 't', long = "ship", value_name = "PATH")]
    pub ship: Vec<String>,
    /// Show the nodes and queues of the YARN cluster, and start nothing.
    #[arg(short, long)]
    pub query: bool,
    /// Write nothing but errors and warnings to standard error: no progress, no notes.
    // The flag of every command, without its letter: that is Flink's for a query.
    #[arg(long)]
    pub quiet: bool,
    /// Flink's program on the client's disk: ours is staged by itself.
    #[arg(short, long, hide = true, value_name = "FILE")]
    pub jar: Option<String>,
    /// Flink's old way of saying that YARN is meant.
    #[arg(short = 'm', long, hide = true, value_name = "ADDRESS")]
    pub jobmanager: Option<String>,
    /// A number of workers, of Flink's former versions.
    #[arg(short = 'n', long, hide = true, value_name = "N")]
    pub container: Option<String>,
    /// How the session, or what --query asks, is told.
    #[command(flatten)]
    pub output: OutputArgs,
    /// Common settings.
    #[command(flatten)]
    pub settings: SettingArgs,
}

/// Options that do not go together.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum SessionArgsError {
    /// Twice, and not the same.
    #[error(transparent)]
    Contradiction(#[from] Contradiction),
    /// A fixed number of workers.
    #[error(
        "-n {given} has no meaning: workers come when jobs need them; -D{}=N keeps as many slots at all times",
        resourcemanager::NUMBER_OF_SLOTS_MIN.key()
    )]
    Container {
        /// As given.
        given: String,
    },
}

impl YarnSessionArgs {
    pub(super) const fn is_detached(&self) -> bool {
        self.detached || self.yarndetached
    }

    /// A line for each option that is taken and means nothing here.
    pub(super) fn meaningless(&self) -> Vec<String> {
        let jar = self.jar.as_ref();
        let jar =
            jar.map(|jar| format!("-j {jar} has no meaning here: there is no jar, and the program stages itself"));
        let address = self.jobmanager.as_ref();
        let address =
            address.map(|address| format!("-m {address} has no meaning here: a session is always started on YARN"));
        jar.into_iter().chain(address).collect()
    }

    /// What the options stand for, and what is set besides.
    pub(super) fn as_settings(&self) -> Result<SettingArgs, SessionArgsError> {
        if let Some(given) = &self.container {
            return Err(SessionArgsError::Container { given: given.clone() });
        }
        let memory = |text: &Option<String>| text.as_deref().map(mebibytes);
        let options = [
            (
                "-jm",
                jobmanager::TOTAL_PROCESS_MEMORY.key(),
                memory(&self.job_manager_memory),
            ),
            (
                "-tm",
                taskmanager::TOTAL_PROCESS_MEMORY.key(),
                memory(&self.task_manager_memory),
            ),
            (
                "-s",
                taskmanager::NUMBER_OF_TASK_SLOTS.key(),
                self.slots.map(|slots| slots.to_string()),
            ),
            ("-nm", yarn::APPLICATION_NAME.key(), self.name.clone()),
            ("-qu", yarn::APPLICATION_QUEUE.key(), self.queue.clone()),
            ("-nl", yarn::APPLICATION_NODE_LABEL.key(), self.node_label.clone()),
            ("-at", yarn::APPLICATION_TYPE.key(), self.application_type.clone()),
            (
                "-z",
                high_availability::CLUSTER_ID.key(),
                self.zookeeper_namespace.clone(),
            ),
            (
                "-t",
                yarn::SHIP_FILES.key(),
                (!self.ship.is_empty()).then(|| self.ship.join(";")),
            ),
        ];
        let mut set = self.settings.set.clone();
        for (flag, key, value) in options {
            if let Some(value) = value {
                set_by_flag(&mut set, flag, key, value)?;
            }
        }
        Ok(SettingArgs {
            set,
            config_dir: self.settings.config_dir.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::cli::{Cli, Command};

    fn read(line: &str) -> YarnSessionArgs {
        let words = ["selvedge", "yarn-session"].into_iter().chain(line.split_whitespace());
        match Cli::read(words.map(OsString::from)).unwrap().command {
            Command::YarnSession(arguments) => arguments,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn flinks_flags_stand_for_settings() {
        let line = "-d -jm 1024 -tm 2g -s 4 -nm nightly -qu low -nl gpu -at Mine -z ours -t a.txt --ship b -Denv.log.level=debug";
        let arguments = read(line);
        assert!(arguments.is_detached() && read("-yd").is_detached());
        let set = arguments.as_settings().unwrap().set;
        let expected = [
            ("env.log.level", "debug"),
            ("jobmanager.memory.process.size", "1024m"),
            ("taskmanager.memory.process.size", "2g"),
            ("taskmanager.numberOfTaskSlots", "4"),
            ("yarn.application.name", "nightly"),
            ("yarn.application.queue", "low"),
            ("yarn.application.node-label", "gpu"),
            ("yarn.application.type", "Mine"),
            ("high-availability.cluster-id", "ours"),
            ("yarn.ship-files", "a.txt;b"),
        ];
        let expected: Vec<_> = expected.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        assert_eq!(set, expected);
    }

    #[test]
    fn what_contradicts_itself_or_has_no_meaning_is_told() {
        let message = |line: &str| read(line).as_settings().unwrap_err().to_string();
        let contradiction = message("-tm 2g -Dtaskmanager.memory.process.size=1g");
        for part in ["-tm 2g", "taskmanager.memory.process.size=1g", "leave out one"] {
            assert!(contradiction.contains(part), "{contradiction}");
        }
        assert!(message("-n 3").contains("workers come when jobs need them"));
        let told = read("-j flink.jar -m yarn-cluster").meaningless();
        assert!(
            told[0].contains("flink.jar") && told[1].contains("yarn-cluster"),
            "{told:?}"
        );
        let words = ["selvedge", "yarn-session", "-id", "application_1_0002", "-tm", "2g"];
        let error = Cli::read(words.map(OsString::from)).unwrap_err().to_string();
        assert!(
            error.contains("--applicationId") && error.contains("cannot be used with"),
            "{error}"
        );
        let words = ["selvedge", "yarn-session", "-id", "application_x"];
        let error = Cli::read(words.map(OsString::from)).unwrap_err().to_string();
        assert!(error.contains("application_x"), "{error}");
    }
}
