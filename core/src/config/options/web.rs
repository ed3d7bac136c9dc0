//! Options of the dashboard.

use super::super::ConfigOption;

/// How many failures of a job are kept.
pub const EXCEPTION_HISTORY_SIZE: ConfigOption<i32> = ConfigOption::new(
    "web.exception-history-size",
    "How many failures of a job that led to a restart, or to its end, are shown.",
)
.with_default("16")
.at_least("1");

area! {
    "web", "The dashboard";
    options {
        EXCEPTION_HISTORY_SIZE,
    }
    not yet {
        /// The Access-Control-Allow-Origin of answers.
        "web.access-control-allow-origin": Text = "*" formerly "jobmanager.web.access-control-allow-origin";
        /// Whether jobs can be cancelled from the dashboard.
        "web.cancel.enable": Boolean = "true";
        /// How many checkpoints of a job are shown.
        "web.checkpoints.history": Integer = "10" formerly "jobmanager.web.checkpoints.history";
        /// How many ended jobs are shown.
        "web.history": Integer = "5" formerly "jobmanager.web.history";
        /// The path of the master's log.
        "web.log.path": Text formerly "jobmanager.web.log.path";
        /// How often the dashboard asks.
        "web.refresh-interval": Duration = "3 s" formerly "jobmanager.web.refresh-interval";
        /// Whether jobs can be rescaled from the dashboard.
        "web.rescale.enable": Boolean = "true";
        /// Whether jobs can be submitted from the dashboard.
        "web.submit.enable": Boolean = "true" formerly "jobmanager.web.submit.enable";
        /// How long a request of the dashboard may take.
        "web.timeout": Duration = "10 min";
        /// The directory for the dashboard's temporary files.
        "web.tmpdir": Text = "/tmp" formerly "jobmanager.web.tmpdir";
        /// The directory for uploaded programs.
        "web.upload.dir": Text formerly "jobmanager.web.upload.dir";
    }
}
