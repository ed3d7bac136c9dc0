//! A session whose REST endpoint cannot be reached: what YARN's web proxy passes works, and the rest says so.

use selvedge_it::cli::BOUND;

use super::super::firewall::{Closed, Firewall};
use super::super::support::Cluster;
use super::{command, detached, endless_job, submit, until_is, with_id};
use crate::folder::Folder;

#[tokio::test]
async fn through_yarns_proxy_jobs_are_listed_and_cancelled_a_submission_is_refused_and_yarn_ends_the_session() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let application = detached(&cluster, &folder, &[]).await;
    let job = submit(&cluster, &folder, &application, &endless_job()).await;
    until_is(&cluster, &application, &job, "RUNNING").await;
    let (firewall, address) = Firewall::start(&cluster, Closed::refuses(), None).await;
    let through = |subcommand: &str| {
        let address = format!("-Dflink.yarn.resourcemanager.webapp.address={address}");
        command(&cluster, &folder, subcommand).arg(address)
    };
    let run = through("run").arg(folder.job(&endless_job())).run().await.ended_with(4);
    run.assert_says(&["passes no submission", "-Drest.bind-port="])
        .assert_no_stack();
    through("list")
        .run()
        .await
        .ended_with(0)
        .assert_says(&[&job, "cannot be reached"]);
    through("cancel")
        .arg(with_id(&application))
        .arg(&job)
        .run()
        .await
        .ended_with(0);
    assert!(firewall.was_asked("/yarn-cancel"));
    until_is(&cluster, &application, &job, "CANCELED").await;
    let mut stop = through("yarn-session").args(["-id", &application]).with_input().start();
    stop.types("stop\n").await;
    let outcome = stop.ended_within(BOUND).await.ended_with(0);
    outcome
        .assert_says(&["cannot be told to end", "KILLED"])
        .assert_no_stack();
    let report = cluster.ended(&application).await;
    assert_eq!(report["state"], "KILLED", "{report}");
    cluster.assert_nothing_left(&application).await;
}
