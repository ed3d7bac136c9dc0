//! Labels of failures, by which users sort them: what enrichers say of a failure when the master learns of it.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use selvedge_core::JobId;

use super::root_cause::{Failure, FailureOrigin};

/// Says something of failures (Flink 1.20 `FailureEnricher`). It is asked once for each failure, and must be quick: the job
/// waits for it. One that panics gives no labels.
pub trait FailureEnricher: Debug + Send + Sync + 'static {
    /// The keys that its labels may have; others are dropped.
    fn keys(&self) -> &'static [&'static str];

    /// The labels of a job's failure.
    fn labels(&self, job: JobId, failure: &Failure) -> BTreeMap<&'static str, String>;
}

/// `TYPE`: whether the job's own operators failed (`USER`) or something around them (`SYSTEM`).
#[derive(Debug, Clone, Copy, Default)]
pub struct TypeEnricher;

pub(super) const TYPE: &str = "TYPE";

impl FailureEnricher for TypeEnricher {
    fn keys(&self) -> &'static [&'static str] {
        &[TYPE]
    }

    fn labels(&self, _: JobId, failure: &Failure) -> BTreeMap<&'static str, String> {
        let kind = match failure.origin {
            FailureOrigin::Task => "USER",
            FailureOrigin::Cluster => "SYSTEM",
        };
        BTreeMap::from([(TYPE, kind.to_owned())])
    }
}

/// The enrichers of all jobs.
#[derive(Debug, Clone)]
pub(super) struct Enrichers(pub(super) Vec<Arc<dyn FailureEnricher>>);

impl Enrichers {
    /// Adds the labels of all enrichers; of two that give one key, the first counts.
    pub(super) fn label(&self, job: JobId, failure: &mut Failure) {
        for enricher in &self.0 {
            let Ok(labels) = catch_unwind(AssertUnwindSafe(|| enricher.labels(job, failure))) else {
                tracing::error!(%job, "{enricher:?} panicked: the failure has no labels of it");
                continue;
            };
            for (key, value) in labels {
                if enricher.keys().contains(&key) {
                    failure.labels.entry(key.to_owned()).or_insert(value);
                } else {
                    tracing::warn!(
                        "dropped the label {key} of {enricher:?}: it gives {:?}",
                        enricher.keys()
                    );
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use selvedge_runtime::clock::Timestamp;

    use super::super::root_cause::FailureKind;
    use super::*;

    const JOB: JobId = JobId::from_bytes([1; 16]);

    fn failure(origin: FailureOrigin) -> Failure {
        Failure {
            cause: "it broke".to_owned(),
            kind: FailureKind::Cause,
            origin,
            task: None,
            worker: None,
            timestamp: Timestamp::default(),
            labels: BTreeMap::new(),
        }
    }

    #[derive(Debug)]
    struct Talkative;

    impl FailureEnricher for Talkative {
        fn keys(&self) -> &'static [&'static str] {
            &["TEAM", "TYPE"]
        }

        fn labels(&self, _: JobId, _: &Failure) -> BTreeMap<&'static str, String> {
            let labels = [("TEAM", "blue"), ("TYPE", "other"), ("SECRET", "x")];
            labels.map(|(key, value)| (key, value.to_owned())).into()
        }
    }

    #[derive(Debug)]
    struct Broken;

    impl FailureEnricher for Broken {
        fn keys(&self) -> &'static [&'static str] {
            &["TYPE"]
        }

        fn labels(&self, _: JobId, _: &Failure) -> BTreeMap<&'static str, String> {
            panic!("an enricher has its own faults")
        }
    }

    #[test]
    fn a_failure_says_whether_the_job_or_the_cluster_broke() {
        for (origin, expected) in [(FailureOrigin::Task, "USER"), (FailureOrigin::Cluster, "SYSTEM")] {
            let mut failure = failure(origin);
            Enrichers(vec![Arc::new(TypeEnricher)]).label(JOB, &mut failure);
            assert_eq!(failure.labels["TYPE"], expected);
        }
    }

    #[test]
    fn an_enricher_gives_only_the_labels_that_it_names_takes_none_from_another_and_may_break() {
        let enrichers = Enrichers(vec![Arc::new(Broken), Arc::new(TypeEnricher), Arc::new(Talkative)]);
        let mut failure = failure(FailureOrigin::Task);
        enrichers.label(JOB, &mut failure);
        let labels: Vec<_> = failure
            .labels
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        assert_eq!(labels, ["TEAM=blue", "TYPE=USER"]);
    }
}
