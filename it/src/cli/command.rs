//! A command line for `selvedge`.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::outcome::Outcome;
use super::running::Running;
use super::{BOUND, selvedge_binary};
use crate::bed::Bed;

/// A command that is not started yet. It sees no Hadoop and no Selvedge settings of this process.
#[derive(Clone, Debug, Default)]
pub struct Selvedge {
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    directory: Option<PathBuf>,
    umask: Option<&'static str>,
}

impl Selvedge {
    /// `selvedge SUBCOMMAND`, on a machine without Hadoop.
    #[must_use]
    pub fn new(subcommand: &str) -> Self {
        Self::default().arg(subcommand)
    }

    /// `selvedge SUBCOMMAND`, typed by the bed's user.
    #[must_use]
    pub fn on(bed: &Bed, subcommand: &str) -> Self {
        Self::new(subcommand)
            .env("HADOOP_CONF_DIR", bed.hadoop_conf_dir())
            .env("HADOOP_USER_NAME", bed.user())
    }

    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    #[must_use]
    pub fn current_dir(mut self, directory: &Path) -> Self {
        self.directory = Some(directory.to_path_buf());
        self
    }

    /// Starts under this file mode creation mask, such as `077`.
    #[must_use]
    pub fn umask(mut self, mask: &'static str) -> Self {
        self.umask = Some(mask);
        self
    }

    /// Runs to the end, at most for [`BOUND`].
    pub async fn run(self) -> Outcome {
        self.run_within(BOUND).await
    }

    /// # Panics
    ///
    /// If it does not end in time; it is killed then.
    pub async fn run_within(self, bound: Duration) -> Outcome {
        self.start().ended_within(bound).await
    }

    /// Starts it, with its output in files: no terminal, and no pipe that could fill.
    ///
    /// # Panics
    ///
    /// If it cannot be started.
    #[must_use]
    pub fn start(&self) -> Running {
        let scratch = tempfile::tempdir().expect("a scratch directory can be made");
        let file = |name: &str| File::create(scratch.path().join(name)).expect("a file can be made in it");
        let mut command = self.command();
        command
            .stdin(Stdio::null())
            .stdout(file("stdout"))
            .stderr(file("stderr"));
        Running::spawn(command, scratch)
    }

    /// As it would be spawned, for one who measures.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = match self.umask {
            None => Command::new(selvedge_binary()),
            Some(mask) => {
                let mut shell = Command::new("/bin/sh");
                shell
                    .args(["-c", &format!("umask {mask}; exec \"$0\" \"$@\"")])
                    .arg(selvedge_binary());
                shell
            }
        };
        let is_foreign = |name: &OsString| {
            let name = name.to_string_lossy();
            ["HADOOP_", "YARN_", "SELVEDGE_", "_SELVEDGE_"]
                .iter()
                .any(|prefix| name.starts_with(prefix))
        };
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_foreign(name)) {
            command.env_remove(name);
        }
        command
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        command
    }
}
