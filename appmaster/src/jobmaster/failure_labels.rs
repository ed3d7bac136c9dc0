//! Labels of failures, by which users sort them: what enrichers say of a failure when the master learns of it.

use std::collections::BTreeMap;
use std::fmt::Debug;

use super::root_cause::{Failure, FailureOrigin};

/// Says something of failures (Flink 1.20 `FailureEnricher`). It is asked once for each failure, and must be quick.
pub trait FailureEnricher: Debug + Send {
    /// The keys that its labels may have; others are dropped.
    fn keys(&self) -> &'static [&'static str];

    /// The labels of a failure.
    fn labels(&self, failure: &Failure) -> BTreeMap<&'static str, String>;
}

/// `TYPE`: whether the job's own operators failed (`USER`) or something around them (`SYSTEM`).
#[derive(Debug, Clone, Copy, Default)]
pub struct TypeEnricher;

const TYPE: &str = "TYPE";

impl FailureEnricher for TypeEnricher {
    fn keys(&self) -> &'static [&'static str] {
        &[TYPE]
    }

    fn labels(&self, failure: &Failure) -> BTreeMap<&'static str, String> {
        let kind = match failure.origin {
            FailureOrigin::Task => "USER",
            FailureOrigin::Cluster => "SYSTEM",
        };
        BTreeMap::from([(TYPE, kind.to_owned())])
    }
}

/// The enrichers of a job.
#[derive(Debug)]
pub(super) struct Enrichers(Vec<Box<dyn FailureEnricher>>);

impl Default for Enrichers {
    fn default() -> Self {
        Self(vec![Box::new(TypeEnricher)])
    }
}

impl Enrichers {
    /// Adds the labels of all enrichers; of two that give one key, the first counts.
    pub(super) fn label(&self, failure: &mut Failure) {
        for enricher in &self.0 {
            for (key, value) in enricher.labels(failure) {
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

        fn labels(&self, _: &Failure) -> BTreeMap<&'static str, String> {
            let labels = [("TEAM", "blue"), ("TYPE", "other"), ("SECRET", "x")];
            labels.map(|(key, value)| (key, value.to_owned())).into()
        }
    }

    #[test]
    fn a_failure_says_whether_the_job_or_the_cluster_broke() {
        for (origin, expected) in [(FailureOrigin::Task, "USER"), (FailureOrigin::Cluster, "SYSTEM")] {
            let mut failure = failure(origin);
            Enrichers::default().label(&mut failure);
            assert_eq!(failure.labels["TYPE"], expected);
        }
    }

    #[test]
    fn an_enricher_gives_only_the_labels_that_it_names_and_takes_none_from_another() {
        let enrichers = Enrichers(vec![Box::new(TypeEnricher), Box::new(Talkative)]);
        let mut failure = failure(FailureOrigin::Task);
        enrichers.label(&mut failure);
        let labels: Vec<_> = failure
            .labels
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        assert_eq!(labels, ["TEAM=blue", "TYPE=USER"]);
    }
}
