//! Where the command writes: results to standard output, progress and errors to standard error.

use std::fmt;
use std::io::{self, IsTerminal, Write};

/// Writes a text to standard output. A reader that has gone away (`selvedge info JOB | head`) is no error.
pub(crate) fn print(text: &str) -> io::Result<()> {
    quiet_on_broken_pipe(write_all(io::stdout().lock(), text))
}

/// Writes a line to standard error. A standard error that cannot be written to is nobody's to report.
pub(crate) fn say(line: impl fmt::Display) {
    let _ = write_all(io::stderr().lock(), &format!("{line}\n"));
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
