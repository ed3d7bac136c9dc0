//! Options of what is remembered of ended jobs.

area! {
    "job-result-store", "What is remembered of ended jobs";
    not yet {
        /// Whether a result is deleted when its job is cleaned up.
        "job-result-store.delete-on-commit": Boolean = "true";
        /// The directory of results.
        "job-result-store.storage-path": Text;
    }
}
