//! Programs that submit to a session that is there.

use std::path::Path;

use selvedge_it::cli::{BOUND, Selvedge};

use super::{session, until_overview};
use crate::folder::Folder;
use crate::jobs::{blackhole, job, numbers, rebalance, vertex};

#[tokio::test]
async fn a_program_submits_to_a_session_itself_or_prints_what_the_command_submits() {
    let folder = Folder::new();
    let session = session(&folder, None, &[]).await;
    let at = || Selvedge::new("run").args(["-m", session.address()]);
    let graph = |rows: Option<u64>| {
        job(
            &[
                vertex("numbers", &[numbers("make", rows, rows.is_none().then_some(100.0))]),
                vertex("drop", &[blackhole("out")]),
            ],
            &[rebalance("numbers", "drop")],
        )
    };
    let file = folder.job(&graph(Some(17)));
    let two = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/two-jobs.sh");
    let outcome = at().arg(&two).args([&file, &file]).run().await.ended_with(0);
    outcome.assert_says(&[
        "out.records: 17",
        &format!("in the session at {} is FINISHED", session.address()),
    ]);
    until_overview(&session, &[("jobs-finished", 2)]).await;

    let prints = folder.program("prints.sh", "echo so; cat \"$1\" >&\"$SELVEDGE_JOB_GRAPH_OUT\"");
    at().arg(&prints)
        .arg(&file)
        .run()
        .await
        .ended_with(0)
        .assert_says(&["FINISHED", "out.records: 17"]);
    let endless = folder.write("endless.json", graph(None).to_string());
    let detached = at().arg("-d").arg(&prints).arg(&endless).run().await.ended_with(0);
    // The program's own output, then the job's id.
    let lines: Vec<_> = detached.stdout.lines().collect();
    assert_eq!((lines.len(), lines[0], lines[1].len()), (2, "so", 32), "{lines:?}");
    until_overview(&session, &[("jobs-finished", 3), ("jobs-running", 1)]).await;

    let nothing = folder.program("nothing.sh", "echo to $SELVEDGE_REST_URL");
    let outcome = at().arg(&nothing).run().await.ended_with(3);
    let url = format!("to http://{}", session.address());
    outcome.assert_says(&["gave no job", &url]).assert_no_stack();
    let fails = folder.program("fails.sh", "echo is broken >&2; exit 9");
    at().arg(&fails)
        .run()
        .await
        .ended_with(1)
        .assert_says(&["exit code 9", "is broken"]);

    let hangs = folder.program("hangs.sh", "echo working; exec sleep 600");
    let mut running = at().arg(&hangs).start();
    let works = |said: &str| said.contains("working").then_some(());
    running.until_says("that the program runs", BOUND, works).await;
    running.interrupt();
    running.ended_within(BOUND).await.ended_with(130).assert_no_stack();
    until_overview(&session, &[("jobs-running", 1)]).await;
    session.shut_down().await.unwrap();
}
