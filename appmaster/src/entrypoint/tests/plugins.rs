//! What a program built on these crates adds to its master, seen at work.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use selvedge_core::MemorySize;
use selvedge_runtime::ha::InMemoryEnsemble;

use super::*;
use crate::jobmaster::execution_graph::TaskLocation;
use crate::jobmaster::{
    Channels, Failure, FailureEnricher, FlightShuffleMaster, JobMasterPlugins, JobStatusListener, PartitionId,
    ShuffleDescriptor, ShuffleMaster, StatusChange,
};

/// All three in one: notes what it is told.
#[derive(Debug, Default)]
struct Noting(Mutex<Vec<String>>);

impl Noting {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().push(what.into());
    }
}

impl FailureEnricher for Noting {
    fn keys(&self) -> &'static [&'static str] {
        &["TEAM"]
    }

    fn labels(&self, _: JobId, failure: &Failure) -> BTreeMap<&'static str, String> {
        let is_disk = failure.cause.contains("disk");
        [("TEAM", if is_disk { "storage" } else { "jobs" }.to_owned())].into()
    }
}

impl JobStatusListener for Noting {
    fn status_changed(&self, _: JobId, change: StatusChange) {
        self.note(change.to.as_str());
        assert_ne!(change.to, JobStatus::Created, "a listener's own fault stays its own");
    }
}

impl ShuffleMaster for Noting {
    fn register_job(&self, _: JobId) {
        self.note("register");
    }

    fn unregister_job(&self, _: JobId) {
        self.note("unregister");
    }

    fn register_partition(&self, job: JobId, partition: PartitionId, producer: &TaskLocation) -> ShuffleDescriptor {
        self.note(format!("+ {}", partition.edge));
        FlightShuffleMaster.register_partition(job, partition, producer)
    }

    fn release_partition(&self, _: JobId, partition: PartitionId) {
        self.note(format!("- {}", partition.edge));
    }

    fn network_memory(&self, channels: Channels) -> MemorySize {
        FlightShuffleMaster.network_memory(channels)
    }
}

#[tokio::test]
async fn a_programs_enricher_listener_and_exchange_take_part_in_a_job() {
    let workers = Workers::new(Behaviour::Fail("source", "the disk is full"));
    let noting = Arc::new(Noting::default());
    let mut services = ClusterServices::standalone(1);
    services.plugins = JobMasterPlugins::default()
        .with_failure_enricher("team", noting.clone())
        .with_status_listener(noting.clone())
        .with_shuffle_master(noting.clone());
    let settings = [("jobmanager.failure-enrichers", "type,team")];
    let config = session_of(workers.clone(), &settings);
    let ha = services.ha.clone();
    let cluster = ClusterEntrypoint::start_with(config, services).await.unwrap();
    let log = Log::default();
    let bed = Bed {
        ha,
        cluster,
        workers,
        log,
    };
    let job = bed.submit(1).await;
    assert_eq!(bed.result(job).await.status, JobStatus::Failed);
    let shown = bed.get(&format!("/jobs/{job}/exceptions")).await;
    let labels = &shown["exceptionHistory"]["entries"][0]["failureLabels"];
    assert_eq!(labels, &json!({"TEAM": "storage", "TYPE": "USER"}));
    for (label, entries) in [("TEAM:storage", 1), ("TEAM:jobs", 0)] {
        let path = format!("/jobs/{job}/exceptions?failureLabelFilter={label}");
        let shown = bed.get(&path).await;
        let found = shown["exceptionHistory"]["entries"].as_array().unwrap().len();
        assert_eq!(found, entries, "{label}");
    }
    bed.end().await;
    let noted = noting.0.lock().clone();
    let statuses: Vec<_> = noted.iter().filter(|what| !what.contains(['+', '-', 'g'])).collect();
    assert_eq!(statuses, ["CREATED", "RUNNING", "FAILING", "FAILED"]);
    let exchange: Vec<_> = noted.iter().filter(|what| what.contains(['+', '-', 'g'])).collect();
    assert_eq!(exchange, ["register", "+ 0", "- 0", "unregister"]);
}

#[tokio::test]
async fn a_master_with_an_unknown_enricher_does_not_start() {
    let config = session_of(
        Workers::new(Behaviour::Run),
        &[("jobmanager.failure-enrichers", "TEAM")],
    );
    let refused = ClusterEntrypoint::start(config).await.unwrap_err().to_string();
    assert!(
        refused.contains("jobmanager.failure-enrichers") && refused.contains("'TEAM'"),
        "{refused}"
    );
}

/// Takes down the JobMaster that uses it.
#[derive(Debug)]
struct Breaking;

impl ShuffleMaster for Breaking {
    fn register_job(&self, _: JobId) {}

    fn unregister_job(&self, _: JobId) {}

    fn register_partition(&self, _: JobId, _: PartitionId, _: &TaskLocation) -> ShuffleDescriptor {
        panic!("the test wants it")
    }

    fn release_partition(&self, _: JobId, _: PartitionId) {}

    fn network_memory(&self, channels: Channels) -> MemorySize {
        FlightShuffleMaster.network_memory(channels)
    }
}

#[tokio::test]
async fn a_job_master_that_breaks_down_ends_its_process_which_leaves_the_jobs_to_the_next_one() {
    let ensemble = InMemoryEnsemble::new(1);
    let mut services = ClusterServices::new(Arc::new(ensemble.join()));
    services.plugins = JobMasterPlugins::default().with_shuffle_master(Arc::new(Breaking));
    let config = session_of(Workers::new(Behaviour::Run), &[]);
    let cluster = ClusterEntrypoint::start_with(config, services).await.unwrap();
    let job = cluster.dispatcher().submit_job(None, word_count(1)).await.unwrap();
    let ended = tokio::time::timeout(BOUND, cluster.wait_ended()).await.unwrap();
    assert_eq!(ended.shutdown, Shutdown::ProcessAlone);
    let expected = format!("the JobMaster of job {job} broke down");
    assert_eq!(ended.end.diagnostics, expected);
}
