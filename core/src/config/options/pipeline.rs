//! Options of how a program becomes a job graph.

use super::super::ConfigOption;

/// Whether operators are chained.
pub const OPERATOR_CHAINING: ConfigOption<bool> = ConfigOption::new(
    "pipeline.operator-chaining.enabled",
    "Whether the builder chains operators.",
)
.with_default("true")
.with_deprecated_keys(&["pipeline.operator-chaining"]);

area! {
    "pipeline", "How a program becomes a job graph";
    options {
        OPERATOR_CHAINING,
    }
    not yet {
        /// Whether operators without an id get one.
        "pipeline.auto-generate-uids": Boolean = "true";
        /// How often watermarks are made.
        "pipeline.auto-watermark-interval": Duration = "200 ms";
        /// Files that are brought to every worker.
        "pipeline.cached-files": List;
        /// Parameters that every operator can read.
        "pipeline.global-job-parameters": Map;
        /// The program's own files.
        "pipeline.jars": List;
        /// Parallelisms by vertex id, over those of the graph.
        "pipeline.jobvertex-parallelism-overrides": Map = "";
        /// The largest parallelism that a job can be rescaled to; -1 follows from the parallelism.
        "pipeline.max-parallelism": Integer = "-1";
        /// The job's name.
        "pipeline.name": Text;
        /// Whether operators of different maximum parallelism are chained.
        "pipeline.operator-chaining.chain-operators-with-different-max-parallelism": Boolean = "true";
        /// How a vertex describes its operators.
        "pipeline.vertex-description-mode": Choice["TREE", "CASCADING"] = "TREE";
        /// Whether the names of vertices begin with their number.
        "pipeline.vertex-name-include-index-prefix": Boolean = "false";
        /// Whether splits that cannot pause are left out of the alignment.
        "pipeline.watermark-alignment.allow-unaligned-source-splits": Boolean = "false";
    }
}
