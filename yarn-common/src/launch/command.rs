//! A command as a program and its arguments.

use super::LaunchError;
use super::quote::{quote_argument, redirect_to_log_dir};

/// A program with arguments, which becomes the shell text that a NodeManager runs.
///
/// Its output and errors go to the files `stdout` and `stderr` of the container's log directory, unless it is told
/// otherwise: what a container writes elsewhere is lost.
///
/// ```
/// use yarn_common::launch::CommandLine;
///
/// let command = CommandLine::new("./app/bin/worker").arg("--title").arg("it's $1").shell_arg("--home={{PWD}}");
/// assert_eq!(
///     command.to_shell()?,
///     r"'./app/bin/worker' '--title' 'it'\\''s \$1' --home={{PWD}} 1><LOG_DIR>/stdout 2><LOG_DIR>/stderr"
/// );
/// # Ok::<(), yarn_common::launch::LaunchError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine {
    words: Vec<Word>,
    /// The files of standard output and standard error.
    log: Option<(String, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Word {
    Literal(String),
    Shell(String),
}

impl CommandLine {
    /// A program by its path or name, taken literally.
    pub fn new(program: impl Into<String>) -> Self {
        Self::of(Word::Literal(program.into()))
    }

    /// A program, or a whole command, as shell text: markers such as `{{JAVA_HOME}}` and `$VARIABLES` are expanded.
    pub fn shell(text: impl Into<String>) -> Self {
        Self::of(Word::Shell(text.into()))
    }

    fn of(first: Word) -> Self {
        Self {
            words: vec![first],
            log: Some(("stdout".to_owned(), "stderr".to_owned())),
        }
    }

    /// One more argument, which the process gets exactly so.
    #[must_use]
    pub fn arg(mut self, text: impl Into<String>) -> Self {
        self.words.push(Word::Literal(text.into()));
        self
    }

    /// More arguments, which the process gets exactly so.
    #[must_use]
    pub fn args(mut self, texts: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.words
            .extend(texts.into_iter().map(|text| Word::Literal(text.into())));
        self
    }

    /// More shell text: markers such as `<LOG_DIR>` and `{{PWD}}`, and `$VARIABLES`, are expanded.
    #[must_use]
    pub fn shell_arg(mut self, text: impl Into<String>) -> Self {
        self.words.push(Word::Shell(text.into()));
        self
    }

    /// Other files of the log directory for output and errors. Hadoop shows the end of a file whose name holds `stderr`
    /// as the diagnostics of a container that failed.
    #[must_use]
    pub fn log_to(mut self, stdout: impl Into<String>, stderr: impl Into<String>) -> Self {
        self.log = Some((stdout.into(), stderr.into()));
        self
    }

    /// Leaves output and errors to the command itself.
    #[must_use]
    pub fn without_log(mut self) -> Self {
        self.log = None;
        self
    }

    /// The text for [`ContainerLaunchContext::commands`](super::ContainerLaunchContext::commands).
    ///
    /// # Errors
    /// [`LaunchError::EmptyCommand`], [`LaunchError::Quote`], [`LaunchError::LogFile`].
    pub fn to_shell(&self) -> Result<String, LaunchError> {
        let (Word::Literal(program) | Word::Shell(program)) = &self.words[0];
        if program.trim().is_empty() {
            return Err(LaunchError::EmptyCommand(program.clone()));
        }
        let words: Vec<_> = self.words.iter().map(Word::to_shell).collect::<Result<_, _>>()?;
        let command = words.join(" ");
        let Some((stdout, stderr)) = &self.log else {
            return Ok(command);
        };
        for name in [stdout, stderr] {
            let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
            if name.is_empty() || name.starts_with('.') || !is_plain {
                return Err(LaunchError::LogFile(name.clone()));
            }
        }
        Ok(redirect_to_log_dir(&command, stdout, stderr))
    }
}

impl Word {
    fn to_shell(&self) -> Result<String, LaunchError> {
        match self {
            Self::Shell(text) => Ok(text.clone()),
            Self::Literal(text) => quote_argument(text).map_err(|source| LaunchError::Quote {
                what: format!("the argument {text:?}"),
                source,
            }),
        }
    }
}
