//! A session cluster in a process of its own, which tests kill: [`SessionProcess`] starts `selvedge-session`, and
//! [`HaltingFileSystem`] is what holds that at a named place.

mod halting;
mod process;

pub use halting::{HaltingFileSystem, Place};
pub use process::{SessionOptions, SessionProcess};

/// What the process says when it takes jobs, before its REST address.
pub const SERVING: &str = "serving at ";
/// What it says when it has halted.
pub const HALTED: &str = "halted";
