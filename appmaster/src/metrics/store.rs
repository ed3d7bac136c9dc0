//! What workers have told, by what REST asks for. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use selvedge_core::{ExecutionAttemptId, JobId, ResourceId, VertexId};
use selvedge_runtime::clock::Timestamp;
use selvedge_runtime::metrics::{MetricValue, Owner};

/// How long the metrics of tasks stay after a worker told them last: as long as Flink keeps ended jobs
/// (`jobstore.expiration-time`).
const KEPT: Duration = Duration::from_secs(3600);

/// Values by name.
pub(crate) type Metrics = BTreeMap<String, MetricValue>;

/// What all workers have told.
#[derive(Debug, Clone, Default)]
pub(crate) struct MetricStore {
    workers: BTreeMap<ResourceId, Metrics>,
    jobs: BTreeMap<JobId, Tasks>,
}

#[derive(Debug, Clone)]
struct Tasks {
    told: Timestamp,
    vertices: BTreeMap<VertexId, BTreeMap<u32, Subtask>>,
}

/// What the latest attempt of a subtask has told.
#[derive(Debug, Clone, Default)]
struct Subtask {
    attempt: u32,
    metrics: Metrics,
}

impl MetricStore {
    /// A worker has told its metrics, in place of what it told before.
    pub(crate) fn told(&mut self, worker: &ResourceId, told: Vec<(Owner, Vec<(String, MetricValue)>)>, now: Timestamp) {
        self.workers.remove(worker);
        let mut begun = BTreeSet::new();
        for (owner, metrics) in told {
            match owner {
                Owner::TaskManager => self.workers.entry(worker.clone()).or_default().extend(metrics),
                Owner::Task(job, attempt) => self.add(job, &attempt, None, metrics, &mut begun, now),
                Owner::Operator(job, attempt, operator) => {
                    self.add(job, &attempt, Some(&operator), metrics, &mut begun, now);
                }
                // No worker has any.
                _ => {}
            }
        }
    }

    /// Only these workers are there; and what tasks told an hour ago is forgotten.
    pub(crate) fn retain(&mut self, workers: &BTreeSet<ResourceId>, now: Timestamp) {
        self.workers.retain(|worker, _| workers.contains(worker));
        self.jobs.retain(|_, tasks| now.since(tasks.told) < KEPT);
    }

    fn add(
        &mut self,
        job: JobId,
        id: &ExecutionAttemptId,
        operator: Option<&str>,
        metrics: Vec<(String, MetricValue)>,
        begun: &mut BTreeSet<(JobId, ExecutionAttemptId)>,
        now: Timestamp,
    ) {
        let tasks = self.jobs.entry(job).or_insert_with(|| Tasks {
            told: now,
            vertices: BTreeMap::new(),
        });
        tasks.told = now;
        let subtask = tasks
            .vertices
            .entry(id.vertex.clone())
            .or_default()
            .entry(id.subtask)
            .or_default();
        if subtask.attempt > id.attempt {
            return;
        }
        if begun.insert((job, id.clone())) {
            *subtask = Subtask {
                attempt: id.attempt,
                metrics: Metrics::new(),
            };
        }
        let named = |(name, value): (String, MetricValue)| match operator {
            Some(operator) => (format!("{operator}.{name}"), value),
            None => (name, value),
        };
        subtask.metrics.extend(metrics.into_iter().map(named));
    }

    /// A worker's own; `None` where it is not known.
    pub(crate) fn worker(&self, id: &ResourceId) -> Option<&Metrics> {
        self.workers.get(id)
    }

    /// All workers'.
    pub(crate) fn workers(&self) -> impl Iterator<Item = (&ResourceId, &Metrics)> {
        self.workers.iter()
    }

    /// The first subtasks of a vertex, by the id that REST shows of it. The job may have had more before it was rescaled.
    pub(crate) fn subtasks(
        &self,
        job: JobId,
        rest_id: &str,
        parallelism: u32,
    ) -> impl Iterator<Item = (u32, &Metrics)> {
        let vertices = self.jobs.get(&job).into_iter().flat_map(|tasks| &tasks.vertices);
        let of_vertex = vertices.filter(move |(vertex, _)| vertex.rest_id() == rest_id);
        of_vertex.flat_map(move |(_, subtasks)| {
            let present = subtasks.range(..parallelism);
            present.map(|(index, subtask)| (*index, &subtask.metrics))
        })
    }

