//! Where the command writes: results to standard output, progress and errors to standard error.

use std::ffi::OsStr;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;

use selvedge_core::status::ApplicationStatus;

/// How the user wants this process to speak.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Manner {
    /// Of errors and warnings only.
    pub(super) quiet: bool,
    /// In one colour.
    pub(super) no_color: bool,
}

/// What is said is said in many places: they all go by this.
static MANNER: OnceLock<Manner> = OnceLock::new();

impl Manner {
    /// From now on the process speaks so.
    pub(super) fn adopt(self) {
        // A second command line of the same process changes nothing.
        let _ = MANNER.set(self);
    }

    fn of_process() -> Self {
        MANNER.get().copied().unwrap_or_default()
    }

    /// The variable is that of <https://no-color.org>.
    fn has_colors(self, no_color_variable: Option<&OsStr>) -> bool {
        !self.no_color && no_color_variable.is_none_or(OsStr::is_empty)
    }
}

/// Whether only errors and warnings are to be seen.
pub(crate) fn is_quiet() -> bool {
    Manner::of_process().quiet
}

/// Whether a terminal may get colours.
pub(crate) fn has_colors() -> bool {
    Manner::of_process().has_colors(std::env::var_os("NO_COLOR").as_deref())
}

/// Writes a text to standard output. A reader that has gone away (`selvedge info JOB | head`) is no error.
pub(crate) fn print(text: &str) -> io::Result<()> {
    quiet_on_broken_pipe(write_all(io::stdout().lock(), text))
}

/// Writes a line to standard error, unless nothing but errors and warnings is to be seen there.
pub(crate) fn say(line: impl fmt::Display) {
    if !is_quiet() {
        say_always(line);
    }
}

/// Writes an error or a warning to standard error. A standard error that cannot be written to is nobody's to report.
pub(crate) fn say_always(line: impl fmt::Display) {
    let _ = write_all(io::stderr().lock(), &format!("{line}\n"));
}

/// Says how something has ended: an end that is not the wished one is an error.
pub(crate) fn say_end(status: ApplicationStatus, line: impl fmt::Display) {
    match status {
        ApplicationStatus::Succeeded => say(line),
        _ => say_always(line),
    }
}

/// Whether people read standard error as it is written.
pub(crate) fn is_interactive() -> bool {
    io::stderr().is_terminal()
}

/// Asks the user, who types `y` or not; without a terminal on both sides, nobody is there to ask.
pub(crate) fn confirm(question: &str) -> bool {
    if !(io::stdin().is_terminal() && is_interactive()) {
        return false;
    }
    let mut answer = String::new();
    write_all(io::stderr().lock(), &format!("{question} [y/N] ")).is_ok()
        && io::stdin().read_line(&mut answer).is_ok()
        && ["y", "yes"].contains(&answer.trim().to_lowercase().as_str())
}

fn write_all(mut stream: impl Write, text: &str) -> io::Result<()> {
    stream.write_all(text.as_bytes())?;
    stream.flush()
}

fn quiet_on_broken_pipe(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_go_by_the_flag_and_by_a_variable_that_says_something() {
        for (no_color, variable, expected) in [
            (false, None, true),
            (false, Some(""), true),
            (false, Some("1"), false),
            (true, None, false),
        ] {
            let manner = Manner { quiet: false, no_color };
            assert_eq!(
                manner.has_colors(variable.map(OsStr::new)),
                expected,
                "{no_color} {variable:?}"
            );
        }
    }
}
