//! How much of their time the subtasks of a vertex wait for those that they send to.

use selvedge_core::job_graph::Vertex;
use selvedge_runtime::clock::Timestamp;
use serde_json::{Value, json};

use crate::jobmaster::execution_graph::{Execution, TaskLoad};

/// From which part of its time on a subtask's back-pressure counts as low, and as high; Flink's.
const LOW: f64 = 0.10;
const HIGH: f64 = 0.5;

/// Flink's answer; `deprecated` where no subtask has told anything yet.
pub(super) fn back_pressure_json(vertex: &Vertex, runs: &[Execution], now: Timestamp) -> Value {
    let loads: Vec<_> = (0_u32..)
        .zip(runs)
        .filter_map(|(subtask, run)| Some((subtask, run.attempt, Shares::of(run.load?)?)))
        .collect();
    if loads.is_empty() {
        return json!({
            "status": "deprecated",
            "backpressureLevel": null,
            "backpressure-level": null,
            "end-timestamp": null,
            "subtasks": null,
        });
    }
    let highest = loads.iter().map(|(_, _, load)| load.backpressured).fold(0.0, f64::max);
    let subtasks = loads.iter().map(|(subtask, attempt, load)| {
        json!({
            "subtask": subtask,
            "attempt-number": attempt,
            "backpressureLevel": level(load.backpressured),
            "backpressure-level": level(load.backpressured),
            "ratio": load.backpressured,
            "busyRatio": load.busy,
            "idleRatio": load.idle,
        })
    });
    json!({
        "id": vertex.id.rest_id(),
        "status": "ok",
        "backpressureLevel": level(highest),
        "backpressure-level": level(highest),
        "end-timestamp": now,
        "subtasks": subtasks.collect::<Vec<_>>(),
    })
}

/// Parts of a subtask's time.
struct Shares {
    busy: f64,
    idle: f64,
    backpressured: f64,
}

impl Shares {
    /// `None` where no time has passed.
    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds fill 52 bits after thousands of years"
    )]
    fn of(load: TaskLoad) -> Option<Self> {
        let all = load.busy_ms + load.idle_ms + load.backpressured_ms;
        let part = |millis: u64| millis as f64 / all as f64;
        (all > 0).then(|| Self {
            busy: part(load.busy_ms),
            idle: part(load.idle_ms),
            backpressured: part(load.backpressured_ms),
        })
    }
}

fn level(ratio: f64) -> &'static str {
    if ratio <= LOW {
        "ok"
    } else if ratio <= HIGH {
        "low"
    } else {
        "high"
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use selvedge_core::JobId;
    use selvedge_runtime::gateway::proto::TaskMetrics;

    use super::*;
    use crate::jobmaster::ExecutionGraph;
    use crate::testing::word_count;

    fn figures(busy_ms: u64, idle_ms: u64, backpressured_ms: u64) -> TaskMetrics {
        TaskMetrics {
            busy_ms,
            idle_ms,
            backpressured_ms,
            ..TaskMetrics::default()
        }
    }

    #[test]
    fn the_last_interval_decides_and_the_worst_subtask_names_the_level() {
        let job = JobId::from_bytes([1; 16]);
        let mut graph = ExecutionGraph::new(job, Arc::new(word_count(2)), Timestamp::default());
        let shown = |graph: &ExecutionGraph| {
            let (vertex, runs) = graph.vertices().next().unwrap();
            back_pressure_json(vertex, runs, Timestamp::from_millis(5))
        };
        assert_eq!(shown(&graph)["status"], "deprecated");
        for (subtask, samples) in [
            (0, vec![figures(900, 0, 100), figures(900, 800, 300)]),
            (1, vec![figures(40, 0, 60)]),
        ] {
            let task = graph.layout().task(&"source".into(), subtask).unwrap();
            for sample in samples {
                graph.run_mut(task).take_figures(sample);
            }
        }
        let answer = shown(&graph);
        assert_eq!(
            (&answer["status"], &answer["backpressureLevel"]),
            (&json!("ok"), &json!("high"))
        );
        let first = &answer["subtasks"][0];
        assert_eq!(
            (
                &first["ratio"],
                &first["idleRatio"],
                &first["busyRatio"],
                &first["backpressureLevel"]
            ),
            (&json!(0.2), &json!(0.8), &json!(0.0), &json!("low"))
        );
        assert_eq!(answer["end-timestamp"], 5);
    }
}
