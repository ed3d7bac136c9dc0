//! Tests that cannot be on this machine, and say so.

use std::fs::File;
use std::io::{self, Write};

/// Names a file in which who runs the tests finds a line for each that was skipped.
const VARIABLE: &str = "SELVEDGE_SKIPPED";

/// Says that a test is skipped, and why: to whoever looks, even though the test passes, and to whoever runs the tests.
pub fn tell(test: &str, reason: &dyn std::error::Error) {
    let line = format!("{test}: {reason}");
    // Not by `eprintln!`, whose output is shown of failed tests only.
    writeln!(io::stderr(), "skipped: {line}").ok();
    if let Some(path) = std::env::var_os(VARIABLE)
        && let Ok(mut file) = File::options().append(true).create(true).open(path)
    {
        writeln!(file, "{}", line.replace('\n', " ")).ok();
    }
}
