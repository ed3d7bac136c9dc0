//! The `selvedge` command: see [`selvedge::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    selvedge::cli::main()
}
