//! Options of where processes work.

use super::super::ConfigOption;

/// Below which directory processes have one of their own.
pub const WORKING_DIR: ConfigOption<String> = ConfigOption::new(
    "process.working-dir",
    "Below which directory each process has one of its own, by its resource id; otherwise the first of io.tmp.dirs.",
);
/// The same for the master.
pub const JOB_MANAGER_WORKING_DIR: ConfigOption<String> = ConfigOption::new(
    "process.jobmanager.working-dir",
    "Below which directory the master has its own, jm_<resource id>, with its blobs; otherwise process.working-dir.",
);
/// The same for workers.
pub const TASK_MANAGER_WORKING_DIR: ConfigOption<String> = ConfigOption::new(
    "process.taskmanager.working-dir",
    "Below which directory each worker has its own, tm_<resource id>, with its blobs; otherwise process.working-dir.",
);

area! {
    "process", "Where processes work";
    options {
        WORKING_DIR, JOB_MANAGER_WORKING_DIR, TASK_MANAGER_WORKING_DIR,
    }
}
