//! What a queue has of its own.

use selvedge_it::bed::{Bed, BedOptions};

use super::session::short_job;
use super::support::{Cluster, application_in};
use crate::folder::Folder;

#[tokio::test]
async fn what_is_larger_than_the_queues_largest_container_is_refused_and_leaves_nothing() {
    let mut options = BedOptions::default().with_one_quick_node().with_two_queues();
    for (key, value) in [("maximum-allocation-mb", "1700"), ("maximum-allocation-vcores", "2")] {
        let key = format!("yarn.scheduler.capacity.root.other.{key}");
        options.capacity_scheduler.insert(key, value.to_owned());
    }
    let cluster = Cluster::of(Bed::start(options).await.unwrap()).await;
    let folder = Folder::new();
    let job = folder.job(&short_job(10));
    let before = cluster.traces().await;
    let in_queue = |worker: &str, cores: u32| {
        let run = cluster.run_sized(1, "1024m", worker);
        run.arg("-Dyarn.application.queue=other")
            .arg(format!("-Dyarn.containers.vcores={cores}"))
            .arg(&job)
    };
    for (worker, cores, expected) in [
        (
            "1728m",
            1,
            "a TaskManager needs 1728 MiB of memory (taskmanager.memory.process.size), but the largest container of the queue \
             'root.other' (yarn.application.queue) has 1700",
        ),
        (
            "1200m",
            3,
            "have yarn.scheduler.capacity.root.other.maximum-allocation-vcores raised",
        ),
    ] {
        let outcome = in_queue(worker, cores).run().await.ended_with(5);
        outcome.assert_says(&[expected]).assert_no_stack();
    }
    assert_eq!(cluster.traces().await, before, "neither an application nor a file");
    // The other queue takes it, and this one what fits.
    let outcome = in_queue("1200m", 2).run().await.ended_with(0);
    let application = application_in(&outcome.said()).unwrap();
    cluster.ended(&application).await;
    let outcome = cluster
        .run_sized(1, "1024m", "1728m")
        .arg(&job)
        .run()
        .await
        .ended_with(0);
    let application = application_in(&outcome.said()).unwrap();
    cluster.ended(&application).await;
}
