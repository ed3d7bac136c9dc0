//! Metrics over REST.

use selvedge_core::VertexId;

use super::*;

impl Bed {
    /// The value of one metric of the list at `path`.
    async fn value(&self, path: &str, name: &str) -> String {
        let shown = self.get(&format!("{path}?get={name}")).await;
        shown[0]["value"]
            .as_str()
            .unwrap_or_else(|| panic!("{path} {name}: {shown}"))
            .to_owned()
    }

    /// The names of the metrics at `path`.
    async fn names(&self, path: &str) -> Vec<String> {
        let shown = self.get(path).await;
        let names = shown
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["id"].as_str().unwrap().to_owned());
        names.collect()
    }

    async fn running(settings: &[(&str, &str)]) -> (Self, JobId) {
        let bed = bed(DispatcherMode::Session, Workers::new(Behaviour::Run), None, settings).await;
        let job = bed.submit(2).await;
        bed.wait_for_running(job, 4).await;
        (bed, job)
    }
}

fn vertex(job: JobId) -> String {
    format!("/jobs/{job}/vertices/{}", VertexId::from("source").rest_id())
}

#[tokio::test]
async fn the_master_tells_workers_slots_jobs_and_its_process() {
    let (bed, _) = Bed::running(&[]).await;
    for (name, value) in [
        ("numRegisteredTaskManagers", "2"),
        ("taskSlotsTotal", "2"),
        ("taskSlotsAvailable", "0"),
        ("numRunningJobs", "1"),
        ("taskSlotsPending", "0"),
        ("startWorkFailurePerSecond", "0.0"),
        ("Status.JVM.Memory.Direct.Count", "0"),
    ] {
        assert_eq!(bed.value("/jobmanager/metrics", name).await, value, "{name}");
    }
    let names = bed.names("/v1/jobmanager/metrics").await;
    for name in [
        "Status.JVM.CPU.Load",
        "Status.JVM.Memory.Heap.Used",
        "Status.JVM.Threads.Count",
    ] {
        assert!(names.iter().any(|other| other == name), "{name}: {names:?}");
    }
    bed.end().await;
}

#[tokio::test]
async fn workers_and_tasks_are_asked_and_their_metrics_aggregated() {
    let (bed, job) = Bed::running(&[]).await;
    assert_eq!(
        bed.value("/taskmanagers/taskmanager-1/metrics", "Status.Answer").await,
        "42"
    );
    assert_eq!(bed.names("/taskmanagers/nobody/metrics").await, [""; 0]);
    assert_eq!(
        bed.get("/taskmanagers/metrics?get=Status.Answer&agg=min,sum").await,
        json!([{"id": "Status.Answer", "min": 42.0, "sum": 84.0}])
    );
    assert_eq!(
        bed.get("/taskmanagers/metrics?get=Status.Answer&agg=sum&taskmanagers=taskmanager-2")
            .await,
        json!([{"id": "Status.Answer", "sum": 42.0}])
    );
    let vertex = vertex(job);
    assert_eq!(
        bed.names(&format!("{vertex}/metrics")).await,
        ["0.numRecordsIn", "1.numRecordsIn"]
    );
    assert_eq!(bed.value(&format!("{vertex}/metrics"), "1.numRecordsIn").await, "8");
    assert_eq!(
        bed.value(&format!("{vertex}/subtasks/0/metrics"), "numRecordsIn").await,
        "7"
    );
    assert_eq!(
        bed.get(&format!("{vertex}/subtasks/metrics?get=numRecordsIn&agg=avg,max"))
            .await,
        json!([{"id": "numRecordsIn", "avg": 7.5, "max": 8.0}])
    );
    assert_eq!(
        bed.get(&format!(
            "{vertex}/subtasks/metrics?get=numRecordsIn&agg=sum&subtasks=1-3"
        ))
        .await,
        json!([{"id": "numRecordsIn", "sum": 8.0}])
    );
    bed.end().await;
}

#[tokio::test]
async fn a_job_tells_its_metrics_while_it_runs_and_when_it_has_ended_and_an_unknown_one_has_none() {
    let (bed, job) = Bed::running(&[]).await;
    let path = format!("/jobs/{job}/metrics");
    assert_eq!(bed.value(&path, "numRestarts").await, "0");
    assert_eq!(bed.value(&path, "downtime").await, "0");
    assert_eq!(
        bed.get("/jobs/metrics?get=numRestarts&agg=sum").await,
        json!([{"id": "numRestarts", "sum": 0.0}])
    );
    bed.cluster.dispatcher().cancel(job).await.unwrap();
    bed.result(job).await;
    assert_eq!(bed.value(&path, "uptime").await, "-1");
    let one = bed.get(&format!("/jobs/metrics?jobs={job}&get=uptime&agg=max")).await;
    assert_eq!(one, json!([{"id": "uptime", "max": -1.0}]));
    let unknown = JobId::from_bytes([9; 16]);
    assert_eq!(bed.names(&format!("/jobs/{unknown}/metrics")).await, [""; 0]);
    bed.end().await;
}

#[tokio::test]
async fn what_cannot_be_read_is_refused() {
    let bed = session(Behaviour::Finish).await;
    let job = JobId::from_bytes([1; 16]);
    let vertex = vertex(job);
    for path in [
        "/jobs/x/metrics".to_owned(),
        format!("/jobs/{job}/vertices/x/metrics"),
        format!("{vertex}/subtasks/x/metrics"),
        format!("{vertex}/subtasks/metrics?subtasks=3-1"),
        "/jobs/metrics?jobs=x".to_owned(),
        "/taskmanagers/metrics?get=a&agg=median".to_owned(),
    ] {
        assert_eq!(get(bed.cluster.rest_address(), &path).await.status, 400, "{path}");
    }
    bed.end().await;
}

#[tokio::test]
async fn an_interval_of_zero_asks_no_worker() {
    let (bed, job) = Bed::running(&[("metrics.fetcher.update-interval", "0 s")]).await;
    assert_eq!(bed.names("/taskmanagers/taskmanager-1/metrics").await, [""; 0]);
    assert_eq!(bed.names(&format!("{}/metrics", vertex(job))).await, [""; 0]);
    assert_eq!(bed.value("/jobmanager/metrics", "numRegisteredTaskManagers").await, "2");
    bed.end().await;
}
