//! Options of checkpoints, savepoints and state.

area! {
    "checkpointing", "Checkpoints, savepoints and state";
    not yet {
        /// How often a checkpoint is begun; not set is never.
        "execution.checkpointing.interval": Duration;
        /// How often while a source reads its backlog.
        "execution.checkpointing.interval-during-backlog": Duration;
        /// What a checkpoint guarantees.
        "execution.checkpointing.mode": Choice["EXACTLY_ONCE", "AT_LEAST_ONCE"] = "EXACTLY_ONCE";
        /// How long a checkpoint may take.
        "execution.checkpointing.timeout": Duration = "10 min";
        /// The least pause between two checkpoints.
        "execution.checkpointing.min-pause": Duration = "0 ms";
        /// How many checkpoints may be under way at once.
        "execution.checkpointing.max-concurrent-checkpoints": Integer = "1";
        /// How many checkpoints in a row may fail before the job does.
        "execution.checkpointing.tolerable-failed-checkpoints": Integer = "0";
        /// How many completed checkpoints are kept.
        "execution.checkpointing.num-retained": Integer = "1" formerly "state.checkpoints.num-retained";
        /// What becomes of the last checkpoint when its job ends.
        "execution.checkpointing.externalized-checkpoint-retention": Choice["DELETE_ON_CANCELLATION", "RETAIN_ON_CANCELLATION", "NO_EXTERNALIZED_CHECKPOINTS"]
            = "NO_EXTERNALIZED_CHECKPOINTS";
        /// Where checkpoints are kept: jobmanager or filesystem.
        "execution.checkpointing.storage": Text formerly "state.checkpoint-storage";
        /// The directory of checkpoints.
        "execution.checkpointing.dir": Text formerly "state.checkpoints.dir" | "state.backend.fs.checkpointdir";
        /// The directory of savepoints that name none.
        "execution.checkpointing.savepoint-dir": Text
            formerly "state.savepoints.dir" | "savepoints.state.backend.fs.dir";
        /// Whether each job has a directory of its own there.
        "execution.checkpointing.create-subdir": Boolean = "true" formerly "state.checkpoints.create-subdir";
        /// State smaller than this is kept within the checkpoint's metadata.
        "execution.checkpointing.data-inline-threshold": Size = "20 kb"
            formerly "state.storage.fs.memory-threshold" | "state.backend.fs.memory-threshold";
        /// The buffer for writing a checkpoint's files.
        "execution.checkpointing.write-buffer-size": Integer = "4096" in "bytes"
            formerly "state.storage.fs.write-buffer-size" | "state.backend.fs.write-buffer-size";
        /// Whether a checkpoint holds only what changed.
        "execution.checkpointing.incremental": Boolean = "false" formerly "state.backend.incremental";
        /// Whether state is compressed.
        "execution.checkpointing.snapshot-compression": Boolean = "false";
        /// Whether checkpoints go on when a part of the tasks has ended.
        "execution.checkpointing.checkpoints-after-tasks-finish": Boolean = "true"
            formerly "execution.checkpointing.checkpoints-after-tasks-finish.enabled";
        /// After how long an aligned checkpoint goes on unaligned; 0 is never.
        "execution.checkpointing.aligned-checkpoint-timeout": Duration = "0 ms"
            formerly "execution.checkpointing.alignment-timeout";
        /// Whether barriers overtake data.
        "execution.checkpointing.unaligned.enabled": Boolean = "false" formerly "execution.checkpointing.unaligned";
        /// Whether they do so where Flink would not let them.
        "execution.checkpointing.unaligned.forced": Boolean = "false";
        /// Whether timers let a barrier pass.
        "execution.checkpointing.unaligned.interruptible-timers.enabled": Boolean = "false";
        /// How many tasks share a file of data that was overtaken.
        "execution.checkpointing.unaligned.max-subtasks-per-channel-state-file": Integer = "5";
        /// Whether a checkpoint's files are deleted in parallel.
        "execution.checkpointing.cleaner.parallel-mode": Boolean = "true"
            formerly "state.checkpoint.cleaner.parallel-mode";
        /// Whether small files of a checkpoint are merged.
        "execution.checkpointing.file-merging.enabled": Boolean = "false";
        /// Whether checkpoints share merged files.
        "execution.checkpointing.file-merging.across-checkpoint-boundary": Boolean = "false";
        /// The largest merged file.
        "execution.checkpointing.file-merging.max-file-size": Size = "32 mb";
        /// How much of a merged file may be stale, as a multiple of what is not.
        "execution.checkpointing.file-merging.max-space-amplification": Number = "2.0";
        /// How many tasks share a merged file.
        "execution.checkpointing.file-merging.max-subtasks-per-file": Integer = "4";
        /// Whether a task waits for a merged file.
        "execution.checkpointing.file-merging.pool-blocking": Boolean = "false";
        /// Whether a worker keeps a copy of its state on its disk.
        "execution.checkpointing.local-backup.enabled": Boolean = "false" or "execution.state-recovery.from-local"
            formerly "state.backend.local-recovery";
        /// Where it keeps that copy.
        "execution.checkpointing.local-backup.dirs": Text formerly "taskmanager.state.local.root-dirs";
        /// The savepoint or checkpoint that a job starts from.
        "execution.state-recovery.path": Text formerly "execution.savepoint.path";
        /// Whose that savepoint is then.
        "execution.state-recovery.claim-mode": Choice["CLAIM", "NO_CLAIM", "LEGACY"] = "NO_CLAIM"
            formerly "execution.savepoint-restore-mode";
        /// Whether state of operators that are gone is left behind.
        "execution.state-recovery.ignore-unclaimed-state": Boolean = "false"
            formerly "execution.savepoint.ignore-unclaimed-state";
        /// Whether a worker restores from its own disk where it can.
        "execution.state-recovery.from-local": Boolean = "false" formerly "state.backend.local-recovery";
        /// Whether a failed task alone is restarted, with loss.
        "execution.state-recovery.approximate-local-recovery": Boolean = "false"
            formerly "execution.checkpointing.approximate-local-recovery";
        /// The checkpoint from which overtaken data is not restored.
        "execution.state-recovery.without-channel-state.checkpoint-id": Integer = "-1"
            formerly "execution.checkpointing.recover-without-channel-state.checkpoint-id";
        /// Where running state is kept: hashmap.
        "state.backend.type": Text = "hashmap" formerly "state.backend";
        /// Whether changes of state are written continuously.
        "state.changelog.enabled": Boolean = "false" formerly "state.backend.changelog.enabled";
        /// Where changes of state are written.
        "state.changelog.storage": Text = "memory" formerly "state.backend.changelog.storage";
        /// How often materializing the changes may fail.
        "state.changelog.max-failures-allowed": Integer = "3" formerly "state.backend.changelog.max-failures-allowed";
        /// Whether changes are materialized from time to time.
        "state.changelog.periodic-materialize.enabled": Boolean = "true"
            formerly "state.backend.changelog.periodic-materialize.enabled";
        /// How often changes are materialized.
        "state.changelog.periodic-materialize.interval": Duration = "10 min"
            formerly "state.backend.changelog.periodic-materialize.interval";
        /// The directory of the changes.
        "state.changelog.dstl.dfs.base-path": Text formerly "dstl.dfs.base-path";
        /// How long changes are gathered before they are written.
        "state.changelog.dstl.dfs.batch.persist-delay": Duration = "10 ms" formerly "dstl.dfs.batch.persist-delay";
        /// How large gathered changes grow before they are written.
        "state.changelog.dstl.dfs.batch.persist-size-threshold": Size = "10 mb"
            formerly "dstl.dfs.batch.persist-size-threshold";
        /// Whether changes are compressed.
        "state.changelog.dstl.dfs.compression.enabled": Boolean = "false" formerly "dstl.dfs.compression.enabled";
        /// How many threads delete old changes.
        "state.changelog.dstl.dfs.discard.num-threads": Integer = "1" formerly "dstl.dfs.discard.num-threads";
        /// How long a fetched file of changes is kept unused.
        "state.changelog.dstl.dfs.download.local-cache.idle-timeout-ms": Duration = "10 min"
            formerly "dstl.dfs.download.local-cache.idle-timeout-ms";
        /// At which size changes are written before a checkpoint asks.
        "state.changelog.dstl.dfs.preemptive-persist-threshold": Size = "5 mb"
            formerly "dstl.dfs.preemptive-persist-threshold";
        /// The buffer for writing changes.
        "state.changelog.dstl.dfs.upload.buffer-size": Size = "1 mb" formerly "dstl.dfs.upload.buffer-size";
        /// How often writing changes is tried.
        "state.changelog.dstl.dfs.upload.max-attempts": Integer = "3" formerly "dstl.dfs.upload.max-attempts";
        /// How many changes may be on their way.
        "state.changelog.dstl.dfs.upload.max-in-flight": Size = "100 mb" formerly "dstl.dfs.upload.max-in-flight";
        /// The pause between tries.
        "state.changelog.dstl.dfs.upload.next-attempt-delay": Duration = "500 ms"
            formerly "dstl.dfs.upload.next-attempt-delay";
        /// How many threads write changes.
        "state.changelog.dstl.dfs.upload.num-threads": Integer = "5" formerly "dstl.dfs.upload.num-threads";
        /// How a failed write is tried again: fixed or none.
        "state.changelog.dstl.dfs.upload.retry-policy": Text = "fixed" formerly "dstl.dfs.upload.retry-policy";
        /// How long a write may take.
        "state.changelog.dstl.dfs.upload.timeout": Duration = "1 s" formerly "dstl.dfs.upload.timeout";
        /// Whether the latency of keyed state is measured.
        "state.latency-track.keyed-state-enabled": Boolean = "false"
            formerly "state.backend.latency-track.keyed-state-enabled";
        /// How many measurements are kept.
        "state.latency-track.history-size": Integer = "128" formerly "state.backend.latency-track.history-size";
        /// One in how many accesses is measured.
        "state.latency-track.sample-interval": Integer = "100" formerly "state.backend.latency-track.sample-interval";
        /// Whether the state's name is a variable of the metric.
        "state.latency-track.state-name-as-variable": Boolean = "true"
            formerly "state.backend.latency-track.state-name-as-variable";
    }
}
