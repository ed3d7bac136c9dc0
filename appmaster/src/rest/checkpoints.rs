//! What Flink's pages show of a job's checkpoints: for now, how they are configured.

use selvedge_core::job_graph::{CheckpointMode, CheckpointRetention, CheckpointSettings};
use serde_json::{Value, json};

use crate::jobmaster::ArchivedExecutionGraph;

/// Flink's period of checkpoints that are never begun.
const NEVER: i64 = i64::MAX;
/// There is no store of state or of checkpoints yet.
const NONE: &str = "none";

/// The answer of `/jobs/:id/checkpoints/config`; times are milliseconds.
pub(super) fn config_json(job: &ArchivedExecutionGraph) -> Value {
    let settings = job.graph.checkpointing.clone().unwrap_or_default();
    let millis = |time: std::time::Duration| i64::try_from(time.as_millis()).unwrap_or(NEVER);
    let CheckpointSettings { mode, externalized, .. } = settings;
    json!({
        "mode": match mode {
            CheckpointMode::ExactlyOnce => "exactly_once",
            CheckpointMode::AtLeastOnce => "at_least_once",
        },
        "interval": settings.interval.map_or(NEVER, millis),
        "timeout": millis(settings.timeout),
        "min_pause": millis(settings.min_pause),
        "max_concurrent": settings.max_concurrent,
        "externalization": {
            "enabled": externalized != CheckpointRetention::None,
            "delete_on_cancellation": externalized != CheckpointRetention::RetainOnCancellation,
        },
        "state_backend": NONE,
        "checkpoint_storage": NONE,
        "unaligned_checkpoints": settings.unaligned,
        "tolerable_failed_checkpoints": settings.tolerable_failed,
        "aligned_checkpoint_timeout": millis(settings.aligned_timeout),
        "checkpoints_after_tasks_finish": settings.after_tasks_finish,
        "state_changelog_enabled": false,
        "changelog_periodic_materialization_interval": 0,
        "changelog_storage": NONE,
    })
}
