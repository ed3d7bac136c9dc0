//! What the client says while it waits for the cluster, and HDFS that it reaches over HTTP alone.

use selvedge_it::bed::Daemon;
use selvedge_it::cli::BOUND;

use super::session::{command, detached, short_job, stop, with_id};
use super::support::{Cluster, Fillers, STAGING, application_in, application_of, files_in};
use crate::folder::Folder;

#[tokio::test]
async fn an_application_that_the_queue_has_no_room_for_says_how_much_is_free_and_after_a_minute_what_yarn_says() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let fillers = Fillers::start(&cluster).await;
    let mut running = cluster.run(1).arg(folder.job(&short_job(10))).start();
    let application = application_of(&mut running).await;
    let told = |said: &str| {
        let line = said.lines().find(|line| line.contains("free for ApplicationMasters"))?;
        Some(line.to_owned())
    };
    let line = running.until_says("what it waits for", BOUND, told).await;
    let expected = format!("{application} is ACCEPTED: queue default has 0 B of 12.00 GiB free for ApplicationMasters");
    assert!(line.contains(&expected), "{line}");
    let begins = format!("{application} is ACCEPTED for ");
    let reason = |said: &str| {
        let line = said.lines().find(|line| line.contains(&begins))?;
        let (_, words) = line.split_once("; YARN says: ")?;
        words
            .contains("is not yet activated. Queue's AM resource limit exceeded")
            .then_some(())
    };
    running.until_says("YARN's own words", BOUND, reason).await;
    // When there is room, it goes on.
    fillers.release(&cluster).await;
    running
        .ended_within(BOUND)
        .await
        .ended_with(0)
        .assert_says(&["FINISHED"]);
    cluster.ended(&application).await;
    cluster.assert_nothing_left(&application).await;
}

/// What the NameNode says of those who asked for paths with this in them: over which protocol, and for what. A file's content goes
/// to a DataNode, which then speaks to the NameNode itself.
fn asked_over(cluster: &Cluster, part: &str) -> Vec<(String, String)> {
    let log = cluster.bed.daemon_log(Daemon::NameNode).unwrap();
    let lines = log
        .lines()
        .filter(|line| line.contains("FSNamesystem.audit") && line.contains(part));
    let field = |line: &str, name: &str| {
        let value = line.split('\t').find_map(|field| field.strip_prefix(name));
        value.unwrap_or_default().to_owned()
    };
    let of_user = lines.filter(|line| line.contains("ugi=alice"));
    let asked = of_user.map(|line| (field(line, "proto="), field(line, "cmd=")));
    asked
        .filter(|(_, what)| !["create", "open"].contains(&what.as_str()))
        .collect()
}

#[tokio::test]
async fn over_webhdfs_the_client_stages_checks_and_cleans_up_without_hdfss_own_protocol() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let fillers = Fillers::start(&cluster).await;
    let sent = folder.write("sent.txt", "along\n").display().to_string();
    let by_http = |running: selvedge_it::cli::Selvedge| running.arg("-Dselvedge.staging=webhdfs");
    // Without room no master is there that would speak to HDFS, too.
    let run = by_http(cluster.run(1)).arg(format!("-Dyarn.ship-files={sent}"));
    let mut running = run.arg(folder.job(&short_job(10))).start();
    let application = application_of(&mut running).await;
    let waits = |said: &str| said.contains("is ACCEPTED").then_some(());
    running.until_says("that it waits", BOUND, waits).await;
    let staged = files_in(&cluster.hdfs(), &format!("{STAGING}/{application}")).await;
    assert_eq!(
        staged.len(),
        4,
        "settings, Hadoop's, graph and what is sent along: {staged:?}"
    );
    for file in &staged {
        let status = cluster.hdfs().status(file).await.unwrap().unwrap();
        assert_eq!(
            (status.owner.as_str(), status.permission.as_str()),
            ("alice", "600"),
            "{file}"
        );
    }
    running.interrupt();
    running.ended_within(BOUND).await.ended_with(130).assert_no_stack();
    cluster.ended(&application).await;
    cluster.assert_nothing_left(&application).await;
    let asked = asked_over(&cluster, &application);
    assert!(asked.iter().any(|(_, what)| what == "delete"), "{asked:?}");
    assert!(asked.iter().all(|(protocol, _)| protocol == "webhdfs"), "{asked:?}");
    fillers.release(&cluster).await;
    // What was staged so is what containers read.
    let outcome = by_http(cluster.run(1))
        .arg(folder.job(&short_job(10)))
        .run()
        .await
        .ended_with(0);
    let application = application_in(&outcome.said()).unwrap();
    cluster.ended(&application).await;
    cluster.assert_nothing_left(&application).await;
    let session = detached(&cluster, &folder, &["-Dselvedge.staging=webhdfs", "-t", &sent]).await;
    let job = command(&cluster, &folder, "run").arg(with_id(&session));
    job.arg(folder.job(&short_job(10))).run().await.ended_with(0);
    stop(&cluster, &folder, &session).await;
}
