//! Options of what is remembered of ended jobs.

use super::super::ConfigOption;

/// Whether results go when they are not needed any more.
pub const DELETE_ON_COMMIT: ConfigOption<bool> = ConfigOption::new(
    "job-result-store.delete-on-commit",
    "Whether a result is deleted when its job is cleaned up; that of a cluster with one job when the cluster has ended.",
)
.with_default("true");
/// Where they are.
pub const STORAGE_PATH: ConfigOption<String> = ConfigOption::new(
    "job-result-store.storage-path",
    "The directory of results; job-result-store/<cluster-id> below high-availability.storageDir where nothing is set.",
);

area! {
    "job-result-store", "What is remembered of ended jobs";
    options {
        DELETE_ON_COMMIT, STORAGE_PATH,
    }
}
