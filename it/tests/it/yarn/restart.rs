//! Jobs that go on when a worker is lost.

use rustix::process::{Pid, Signal, kill_process_group};
use selvedge_it::cli::BOUND;
use selvedge_it::data::{MEGABYTE, merge, reference_counts, zipf_text};
use selvedge_it::wait;

use super::support::{Cluster, application_of};
use super::wordcount::counts_in;
use crate::folder::Folder;
use crate::jobs;

/// A word that is no UTF-8, and as many bytes that are: with the one no count can end, with the other it can. So the worker
/// is killed before the job is over, however fast or slow the machine is.
const BROKEN: &[u8] = b"br\xffken words\n";
const REPAIRED: &[u8] = b"broken words\n";

#[tokio::test]
async fn a_worker_killed_in_the_middle_is_replaced_and_the_words_are_counted_as_tr_sort_uniq_do() {
    let cluster = Cluster::shared().await;
    let (hdfs, folder) = (cluster.hdfs(), Folder::new());
    let (input, output) = ("/user/alice/restart-in", "/user/alice/restart-out");
    for path in [input, output] {
        hdfs.delete(path).await.unwrap();
    }
    let text = zipf_text(2 * MEGABYTE, 3);
    hdfs.put(&format!("{input}/text.txt"), std::fs::read(&text).unwrap())
        .await
        .unwrap();
    hdfs.put(&format!("{input}/words.txt"), BROKEN.to_vec()).await.unwrap();
    let mut running = cluster
        .run(2)
        .args([
            "-Drestart-strategy.type=fixed-delay",
            "-Drestart-strategy.fixed-delay.attempts=1000000",
            "-Drestart-strategy.fixed-delay.delay=500 ms",
        ])
        .arg(jobs::wordcount())
        .args(["--input", input, "--output", output])
        .start();
    let application = application_of(&mut running).await;
    let restarts = || async {
        let jobs = cluster.proxied(&application, "/jobs").await?;
        let id = jobs["jobs"][0]["id"].as_str().ok_or_else(|| jobs.to_string())?;
        let path = format!("/jobs/{id}/metrics?get=numRestarts");
        let metrics = cluster.proxied(&application, &path).await?;
        let value = metrics[0]["value"].as_str().and_then(|value| value.parse::<u64>().ok());
        value.ok_or_else(|| metrics.to_string())
    };
    let more_than = |number: u64| async move {
        match restarts().await? {
            found if found > number => Ok(found),
            found => Err(format!("{found} restarts")),
        }
    };
    wait::until("a restart", BOUND, || more_than(0)).await.unwrap();
    let victim = cluster.workers(&application, 2).await.remove(1);
    kill_process_group(Pid::from_raw(victim.pid).unwrap(), Signal::KILL).unwrap();
    let is_replaced = || async {
        let workers = cluster.bed.container_processes(&application);
        let workers = workers.map_err(|error| error.to_string())?;
        let others = workers
            .iter()
            .filter(|one| one.container != victim.container && !one.container.ends_with("_000001"));
        if others.count() == 2 {
            Ok(())
        } else {
            Err(format!("{workers:?}"))
        }
    };
    wait::until("another container", BOUND, is_replaced).await.unwrap();
    // A restart that has begun before may be counted now; the one after it runs on both workers.
    let before = restarts().await.unwrap();
    wait::until("restarts on both workers", BOUND, || more_than(before + 1))
        .await
        .unwrap();
    hdfs.put(&format!("{input}/words.txt"), REPAIRED.to_vec())
        .await
        .unwrap();
    running
        .ended_within(BOUND)
        .await
        .ended_with(0)
        .assert_says(&["FINISHED"]);
    let repaired = folder.write("words-after-restart.txt", REPAIRED);
    let expected = merge(reference_counts(&text), reference_counts(&repaired));
    assert!(counts_in(&hdfs, output).await == expected, "the counts differ");
    let report = cluster.ended(&application).await;
    assert_eq!(report["finalStatus"], "SUCCEEDED", "{report}");
    cluster.assert_nothing_left(&application).await;
}
