//! The commands against a session that is there, found by its REST address.

use selvedge_it::cli::{BOUND, Selvedge};
use selvedge_it::session::SessionProcess;

use super::{session, until_is, until_overview};
use crate::folder::Folder;
use crate::jobs::{blackhole, job, numbers, out_runs, rebalance, vertex};

fn at(session: &SessionProcess, subcommand: &str) -> Selvedge {
    Selvedge::new(subcommand).args(["-m", session.address()])
}

/// Numbers into nothing: so many, or without end.
fn numbers_of(rows: Option<u64>, per_second: Option<f64>) -> serde_json::Value {
    job(
        &[
            vertex("numbers", &[numbers("make", rows, per_second)]),
            vertex("drop", &[blackhole("out")]),
        ],
        &[rebalance("numbers", "drop")],
    )
}

#[tokio::test]
async fn jobs_are_run_listed_and_cancelled_at_a_rest_address() {
    let folder = Folder::new();
    let session = session(&folder, None, &[]).await;
    let job = folder.job(&numbers_of(Some(123), None));
    let outcome = at(&session, "run").arg(&job).run().await.ended_with(0);
    outcome.assert_says(&[session.address(), "FINISHED", "out.records: 123"]);
    // The same by settings.
    let (host, port) = session.address().rsplit_once(':').unwrap();
    let by_settings = Selvedge::new("run")
        .args(["-t", "remote"])
        .arg(format!("-Drest.address={host}"))
        .arg(format!("-Drest.port={port}"));
    by_settings
        .arg(&job)
        .run()
        .await
        .ended_with(0)
        .assert_says(&["FINISHED"]);

    let endless = folder.job(&numbers_of(None, Some(100.0)));
    let detached = at(&session, "run").arg("-d").arg(&endless).run().await.ended_with(0);
    let id = detached.stdout.trim().to_owned();
    detached.assert_says(&[&format!("selvedge cancel -m {} {id}", session.address())]);
    until_is(&session, id.parse().unwrap(), "RUNNING").await;
    let listed = at(&session, "list").arg("-r").run().await.ended_with(0);
    listed
        .assert_says(&[&format!(" : {id} : a test's job (RUNNING)")])
        .assert_does_not_say(&["FINISHED"]);
    at(&session, "list")
        .arg("-a")
        .run()
        .await
        .ended_with(0)
        .assert_says(&["Terminated Jobs", "(FINISHED)"]);
    at(&session, "cancel").arg(&id).run().await.ended_with(0);
    until_is(&session, id.parse().unwrap(), "CANCELED").await;
    let unknown = "ab".repeat(16);
    let outcome = at(&session, "cancel").arg(&unknown).run().await.ended_with(6);
    outcome.assert_says(&[&format!("knows no job {unknown}"), "selvedge list -a -m"]);
    let outcome = at(&session, "cancel").arg("job-1").run().await.ended_with(2);
    outcome.assert_says(&["job-1"]);
    session.shut_down().await.unwrap();
}

#[tokio::test]
async fn ctrl_c_cancels_the_job_and_not_the_session() {
    let folder = Folder::new();
    let session = session(&folder, None, &[]).await;
    let endless = folder.job(&numbers_of(None, Some(100.0)));
    let mut running = at(&session, "run").arg(&endless).start();
    running.until_says("that the job runs", BOUND, out_runs).await;
    running.interrupt();
    let outcome = running.ended_within(BOUND).await.ended_with(130);
    outcome.assert_says(&["CANCELED"]).assert_no_stack();
    let job = folder.job(&numbers_of(Some(5), None));
    at(&session, "run")
        .arg(job)
        .run()
        .await
        .ended_with(0)
        .assert_says(&["FINISHED"]);
    session.shut_down().await.unwrap();
}

#[tokio::test]
async fn a_killed_clients_job_goes_on_unless_it_was_to_end_with_its_client() {
    let folder = Folder::new();
    let session = session(&folder, None, &[]).await;
    let endless = folder.job(&numbers_of(None, Some(100.0)));
    let ids = |said: &str| Some(said.split_once("job ")?.1.split_once(" is taken")?.0.to_owned());
    let mut left = at(&session, "run").arg(&endless).start();
    left.until_says("that the job runs", BOUND, out_runs).await;
    let left_job = left.until_says("the job's id", BOUND, ids).await;
    let tied = [
        "-sae",
        "-Dclient.heartbeat.interval=100 ms",
        "-Dclient.heartbeat.timeout=20 s",
    ];
    let mut tied = at(&session, "run").args(tied).arg(&endless).start();
    tied.until_says("that the job runs", BOUND, out_runs).await;
    let tied_job = tied.until_says("the job's id", BOUND, ids).await;
    left.kill();
    tied.kill();
    until_is(&session, tied_job.parse().unwrap(), "CANCELED").await;
    until_is(&session, left_job.parse().unwrap(), "RUNNING").await;
    until_overview(&session, &[("jobs-running", 1), ("jobs-cancelled", 1)]).await;
    session.shut_down().await.unwrap();
}

#[tokio::test]
async fn a_session_that_is_not_there_or_goes_and_a_job_that_it_does_not_take_are_told() {
    // Bound, so that nobody else gets the port, but not listening.
    let nobody = tokio::net::TcpSocket::new_v4().unwrap();
    nobody.bind((std::net::Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let address = nobody.local_addr().unwrap().to_string();
    let folder = Folder::new();
    let job = folder.job(&numbers_of(Some(5), None));
    let outcome = Selvedge::new("run")
        .args(["-m", &address])
        .arg(&job)
        .run()
        .await
        .ended_with(4);
    outcome
        .assert_says(&[&address, "does not answer", "is it there"])
        .assert_no_stack();
    let outcome = Selvedge::new("list").args(["-m", &address]).run().await.ended_with(4);
    outcome.assert_says(&[&address, "does not answer"]).assert_no_stack();
    let outcome = Selvedge::new("list").args(["-t", "local"]).run().await.ended_with(3);
    outcome.assert_says(&["which cluster is not known", "-m HOST:PORT"]);
    let session = session(&folder, None, &["rest.server.max-content-length=100"]).await;
    let outcome = at(&session, "run").arg(&job).run().await.ended_with(5);
    outcome.assert_says(&["does not take the job", "413"]).assert_no_stack();
    session.shut_down().await.unwrap();
}

#[tokio::test]
async fn a_session_refuses_a_job_that_its_settings_can_never_give_its_slots_and_runs_the_next() {
    let folder = Folder::new();
    let session = session(&folder, None, &["slotmanager.number-of-slots.max=1"]).await;
    let job = folder.job(&numbers_of(Some(5), None));
    let refused = at(&session, "run")
        .args(["-p", "2"])
        .arg(&job)
        .run()
        .await
        .ended_with(5);
    refused
        .assert_says(&["does not take the job", "slotmanager.number-of-slots.max (1)", "-p"])
        .assert_no_stack();
    at(&session, "run")
        .arg(&job)
        .run()
        .await
        .ended_with(0)
        .assert_says(&["FINISHED"]);
    session.shut_down().await.unwrap();
}
