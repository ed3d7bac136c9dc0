//! A command line for `selvedge`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::outcome::Outcome;
use super::running::Running;
use super::{BOUND, selvedge_binary};
use crate::bed::Bed;

/// The size of a terminal that a command is started on.
pub const TERMINAL_ROWS: u16 = 24;
/// The same.
pub const TERMINAL_COLUMNS: u16 = 100;

/// A command that is not started yet. It sees no Hadoop and no Selvedge settings of this process.
#[derive(Clone, Debug, Default)]
pub struct Selvedge {
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    directory: Option<PathBuf>,
    umask: Option<&'static str>,
    terminal: bool,
    typed: bool,
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

    /// On a terminal of [`TERMINAL_ROWS`] and [`TERMINAL_COLUMNS`]: all that the terminal gets is its standard output.
    #[must_use]
    pub fn on_terminal(mut self) -> Self {
        self.terminal = true;
        self
    }

    /// With an input that is open until [`Running::ends_input`](super::Running::ends_input): without, it has ended from the
    /// beginning.
    #[must_use]
    pub fn with_input(mut self) -> Self {
        self.typed = true;
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
        let mut command = self.command();
        command.stdin(if self.typed { Stdio::piped() } else { Stdio::null() });
        Running::of(command)
    }

    /// As it would be spawned, for one who measures.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = match (self.umask, self.terminal) {
            (None, false) => Command::new(selvedge_binary()),
            (None, true) => return self.command_on_terminal(),
            (Some(mask), _) => {
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

    /// `script` of util-linux makes the terminal, and ends with the command's exit code.
    fn command_on_terminal(&self) -> Command {
        let off = Self {
            terminal: false,
            ..self.clone()
        };
        let command = off.command();
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let words: Vec<_> = words.map(|word| quoted(&word.to_string_lossy())).collect();
        let line = format!(
            "stty rows {TERMINAL_ROWS} cols {TERMINAL_COLUMNS}; exec {}",
            words.join(" ")
        );
        let mut script = Command::new("script");
        script.args(["-q", "-e", "-f", "-c", &line, "/dev/null"]);
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => script.env(name, value),
                None => script.env_remove(name),
            };
        }
        script.env("TERM", "xterm").env("SHELL", "/bin/sh");
        if let Some(directory) = command.get_current_dir() {
            script.current_dir(directory);
        }
        script
    }
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}
