//! Ids and options with which no session is found, and a job that one does not take.

use selvedge_it::cli::{BOUND, Outcome};
use serde_json::json;

use super::super::support::{Cluster, Endless, Fillers, application_of};
use super::{command, detached, short_job, stop, with_id};
use crate::folder::Folder;

async fn run(cluster: &Cluster, folder: &Folder, options: &[&str]) -> Outcome {
    let job = folder.job(&short_job(1));
    let run = command(cluster, folder, "run").args(options.iter().copied());
    let outcome = run.arg(job).run().await;
    outcome.assert_no_stack();
    outcome
}

#[tokio::test]
async fn an_id_that_leads_to_no_session_is_told_with_what_is_there() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let session = |id: &str| ["-t".to_owned(), "yarn-session".to_owned(), with_id(id)];
    let refused = async |id: &str, code: i32, says: &[&str]| {
        let options = session(id);
        let options: Vec<_> = options.iter().map(String::as_str).collect();
        run(&cluster, &folder, &options)
            .await
            .ended_with(code)
            .assert_says(says);
    };
    refused("application_7", 3, &["yarn.application.id", "application_7"]).await;
    let unknown = "application_1700000000000_0001";
    refused(unknown, 6, &[unknown, "YARN does not know", "selvedge yarn-session"]).await;
    let none = run(&cluster, &folder, &["-t", "yarn-session"]).await.ended_with(6);
    none.assert_says(&[
        "which session is not known",
        ".yarn-properties-",
        "selvedge yarn-session",
    ]);

    let fillers = Fillers::start(&cluster).await;
    let live = cluster
        .get("/ws/v1/cluster/apps?states=ACCEPTED,RUNNING")
        .await
        .unwrap();
    let mut live = live["apps"]["app"].as_array().unwrap().iter();
    let filler = live
        .find(|application| application["applicationType"] == "SHELL")
        .unwrap();
    let filler = filler["id"].as_str().unwrap().to_owned();
    refused(&filler, 6, &["is no session of Selvedge", "its type is 'SHELL'"]).await;
    fillers.release(&cluster).await;

    let endless = Endless::start(&cluster, &folder, &[]).await;
    refused(&endless.application, 6, &["runs one job and takes no others"]).await;
    // Its job can be looked at and cancelled all the same.
    let options = ["-t", "yarn-per-job"];
    let listed = command(&cluster, &folder, "list")
        .args(options)
        .arg(with_id(&endless.application));
    listed.run().await.ended_with(0).assert_says(&[&endless.job]);
    let cancel = command(&cluster, &folder, "cancel")
        .args(options)
        .arg(with_id(&endless.application));
    cancel.arg(&endless.job).run().await.ended_with(0);
    let outcome = endless.running.ended_within(BOUND).await.ended_with(7);
    outcome.assert_says(&["CANCELED"]);
    let ended = cluster.ended(&endless.application).await;
    refused(&endless.application, 6, &["is FINISHED", "selvedge yarn-session"]).await;
    assert_eq!(ended["finalStatus"], "KILLED", "{ended}");
}

#[tokio::test]
async fn another_user_and_a_job_that_can_never_have_its_slots_are_refused_and_a_stale_file_is_explained() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let application = detached(&cluster, &folder, &["-Dslotmanager.number-of-slots.max=2"]).await;
    let job = folder.job(&short_job(1));
    let bob = command(&cluster, &folder, "run")
        .env("HADOOP_USER_NAME", "bob")
        .arg(&job);
    let bob = bob.run().await.ended_with(6);
    bob.assert_says(&["belongs to alice", "you are bob", "HADOOP_USER_NAME=alice"])
        .assert_no_stack();
    let before = cluster.traces().await;
    let wide = command(&cluster, &folder, "run").args(["-p", "3"]).arg(&job);
    wide.run()
        .await
        .ended_with(5)
        .assert_says(&[
            "does not take the job",
            "needs 3 slots at once",
            "no more than 2, by slotmanager.number-of-slots.max (2)",
            "-p",
        ])
        .assert_no_stack();
    assert_eq!(cluster.traces().await, before);
    let jobs = cluster.proxied(&application, "/jobs").await.unwrap();
    assert_eq!(jobs["jobs"], json!([]), "{jobs}");
    // Stopped by a command that does not know the file.
    stop(&cluster, &Folder::new(), &application).await;
    let stale = run(&cluster, &folder, &[]).await.ended_with(6);
    stale.assert_says(&[&application, "is FINISHED", "rm /", ".yarn-properties-", "-t"]);
    // The file stands in nobody's way who says where to go.
    run(&cluster, &folder, &["-t", "local"]).await.ended_with(0);
    // On a terminal it is offered to remove it.
    let asked = command(&cluster, &folder, "run").arg(&job).on_terminal().with_input();
    let mut asked = asked.start();
    let question = |said: &str| said.contains("[y/N]").then_some(());
    asked.until_says("the question", BOUND, question).await;
    asked.types("y\n").await;
    asked
        .ended_within(BOUND)
        .await
        .ended_with(6)
        .assert_says(&["is removed"]);
    let none = run(&cluster, &folder, &["-t", "yarn-session"]).await.ended_with(6);
    none.assert_says(&["which session is not known"]);
}

#[tokio::test]
async fn options_that_contradict_each_other_are_refused_before_anything_starts() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let before = cluster.traces().await;
    for (options, code, says) in [
        (
            &["-tm", "2g", "-Dtaskmanager.memory.process.size=1g"][..],
            2,
            &["-tm 2g", "contradict"][..],
        ),
        (
            &["-id", "application_1_0001", "-tm", "2g"],
            2,
            &["cannot be used with", "--taskManagerMemory"],
        ),
        (&["-id", "application_x"], 2, &["application_x"]),
        (&["-n", "3"], 2, &["workers come when jobs need them"]),
        (&["-s", "0"], 2, &["0 is not in 1.."]),
        (&["-jm", "lots"], 3, &["jobmanager.memory.process.size", "lots"]),
        (&["-qu", "nightly"], 5, &["nightly", "default"]),
        (&["-tm", "9g"], 5, &["9216", "6144"]),
    ] {
        let outcome = command(&cluster, &folder, "yarn-session")
            .arg("-d")
            .args(options.iter().copied());
        let outcome = outcome.run().await.ended_with(code);
        outcome.assert_says(says).assert_no_stack();
    }
    assert_eq!(cluster.traces().await, before);
}

#[tokio::test]
async fn a_session_that_is_given_up_before_it_runs_leaves_nothing() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let fillers = Fillers::start(&cluster).await;
    let mut running = super::yarn_session(&cluster, &folder).with_input().start();
    let application = application_of(&mut running).await;
    let waits = |said: &str| said.contains("ACCEPTED").then_some(());
    running.until_says("that it waits", BOUND, waits).await;
    running.interrupt();
    running.ended_within(BOUND).await.ended_with(130).assert_no_stack();
    let report = cluster.ended(&application).await;
    assert_eq!(report["state"], "KILLED", "{report}");
    cluster.assert_nothing_left(&application).await;
    assert!(std::fs::read_dir(folder.root()).unwrap().next().is_none());
    fillers.release(&cluster).await;
}
