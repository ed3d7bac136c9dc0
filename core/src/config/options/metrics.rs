//! Options of measurements and where they go.

use std::time::Duration;

use super::super::ConfigOption;

/// How old the metrics of workers may be.
pub const FETCHER_UPDATE_INTERVAL: ConfigOption<Duration> = ConfigOption::new(
    "metrics.fetcher.update-interval",
    "How often the master asks its workers for metrics at most, when somebody looks at them; 0 is never.",
)
.with_default("10 s");
/// Which figures of a job's statuses there are.
pub const JOB_STATUS: ConfigOption<Vec<String>> = ConfigOption::new(
    "metrics.job.status.enable",
    "Which figures there are of each status of a job: STATE (whether it is in it), CURRENT_TIME, TOTAL_TIME.",
)
.with_default("CURRENT_TIME");

area! {
    "metrics", "Measurements and where they go";
    options {
        FETCHER_UPDATE_INTERVAL, JOB_STATUS,
    }
    not yet {
        /// Which reporters are used; not set is all that are configured.
        "metrics.reporters": Text;
        /// How often the latency of operators is measured; 0 is never.
        "metrics.latency.interval": Duration = "0 ms";
        /// Between whom latency is measured.
        "metrics.latency.granularity": Choice["single", "operator", "subtask"] = "operator";
        /// How many measurements of latency are kept.
        "metrics.latency.history-size": Integer = "128";
        /// What stands between the parts of a metric's name.
        "metrics.scope.delimiter": Text = ".";
        /// The name of the master's metrics.
        "metrics.scope.jm": Text = "<host>.jobmanager";
        /// The name of a job's metrics in the master.
        "metrics.scope.jm-job": Text = "<host>.jobmanager.<job_name>" formerly "metrics.scope.jm.job";
        /// The name of an operator's metrics in the master.
        "metrics.scope.jm-operator": Text = "<host>.jobmanager.<job_name>.<operator_name>";
        /// The name of a worker's metrics.
        "metrics.scope.tm": Text = "<host>.taskmanager.<tm_id>";
        /// The name of a job's metrics in a worker.
        "metrics.scope.tm-job": Text = "<host>.taskmanager.<tm_id>.<job_name>" formerly "metrics.scope.tm.job";
        /// The name of a task's metrics.
        "metrics.scope.task": Text = "<host>.taskmanager.<tm_id>.<job_name>.<task_name>.<subtask_index>";
        /// The name of an operator's metrics in a worker.
        "metrics.scope.operator": Text = "<host>.taskmanager.<tm_id>.<job_name>.<operator_name>.<subtask_index>";
        /// Whether the node's own resources are measured.
        "metrics.system-resource": Boolean = "false";
        /// How often they are.
        "metrics.system-resource-probing-interval": Duration = "5 s";
    }
    families not yet {
        /// A reporter of metrics.
        "metrics.reporter.<name>.*": Text;
    }
}
