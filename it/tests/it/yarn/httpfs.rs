//! A client that reaches HDFS through an HttpFS alone.

use selvedge_it::bed::{Bed, BedOptions, Daemon};
use selvedge_it::cli::BOUND;

use super::session::short_job;
use super::support::{Cluster, Fillers, application_of};
use crate::folder::Folder;

/// In whose name, and by whom, the NameNode was asked for paths with this in them: `alice (auth:PROXY) via root (auth:SIMPLE)`.
fn asked_by(cluster: &Cluster, part: &str) -> Vec<String> {
    let log = cluster.bed.daemon_log(Daemon::NameNode).unwrap();
    let lines = log
        .lines()
        .filter(|line| line.contains("FSNamesystem.audit") && line.contains(part));
    let user = |line: &str| {
        line.split('\t')
            .find_map(|field| Some(field.split_once("ugi=")?.1.to_owned()))
    };
    lines.filter_map(user).collect()
}

#[tokio::test]
async fn a_job_is_staged_through_httpfs_and_runs() {
    let cluster = Cluster::of(Bed::start(BedOptions::default().with_httpfs()).await.unwrap()).await;
    let folder = Folder::new();
    let sent = folder.write("sent.txt", "along\n").display().to_string();
    let settings = [
        "-Dselvedge.staging=webhdfs".to_owned(),
        format!("-Dselvedge.staging.address={}", cluster.bed.httpfs_web().unwrap()),
        format!("-Dyarn.ship-files={sent}"),
    ];
    // Without room no master is there that would speak to HDFS, too.
    let fillers = Fillers::start(&cluster).await;
    let job = folder.job(&short_job(10));
    let mut running = cluster.run(1).args(settings).arg(job).start();
    let application = application_of(&mut running).await;
    let waits = |said: &str| said.contains("is ACCEPTED").then_some(());
    running.until_says("that it waits", BOUND, waits).await;
    let asked = asked_by(&cluster, &application);
    let through = format!("alice (auth:PROXY) via {} ", cluster.bed.daemon_user());
    assert!(
        !asked.is_empty() && asked.iter().all(|by| by.starts_with(&through)),
        "{asked:?}"
    );
    fillers.release(&cluster).await;
    let outcome = running.ended_within(BOUND).await.ended_with(0);
    outcome.assert_says(&["FINISHED", "out.records: 10"]).assert_no_stack();
    cluster.ended(&application).await;
    cluster.assert_nothing_left(&application).await;
}
