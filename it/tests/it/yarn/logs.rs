//! The logs of the master and of workers: in the containers' log directories, and over REST.

use std::collections::BTreeSet;

use selvedge_it::bed::ContainerLog;
use selvedge_it::cli::BOUND;
use selvedge_it::wait;

use super::support::{Cluster, Endless};
use crate::folder::Folder;

/// The files of a role's log, by name: the present one and those that were rolled.
fn log_files<'a>(logs: &'a [ContainerLog], role: &str) -> Vec<&'a ContainerLog> {
    let prefix = format!("{role}.log");
    logs.iter().filter(|log| log.file.starts_with(&prefix)).collect()
}

#[tokio::test]
async fn master_and_workers_log_into_their_containers_and_show_it_over_rest() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let endless = Endless::start(&cluster, &folder, &["-Denv.log.level=debug"]).await;
    let (application, job) = (endless.application.clone(), endless.job.clone());

    let workers = cluster.proxied(&application, "/taskmanagers").await.unwrap();
    let worker = workers["taskmanagers"][0]["id"].as_str().unwrap().to_owned();
    for path in ["/jobmanager/log".to_owned(), format!("/taskmanagers/{worker}/log")] {
        let shown = cluster.get_with_length(&format!("/proxy/{application}{path}")).await;
        let (shown, stated) = shown.unwrap();
        assert!(shown.contains(&job), "{path}: {shown}");
        assert_eq!(stated, Some(shown.len()), "{path}");
    }

    endless.end(&cluster).await;
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

#[tokio::test]
async fn a_containers_log_is_rolled_and_only_so_many_old_ones_are_kept() {
    const MAX_SIZE: usize = 1024;
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let options = [
        "-Denv.log.level=trace",
        "-Denv.log.max=2",
        &format!("-Dselvedge.log.max-size={MAX_SIZE}b"),
    ];
    let endless = Endless::start(&cluster, &folder, &options).await;
    let application = endless.application.clone();
    let is_rolled = || async {
        // What is asked for is logged.
        cluster.proxied(&application, "/taskmanagers").await?;
        let logs = cluster
            .bed
            .container_logs(&application)
            .map_err(|error| error.to_string())?;
        let counts = ["jobmanager", "taskmanager"].map(|role| log_files(&logs, role).len());
        if counts == [3, 3] {
            Ok(())
        } else {
            Err(format!("{logs:?}"))
        }
    };
    wait::until("both logs to be rolled twice", BOUND, is_rolled)
        .await
        .unwrap();
    endless.end(&cluster).await;
    let logs = cluster.bed.container_logs(&application).unwrap();
    for role in ["jobmanager", "taskmanager"] {
        let files = log_files(&logs, role);
        let names: BTreeSet<_> = files.iter().map(|log| log.file.clone()).collect();
        let expected = ["log", "log.1", "log.2"].map(|ending| format!("{role}.{ending}"));
        assert_eq!(names, expected.into());
        for log in files {
            let text = log.text().unwrap();
            let longest = text.lines().map(|line| line.len() + 1).max().unwrap_or_default();
            assert!(
                text.len() <= MAX_SIZE + longest,
                "{} has {} bytes",
                log.file,
                text.len()
            );
            let first = text.lines().next().unwrap_or_default();
            assert!(text.is_empty() || first.starts_with("20"), "a line is cut: {first}");
        }
    }
}
