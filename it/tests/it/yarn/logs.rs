//! The logs of the master and of workers: in the containers' log directories, and over REST.

use selvedge_it::cli::BOUND;

use super::support::{Cluster, application_of};
use crate::folder::Folder;
use crate::jobs::{blackhole, job, numbers, rebalance, vertex};

#[tokio::test]
async fn master_and_workers_log_into_their_containers_and_show_it_over_rest() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let job = folder.job(&job(
        &[
            vertex("numbers", &[numbers("make", None, Some(100.0))]),
            vertex("drop", &[blackhole("drop-all")]),
        ],
        &[rebalance("numbers", "drop")],
    ));
    let mut running = cluster.run(1).arg("-Denv.log.level=debug").arg(job).start();
    let application = application_of(&mut running).await;
    let job = cluster.running_job(&application).await;

    let through_rest = cluster
        .get_text(&format!("/proxy/{application}/jobmanager/log"))
        .await
        .unwrap();
    assert!(through_rest.contains(&job), "{through_rest}");
    let workers = cluster.proxied(&application, "/taskmanagers").await.unwrap();
    let worker = workers["taskmanagers"][0]["id"].as_str().unwrap().to_owned();
    let through_rest = cluster
        .get_text(&format!("/proxy/{application}/taskmanagers/{worker}/log"))
        .await
        .unwrap();
    assert!(through_rest.contains(&job), "{through_rest}");

    running.interrupt();
    running.ended_within(BOUND).await.ended_with(130);
    cluster.ended(&application).await;
    let logs = cluster.bed.container_logs(&application).unwrap();
    for (role, container) in [("jobmanager", "_000001"), ("taskmanager", worker.as_str())] {
        for ending in ["log", "out", "err"] {
            let name = format!("{role}.{ending}");
            let log = logs
                .iter()
                .find(|log| log.file == name)
                .unwrap_or_else(|| panic!("no {name} in {logs:?}"));
            assert!(log.container.ends_with(container), "{log:?}");
            if ending == "log" {
                let text = log.text().unwrap();
                assert!(text.contains("DEBUG") && text.contains(&job), "{text}");
            }
        }
    }
}
