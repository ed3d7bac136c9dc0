//! The test bed itself: it is as strict as it says, and leaves nothing behind.

mod end;
mod restart;
mod shell;
mod usual;

use std::time::Duration;

/// Generous: compilers may be running beside.
const BOUND: Duration = Duration::from_secs(120);
