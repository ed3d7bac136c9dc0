//! Running the real `selvedge` command: as a user would, with a typed outcome, and with a bound on every wait.
//!
//! A command that cannot be started, or does not end in time, is the failure of the test that asked for it: these
//! functions panic with all that the command has said.

mod binary;
mod command;
mod outcome;
mod running;
pub mod usage;

pub use binary::{built_binary, example_binary, selvedge_binary, target_directory};
pub use command::{Selvedge, TERMINAL_COLUMNS, TERMINAL_ROWS};
pub use outcome::Outcome;
pub use running::Running;

use std::time::Duration;

/// The bound on a command: generous, since compilers may be running beside.
pub const BOUND: Duration = Duration::from_secs(120);