    /// All metrics of a vertex, each under its subtask: `0.numRecordsIn`.
    pub(crate) fn vertex(&self, job: JobId, rest_id: &str, parallelism: u32) -> Metrics {
        let named = |(index, metrics): (u32, &Metrics)| {
            let named = metrics
                .iter()
                .map(move |(name, value)| (format!("{index}.{name}"), value.clone()));
            named.collect::<Vec<_>>()
        };
        self.subtasks(job, rest_id, parallelism).flat_map(named).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: JobId = JobId::from_bytes([1; 16]);

    fn attempt(subtask: u32, attempt: u32) -> ExecutionAttemptId {
        ExecutionAttemptId {
            vertex: "count".into(),
            subtask,
            attempt,
        }
    }

    fn one(name: &str, value: u64) -> Vec<(String, MetricValue)> {
        vec![(name.to_owned(), value.into())]
    }

    fn names(store: &MetricStore) -> Vec<(String, String)> {
        let vertex = store.vertex(JOB, &VertexId::from("count").rest_id(), 9);
        vertex
            .into_iter()
            .map(|(name, value)| (name, value.to_string()))
            .collect()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn tasks_are_found_by_vertex_and_subtask_with_their_operators() {
        let (mut store, worker) = (MetricStore::default(), ResourceId("tm".to_owned()));
        let told = vec![
            (Owner::TaskManager, one("numSlots", 3)),
            (Owner::Task(JOB, attempt(0, 0)), one("numRecordsIn", 5)),
            (Owner::Task(JOB, attempt(1, 0)), one("numRecordsIn", 6)),
            (Owner::Operator(JOB, attempt(1, 0), "sum".to_owned()), one("late", 1)),
        ];
        store.told(&worker, told, Timestamp::from_millis(1));
        assert_eq!(
            names(&store),
            pairs(&[("0.numRecordsIn", "5"), ("1.numRecordsIn", "6"), ("1.sum.late", "1")])
        );
        assert_eq!(store.worker(&worker).unwrap().len(), 1);
        assert!(store.vertex(JobId::from_bytes([2; 16]), "x", 9).is_empty());
        let rescaled = store.vertex(JOB, &VertexId::from("count").rest_id(), 1);
        assert_eq!(
            rescaled.into_keys().collect::<Vec<_>>(),
            ["0.numRecordsIn"],
            "the other one is no more"
        );
    }

    #[test]
    fn a_later_attempt_takes_the_place_of_an_earlier_one_whoever_tells_last() {
        let mut store = MetricStore::default();
        let told = |number, value| vec![(Owner::Task(JOB, attempt(0, number)), one("n", value))];
        let now = Timestamp::from_millis(1);
        store.told(&"a".into(), told(1, 10), now);
        store.told(&"b".into(), told(0, 99), now);
        assert_eq!(names(&store), pairs(&[("0.n", "10")]));
        store.told(&"b".into(), vec![(Owner::Task(JOB, attempt(0, 2)), one("m", 1))], now);
        assert_eq!(names(&store), pairs(&[("0.m", "1")]));
    }

    #[test]
    fn a_worker_that_is_gone_is_forgotten_at_once_and_its_tasks_after_an_hour() {
        let mut store = MetricStore::default();
        let told = vec![
            (Owner::TaskManager, one("a", 1)),
            (Owner::Task(JOB, attempt(0, 0)), one("n", 1)),
        ];
        store.told(&"tm".into(), told, Timestamp::from_millis(0));
        store.retain(&BTreeSet::new(), Timestamp::from_millis(3_599_999));
        assert_eq!((store.workers().count(), names(&store).len()), (0, 1));
        store.retain(&BTreeSet::new(), Timestamp::from_millis(3_600_000));
        assert!(names(&store).is_empty());
    }
}
