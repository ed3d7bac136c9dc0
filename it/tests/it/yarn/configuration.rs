//! Which Hadoop configuration the master uses.

use selvedge_it::bed::{Bed, BedOptions};
use selvedge_it::cli::Selvedge;

use super::session::short_job;
use super::support::{Cluster, application_in};
use crate::folder::Folder;
use crate::jobs;

async fn log_of_a_job(cluster: &Cluster) -> String {
    let folder = Folder::new();
    let job = folder.job(&jobs::job(
        &[jobs::vertex(
            "all",
            &[
                jobs::numbers("make", Some(10), None),
                jobs::file_sink("write", "/user/alice/made", "csv"),
            ],
        )],
        &[],
    ));
    cluster.hdfs().delete("/user/alice/made").await.unwrap();
    let outcome = cluster.run(1).arg(job).run().await.ended_with(0);
    let application = application_in(&outcome.said()).unwrap();
    assert_eq!(cluster.hdfs().list("/user/alice/made").await.unwrap().len(), 1);
    cluster.ended(&application).await;
    let logs = cluster.bed.container_logs(&application).unwrap();
    logs.iter()
        .find(|log| log.file == "jobmanager.log")
        .unwrap()
        .text()
        .unwrap()
}

#[tokio::test]
async fn containers_that_do_not_inherit_hadoop_conf_dir_use_the_clients_configuration_and_say_so() {
    let options = BedOptions {
        node_managers: 1,
        ..BedOptions::default()
    }
    .without_inherited("HADOOP_CONF_DIR");
    let cluster = Cluster::of(Bed::start(options).await.unwrap()).await;
    let log = log_of_a_job(&cluster).await;
    let line = log
        .lines()
        .find(|line| line.contains("Hadoop configuration"))
        .unwrap_or_else(|| panic!("{log}"));
    assert!(line.contains("shipped"), "{line}");
}

#[tokio::test]
async fn containers_that_inherit_hadoop_conf_dir_go_by_the_clients_configuration_all_the_same() {
    let cluster = Cluster::shared().await;
    let log = log_of_a_job(&cluster).await;
    let is_it = |line: &&str| line.contains("Hadoop configuration");
    let line = log.lines().find(is_it).unwrap_or_else(|| panic!("{log}"));
    assert!(line.contains("as shipped by the client"), "{line}");
}

#[tokio::test]
async fn nothing_is_started_on_a_cluster_that_asks_for_kerberos() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let job = folder.job(&short_job(10));
    let before = cluster.traces().await;
    let settings = [
        "-Dflink.hadoop.hadoop.security.authentication=kerberos",
        "-Dyarn.security.kerberos.ship-local-keytab=false",
    ];
    let application = Selvedge::on(&cluster.bed, "run-application").args(["-t", "yarn-application"]);
    for command in [
        cluster.run(1).args(settings).arg(&job),
        application.args(settings).arg(&job),
        Selvedge::on(&cluster.bed, "yarn-session").arg("-d").args(settings),
    ] {
        let outcome = command.run().await.ended_with(3);
        outcome
            .assert_says(&[
                "yarn.security.kerberos.ship-local-keytab: it has no meaning here: no process of Selvedge logs in by Kerberos",
                "asks for Kerberos (hadoop.security.authentication is kerberos)",
                "simple authentication",
            ])
            .assert_no_stack();
    }
    assert_eq!(cluster.traces().await, before);
}
